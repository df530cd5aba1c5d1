//! Checks that a text is a prompt.

mod redact;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// A prompt that an image model can take: not blank, and within the model's limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt(String);

/// Reason why a text is no prompt, in words for its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PromptError {
    #[error("The prompt is empty.")]
    Empty,
    #[error("The prompt has {length} characters; the image model takes at most {limit}.")]
    TooLong { length: usize, limit: usize },
}

impl Prompt {
    /// Accepts `text` unchanged if it is not blank and has at most `limit` characters.
    pub fn new(text: impl Into<String>, limit: usize) -> Result<Self, PromptError> {
        let text = text.into();
        if text.trim().is_empty() {
            return Err(PromptError::Empty);
        }
        let length = text.chars().count();
        if length > limit {
            return Err(PromptError::TooLong { length, limit });
        }
        Ok(Self(text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `text` with the prompt, and every longer excerpt of it, replaced by `(prompt)`. AWS quotes prompts in
    /// its messages, and a prompt must neither be logged nor be mistaken for AWS's own words.
    pub fn redact(&self, text: &str) -> String {
        redact::redact(&self.0, text)
    }

    /// Returns the length in characters.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }

    /// Returns the SHA-256 of the text in hexadecimal, which identifies a prompt in logs and metadata without repeating
    /// it.
    pub fn sha256(&self) -> String {
        Self::digest(&self.0)
    }

    /// Returns the SHA-256 of a text that may be no prompt.
    pub fn digest(text: &str) -> String {
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_text_is_no_prompt() {
        for text in ["", " ", "\n\t "] {
            assert_eq!(Prompt::new(text, 10), Err(PromptError::Empty));
        }
    }

    #[test]
    fn the_limit_counts_characters_not_bytes() {
        assert!(Prompt::new("ååååå", 5).is_ok());
        assert_eq!(Prompt::new("åååååå", 5), Err(PromptError::TooLong { length: 6, limit: 5 }));
    }

    #[test]
    fn the_digest_is_the_sha256_of_the_text() {
        let prompt = Prompt::new("abc", 10).unwrap();
        assert_eq!(prompt.sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
