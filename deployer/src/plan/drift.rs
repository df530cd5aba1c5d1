//! Finds drift: the differences between prior state and observed.

use serde_json::Value;

use super::action::Drift;
use super::change::Change;
use super::diff::{PropertyRules, diff};
use super::planner::back::give_back;
use crate::aws::Place;
use crate::graph::{Graph, resolve};
use crate::kinds::{AnyKind, KindRef, ObservedResource};
use crate::observe::Observation;
use crate::state::{Record, State, fingerprint};

/// A resource as the last apply recorded it.
#[derive(Clone, Copy)]
pub(super) struct AppliedResource<'a> {
    pub address: &'a str,
    pub kind: KindRef,
    pub record: &'a Record,
}

/// Lists the properties that differ from the last apply, except for those that a failed or interrupted run set as it
/// wanted.
pub(super) fn drift(
    AppliedResource { address, kind, record }: AppliedResource<'_>,
    live: &ObservedResource<Value>,
    desired: Option<&Value>,
    prior: &State,
) -> Vec<Drift> {
    let key = &prior.lineage;
    // Compares from prior to observed; the rules' defaults and equalities apply in this direction, too.
    let differs =
        |record: &Record| diff(PropertyRules(kind.rules()), &record.inputs, &as_recorded(&*kind, record, live, key));
    let mut changes = differs(record);
    // AWS does not have it: a read repeats what stack.yaml states.
    changes.retain(|change| kind.about().calls.read_by_deletion != Some(change.path.as_str()));
    let intent = prior.intents.iter().find(|intent| intent.address == address && intent.kind == kind.name());
    if let Some(intent) = intent.filter(|intent| intent.inputs.is_object()) {
        let wanted = differs(&Record { inputs: intent.inputs.clone(), ..record.clone() });
        changes.retain(|change| wanted.iter().any(|other| other.path == change.path));
    }
    changes.into_iter().map(|change| entry(address, kind, change, desired)).collect()
}

/// Returns the live spec in the form that the state keeps: secrets as fingerprints, without properties that were never
/// stated.
pub(super) fn as_recorded(kind: &dyn AnyKind, record: &Record, live: &ObservedResource<Value>, key: &str) -> Value {
    let seen = fingerprint::like(&live.spec, &record.inputs, key);
    only_stated(PropertyRules(kind.rules()), "", &seen, &record.inputs)
}

/// Lists all differences between the last apply and AWS, for the resources of the graph. Needs no plan.
pub fn drift_of_all(graph: &Graph, seen: &Observation, place: &Place) -> Vec<Drift> {
    let mut found = Vec::new();
    for node in graph.nodes().filter(|node| !node.external) {
        let Some(record) = seen.prior.resources.get(&node.address) else { continue };
        match seen.live.get(&node.address) {
            Some(live) => {
                let mut desired = resolve::value(&node.spec, &seen.known, place);
                give_back(node.kind, &record.inputs, &mut desired, place);
                let applied = AppliedResource { address: &node.address, kind: node.kind.into(), record };
                found.extend(drift(applied, live, Some(&desired), &seen.prior));
            }
            None => found.push(of_missing(&node.address, node.kind.into())),
        }
    }
    found
}

/// Describes a resource that AWS does not have any more. The plan creates it again.
pub(super) fn of_missing(address: &str, kind: KindRef) -> Drift {
    Drift {
        address: address.to_owned(),
        kind,
        path: None,
        before: Value::Null,
        after: Value::Null,
        sensitive: false,
        plan: Value::Null,
    }
}

fn entry(address: &str, kind: KindRef, change: Change, desired: Option<&Value>) -> Drift {
    let planned = desired.map_or(Value::Null, |spec| lookup(spec, &change.path));
    let sensitive = change.sensitive || change.before().as_str().is_some_and(fingerprint::is);
    Drift {
        address: address.to_owned(),
        kind,
        before: change.before().clone(),
        after: change.after().clone(),
        path: Some(change.path),
        sensitive,
        plan: planned,
    }
}

/// Removes the properties that are unmanaged and were never stated from an observed spec.
fn only_stated(rules: PropertyRules, path: &str, seen: &Value, inputs: &Value) -> Value {
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

/// Returns the value at a dotted path; map keys may contain dots themselves.
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
