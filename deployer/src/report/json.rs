//! Plans and outcomes for programs. Their shapes are part of the command-line contract.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ending::{RunCost, is_complete};
use super::heading::Heading;
use super::planned::{PLAN_FORMAT, PlanReport};
use super::slowest::slowest;
use crate::aws::AwsError;
use crate::execute::{ExecutionEvent, ExecutionOutcome};
use crate::plan::{Cost, Plan};
use crate::spec::secrets::Secrets;

/// Renders a plan as one object.
pub fn plan(plan: &Plan, heading: &Heading, cost: Cost, secrets: &Secrets) -> Value {
    let report = PlanReport::of(plan, heading, cost);
    let value = serde_json::to_value(report).expect("a report has only text keys, which JSON takes");
    masked(value, secrets)
}

/// Renders the last line of a run that only recorded AWS's values in the state.
pub fn refresh_summary(changed: &[String], outputs: &BTreeMap<String, String>) -> Value {
    json!({"type": "summary", "result": "ok", "done": changed, "failed": [], "not_started": [], "outputs": outputs})
}

/// Renders the first line of a run.
pub fn version(command: &str, heading: &Heading) -> Value {
    let line = json!({
        "type": "version",
        "format_version": PLAN_FORMAT,
        "deployer": env!("CARGO_PKG_VERSION"),
        "command": command,
    });
    with(line, heading)
}

/// Adds the stack and its place to an object.
fn with(mut object: Value, heading: &Heading) -> Value {
    if let Some(properties) = object.as_object_mut() {
        properties.extend(heading.properties());
    }
    object
}

/// Renders an event as one line.
pub fn event(event: &ExecutionEvent<'_>, secrets: &Secrets) -> Value {
    let value = match event {
        ExecutionEvent::Started { address, action, removal } => {
            json!({"type": "action_started", "address": address, "action": action, "removal": removal})
        }
        ExecutionEvent::Waiting { address, why, .. } => {
            json!({"type": "action_waiting", "address": address, "why": why})
        }
        ExecutionEvent::Note { address, text } => json!({"type": "action_note", "address": address, "text": text}),
        ExecutionEvent::Done { address, action, removal, took } => {
            json!({"type": "action_done", "address": address, "action": action, "removal": removal, "seconds": took.as_secs_f64()})
        }
        ExecutionEvent::Failed { address, action, error } => {
            json!({"type": "action_failed", "address": address, "action": action, "error": aws_error(error)})
        }
    };
    masked(value, secrets)
}

/// Renders AWS's refusal as an object.
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

/// Renders the last line of a run.
pub fn summary(outcome: &ExecutionOutcome, heading: &Heading, cost: RunCost, secrets: &Secrets) -> Value {
    let RunCost { calls: (reads, writes), seconds } = cost;
    let result = match outcome {
        o if o.interrupted => "interrupted",
        o if is_complete(o) => "ok",
        _ => "failed",
    };
    let value = json!({
        "type": "summary",
        "result": result,
        "done": outcome.done.iter().map(|(address, ..)| address).collect::<Vec<_>>(),
        "failed": outcome.failed.iter().map(|f| &f.address).collect::<Vec<_>>(),
        "not_started": outcome.not_started,
        "abandoned": outcome.abandoned,
        "unwatched": outcome.unwatched,
        "outputs": outcome.state.outputs,
        "reads": reads,
        "writes": writes,
        "seconds": seconds,
        "slowest": slowest(outcome).iter().map(|(address, took)| json!({ "address": address, "seconds": took })).collect::<Vec<_>>(),
    });
    masked(with(value, heading), secrets)
}

/// Masks every secret in every text.
pub fn masked(value: Value, secrets: &Secrets) -> Value {
    secrets.mask_value(&value)
}
