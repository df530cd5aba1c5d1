//! The plan as a value.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::diff::Change;
use crate::kinds::{Action, KindRef, Observed, Order};

/// One resource and what is done to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    pub address: String,
    /// The element that the user wrote.
    pub element: String,
    pub kind: KindRef,
    pub action: Action,
    /// Why, in words: "not in AWS", "was deleted outside".
    pub reason: String,
    pub changes: Vec<Change>,
    /// The desired spec as far as it is known; nothing when deleting.
    pub desired: Option<Value>,
    /// The desired spec with its references, to be resolved when their resources exist.
    pub spec: Option<Value>,
    /// What AWS has under the desired identity, or what is deleted.
    pub live: Option<Observed<Value>>,
    /// What a replacement leaves behind under another identity, to be deleted.
    pub predecessor: Option<Observed<Value>>,
    pub order: Option<Order>,
    /// The resources that this one refers to or waits for.
    pub dependencies: BTreeSet<String>,
    /// Those of them that need not be there: AWS takes their names and ARNs without looking.
    pub by_name: BTreeSet<String>,
    /// Those of them that have to be there when this one begins, and done when those that depend on it do.
    pub early: BTreeSet<String>,
    /// The resource that is deleted, too, and takes this one along.
    pub goes_with: Option<String>,
    /// What the prior state says it depended on.
    pub prior_dependencies: BTreeSet<String>,
    pub protect: bool,
    pub retain: bool,
    /// The address in the prior state when the element was renamed.
    pub moved_from: Option<String>,
}

impl Planned {
    /// Plans an action without reason, changes or dependencies.
    pub fn new(address: impl Into<String>, element: impl Into<String>, kind: KindRef, action: Action) -> Self {
        Self {
            address: address.into(),
            element: element.into(),
            kind,
            action,
            reason: String::new(),
            changes: Vec::new(),
            desired: None,
            spec: None,
            live: None,
            predecessor: None,
            order: None,
            dependencies: BTreeSet::new(),
            by_name: BTreeSet::new(),
            early: BTreeSet::new(),
            goes_with: None,
            prior_dependencies: BTreeSet::new(),
            protect: false,
            retain: false,
            moved_from: None,
        }
    }
}

/// Something that changed in AWS since the last apply, by other hands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    pub address: String,
    pub kind: KindRef,
    /// The property, or nothing when the whole resource is gone.
    pub path: Option<String>,
    pub before: Value,
    pub after: Value,
    pub sensitive: bool,
    /// What the plan does about it.
    pub plan: Value,
}

/// Something that a person should know or do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    pub address: String,
    pub text: String,
}

/// An output that apply records anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputChange {
    pub name: String,
    /// What the last apply recorded; null when it had none.
    pub before: Option<String>,
    /// Null when stack.yaml has it no more.
    pub after: Option<String>,
}

/// Everything that apply would do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub(crate) actions: Vec<Planned>,
    pub(crate) drift: Vec<Drift>,
    pub(crate) notes: Vec<Note>,
    /// The stack's outputs as far as they are known.
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) output_changes: Vec<OutputChange>,
    /// Only the state learns what AWS has; AWS is not changed.
    pub(crate) refresh_only: bool,
    /// Bytes of the packaged zips, by the functions' addresses; to show, not to decide by.
    pub(crate) code_sizes: BTreeMap<String, u64>,
}

/// What making a plan cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Reading calls made.
    pub reads: u64,
    /// How often reads had to wait for others.
    pub waves: u32,
    pub seconds: f64,
}

/// How many resources each action has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub create: usize,
    pub update: usize,
    pub replace: usize,
    pub delete: usize,
    pub adopt: usize,
    pub unchanged: usize,
    /// Only the state is told.
    #[serde(skip)]
    pub forget: usize,
}

impl Plan {
    pub fn actions(&self) -> &[Planned] {
        &self.actions
    }

    pub fn drift(&self) -> &[Drift] {
        &self.drift
    }

    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Drops the actions for which `wanted` does not hold.
    pub fn keep(&mut self, wanted: impl Fn(&Planned) -> bool) {
        self.actions.retain(wanted);
    }

    /// Tells whether only the state is to learn what AWS has.
    pub fn is_refresh_only(&self) -> bool {
        self.refresh_only
    }

    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }

    /// The outputs that differ from those of the last apply.
    pub fn output_changes(&self) -> &[OutputChange] {
        &self.output_changes
    }

    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for planned in &self.actions {
            *match planned.action {
                Action::Create => &mut summary.create,
                Action::Update => &mut summary.update,
                Action::Replace => &mut summary.replace,
                Action::Delete => &mut summary.delete,
                Action::Adopt => &mut summary.adopt,
                Action::Unchanged => &mut summary.unchanged,
                Action::Forget => &mut summary.forget,
            } += 1;
            // What another one takes the place of is deleted besides; a replacement says so itself.
            let kept = matches!(planned.action, Action::Delete | Action::Replace) || planned.predecessor.is_none();
            summary.delete += usize::from(!kept);
        }
        summary
    }

    /// Tells whether apply would change anything in AWS or in the state.
    pub fn has_changes(&self) -> bool {
        (self.refresh_only && !self.drift.is_empty())
            || self.actions.iter().any(|planned| planned.action != Action::Unchanged || planned.moved_from.is_some())
    }
}
