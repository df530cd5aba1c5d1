//! The message that is sent through an edge.

use serde_json::{Map, Value};

use super::MARK;

/// The random word of one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// Draws a word. Without randomness it is the same each time, and still no text of anybody else.
    pub fn random() -> Self {
        Self(format!("{:016x}", getrandom::u64().unwrap_or_default()))
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// Returns a text for a name or a part of a path.
    pub fn name(&self) -> String {
        format!("deployer-verify-{}", self.0)
    }

    /// Returns the body of a message: a JSON object with the word, and with `members` by which it passes a filter.
    pub fn body(&self, members: Map<String, Value>) -> String {
        let mut body = Map::from_iter([(MARK.to_owned(), self.0.clone().into())]);
        body.extend(members);
        Value::Object(body).to_string()
    }

    /// Returns the words for a person who finds the probe in a mailbox.
    pub fn letter(&self) -> String {
        format!(
            "This message is a test of `deployer verify` ({}). Nothing has happened, and nothing is to be done.",
            self.0
        )
    }

    /// Returns the reason of an alarm's state.
    pub fn reason(&self) -> String {
        format!("This is a test of `deployer verify` ({}); nothing has happened.", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_probe_has_a_word_of_its_own() {
        let (one, other) = (Word::random(), Word::random());
        assert_ne!(one, other);
        assert_eq!(one.body(Map::new()), format!("{{\"deployer.verify\":\"{}\"}}", one.text()));
        assert!(one.letter().contains(one.text()) && one.reason().contains(one.text()));
    }
}
