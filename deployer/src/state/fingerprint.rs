//! Fingerprints that stand for secrets in the state: they show that a secret changed, not its value.
//!
//! # Guarantees
//! A fingerprint is slow to compute: about ten milliseconds and 12 MiB. A reader of the state can therefore try only
//! few values a second. A strong secret stays hidden, and a weak one takes longer to find; see docs/state-format.md.
//! Each fingerprint names its cost. One with another cost is still understood, and the next write uses today's cost. A
//! run computes each fingerprint only once, and computes the plan's fingerprints while it reads AWS.
//!
//! # Caveats
//! Equal texts under one key have equal fingerprints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{LazyLock, Mutex};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::mutex::lock;

/// Prefix of every fingerprint; its cost parameters follow.
const MARK: &str = "fingerprint:argon2id:";
/// Prefix of fingerprints in states that no newer version has written yet.
const FORMER: &str = "fingerprint:hmac-sha256:";
/// Cost of new fingerprints: a row of OWASP's Password Storage Cheat Sheet. Thirty take 0.2 s on two processors.
const COST: Cost = Cost { memory: 12_288, passes: 3 };
/// A stored fingerprint that is more than this many times as costly as [`COST`] is not computed.
const DEARER: u32 = 16;

/// Argon2's cost parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    /// In KiB.
    memory: u32,
    /// Number of passes over that memory.
    passes: u32,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p=1", self.memory, self.passes)
    }
}

impl Cost {
    /// Parses the cost that a stored fingerprint names; `None` if it is malformed or too high.
    fn said_by(mark: &str) -> Option<Self> {
        let (cost, _) = mark.strip_prefix(MARK)?.split_once(':')?;
        let (memory, passes) = cost.strip_prefix("m=")?.strip_suffix(",p=1")?.split_once(",t=")?;
        let cost = Self { memory: memory.parse().ok()?, passes: passes.parse().ok()? };
        let bearable = cost.memory <= COST.memory * DEARER && cost.passes <= COST.passes * DEARER;
        bearable.then_some(cost)
    }
}

/// Digest of a key and a text, together with the cost of the fingerprint.
type FingerprintKey = ([u8; 32], Cost);

/// Fingerprints computed in this run.
static KNOWN: LazyLock<Mutex<BTreeMap<FingerprintKey, String>>> = LazyLock::new(Mutex::default);

/// Computes the fingerprint of one text under `key` (the state's lineage).
pub fn of(text: &str, key: &str) -> String {
    at(COST, text, key).expect("this cost is within Argon2's bounds")
}

/// Computes a fingerprint at the given cost; `None` if Argon2 does not accept that cost.
fn at(cost: Cost, text: &str, key: &str) -> Option<String> {
    let digest = Sha256::new().chain_update(Sha256::digest(key.as_bytes())).chain_update(text.as_bytes()).finalize();
    let subject: FingerprintKey = (digest.into(), cost);
    let known = || lock(&KNOWN);
    if let Some(made) = known().get(&subject) {
        return Some(made.clone());
    }
    let made = slow(cost, text, key)?;
    known().insert(subject, made.clone());
    Some(made)
}

fn slow(cost: Cost, text: &str, key: &str) -> Option<String> {
    let parameters = Params::new(cost.memory, cost.passes, 1, Some(32)).ok()?;
    // The digest gives the salt the same length for every key.
    let salt = Sha256::digest(key.as_bytes());
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(text.as_bytes(), &salt, &mut hash)
        .expect("Argon2 takes texts below 4 GiB");
    Some(format!("{MARK}{cost}:{}", STANDARD_NO_PAD.encode(hash)))
}

/// Computes fingerprints that will soon be needed, on all processors.
pub fn prepare(texts: BTreeSet<String>, key: &str) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let texts: Vec<String> = texts.into_iter().collect();
    std::thread::scope(|scope| {
        for part in texts.chunks(texts.len().div_ceil(threads).max(1)) {
            scope.spawn(move || part.iter().for_each(|text| drop(of(text, key))));
        }
    });
}

/// Collects the texts of `value` for which `secret` holds.
pub fn secret_texts(value: &Value, secret: &dyn Fn(&str) -> bool, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if secret(text) => _ = found.insert(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| secret_texts(item, secret, found)),
        Value::Object(map) => map.values().for_each(|item| secret_texts(item, secret, found)),
        _ => {}
    }
}

