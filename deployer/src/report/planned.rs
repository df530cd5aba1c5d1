//! The JSON form of a plan. It is part of the command-line contract, and saved plans keep it for display.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::plan::{SENSITIVE, impact};
use crate::aws::Place;
use crate::graph::resolve::{self, AFTER_APPLY};
use crate::kinds::{KindRef, Observed};
use crate::plan::{Action, Change, Cost, Drift, Note, Order, OutputChange, Plan, Planned, Summary};

/// The version of the plan's JSON form.
pub const PLAN_FORMAT: u32 = 1;

/// What `deployer plan --json` prints.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PlanReport {
    /// The version of this form; it grows when a property changes its meaning or goes.
    pub format_version: u32,
    pub stack: String,
    pub region: String,
    pub account: String,
    /// How many resources each action has.
    pub summary: Summary,
    /// Every resource of the stack, those without a change too.
    pub actions: Vec<ActionReport>,
    /// What leaves the state without a call to AWS.
    pub forgotten: Vec<Forgotten>,
    /// What other hands changed since the last apply.
    pub drift: Vec<DriftReport>,
    /// What a person should know or do.
    pub notes: Vec<Note>,
    /// Only the state would learn what AWS has; AWS is not changed.
    #[serde(default)]
    pub refresh_only: bool,
    /// The stack's outputs as far as they are known.
    pub outputs: BTreeMap<String, String>,
    /// The outputs that differ from those of the last apply.
    #[serde(default)]
    pub output_changes: Vec<OutputChange>,
    /// What tells this plan from others: the word that `--expect-plan` takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What the plan does, as the digest is computed from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Value>,
    /// Reading calls that the plan took.
    pub reads: u64,
    /// How often reads had to wait for others.
    pub waves: u32,
    pub seconds: f64,
}

/// One resource and what is done to it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ActionReport {
    pub address: String,
    /// The element of stack.yaml that it belongs to.
    pub element: String,
    /// Such as `sqs.queue`.
    pub kind: String,
    pub action: Action,
    /// Which half of a replacement comes first.
    pub order: Option<Order>,
    /// What AWS knows it by; null before it exists.
    pub physical_id: Option<String>,
    /// What is deleted once its successor is there.
    #[serde(default)]
    pub predecessor: Option<String>,
    pub reason: String,
    /// The address that it had in the state until now.
    pub renamed_from: Option<String>,
    /// What does not work meanwhile, what is lost for good.
    #[serde(default)]
    pub impact: Vec<String>,
    /// Bytes of the function's zip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_size: Option<CodeSize>,
    pub changes: Vec<ChangeReport>,
}

/// Bytes of a zip in AWS and of the one that was packaged.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CodeSize {
    pub before: Option<u64>,
    pub after: Option<u64>,
}

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
}

/// A resource that leaves the state; AWS is not asked to do anything.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Forgotten {
    pub address: String,
    #[serde(default)]
    pub element: String,
    pub kind: String,
    pub reason: String,
}

/// Something that changed in AWS since the last apply, by other hands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DriftReport {
    pub address: String,
    pub kind: String,
    /// The property; null when the whole resource is gone.
    pub path: Option<String>,
    pub before: Value,
    pub after: Value,
    /// What the plan makes of it.
    pub plan: Value,
    pub sensitive: bool,
}

/// Returns the JSON Schema of a plan's JSON form.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(PlanReport).to_value();
    schema["title"] = json!("deployer plan --json");
    schema
}

/// The reason why a report cannot be turned back into a plan.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("its plan is damaged: {0}")]
    Form(#[from] serde_path_to_error::Error<serde_json::Error>),
    #[error("this version does not know the kind {0:?}")]
    Kind(String),
}

fn hidden(value: &Value, sensitive: bool) -> Value {
    if sensitive && !value.is_null() { json!(SENSITIVE) } else { value.clone() }
}

impl PlanReport {
    /// Describes a plan. Hides sensitive properties; other secrets are not masked yet.
    pub(super) fn of(plan: &Plan, stack: &str, place: &Place, cost: Cost) -> Self {
        let forgotten = |planned: &&Planned| planned.action == Action::Forget;
        Self {
            format_version: PLAN_FORMAT,
            stack: stack.to_owned(),
            region: place.region.clone(),
            account: place.account.clone(),
            summary: plan.summary(),
            actions: plan.actions().iter().filter(|p| !forgotten(p)).map(|p| ActionReport::of(plan, p)).collect(),
            forgotten: plan.actions().iter().filter(forgotten).map(Forgotten::of).collect(),
            drift: plan.drift().iter().map(DriftReport::of).collect(),
            notes: plan.notes().to_vec(),
            refresh_only: plan.is_refresh_only(),
            outputs: plan.outputs().iter().map(|(k, v)| (k.clone(), resolve::readable(v))).collect(),
            output_changes: plan.output_changes().to_vec(),
            digest: None,
            effects: None,
            reads: cost.reads,
            waves: cost.waves,
            seconds: (cost.seconds * 1000.0).round() / 1000.0,
        }
    }

