//! The JSON form of a change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::graph::resolve::{self, AFTER_APPLY, NOT_GIVEN};
use crate::plan::{Change, How};
use crate::report::plan::SENSITIVE;

/// One property that differs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ChangeReport {
    /// Such as `timeout` or `environment.BUCKET`.
    pub path: String,
    /// What AWS has; null when it has nothing, `(sensitive)` when nobody may read it.
    pub before: Value,
    /// What stack.yaml wants; null when that is nothing or not known yet.
    pub after: Value,
    pub sensitive: bool,
    /// False when only apply can find out.
    pub known: bool,
    pub forces_replacement: bool,
    /// The value does not differ. It is sent again, because AWS resolved it to a resource that is recreated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub set_again: bool,
}

impl ChangeReport {
    pub(super) fn of(change: &Change) -> Self {
        Self {
            path: change.path.clone(),
            before: mask_sensitive(change.before(), change.sensitive),
            after: match change.is_known() {
                true => mask_sensitive(change.after(), change.sensitive),
                false if resolve::needs_variable(change.after()) => json!(NOT_GIVEN),
                false => Value::Null,
            },
            sensitive: change.sensitive,
            known: change.is_known(),
            forces_replacement: change.forces_replacement(),
            set_again: change.is_set_again(),
        }
    }

    pub(super) fn restore(self) -> Change {
        let Self { path, before, sensitive, known, forces_replacement, set_again, .. } = self;
        let after = if known || self.after == json!(NOT_GIVEN) { self.after } else { json!(AFTER_APPLY) };
        // Plans of earlier versions marked it by equal values.
        let equal = before == after && known && !sensitive;
        let how = match set_again || equal {
            true => How::SetAgain { value: after },
            false => How::Differs { before, after, known, forces_replacement },
        };
        Change { path, sensitive, how }
    }
}

pub(super) fn mask_sensitive(value: &Value, sensitive: bool) -> Value {
    if sensitive && !value.is_null() { json!(SENSITIVE) } else { value.clone() }
}
