//! A plan that only tells the state what AWS has.

use serde_json::{Map, Value};

use super::action::{Plan, Planned};
use super::drift;
use crate::kinds::{Action, Observed};
use crate::observe::Observation;
use crate::spec::secrets::Secrets;
use crate::state::{Record, State, fingerprint};

/// Turns a plan into one that leaves AWS as it is: what is ours and unrecorded is recorded, what is gone is
/// forgotten, and drift becomes what was applied.
#[must_use]
pub fn refresh_only(plan: Plan) -> Plan {
    let gone = |address: &str| plan.drift.iter().any(|drift| drift.address == address && drift.path.is_none());
    let kept = |planned: &Planned| {
        let (action, reason) = match planned.action {
            Action::Create if gone(&planned.address) => (Action::Forget, "was deleted outside".to_owned()),
            Action::Adopt | Action::Forget => (planned.action, planned.reason.clone()),
            Action::Update | Action::Replace | Action::Unchanged if planned.live.is_some() => {
                (Action::Unchanged, String::new())
            }
            _ => return None,
        };
        let (changes, predecessor, order) = (Vec::new(), None, None);
        Some(Planned { action, reason, changes, predecessor, order, moved_from: None, ..planned.clone() })
    };
    let actions = plan.actions.iter().filter_map(kept).collect();
    let drift = plan.drift.into_iter().map(|drift| super::Drift { plan: drift.after.clone(), ..drift }).collect();
    Plan { actions, drift, output_changes: Vec::new(), refresh_only: true, ..plan }
}

/// The state after a plan of [`refresh_only`].
#[must_use]
pub fn refreshed(plan: &Plan, seen: &Observation, secrets: &Secrets) -> State {
    let mut state = seen.prior.clone();
    for planned in &plan.actions {
        let (address, live) = (&planned.address, planned.live.as_ref());
        match (planned.action, live) {
            (Action::Forget, _) => {
                state.resources.remove(address);
            }
            (Action::Adopt, Some(live)) => {
                state.intents.retain(|intent| intent.address != *address);
                let record = adopted(planned, live, secrets, &state.lineage);
                state.resources.insert(address.clone(), record);
            }
            (_, Some(live)) => {
                let lineage = state.lineage.clone();
                if let Some(record) = state.resources.get_mut(address) {
                    // Only what differs by the kind's rules: a digest in AWS says the same as the record's text.
                    if plan.drift.iter().any(|drift| drift.address == *address) {
                        let now = drift::as_recorded(&*planned.kind, record, live, &lineage);
                        record.inputs = strangers_hidden(now, &record.inputs, &lineage);
                    }
                    record.outputs.clone_from(&live.outputs);
                    record.physical_id.clone_from(&live.physical_id);
                }
            }
            _ => {}
        }
    }
    state.hide(&|text| secrets.touches(text));
    state
}

fn adopted(planned: &Planned, live: &Observed<Value>, secrets: &Secrets, lineage: &str) -> Record {
    let hide = |value: &Value| fingerprint::hide(value, lineage, &|text| secrets.touches(text));
    let wanted = planned.desired.as_ref().map_or(Value::Null, hide);
    let seen = fingerprint::like(&hide(&live.spec), &wanted, lineage);
    Record {
        kind: planned.kind.name().to_owned(),
        element: planned.element.clone(),
        physical_id: live.physical_id.clone(),
        inputs: strangers_hidden(seen, &wanted, lineage),
        outputs: live.outputs.clone(),
        dependencies: planned.dependencies.clone(),
        protect: planned.protect,
        retain: planned.retain,
    }
}

/// Hides what other hands put into a map, such as an environment variable: nobody has said that it is no secret.
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
