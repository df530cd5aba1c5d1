//! The plan as a value.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::Change;
use super::effect::Effect;
use super::reason::{Note, Reason};
use super::widening::widening;
use crate::kinds::{Action, Changes, KindRef, ObservedResource, Order};
use crate::origin::CodeChange;
use crate::state::Intent;

/// One resource and the plan for it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedResource {
    pub address: String,
    /// The element that the user wrote.
    pub element: String,
    pub kind: KindRef,
    pub effect: Effect,
    pub reason: Reason,
    /// Informs people; nothing is decided by it.
    pub artifact: ArtifactSizes,
    /// The paths of the properties by which the action widens permissions. Informs people, too.
    pub widens: BTreeSet<String>,
    /// Why the code differs from that in AWS. Informs people, too.
    pub code_change: Option<CodeChange>,
    /// The resources that this one refers to or waits for.
    pub dependencies: BTreeSet<String>,
    /// The dependencies that need not exist: AWS takes their names and ARNs without looking.
    pub by_name: BTreeSet<String>,
    /// The dependencies that must exist when this resource starts, and be finished when its dependents start.
    pub early: BTreeSet<String>,
    /// The dependencies that the prior state recorded.
    pub prior_dependencies: BTreeSet<String>,
    pub protect: bool,
    pub retain: bool,
    /// The address in the prior state, if the element was renamed.
    pub moved_from: Option<String>,
}

impl PlannedResource {
    /// Plans an effect on a resource without dependencies.
    pub fn new(
        address: impl Into<String>,
        element: impl Into<String>,
        kind: KindRef,
        effect: Effect,
        reason: Reason,
    ) -> Self {
        Self {
            address: address.into(),
            element: element.into(),
            kind,
            artifact: ArtifactSizes::of(kind, &effect),
            widens: widening(kind, &effect),
            code_change: None,
            effect,
            reason,
            dependencies: BTreeSet::new(),
            by_name: BTreeSet::new(),
            early: BTreeSet::new(),
            prior_dependencies: BTreeSet::new(),
            protect: false,
            retain: false,
            moved_from: None,
        }
    }

    pub fn action(&self) -> Action {
        self.effect.action()
    }

    pub fn order(&self) -> Option<Order> {
        self.effect.order()
    }

    pub fn changes(&self) -> &[Change] {
        self.effect.changes()
    }

    pub fn live(&self) -> Option<&ObservedResource<Value>> {
        self.effect.live()
    }

    pub fn predecessor(&self) -> Option<&ObservedResource<Value>> {
        self.effect.predecessor()
    }

    /// Tells whether the resource gets another artifact.
    pub fn changes_artifact(&self) -> bool {
        let artifact = self.kind.artifact();
        artifact.is_some_and(|artifact| self.changes().iter().any(|change| artifact.is_digest(&change.path)))
    }

    /// Tells whether an update in place gives the resource other outputs.
    pub fn renews_outputs(&self) -> bool {
        let paths = self.changes().iter().map(|change| change.path.clone()).collect();
        matches!(self.effect, Effect::Update(_) | Effect::Adopt(_))
            && Changes(paths).touch_any(self.kind.about().renewed)
    }

    /// Tells whether anything changes, in AWS or in the state.
    pub fn has_changes(&self) -> bool {
        self.action() != Action::Unchanged || self.moved_from.is_some()
    }
}

/// The sizes of a resource's artifact, in bytes. `None` if they are not known, or if there is no artifact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArtifactSizes {
    pub live_bytes: Option<u64>,
    pub packaged_bytes: Option<u64>,
}

impl ArtifactSizes {
    fn of(kind: KindRef, effect: &Effect) -> Self {
        let property = kind.artifact();
        let live_bytes = property.zip(effect.live()).and_then(|(property, live)| property.size_bytes_in(&live.spec));
        Self { live_bytes, packaged_bytes: None }
    }
}

/// A change in AWS since the last apply, made by others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    pub address: String,
    pub kind: KindRef,
    /// The property; `None` if the whole resource was deleted.
    pub path: Option<String>,
    pub before: Value,
    pub after: Value,
    pub sensitive: bool,
    /// The plan's reaction to the change.
    pub plan: Value,
}

