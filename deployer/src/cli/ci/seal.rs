//! What binds the plan that people see in a comment to the record of it that the program reads.
//!
//! # Guarantees
//! A comment of which anything was changed, the visible text, the record or the request that it stands at, does not
//! hold any more, unless whoever changed it can read the stack's state: the seal's key comes from there.
//!
//! # Caveats
//! Who may sign in as the planning role can read the state. Against them stands what a forge has: protected branches.
//! Before the first apply there is no key; the seal is a plain digest then, and shows accidents only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Keeps these seals apart from whatever else is keyed by the same text.
const PURPOSE: &str = "reviewed plan";
/// How many characters a seal has at most.
pub(super) const LENGTH: usize = 60;

/// Seals comments of one stack's state.
pub(super) struct Seal(Option<String>);

impl Seal {
    /// Takes the key, if there is a state yet.
    pub(super) fn new(key: Option<String>) -> Self {
        Self(key)
    }

    /// Seals what is `shown` at request `number` together with its `record`.
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

/// A text as it is however a forge keeps line ends and white space before them.
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
