//! A plan that only records in the state what AWS has.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::action::{Drift, Plan, PlannedResource, Side};
use super::drift;
use super::effect::{Effect, Replacement, Revision};
use super::reason::Reason;
use crate::kinds::ObservedResource;
use crate::observe::Observation;
use crate::spec::secrets::Secrets;
use crate::state::{Record, State, fingerprint};

/// Turns a plan into one that leaves AWS unchanged: it records resources of ours that the state does not have, removes
/// the records of deleted ones, and records drift as if it had been applied, and ids that AWS has given since.
pub(super) fn records_only(plan: Plan, prior: &State) -> Plan {
    let gone = |address: &str| plan.drift.iter().any(|drift| drift.address == address && drift.path.is_none());
    let kept = |planned: &PlannedResource| {
        let reason = planned.reason.clone();
        let (effect, reason) = match &planned.effect {
            Effect::Create { .. } if gone(&planned.address) => (Effect::Forget { live: None }, Reason::DeletedOutside),
            Effect::Adopt(Revision { wanted, live, .. }) => {
                let revision =
                    Revision { wanted: wanted.clone(), live: live.clone(), changes: Vec::new(), leftover: None };
                (Effect::Adopt(revision), reason)
            }
            Effect::Forget { live } => (Effect::Forget { live: live.clone() }, reason),
            Effect::Update(Revision { wanted, live, .. })
            | Effect::Unchanged { wanted, live }
            | Effect::Replace { wanted, order: Replacement::DeleteFirst { live, .. }, .. } => {
                (Effect::Unchanged { wanted: wanted.clone(), live: live.clone() }, Reason::UpToDate)
            }
            Effect::Create { .. } | Effect::Replace { .. } | Effect::Delete { .. } => return None,
        };
        Some(PlannedResource { effect, reason, moved_from: None, widens: BTreeSet::new(), ..planned.clone() })
    };
    let actions: Vec<PlannedResource> = plan.actions.iter().filter_map(kept).collect();
    let ids: Vec<Drift> = actions.iter().filter_map(|planned| other_id(planned, prior)).collect();
    let drift = plan.drift.into_iter().map(|drift| Drift { plan: drift.after.clone(), ..drift }).chain(ids).collect();
    Plan { actions, drift, output_changes: Vec::new(), side: Side::State, ..plan }
}

/// The path of a difference between the ids of a resource in the state and in AWS.
const ID: &str = "id";

/// Compares the recorded id with AWS's. They differ where AWS gives a lasting one later: to a subscription that was
/// confirmed.
fn other_id(planned: &PlannedResource, prior: &State) -> Option<Drift> {
    let Effect::Unchanged { live, .. } = &planned.effect else { return None };
    let record = prior.resources.get(&planned.address).filter(|record| record.physical_id != live.physical_id)?;
    let (before, after) = (Value::from(record.physical_id.as_str()), Value::from(live.physical_id.as_str()));
    let (address, kind, path) = (planned.address.clone(), planned.kind, Some(ID.to_owned()));
    Some(Drift { address, kind, path, before, plan: after.clone(), after, sensitive: false })
}

/// Returns the state after a plan of the goal [`Refresh`](super::Goal::Refresh).
#[must_use]
pub fn refresh_state(plan: &Plan, seen: &Observation, secrets: &Secrets) -> State {
    let mut state = seen.prior.clone();
    for planned in &plan.actions {
        let address = &planned.address;
        match &planned.effect {
            Effect::Forget { .. } => {
                state.resources.remove(address);
            }
            Effect::Adopt(Revision { wanted, live, .. }) => {
                state.intents.retain(|intent| intent.address != *address);
                let hide = |value: &Value| fingerprint::hide(value, &state.lineage, &|text| secrets.touches(text));
                let record = record_of(planned, live, [hide(&wanted.desired), hide(&live.spec)], &state.lineage);
                state.resources.insert(address.clone(), record);
            }
            effect => {
                let lineage = state.lineage.clone();
                let record = state.resources.get_mut(address);
                let Some((record, live)) = record.zip(effect.live()) else { continue };
                // Records only differences by the kind's rules: a digest in AWS equals the record's text.
                if plan.drift.iter().any(|drift| drift.address == *address && drift.path.as_deref() != Some(ID)) {
                    let now = drift::as_recorded(&*planned.kind, record, live, &lineage);
                    let now = strangers_hidden(now, &record.inputs, &lineage);
                    if planned
                        .kind
                        .artifact()
                        .is_some_and(|artifact| now.get(artifact.name) != record.inputs.get(artifact.name))
                    {
                        record.origin = None;
                    }
                    record.inputs = now;
                }
                record.outputs.clone_from(&live.outputs);
                record.physical_id.clone_from(&live.physical_id);
            }
        }
    }
    state.hide(&|text| secrets.touches(text));
    state
}

/// Returns the record of an adopted resource. `wanted` and `seen` are its specs without secrets.
fn record_of(
    planned: &PlannedResource,
    live: &ObservedResource<Value>,
    [wanted, seen]: [Value; 2],
    lineage: &str,
) -> Record {
    let seen = fingerprint::like(&seen, &wanted, lineage);
    Record {
        kind: planned.kind.name().to_owned(),
        element: planned.element.clone(),
        physical_id: live.physical_id.clone(),
        inputs: strangers_hidden(seen, &wanted, lineage),
        outputs: live.outputs.clone(),
        dependencies: planned.dependencies.clone(),
        protect: planned.protect,
        retain: planned.retain,
        origin: None,
    }
}

/// Hides entries that others put into a map, such as environment variables: they may be secrets.
fn strangers_hidden(seen: Value, known: &Value, lineage: &str) -> Value {
    fn inner(seen: Value, known: &Value, lineage: &str, top: bool) -> Value {
        let (Value::Object(map), Value::Object(stated)) = (&seen, known) else { return seen };
        let values = map.iter().map(|(key, value)| {
            let value = match stated.get(key) {
                Some(known) => inner(value.clone(), known, lineage, false),
                None if top => value.clone(),
                None => fingerprint::hide(value, lineage, &|text| !fingerprint::is(text)),
            };
            (key.clone(), value)
        });
        Value::Object(values.collect::<Map<_, _>>())
    }
    inner(seen, known, lineage, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_others_added_to_a_map_is_kept_as_a_fingerprint_alone() {
        let seen = json!({"timeout": 9, "environment": {"MODE": "b", "TOKEN": "theirs"}, "description": "new"});
        let known = json!({"timeout": 3, "environment": {"MODE": "a"}});
        let kept = strangers_hidden(seen, &known, "lineage");
        assert_eq!((&kept["timeout"], &kept["environment"]["MODE"]), (&json!(9), &json!("b")));
        assert_eq!(kept["environment"]["TOKEN"], fingerprint::of("theirs", "lineage"));
        assert_eq!(kept["description"], "new");
    }
}
