//! A route's timeout, which has a finer unit than seconds.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A duration in milliseconds, written `29`, `29s` or `500ms`; a bare number means seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TimeoutForm")]
pub struct Milliseconds(pub u32);

impl Default for Milliseconds {
    /// API Gateway's longest timeout, unless a quota was raised.
    fn default() -> Self {
        Self(29_000)
    }
}

impl Milliseconds {
    /// Parses `29`, `29s`, `500ms`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, factor) = match text.strip_suffix("ms") {
            Some(digits) => (digits, 1),
            None => (text.strip_suffix('s').unwrap_or(text), 1_000),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse::<u32>().ok()?.checked_mul(factor).map(Self)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TimeoutForm {
    Number(u32),
    Text(String),
}

impl TryFrom<TimeoutForm> for Milliseconds {
    type Error = String;

    fn try_from(written: TimeoutForm) -> Result<Self, String> {
        let text = match written {
            TimeoutForm::Number(seconds) => seconds.to_string(),
            TimeoutForm::Text(text) => text,
        };
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no duration such as 29, 29s or 500ms"))
    }
}

impl JsonSchema for Milliseconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Milliseconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 1, "maximum": 300, "pattern": "^[0-9]+(ms|s)?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::Milliseconds;

    #[test]
    fn seconds_and_milliseconds_are_told_apart() {
        for (text, ms) in [("29", 29_000), ("29s", 29_000), ("500ms", 500), ("0", 0)] {
            assert_eq!(Milliseconds::parse(text), Some(Milliseconds(ms)), "{text}");
        }
        for text in ["", "s", "ms", "1.5s", "-1", "29 s", "1m", "4294968s", "+1"] {
            assert_eq!(Milliseconds::parse(text), None, "{text}");
        }
    }
}