    /// Parses a report.
    ///
    /// # Errors
    /// Returns an error if the value does not have the form of [`PlanReport`].
    pub fn parse(value: Value) -> Result<Self, ReportError> {
        Ok(serde_path_to_error::deserialize(value)?)
    }

    /// Turns a report back into a plan for display. It lacks the details that an execution needs.
    ///
    /// # Errors
    /// Returns an error if a kind is unknown.
    pub fn restore(self) -> Result<(Plan, Cost), ReportError> {
        let cost = Cost { reads: self.reads, waves: self.waves, seconds: self.seconds };
        let (notes, outputs, output_changes) = (self.notes, self.outputs, self.output_changes);
        let mut plan = Plan { notes, outputs, output_changes, refresh_only: self.refresh_only, ..Plan::default() };
        for action in self.actions {
            if let Some(size) = action.code_size.as_ref().and_then(|size| size.after) {
                plan.code_sizes.insert(action.address.clone(), size);
            }
            plan.actions.push(action.restore()?);
        }
        for Forgotten { address, element, kind, reason } in self.forgotten {
            let planned = Planned { reason, ..Planned::new(address, element, known_kind(&kind)?, Action::Forget) };
            plan.actions.push(planned);
        }
        for drift in self.drift {
            let DriftReport { address, kind, path, before, after, plan: wanted, sensitive } = drift;
            let kind = known_kind(&kind)?;
            plan.drift.push(Drift { address, kind, path, before, after, sensitive, plan: wanted });
        }
        Ok((plan, cost))
    }
}

fn known_kind(name: &str) -> Result<KindRef, ReportError> {
    KindRef::find(name).ok_or_else(|| ReportError::Kind(name.to_owned()))
}

impl ActionReport {
    fn of(plan: &Plan, planned: &Planned) -> Self {
        let after = plan.code_sizes.get(&planned.address).copied();
        let before = planned.live.as_ref().and_then(|live| live.spec["code"]["size"].as_u64());
        Self {
            address: planned.address.clone(),
            element: planned.element.clone(),
            kind: planned.kind.name().to_owned(),
            action: planned.action,
            order: planned.order,
            physical_id: planned.live.as_ref().map(|live| live.physical_id.clone()),
            predecessor: planned.predecessor.as_ref().map(|live| live.physical_id.clone()),
            reason: planned.reason.clone(),
            renamed_from: planned.moved_from.clone(),
            impact: impact(planned),
            code_size: (after.is_some() || before.is_some()).then_some(CodeSize { before, after }),
            changes: planned.changes.iter().map(ChangeReport::of).collect(),
        }
    }

    fn restore(self) -> Result<Planned, ReportError> {
        let found = |id: String| Observed::new(id, Value::Null, BTreeMap::new());
        let mut live = self.physical_id.map(found);
        if let (Some(live), Some(size)) = (&mut live, self.code_size.and_then(|size| size.before)) {
            live.spec = json!({ "code": { "size": size } });
        }
        let changes = self.changes.into_iter().map(ChangeReport::restore).collect();
        Ok(Planned {
            order: self.order,
            reason: self.reason,
            moved_from: self.renamed_from,
            predecessor: self.predecessor.map(found),
            live,
            changes,
            ..Planned::new(self.address, self.element, known_kind(&self.kind)?, self.action)
        })
    }
}

impl ChangeReport {
    fn of(change: &Change) -> Self {
        Self {
            path: change.path.clone(),
            before: hidden(&change.before, change.sensitive),
            after: if change.known { hidden(&change.after, change.sensitive) } else { Value::Null },
            sensitive: change.sensitive,
            known: change.known,
            forces_replacement: change.forces_replacement,
        }
    }

    fn restore(self) -> Change {
        let after = if self.known { self.after } else { json!(AFTER_APPLY) };
        let Self { path, before, sensitive, known, forces_replacement, .. } = self;
        Change { path, before, after, sensitive, known, forces_replacement }
    }
}

impl Forgotten {
    fn of(planned: &Planned) -> Self {
        Self {
            address: planned.address.clone(),
            element: planned.element.clone(),
            kind: planned.kind.name().to_owned(),
            reason: planned.reason.clone(),
        }
    }
}

impl DriftReport {
    fn of(drift: &Drift) -> Self {
        Self {
            address: drift.address.clone(),
            kind: drift.kind.name().to_owned(),
            path: drift.path.clone(),
            before: hidden(&drift.before, drift.sensitive),
            after: hidden(&drift.after, drift.sensitive),
            plan: hidden(&drift.plan, drift.sensitive),
            sensitive: drift.sensitive,
        }
    }
}