/// Computes the keyed digest of a text that contains no secret in clear. It is fast, so the text must not contain
/// anything that can be guessed.
pub fn fast(text: &str, key: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    format!("{FORMER}{}", STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Tells whether a stored text is a fingerprint.
pub fn is(text: &str) -> bool {
    text.starts_with(MARK) || text.starts_with(FORMER)
}

/// Tells whether the stored `mark` is the fingerprint of `text`. Formats of earlier versions are understood until the
/// next apply rewrites them.
pub fn fits(mark: &str, text: &str, key: &str) -> bool {
    if mark.starts_with(FORMER) {
        return fast(text, key) == *mark;
    }
    Cost::said_by(mark).and_then(|cost| at(cost, text, key)).is_some_and(|made| made == *mark)
}

/// Replaces every text for which `secret` holds by its fingerprint.
pub fn hide(value: &Value, key: &str, secret: &dyn Fn(&str) -> bool) -> Value {
    match value {
        Value::String(text) if secret(text) => Value::String(of(text, key)),
        Value::Array(items) => items.iter().map(|item| hide(item, key, secret)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, item)| (name.clone(), hide(item, key, secret))).collect())
        }
        _ => value.clone(),
    }
}

/// Replaces each text of `value` by its fingerprint if `stored` has a fingerprint at that place, so that the two can be
/// compared.
pub fn like(value: &Value, stored: &Value, key: &str) -> Value {
    match (value, stored) {
        (Value::String(text), Value::String(mark)) if is(mark) && !is(text) => {
            Value::String(if fits(mark, text, key) { mark.clone() } else { of(text, key) })
        }
        (Value::Array(items), Value::Array(marks)) => items
            .iter()
            .enumerate()
            .map(|(i, item)| marks.get(i).map_or_else(|| item.clone(), |mark| like(item, mark, key)))
            .collect(),
        (Value::Object(map), Value::Object(marks)) => Value::Object(
            map.iter()
                .map(|(name, item)| {
                    (name.clone(), marks.get(name).map_or_else(|| item.clone(), |mark| like(item, mark, key)))
                })
                .collect(),
        ),
        _ => value.clone(),
    }
}

/// Replaces fingerprints in `stored` by the texts of `desired` that they belong to; other fingerprints stay.
pub fn replace_known(stored: &Value, desired: &Value, key: &str) -> Value {
    match (stored, desired) {
        (Value::String(mark), Value::String(text)) if is(mark) && fits(mark, text, key) => desired.clone(),
        (Value::Array(marks), Value::Array(items)) => {
            let item =
                |(i, mark)| items.get(i).map_or_else(|| Value::clone(mark), |item| replace_known(mark, item, key));
            marks.iter().enumerate().map(item).collect()
        }
        (Value::Object(marks), Value::Object(map)) => {
            let entry = |(name, mark): (&String, &Value)| {
                (name.clone(), map.get(name).map_or_else(|| mark.clone(), |item| replace_known(mark, item, key)))
            };
            Value::Object(marks.iter().map(entry).collect())
        }
        _ => stored.clone(),
    }
}

