//! Secrets in the state: kept as keyed fingerprints, enough to see that one changed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// Begins every fingerprint.
const MARK: &str = "fingerprint:hmac-sha256:";

/// The fingerprint of one text under `key` (the state's lineage).
pub fn of(text: &str, key: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    format!("{MARK}{}", STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Tells whether a stored text is a fingerprint.
pub fn is(text: &str) -> bool {
    text.starts_with(MARK)
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
        (Value::String(text), Value::String(mark)) if is(mark) && !is(text) => Value::String(of(text, key)),
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
        (Value::String(mark), Value::String(text)) if is(mark) && of(text, key) == *mark => desired.clone(),
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
}
