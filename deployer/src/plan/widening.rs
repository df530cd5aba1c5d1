//! Finds the properties by which an action widens permissions.
//!
//! # Guarantees
//! A changed property whose effect on permissions cannot be judged counts as widening. A new resource widens nothing
//! that exists: only a grant to everybody, of all actions or on all resources is found in it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::change::Change;
use super::diff::PropertyRules;
use super::effect::Effect;
use crate::aws::policy;
use crate::kinds::{Bound, KindRef};

/// Returns the paths of the properties by which `effect` widens permissions.
pub(super) fn widening(kind: KindRef, effect: &Effect) -> BTreeSet<String> {
    let is_new = matches!(effect, Effect::Create { .. });
    let wide = effect.changes().iter().filter(|change| match is_new {
        true => is_unbounded(kind, change),
        false => !change.is_set_again() && is_wider(kind, change),
    });
    wide.map(|change| change.path.clone()).collect()
}

fn is_wider(kind: KindRef, change: &Change) -> bool {
    let (before, after) = (present(change.before()), present(change.after()));
    if PropertyRules(kind.rules()).is_policy(&change.path) {
        return policy::widens(before, after);
    }
    match bound(kind, change) {
        None => false,
        Some(Bound::Members) => {
            let (before, after) = (members(before), members(after));
            after.is_none_or(|after| after.iter().any(|one| before.as_ref().is_none_or(|all| !all.contains(one))))
        }
        Some(Bound::AnyOf) => {
            let (before, after) = (members(before).unwrap_or_default(), members(after).unwrap_or_default());
            !before.is_empty() && (after.is_empty() || after.iter().any(|one| !before.contains(one)))
        }
        Some(Bound::Restrictions) => {
            let (before, after) = (members(before).unwrap_or_default(), members(after).unwrap_or_default());
            before.iter().any(|one| !after.contains(one))
        }
        Some(Bound::Pattern) => match (before, after) {
            // Without the property, nothing restricts.
            (None, _) => false,
            (Some(_), None) => true,
            (Some(Value::String(before)), Some(Value::String(after))) => !policy::pattern_includes(before, after),
            _ => true,
        },
        Some(Bound::Reference) => before.is_some() && after.is_some(),
        Some(Bound::Open(open)) => is_text(after, open) && before.is_some(),
        Some(Bound::Shut(shut)) => is_text(before, shut),
        Some(Bound::Grant) => after.is_some(),
        Some(Bound::Switch | Bound::SwitchedOn) => is_on(before) && !is_on(after),
    }
}

fn is_text(value: Option<&Value>, text: &str) -> bool {
    value.and_then(Value::as_str) == Some(text)
}

fn is_on(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool) == Some(true)
}

fn is_unbounded(kind: KindRef, change: &Change) -> bool {
    if PropertyRules(kind.rules()).is_policy(&change.path) {
        return present(change.after()).is_some_and(policy::is_unbounded);
    }
    match bound(kind, change) {
        Some(Bound::Pattern) => change.after() == "*",
        Some(Bound::SwitchedOn) => change.after() == false,
        _ => false,
    }
}

pub(super) fn bound(kind: KindRef, change: &Change) -> Option<Bound> {
    kind.about().bounds.iter().find(|(path, _)| *path == change.path).map(|(_, bound)| *bound)
}

fn present(value: &Value) -> Option<&Value> {
    Some(value).filter(|value| !value.is_null())
}

/// Lists a property's members; `None` if it is no list.
fn members(value: Option<&Value>) -> Option<Vec<&Value>> {
    match value {
        None => Some(Vec::new()),
        Some(Value::Array(items)) => Some(items.iter().collect()),
        Some(_) => None,
    }
}