/// Collects the texts of `value` that are fingerprints in `stored`, except texts that `desired` states at the same
/// place.
pub fn collect_revealed(value: &Value, stored: &Value, desired: Option<&Value>, found: &mut Vec<String>) {
    match (value, stored) {
        (Value::String(text), Value::String(mark)) if is(mark) && desired.and_then(Value::as_str) != Some(text) => {
            found.push(text.clone());
        }
        (Value::Array(items), Value::Array(marks)) => {
            for (i, (item, mark)) in items.iter().zip(marks).enumerate() {
                collect_revealed(item, mark, desired.and_then(|desired| desired.get(i)), found);
            }
        }
        (Value::Object(map), Value::Object(marks)) => {
            for (name, item) in map {
                let Some(mark) = marks.get(name) else { continue };
                collect_revealed(item, mark, desired.and_then(|desired| desired.get(name)), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hidden_secret_compares_equal_to_itself_and_differs_when_it_changes() {
        let spec = json!({"environment": {"TOKEN": "hunter2-hunter2", "MODE": "dev"}});
        let stored = hide(&spec, "lineage", &|text| text.contains("hunter2"));
        assert!(!stored.to_string().contains("hunter2"));
        assert_eq!(like(&spec, &stored, "lineage"), stored);
        assert_eq!(like(&stored, &stored, "lineage"), stored, "what is hidden already stays as it is");
        let mut found = Vec::new();
        collect_revealed(&spec, &stored, None, &mut found);
        assert_eq!(found, ["hunter2-hunter2"]);
        found.clear();
        collect_revealed(&spec, &stored, Some(&spec), &mut found);
        assert!(found.is_empty(), "what is wanted in clear is no secret any more");
        assert_eq!(replace_known(&stored, &spec, "lineage"), spec, "who has the secret sees it again");
        let without = json!({"environment": {"TOKEN": "x", "MODE": "dev"}});
        assert_eq!(replace_known(&stored, &without, "lineage"), stored, "who has not, does not");
        let changed = json!({"environment": {"TOKEN": "other", "MODE": "dev"}});
        assert_ne!(like(&changed, &stored, "lineage"), stored);
        assert_ne!(of("a", "x"), of("a", "y"));
    }

    #[test]
    fn a_fingerprint_of_an_earlier_version_is_understood_and_replaced_by_the_next_write() {
        let spec = json!({"TOKEN": "hunter2-hunter2"});
        let stored = json!({"TOKEN": "fingerprint:hmac-sha256:IG+JIkaVctODFL29w3ajNdzzGA5mq2WfRYHnHZvM7IE"});
        let stored_now = json!({"TOKEN": fast("hunter2-hunter2", "lineage")});
        assert_eq!(like(&spec, &stored_now, "lineage"), stored_now, "nothing changed");
        assert_eq!(replace_known(&stored_now, &spec, "lineage"), spec);
        assert_ne!(like(&spec, &stored, "lineage"), stored, "another value");
        let written = hide(&spec, "lineage", &|text| text.contains("hunter2"));
        assert!(written["TOKEN"].as_str().is_some_and(|text| text.starts_with("fingerprint:argon2id:")), "{written}");
    }

    #[test]
    fn a_fingerprint_says_what_it_cost_and_one_of_another_cost_is_replaced_by_the_next_write() {
        let spec = json!({"TOKEN": "hunter2-hunter2"});
        let earlier = slow(Cost { memory: 64, passes: 1 }, "hunter2-hunter2", "lineage").expect("a cost");
        assert!(earlier.starts_with("fingerprint:argon2id:m=64,t=1,p=1:"), "{earlier}");
        let stored = json!({"TOKEN": earlier});
        assert_eq!(like(&spec, &stored, "lineage"), stored, "nothing changed");
        assert_eq!(replace_known(&stored, &spec, "lineage"), spec);
        let written = hide(&spec, "lineage", &|text| text.contains("hunter2"));
        assert_eq!(Cost::said_by(written["TOKEN"].as_str().expect("a text")), Some(COST));
        for (memory, passes) in [("4194304", "3"), ("12288", "4000000"), ("0", "1"), ("x", "3"), ("-1", "3")] {
            let forged = json!({"TOKEN": format!("{MARK}m={memory},t={passes},p=1:AAAA")});
            assert_eq!(like(&spec, &forged, "lineage"), written, "neither computed nor believed: {forged}");
        }
        assert_eq!(like(&spec, &json!({"TOKEN": format!("{MARK}AAAA")}), "lineage"), written);
    }

    #[test]
    fn what_was_prepared_is_what_is_computed_later() {
        let texts: BTreeSet<String> = (0..5).map(|n| format!("secret {n}")).collect();
        let mut found = BTreeSet::new();
        secret_texts(
            &json!({"a": ["secret 1", "no"], "b": {"c": "secret 2"}}),
            &|text| text.starts_with("secret"),
            &mut found,
        );
        assert_eq!(found.len(), 2);
        prepare(texts.clone(), "prepared");
        for text in &texts {
            assert_eq!(of(text, "prepared"), slow(COST, text, "prepared").expect("a cost"));
        }
    }
}
