//! The JSON form of a plan. It is part of the command-line contract, and saved plans keep it for display.

mod change;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use change::mask_sensitive;

pub use change::ChangeReport;

use super::heading::Heading;
use super::plan::impact;
use super::reason::{code_and_details, code_schema, parse_reason, remark, words};
use super::running::RunningReport;
use crate::graph::resolve;
use crate::kinds::{KindRef, ObservedResource};
use crate::origin::CodeChange;
use crate::plan::{
    Action, ArtifactSizes, Change, Cost, Deletion, DesiredSpec, Drift, Effect, Note, Order, OutputChange, Plan,
    PlannedResource, Replacement, Revision, Side, Summary,
};

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
    /// The preview environment; null for the stack itself.
    #[serde(default)]
    pub env: Option<String>,
    /// True if the resources are in the local cloud.
    #[serde(default)]
    pub local: bool,
    /// The number of resources for each action.
    pub summary: Summary,
    /// Every resource of the stack, including unchanged ones.
    pub actions: Vec<ActionReport>,
    /// Resources that leave the state without a call to AWS.
    pub forgotten: Vec<ForgottenReport>,
    /// Changes made outside the deployer since the last apply.
    pub drift: Vec<DriftReport>,
    /// Facts that the user should know, and steps that remain for the user.
    pub notes: Vec<NoteReport>,
    /// True if apply would only record in the state what AWS has, and change nothing in AWS.
    #[serde(default)]
    pub refresh_only: bool,
    /// The stack's outputs as far as they are known.
    pub outputs: BTreeMap<String, String>,
    /// The outputs that differ from those of the last apply.
    #[serde(default)]
    pub output_changes: Vec<OutputChange>,
    /// The run that was changing the stack while this plan was made; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<RunningReport>,
    /// The properties, by address, that were not compared because a secret was not given. Absent without such ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    not_compared: BTreeMap<String, BTreeSet<String>>,
    /// The digest of this plan, which `--expect-plan` takes.
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
    /// The reason in words, which may change with any version.
    pub reason: String,
    /// The reason's code, which does not change. Absent in plans of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "code_schema")]
    pub reason_code: Option<String>,
    /// Details that belong to the code: an address, an owner, properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_details: Option<Value>,
    /// The address that it had in the state until now.
    pub renamed_from: Option<String>,
    /// What does not work meanwhile, what is lost for good.
    #[serde(default)]
    pub impact: Vec<String>,
    /// The size of the function's zip, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_size: Option<CodeSize>,
    /// Why the function's code differs from the code in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_change: Option<CodeChange>,
    pub changes: Vec<ChangeReport>,
    /// The paths of the properties by which the action widens permissions. A change that cannot be judged is one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub widens: BTreeSet<String>,
}

/// Bytes of a zip in AWS and of the one that was packaged.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CodeSize {
    pub before: Option<u64>,
    pub after: Option<u64>,
}

/// A resource that leaves the state; AWS is not asked to do anything.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Forgotten")]
pub struct ForgottenReport {
    pub address: String,
    #[serde(default)]
    pub element: String,
    pub kind: String,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "code_schema")]
    pub reason_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_details: Option<Value>,
}

/// A fact that the user should know, or a step that remains for the user.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NoteReport {
    pub address: String,
    pub text: String,
}

/// A change made in AWS, outside the deployer, since the last apply.
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
    #[error("its plan is damaged: the action of `{0}` lacks the resource that it is about")]
    Incomplete(String),
}

impl PlanReport {
    /// Describes a plan. Hides sensitive properties; other secrets are not masked yet.
    pub(super) fn of(plan: &Plan, heading: &Heading, cost: Cost) -> Self {
        let forgotten = |planned: &&PlannedResource| planned.action() == Action::Forget;
        Self {
            format_version: PLAN_FORMAT,
            stack: heading.owner.clone(),
            region: heading.region.clone(),
            account: heading.account.clone(),
            env: heading.env().map(str::to_owned),
            local: heading.local,
            summary: plan.summary(),
            actions: plan.actions().iter().filter(|p| !forgotten(p)).map(ActionReport::of).collect(),
            forgotten: plan.actions().iter().filter(forgotten).map(ForgottenReport::of).collect(),
            drift: plan.drift().iter().map(|drift| DriftReport::of(drift, plan.is_refresh_only())).collect(),
            notes: plan.notes().iter().map(NoteReport::of).collect(),
            refresh_only: plan.is_refresh_only(),
            outputs: plan.outputs().iter().map(|(k, v)| (k.clone(), resolve::readable(v))).collect(),
            output_changes: plan.output_changes().to_vec(),
            running: None,
            not_compared: plan.not_compared().clone(),
            digest: None,
            effects: None,
            reads: cost.reads,
            waves: cost.waves,
            seconds: (cost.seconds * 1000.0).round() / 1000.0,
        }
    }

