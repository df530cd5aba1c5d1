//! What other hands changed: prior state against observed.

use serde_json::Value;

use super::action::Drift;
use super::diff::{Change, Rules, diff};
use crate::kinds::{AnyKind, Observed};
use crate::state::{Record, fingerprint};

/// Lists the properties that differ from what was last applied.
pub(super) fn drift(
    address: &str,
    kind: &dyn AnyKind,
    record: &Record,
    live: &Observed<Value>,
    desired: Option<&Value>,
    key: &str,
) -> Vec<Drift> {
    let rules = Rules(kind.rules());
    let seen = fingerprint::like(&live.spec, &record.inputs, key);
    // From prior to observed; the rules' defaults and equalities hold in this direction too.
    diff(rules, &record.inputs, &only_stated(rules, "", &seen, &record.inputs))
        .into_iter()
        .map(|change| entry(address, kind, change, desired))
        .collect()
}

/// Says that the whole resource is gone.
pub(super) fn gone(address: &str, kind: &dyn AnyKind, plan: &str) -> Drift {
    Drift {
        address: address.to_owned(),
        kind: kind.name(),
        path: None,
        before: Value::from("exists"),
        after: Value::Null,
        sensitive: false,
        plan: Value::from(plan),
    }
}

fn entry(address: &str, kind: &dyn AnyKind, change: Change, desired: Option<&Value>) -> Drift {
    let planned = desired.map_or(Value::Null, |spec| lookup(spec, &change.path));
    let sensitive = change.sensitive || change.before.as_str().is_some_and(fingerprint::is);
    Drift {
        address: address.to_owned(),
        kind: kind.name(),
        path: Some(change.path),
        before: change.before,
        after: change.after,
        sensitive,
        plan: planned,
    }
}

/// Leaves out of the observed spec what is unmanaged and was never stated.
fn only_stated(rules: Rules, path: &str, seen: &Value, inputs: &Value) -> Value {
    let (Value::Object(seen), Value::Object(inputs)) = (seen, inputs) else { return seen.clone() };
    let kept = seen.iter().filter_map(|(key, value)| {
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match inputs.get(key) {
            Some(stated) => Some((key.clone(), only_stated(rules, &inner, value, stated))),
            None if rules.is_unmanaged(&inner) => None,
            None => Some((key.clone(), value.clone())),
        }
    });
    Value::Object(kept.collect())
}

/// The value at a dotted path; map keys may hold dots themselves.
pub(super) fn lookup(value: &Value, path: &str) -> Value {
    if path.is_empty() {
        return value.clone();
    }
    let Value::Object(map) = value else { return Value::Null };
    map.iter()
        .find_map(|(key, inner)| {
            let rest = path.strip_prefix(key.as_str())?;
            if rest.is_empty() { Some(inner.clone()) } else { rest.strip_prefix('.').map(|rest| lookup(inner, rest)) }
        })
        .unwrap_or(Value::Null)
}
