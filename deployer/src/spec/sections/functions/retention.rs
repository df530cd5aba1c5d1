//! The days that a function's log lines are kept.

use schemars::JsonSchema;
use serde::Deserialize;

/// Days that log lines are kept, or `never` to keep all of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Retention {
    Days(u32),
    Text(String),
}

impl Retention {
    /// Returns the number of days; `None` if lines are never deleted.
    pub(super) fn days(&self) -> Option<u32> {
        match self {
            Self::Days(days) => Some(*days),
            Self::Text(_) => None,
        }
    }
}

impl JsonSchema for Retention {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Retention".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["integer", "string"] })
    }
}
