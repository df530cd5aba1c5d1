//! Renders single values for people.

use serde_json::Value;

use crate::graph::resolve::{self, AFTER_APPLY};
use crate::spec::visible;

/// Replaces a value that nobody may read.
pub const SENSITIVE: &str = "(sensitive)";
/// Longer texts, in characters, are cut where they share a line.
pub(super) const LONG: usize = 160;

/// Renders a value on one line and cuts a long one. Expects a value that is masked already, so that no secret is cut.
pub fn short_value(value: &Value) -> String {
    let text = visible::line(&full_value(value)).into_owned();
    if text == AFTER_APPLY || text.chars().count() <= LONG {
        return text;
    }
    format!("{}… ({} characters)", text.chars().take(LONG).collect::<String>(), text.chars().count())
}

/// Renders a value on one line without cutting it.
pub(super) fn full_value(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => resolve::readable(text),
        Value::Array(items) if !items.is_empty() && items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(full_value).collect::<Vec<_>>().join(", ")
        }
        // AWS returns some numbers as floats: show 45.0 as 45.
        Value::Number(n) if n.as_f64().is_some_and(|f| f.fract() == 0.0) => {
            n.to_string().trim_end_matches(".0").to_owned()
        }
        other if resolve::is_unknown(other) => resolve::readable(&other.to_string()),
        other => other.to_string(),
    }
}

/// Formats a size: `1.4 MB`
pub(in crate::report) fn bytes(size: u64) -> String {
    let (kb, tenths) = (size.div_ceil(1_000), size.div_ceil(100_000));
    if size < 1_000 {
        format!("{size} B")
    } else if size < 1_000_000 {
        format!("{kb} kB")
    } else {
        format!("{}.{} MB", tenths / 10, tenths % 10)
    }
}

/// Shortens a digest to 12 characters.
pub(in crate::report) fn short(digest: &str) -> String {
    let (mark, hash) = digest.split_once(':').map_or(("", digest), |(mark, hash)| (mark, hash));
    let hash: String = hash.chars().take(12).collect();
    if mark.is_empty() { hash } else { format!("{mark}:{hash}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_and_digests_are_short() {
        assert_eq!([999, 1_000, 1_234_567, 52_428_800].map(bytes), ["999 B", "1 kB", "1.3 MB", "52.5 MB"]);
        assert_eq!(short("sha256:0123456789abcdef"), "sha256:0123456789ab");
        assert_eq!(short("nF1aAbCdEfGhIjKl="), "nF1aAbCdEfGh");
    }

    #[test]
    fn lists_read_without_brackets_and_nothing_is_named() {
        assert_eq!(short_value(&json!(["a", 45.0])), "a, 45");
        assert_eq!(short_value(&json!([])), "[]");
        assert_eq!((short_value(&json!(null)), short_value(&json!(""))), ("(none)".to_owned(), "\"\"".to_owned()));
        assert!(short_value(&json!("x".repeat(500))).ends_with("… (500 characters)"));
    }
}
