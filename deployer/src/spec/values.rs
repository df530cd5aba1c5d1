//! Values that can be written in more than one way.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration in whole seconds, written `30`, `30s`, `2m`, `1h` or `4d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Seconds(pub u32);

impl Seconds {
    /// Parses `30`, `30s`, `2m`, `1h`, `4d`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches(['s', 'm', 'h', 'd']);
        let factor = match &text[digits.len()..] {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse::<u32>().ok()?.checked_mul(factor).map(Self)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 30, 30s or 2m")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Seconds, E> {
                u32::try_from(value).map(Seconds).map_err(|_| E::custom("duration too long"))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Seconds, E> {
                u32::try_from(value).map(Seconds).map_err(|_| E::custom("durations are not negative"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
                Seconds::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Seconds".into()
    }

    /// `format: duration-seconds` makes the checker compare the parsed seconds with `minimum` and `maximum`.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "format": "duration-seconds", "pattern": "^[0-9]+[smhd]?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::Seconds;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, seconds) in [("30", 30), ("30s", 30), ("2m", 120), ("1h", 3600), ("4d", 345_600)] {
            assert_eq!(Seconds::parse(text), Some(Seconds(seconds)), "{text}");
        }
        for text in ["", "s", "1.5m", "-3s", "3 m", "2ms", "99999999999", "50000d"] {
            assert_eq!(Seconds::parse(text), None, "{text}");
        }
    }
}