/// An output whose recorded value apply changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputChange {
    pub name: String,
    /// The value that the last apply recorded; null if it recorded none.
    pub before: Option<String>,
    /// The new value; null if stack.yaml no longer has the output.
    pub after: Option<String>,
}

/// The side that a plan changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Side {
    /// AWS, and the state with it.
    #[default]
    Aws,
    /// The state alone, which learns what AWS has.
    State,
}

/// All changes that apply would make.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub(crate) actions: Vec<PlannedResource>,
    pub(crate) drift: Vec<Drift>,
    pub(crate) notes: Vec<Note>,
    /// The stack's outputs as far as they are known.
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) output_changes: Vec<OutputChange>,
    /// The properties by address whose values need a variable without a value. AWS's values are kept.
    pub(crate) not_compared: BTreeMap<String, BTreeSet<String>>,
    pub(crate) side: Side,
    /// The parents whose owners decide the deletions of parts.
    pub(crate) parents: Vec<LiveParent>,
    /// The addresses of interrupted actions that are not part of this plan.
    pub(crate) left_out: BTreeSet<String>,
}

impl Plan {
    /// Returns the parent of a part that the plan deletes.
    pub(crate) fn parent_of(&self, kind: KindRef, live: &ObservedResource<Value>) -> Option<&LiveParent> {
        let about = kind.about();
        let named = about.parent_in(&live.spec)?;
        self.parents.iter().find(|whole| about.part_of() == Some(whole.kind.name()) && whole.is_called(named))
    }

    /// Tells whether an interrupted action is none of this plan's, so that a later run has to look for its resource.
    pub(crate) fn leaves_out(&self, intent: &Intent) -> bool {
        self.left_out.contains(&intent.address)
    }
}

/// A live resource that others are part of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveParent {
    pub(crate) kind: KindRef,
    pub(crate) live: ObservedResource<Value>,
}

impl LiveParent {
    fn is_called(&self, name: &str) -> bool {
        self.live.outputs.values().any(|output| output == name)
    }
}

/// The cost of making a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Number of reading calls.
    pub reads: u64,
    /// How often reads had to wait for other reads.
    pub waves: u32,
    pub seconds: f64,
}

/// The number of resources for each action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub create: usize,
    pub update: usize,
    pub replace: usize,
    pub delete: usize,
    pub adopt: usize,
    pub unchanged: usize,
    /// The resources among those above whose action widens permissions.
    #[serde(default)]
    pub widen: usize,
    /// Only the state is told.
    #[serde(skip)]
    pub forget: usize,
}

impl Plan {
    pub fn actions(&self) -> &[PlannedResource] {
        &self.actions
    }

    pub fn drift(&self) -> &[Drift] {
        &self.drift
    }

    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Adds notes, which inform users and decide nothing.
    #[must_use]
    pub fn with_notes(mut self, notes: Vec<Note>) -> Self {
        self.notes.extend(notes);
        self
    }

    /// Tells whether the plan only records AWS's values in the state.
    pub fn is_refresh_only(&self) -> bool {
        self.side == Side::State
    }

    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }

    /// Returns the properties, by address, that were not compared: their values need a variable without a value.
    pub fn not_compared(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.not_compared
    }

    /// Returns the outputs that differ from those of the last apply.
    pub fn output_changes(&self) -> &[OutputChange] {
        &self.output_changes
    }

    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for planned in &self.actions {
            *match planned.action() {
                Action::Create => &mut summary.create,
                Action::Update => &mut summary.update,
                Action::Replace => &mut summary.replace,
                Action::Delete => &mut summary.delete,
                Action::Adopt => &mut summary.adopt,
                Action::Unchanged => &mut summary.unchanged,
                Action::Forget => &mut summary.forget,
            } += 1;
            summary.widen += usize::from(!planned.widens.is_empty());
            // The predecessor is deleted as well. A deletion or a replacement counts it already.
            let counted = matches!(planned.action(), Action::Delete | Action::Replace);
            summary.delete += usize::from(!counted && planned.predecessor().is_some());
        }
        summary
    }

    /// Tells whether apply would change anything in AWS or in the state.
    pub fn has_changes(&self) -> bool {
        (self.is_refresh_only() && !self.drift.is_empty()) || self.actions.iter().any(PlannedResource::has_changes)
    }
}
