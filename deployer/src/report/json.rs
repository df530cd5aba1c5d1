//! Plans and outcomes for programs; the shapes are part of the command-line contract.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::plan::SENSITIVE;
use crate::aws::{AwsError, Place};
use crate::execute::{Event, Outcome};
use crate::graph::resolve;
use crate::plan::{Action, Change, Cost, Drift, Plan, Planned};
use crate::spec::secrets::Secrets;

/// The version of the plan's JSON form.
pub const PLAN_FORMAT: u32 = 1;

/// A plan as one object.
pub fn plan(plan: &Plan, stack: &str, place: &Place, cost: Cost, secrets: &Secrets) -> Value {
    let value = json!({
        "format_version": PLAN_FORMAT,
        "stack": stack,
        "region": place.region,
        "account": place.account,
        "summary": plan.summary(),
        "actions": plan.actions().iter().filter(|p| p.action != Action::Forget).map(action).collect::<Vec<_>>(),
        "forgotten": plan.actions().iter().filter(|p| p.action == Action::Forget).map(forgotten).collect::<Vec<_>>(),
        "drift": plan.drift().iter().map(drift).collect::<Vec<_>>(),
        "notes": plan.notes(),
        "refresh_only": plan.is_refresh_only(),
        "outputs": plan.outputs().iter().map(|(k, v)| (k.clone(), resolve::readable(v))).collect::<BTreeMap<_, _>>(),
        "reads": cost.reads,
        "waves": cost.waves,
        "seconds": (cost.seconds * 1000.0).round() / 1000.0,
    });
    masked(value, secrets)
}

fn action(planned: &Planned) -> Value {
    json!({
        "address": planned.address,
        "element": planned.element,
        "kind": planned.kind,
        "action": planned.action,
        "order": planned.order,
        "physical_id": planned.live.as_ref().map(|live| &live.physical_id),
        "reason": planned.reason,
        "renamed_from": planned.moved_from,
        "changes": planned.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

/// The last line of a run that only told the state what AWS has.
pub fn refreshed(changed: usize, outputs: &BTreeMap<String, String>) -> Value {
    json!({"type": "summary", "result": "ok", "done": changed, "failed": 0, "not_started": 0, "outputs": outputs})
}

/// What leaves the state without a call to AWS.
fn forgotten(planned: &Planned) -> Value {
    json!({ "address": planned.address, "kind": planned.kind, "reason": planned.reason })
}

fn change(change: &Change) -> Value {
    let hide = |value: &Value| if change.sensitive && !value.is_null() { json!(SENSITIVE) } else { value.clone() };
    json!({
        "path": change.path,
        "before": hide(&change.before),
        "after": if change.known { hide(&change.after) } else { Value::Null },
        "sensitive": change.sensitive,
        "known": change.known,
        "forces_replacement": change.forces_replacement,
    })
}

fn drift(drift: &Drift) -> Value {
    let hide = |value: &Value| if drift.sensitive && !value.is_null() { json!(SENSITIVE) } else { value.clone() };
    json!({
        "address": drift.address,
        "kind": drift.kind,
        "path": drift.path,
        "before": hide(&drift.before),
        "after": hide(&drift.after),
        "plan": hide(&drift.plan),
        "sensitive": drift.sensitive,
    })
}

/// The first line of a run.
pub fn version(command: &str, stack: &str, place: &Place) -> Value {
    json!({
        "type": "version",
        "format_version": PLAN_FORMAT,
        "deployer": env!("CARGO_PKG_VERSION"),
        "command": command,
        "stack": stack,
        "region": place.region,
        "account": place.account,
    })
}

/// One line for something that happened.
pub fn event(event: &Event<'_>, secrets: &Secrets) -> Value {
    let value = match event {
        Event::Started { address, action, removal } => {
            json!({"type": "action_started", "address": address, "action": action, "removal": removal})
        }
        Event::Waiting { address, why, .. } => json!({"type": "action_waiting", "address": address, "why": why}),
        Event::Done { address, action, removal, took } => {
            json!({"type": "action_done", "address": address, "action": action, "removal": removal, "seconds": took.as_secs_f64()})
        }
        Event::Failed { address, action, error } => {
            json!({"type": "action_failed", "address": address, "action": action, "error": aws_error(error)})
        }
    };
    masked(value, secrets)
}

/// AWS's refusal by its parts.
pub fn aws_error(error: &AwsError) -> Value {
    let request_id = match error {
        AwsError::Service(service) => service.request_id.clone(),
        _ => None,
    };
    json!({
        "operation": error.operation(),
        "code": error.code(),
        "message": error.to_string(),
        "status": error.status(),
        "request_id": request_id,
    })
}

/// The last line of a run.
pub fn summary(outcome: &Outcome, outputs: &BTreeMap<String, String>, secrets: &Secrets) -> Value {
    let result = match outcome {
        o if o.interrupted => "interrupted",
        o if o.failed.is_empty() && o.state_error.is_none() => "ok",
        _ => "failed",
    };
    let value = json!({
        "type": "summary",
        "result": result,
        "done": outcome.done.iter().map(|(address, ..)| address).collect::<Vec<_>>(),
        "failed": outcome.failed.iter().map(|f| &f.address).collect::<Vec<_>>(),
        "not_started": outcome.not_started,
        "abandoned": outcome.abandoned,
        "outputs": outputs,
    });
    masked(value, secrets)
}

/// Covers every secret in every text.
pub fn masked(value: Value, secrets: &Secrets) -> Value {
    match value {
        Value::String(text) => Value::String(secrets.mask(&text).into_owned()),
        Value::Array(items) => items.into_iter().map(|item| masked(item, secrets)).collect(),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, item)| (key, masked(item, secrets))).collect()),
        other => other,
    }
}