    /// Returns the stack that the plan is about.
    pub fn heading(&self) -> Heading {
        let Self { stack, region, account, local, .. } = self;
        Heading { owner: stack.clone(), region: region.clone(), account: account.clone(), local: *local }
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
        let mut plan = Plan {
            notes: self.notes.into_iter().map(|note| Note::text(note.address, note.text)).collect(),
            outputs: self.outputs,
            output_changes: self.output_changes,
            not_compared: self.not_compared,
            side: if self.refresh_only { Side::State } else { Side::Aws },
            ..Plan::default()
        };
        for action in self.actions {
            plan.actions.push(action.restore()?);
        }
        for ForgottenReport { address, element, kind, reason, reason_code, reason_details } in self.forgotten {
            let reason = parse_reason(reason_code.as_deref(), reason_details, reason);
            let effect = Effect::Forget { live: None };
            plan.actions.push(PlannedResource::new(address, element, known_kind(&kind)?, effect, reason));
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
    fn of(planned: &PlannedResource) -> Self {
        let ArtifactSizes { live_bytes: before, packaged_bytes: after } = planned.artifact;
        let (code, details) = code_and_details(&planned.reason);
        Self {
            address: planned.address.clone(),
            element: planned.element.clone(),
            kind: planned.kind.name().to_owned(),
            action: planned.action(),
            order: planned.order(),
            physical_id: planned.live().map(|live| live.physical_id.clone()),
            predecessor: planned.predecessor().map(|live| live.physical_id.clone()),
            reason: words(&planned.reason),
            reason_code: Some(code),
            reason_details: details,
            renamed_from: planned.moved_from.clone(),
            impact: impact(planned),
            code_change: planned.code_change.clone(),
            code_size: (after.is_some() || before.is_some()).then_some(CodeSize { before, after }),
            changes: planned.changes().iter().map(ChangeReport::of).collect(),
            widens: planned.widens.clone(),
        }
    }

    fn restore(self) -> Result<PlannedResource, ReportError> {
        let reason = parse_reason(self.reason_code.as_deref(), self.reason_details.clone(), self.reason.clone());
        let kind = known_kind(&self.kind)?;
        let (moved_from, widens) = (self.renamed_from.clone(), self.widens.clone());
        let code_change = self.code_change.clone();
        let address = self.address.clone();
        let element = self.element.clone();
        let artifact = self.code_size.as_ref().map_or_else(ArtifactSizes::default, |size| ArtifactSizes {
            live_bytes: size.before,
            packaged_bytes: size.after,
        });
        let effect = self.effect().ok_or_else(|| ReportError::Incomplete(address.clone()))?;
        Ok(PlannedResource {
            moved_from,
            artifact,
            widens,
            code_change,
            ..PlannedResource::new(address, element, kind, effect, reason)
        })
    }

    /// Returns the effect without specs. `None` if it lacks what its action needs.
    fn effect(self) -> Option<Effect> {
        let found = |id: String| ObservedResource::new(id, Value::Null, BTreeMap::new());
        let live = self.physical_id.map(found);
        let changes: Vec<Change> = self.changes.into_iter().map(ChangeReport::restore).collect();
        let predecessor = self.predecessor.map(found);
        let wanted = DesiredSpec::default();
        Some(match (self.action, self.order) {
            (Action::Create, _) => Effect::Create { wanted, changes },
            (Action::Update, _) => Effect::Update(Revision { wanted, live: live?, changes, leftover: predecessor }),
            (Action::Adopt, _) => Effect::Adopt(Revision { wanted, live: live?, changes, leftover: predecessor }),
            (Action::Replace, Some(Order::CreateFirst)) => {
                Effect::Replace { wanted, changes, order: Replacement::CreateFirst { predecessor } }
            }
            (Action::Replace, _) => {
                let order = Replacement::DeleteFirst { live: live?, leftover: predecessor };
                Effect::Replace { wanted, changes, order }
            }
            (Action::Unchanged, _) => Effect::Unchanged { wanted, live: live? },
            (Action::Delete, _) => Effect::Delete { live: live?, how: Deletion::Called { leftover: predecessor } },
            (Action::Forget, _) => Effect::Forget { live },
        })
    }
}

impl ForgottenReport {
    fn of(planned: &PlannedResource) -> Self {
        let (code, details) = code_and_details(&planned.reason);
        Self {
            address: planned.address.clone(),
            element: planned.element.clone(),
            kind: planned.kind.name().to_owned(),
            reason: words(&planned.reason),
            reason_code: Some(code),
            reason_details: details,
        }
    }
}

impl NoteReport {
    fn of(note: &Note) -> Self {
        Self { address: note.address.clone(), text: remark(note) }
    }
}

impl DriftReport {
    fn of(drift: &Drift, refresh_only: bool) -> Self {
        let (before, plan) = match &drift.path {
            Some(_) => (mask_sensitive(&drift.before, drift.sensitive), mask_sensitive(&drift.plan, drift.sensitive)),
            None if refresh_only => (json!("exists"), Value::Null),
            None => (json!("exists"), json!("create it again")),
        };
        Self {
            address: drift.address.clone(),
            kind: drift.kind.name().to_owned(),
            path: drift.path.clone(),
            before,
            after: mask_sensitive(&drift.after, drift.sensitive),
            plan,
            sensitive: drift.sensitive,
        }
    }
}
