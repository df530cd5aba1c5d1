//! Secrets in the state: kept as fingerprints, enough to see that one changed.
//!
//! # Guarantees
//! A fingerprint is slow to compute, so whoever reads the state can try few values a second: some ten milliseconds
//! and 8 MiB each. It hides a strong secret, and makes a weak one dearer to find; see docs/state-format.md.
//! A run computes each only once, and those that a plan needs while AWS is being read.
//!
//! # Caveats
//! Equal texts under one key have equal fingerprints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Begins every fingerprint: the function, and what makes it slow.
const MARK: &str = "fingerprint:argon2id:m=8192,t=2,p=1:";
/// Begins those of states that no newer version has written yet.
const FORMER: &str = "fingerprint:hmac-sha256:";
/// KiB that one computation takes.
const MEMORY: u32 = 8_192;
/// Passes over that memory.
const PASSES: u32 = 2;

/// A digest of a text and its key.
type Subject = [u8; 32];

/// What was computed in this run.
static KNOWN: LazyLock<Mutex<BTreeMap<Subject, String>>> = LazyLock::new(Mutex::default);

/// The fingerprint of one text under `key` (the state's lineage).
pub fn of(text: &str, key: &str) -> String {
    let subject: Subject =
        Sha256::new().chain_update(Sha256::digest(key.as_bytes())).chain_update(text.as_bytes()).finalize().into();
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = known().get(&subject) {
        return made.clone();
    }
    let made = slow(text, key);
    known().insert(subject, made.clone());
    made
}

fn slow(text: &str, key: &str) -> String {
    let parameters = Params::new(MEMORY, PASSES, 1, Some(32)).expect("these are within Argon2's bounds");
    // A salt of one length, whatever the key is.
    let salt = Sha256::digest(key.as_bytes());
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(text.as_bytes(), &salt, &mut hash)
        .expect("Argon2 takes texts below 4 GiB");
    format!("{MARK}{}", STANDARD_NO_PAD.encode(hash))
}

/// Computes fingerprints that are about to be needed, on all processors.
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

/// The keyed digest of a text that holds no secret in clear. Fast, so nothing that can be guessed may be in the text.
pub fn fast(text: &str, key: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    format!("{FORMER}{}", STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Tells whether a stored text is a fingerprint.
pub fn is(text: &str) -> bool {
    text.starts_with(MARK) || text.starts_with(FORMER)
}

/// Is the stored `mark` that of `text`? States of earlier versions are understood until the next apply writes them anew.
fn fits(mark: &str, text: &str, key: &str) -> bool {
    if mark.starts_with(FORMER) { fast(text, key) == *mark } else { of(text, key) == *mark }
}

/// Replaces every text for which `secret` holds.
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

/// Fingerprints those texts of `value` that are fingerprints in `stored`, so that the two compare.
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

/// Puts the texts of `desired` in the place of their own fingerprints in `stored`; others stay fingerprints.
pub fn shown(stored: &Value, desired: &Value, key: &str) -> Value {
    match (stored, desired) {
        (Value::String(mark), Value::String(text)) if is(mark) && fits(mark, text, key) => desired.clone(),
        (Value::Array(marks), Value::Array(items)) => {
            let item = |(i, mark)| items.get(i).map_or_else(|| Value::clone(mark), |item| shown(mark, item, key));
            marks.iter().enumerate().map(item).collect()
        }
        (Value::Object(marks), Value::Object(map)) => {
            let entry = |(name, mark): (&String, &Value)| {
                (name.clone(), map.get(name).map_or_else(|| mark.clone(), |item| shown(mark, item, key)))
            };
            Value::Object(marks.iter().map(entry).collect())
        }
        _ => stored.clone(),
    }
}

/// Collects the texts of `value` that are fingerprints in `stored`, other than those that `desired` states at the same place.
pub fn revealed(value: &Value, stored: &Value, desired: Option<&Value>, found: &mut Vec<String>) {
    match (value, stored) {
        (Value::String(text), Value::String(mark)) if is(mark) && desired.and_then(Value::as_str) != Some(text) => {
            found.push(text.clone());
        }
        (Value::Array(items), Value::Array(marks)) => {
            for (i, (item, mark)) in items.iter().zip(marks).enumerate() {
                revealed(item, mark, desired.and_then(|desired| desired.get(i)), found);
            }
        }
        (Value::Object(map), Value::Object(marks)) => {
            for (name, item) in map {
                let Some(mark) = marks.get(name) else { continue };
                revealed(item, mark, desired.and_then(|desired| desired.get(name)), found);
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
        revealed(&spec, &stored, None, &mut found);
        assert_eq!(found, ["hunter2-hunter2"]);
        found.clear();
        revealed(&spec, &stored, Some(&spec), &mut found);
        assert!(found.is_empty(), "what is wanted in clear is no secret any more");
        assert_eq!(shown(&stored, &spec, "lineage"), spec, "who has the secret sees it again");
        let without = json!({"environment": {"TOKEN": "x", "MODE": "dev"}});
        assert_eq!(shown(&stored, &without, "lineage"), stored, "who has not, does not");
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
        assert_eq!(shown(&stored_now, &spec, "lineage"), spec);
        assert_ne!(like(&spec, &stored, "lineage"), stored, "another value");
        let written = hide(&spec, "lineage", &|text| text.contains("hunter2"));
        assert!(written["TOKEN"].as_str().is_some_and(|text| text.starts_with("fingerprint:argon2id:")), "{written}");
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
            assert_eq!(of(text, "prepared"), slow(text, "prepared"));
        }
    }
}
