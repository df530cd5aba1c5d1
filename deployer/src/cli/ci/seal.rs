//! Binds the plan that people see in a comment to the record that the program reads.
//!
//! # Guarantees
//! A seal becomes invalid if anything is changed: the visible text, the record, or the request that has the comment.
//! Only somebody who can read the stack's state can make a new seal: its key comes from there.
//!
//! # Caveats
//! Anybody who can assume the planning role can read the state. Only the forge's own means protect against them,
//! such as protected branches.
//! Before the first apply there is no key. The seal is a plain digest then, and reveals only accidental changes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Separates these seals from other uses of the same key.
const PURPOSE: &str = "reviewed plan";
/// The most characters in a seal.
pub(super) const LENGTH: usize = 60;

/// Seals the comments of one stack.
pub(super) struct Seal(Option<String>);

impl Seal {
    /// Takes the key, if the stack has a state.
    pub(super) fn new(key: Option<String>) -> Self {
        Self(key)
    }

    /// Seals the text `shown` on request `number` together with its `record`.
    pub(super) fn of(&self, number: u64, shown: &str, record: &str) -> String {
        let text = format!("{PURPOSE}\n{number}\n{record}\n{}", canonical(shown));
        match &self.0 {
            Some(key) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
                mac.update(text.as_bytes());
                format!("hmac-sha256:{}", STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
            }
            None => format!("sha256:{}", STANDARD_NO_PAD.encode(Sha256::digest(text.as_bytes()))),
        }
    }
}

/// Normalises line ends and trailing white space, which a forge may change.
fn canonical(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_for_one_text_one_record_one_request_and_one_key() {
        let seal = Seal::new(Some("key".into()));
        let one = seal.of(7, "- queues.orders\n", "sha256:12 x");
        assert_eq!(one, seal.of(7, "- queues.orders  \r\n\r\n", "sha256:12 x"), "line ends are the forge's affair");
        let others = [
            seal.of(7, "  queues.orders\n", "sha256:12 x"),
            seal.of(7, "- queues.orders\n", "sha256:13 x"),
            seal.of(8, "- queues.orders\n", "sha256:12 x"),
            Seal::new(Some("other".into())).of(7, "- queues.orders\n", "sha256:12 x"),
            Seal::new(None).of(7, "- queues.orders\n", "sha256:12 x"),
        ];
        assert!(others.iter().all(|other| *other != one && other.len() <= LENGTH), "{others:?}");
    }
}
