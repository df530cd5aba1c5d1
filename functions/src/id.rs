//! The id of a picture, which names the record and, through the seed, the key.

use sha2::{Digest, Sha256};
use std::fmt;

/// An id that fits an S3 key, a header and a path: 1 to 128 letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PictureId(String);

impl PictureId {
    /// Accepts `text` unchanged if it is a valid id.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let accepted = (1..=128).contains(&text.len()) && text.bytes().all(fits);
        accepted.then(|| Self(text.to_owned()))
    }

    /// Derives the picture's id from the message id: the same text if it is valid, else its digest. A message without
    /// an id has none.
    pub fn of_message(message_id: &str) -> Option<Self> {
        match message_id {
            "" => None,
            text => Some(Self::parse(text).unwrap_or_else(|| Self(digest(text)))),
        }
    }

    /// Derives the id of a request from its `Idempotency-Key`. The key itself is not stored.
    pub fn of_key(key: &str) -> Self {
        Self(digest(key))
    }

    /// Creates an id that nobody can guess from 128 random bits.
    pub fn random(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// Returns the id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PictureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the first 128 bits of the SHA-256 of `text` in hexadecimal.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_folder() {
        for bad in ["", "a/b", "../x", "a b", "ø", &"x".repeat(129)] {
            assert_eq!(PictureId::parse(bad), None, "{bad:?}");
        }
        assert!(PictureId::parse("5fea7756-0ea4-451a-a703-a558b933e274").is_some());
    }

    #[test]
    fn every_message_id_has_an_id() {
        assert_eq!(PictureId::of_message("m-1").unwrap().as_str(), "m-1");
        let odd = PictureId::of_message("../m 1").unwrap();
        assert_eq!(PictureId::parse(odd.as_str()).as_ref(), Some(&odd));
        assert_eq!(PictureId::of_message(""), None);
    }

    #[test]
    fn a_key_is_not_to_be_read_from_its_id() {
        let id = PictureId::of_key("secret-key");
        assert!(!id.as_str().contains("secret"));
        assert_eq!(id, PictureId::of_key("secret-key"));
    }
}
