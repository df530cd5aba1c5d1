//! Desired, prior and observed → [`Plan`].

mod apply;
pub(super) mod back;
mod gone;
mod guard;
mod reason;
mod recreated;
mod renamed;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::gone::{lapses, parents, take_along};
use self::reason::output_changes;
use self::renamed::renamed;
use super::action::{ArtifactSizes, Plan, PlannedResource};
use super::adopt::adoptions_only;
use super::effect::{Effect, Replacement};
use super::goal::Goal;
use super::problem::{PlanError, Problem};
use super::question::Question;
use super::reason::{Note, Reason, Remark};
use super::refresh::records_only;
use super::select::{Selection, select, unknown_names};
use super::successors::forgive_successors;
use crate::aws::Place;
use crate::graph::owner::{Evidence, Foreign, Owner, Owners};
use crate::graph::resolve::{self, KnownOutputs};
use crate::graph::{Graph, Node};
use crate::kinds::{Action, KindRef, ObservedResource};
use crate::observe::{Observation, StateOnlyResource, identity_known};
use crate::spec::secrets::Secrets;
use crate::spec::template;
use crate::state::Record;

/// Makes a plan. The same question gives the same plan.
///
/// # Errors
/// Returns every problem at once: foreign resources, protected ones, missing external ones.
pub fn plan(question: &Question<'_>) -> Result<Plan, PlanError> {
    match question.goal {
        Goal::Apply | Goal::Destroy => compare(question),
        Goal::Refresh => Ok(records_only(compare(question)?, &question.seen.prior)),
        Goal::Adopt(adoption) => {
            let plan = compare(&Question { selection: &Selection::only(adoption), ..*question })?;
            adoptions_only(plan, adoption, question.seen)
        }
    }
}

/// Compares the stack with AWS and the state.
fn compare(question: &Question<'_>) -> Result<Plan, PlanError> {
    let Question { graph, seen, stack, place, goal, selection, secrets } = *question;
    let mut planner = Planner {
        graph,
        seen,
        place,
        goal,
        selection,
        secrets,
        selected: select(graph, selection, goal),
        known: seen.known.clone(),
        claimed: BTreeSet::new(),
        new_behind_name: BTreeMap::new(),
        owners: seen.owners(graph, stack, place).adopting(|address| selection.adopts(address)),
        plan: Plan::default(),
        problems: unknown_names(graph, seen, selection),
    };
    for node in graph.nodes() {
        planner.node(node);
    }
    for (address, left) in &seen.left {
        planner.only_recorded(address, left);
    }
    planner.drop_second_records();
    planner.orphans();
    planner.plan.left_out = planner.left_out();
    let Planner { mut plan, problems, known, owners, .. } = planner;
    take_along(&mut plan.actions);
    forgive_successors(&mut plan.actions, &known);
    plan.parents = parents(&plan.actions, &owners);
    plan.notes.extend(plan.actions.iter().filter_map(lapses));
    plan.notes.extend(renamed(&plan.actions));
    if *goal != Goal::Destroy {
        plan.outputs =
            graph.outputs().iter().map(|(name, text)| (name.clone(), resolve::text(text, &known, place))).collect();
        plan.output_changes = output_changes(&seen.prior, &plan.outputs, !plan.has_changes(), secrets);
    }
    if problems.is_empty() { Ok(plan) } else { Err(PlanError(problems)) }
}

pub(super) struct Planner<'a> {
    pub(super) graph: &'a Graph,
    pub(super) seen: &'a Observation,
    pub(super) place: &'a Place,
    goal: &'a Goal,
    selection: &'a Selection,
    secrets: &'a Secrets,
    selected: BTreeSet<String>,
    known: KnownOutputs,
    /// The addresses of records that belong to a node, also to one of another address.
    claimed: BTreeSet<String>,
    /// The resources that this plan puts behind a name that had another resource or none, by address.
    new_behind_name: BTreeMap<String, Action>,
    owners: Owners<'a>,
    plan: Plan,
    problems: Vec<Problem>,
}

/// The prior state's record of a node.
struct Prior<'a> {
    record: &'a Record,
    /// The record's address, if it differs from the node's.
    moved_from: Option<String>,
    /// The resource under the record's identity, if the node has another one now.
    left: Option<&'a StateOnlyResource>,
    /// The record is of the resource that the node means now.
    same: bool,
}

impl<'a> Planner<'a> {
    fn node(&mut self, node: &'a Node) {
        let spec = resolve::value(&node.spec, &self.known, self.place);
        let live = self.seen.live.get(&node.address);
        if node.external {
            return self.external(node, live);
        }
        let prior = self.prior(node, &spec);
        if let Some(prior) = &prior {
            self.claimed.insert(prior.moved_from.clone().unwrap_or_else(|| node.address.clone()));
        }
        if !self.selected.contains(&node.address) {
            return;
        }
        match self.goal {
            Goal::Apply | Goal::Refresh | Goal::Adopt(_) => self.apply_node(node, spec, live, prior),
            Goal::Destroy => self.destroy_node(node, live, prior),
        }
    }

    /// Lists the addresses of interrupted actions that the selection leaves out.
    fn left_out(&self) -> BTreeSet<String> {
        let is_part = |address: &String| match self.graph.node(address) {
            Some(_) => self.selected.contains(address),
            None => self.is_asked_for(address),
        };
        let interrupted = self.seen.prior.intents.iter().map(|intent| &intent.address);
        interrupted.filter(|address| !is_part(address)).cloned().collect()
    }

    /// Reports an external resource that does not exist. Nothing else about it is ours.
    fn external(&mut self, node: &Node, live: Option<&ObservedResource<Value>>) {
        if live.is_none() && *self.goal != Goal::Destroy {
            let name = node.kind.identify(&resolve::value(&node.spec, &self.known, self.place));
            self.problems.push(Problem::external_missing(node, &name));
        }
        self.give_away(node);
    }

    /// Finds a node's record. Prefers the record with its identity, at its address or, if elements were renamed, at
    /// another one. Otherwise takes the record at its address.
    fn prior(&self, node: &Node, spec: &Value) -> Option<Prior<'a>> {
        let resources = &self.seen.prior.resources;
        let wanted = node.kind.identify(spec);
        let named = |record: &Record| record.kind == node.kind.name() && node.kind.identify(&record.inputs) == wanted;
        // A child of a generated id has no name before its parent is read, so its address has to do.
        let open = !identity_known(node.kind, spec);
        let own = resources.get(&node.address);
        let left = self.seen.left.get(&node.address);
        if let Some(record) = own.filter(|record| named(record) || (open && left.is_none())) {
            return Some(Prior { record, moved_from: None, left: None, same: true });
        }
        let renamed = resources.iter().find(|(address, record)| {
            named(record) && !self.claimed.contains(*address) && !self.at_home(address, record)
        });
        if let Some((address, record)) = renamed {
            return Some(Prior { record, moved_from: Some(address.clone()), left, same: true });
        }
        own.map(|record| Prior { record, moved_from: None, left, same: false })
    }

    /// Returns the resource under the identity that a node had before, unless another stack has taken it over.
    fn predecessor(&self, prior: &Prior<'a>) -> Option<&'a ObservedResource<Value>> {
        if self.other_owner_of_predecessor(prior).is_some() {
            return None;
        }
        prior.left?.live.as_ref()
    }

    fn other_owner_of_predecessor(&self, prior: &Prior<'a>) -> Option<Foreign> {
        let left = prior.left?;
        self.owner_of_left(left)?.foreign()
    }

    /// Returns the owner of a live resource that only the state has.
    fn owner_of_left(&self, left: &StateOnlyResource) -> Option<Owner> {
        let kind = KindRef::find(&left.record.kind)?;
        Some(self.owners.of(&*kind, left.live.as_ref()?, Evidence::STATE_ALONE))
    }

    /// Tells whether the element at `address` still means the resource in its record.
    fn at_home(&self, address: &str, record: &Record) -> bool {
        self.graph.node(address).is_some_and(|node| {
            let spec = resolve::value(&node.spec, &self.seen.known, self.place);
            node.kind.name() == record.kind && node.kind.identify(&spec) == node.kind.identify(&record.inputs)
        })
    }

    /// Applies `protect`, which forbids deletions, and `retain`, which keeps the resource in AWS instead.
    fn honour_protection(&mut self, node: &Node, planned: &mut PlannedResource) {
        if !planned.effect.deletes() {
            return;
        }
        let stays = node.retain && matches!(planned.effect, Effect::Delete { .. });
        if node.protect && !stays {
            self.problems.push(Problem::of_protection(node));
            return;
        }
        if !node.retain {
            return;
        }
        match &mut planned.effect {
            Effect::Delete { live, .. } => {
                planned.effect = Effect::Forget { live: Some(live.clone()) };
                planned.reason = Reason::Retained;
            }
            Effect::Replace { order: Replacement::CreateFirst { predecessor }, .. } => *predecessor = None,
            Effect::Update(revision) | Effect::Adopt(revision) => {
                let kept = revision.leftover.take();
                let remark = kept.map(|kept| Remark::PredecessorRetained { physical_id: kept.physical_id });
                self.plan.notes.extend(remark.map(|remark| Note::new(&node.address, remark)));
            }
            _ => self.problems.push(Problem::of_retention(node)),
        }
    }

    fn notes(&mut self, node: &Node, live: &ObservedResource<Value>) {
        let notes = live.notes.iter().map(|text| Note::text(&node.address, text));
        self.plan.notes.extend(notes);
    }

    /// Plans an effect on a resource of the graph.
    fn plan_resource(&self, node: &Node, effect: Effect, reason: Reason, prior: Option<&Prior<'_>>) -> PlannedResource {
        let desired = effect.desired_spec().map_or(&Value::Null, |wanted| &wanted.desired);
        let by_name = taken_by_name(node, desired);
        let early = early(node, desired);
        let planned = PlannedResource::new(&node.address, &node.element, node.kind.into(), effect, reason);
        PlannedResource {
            artifact: ArtifactSizes { packaged_bytes: node.artifact_bytes, ..planned.artifact },
            dependencies: node.dependencies.clone(),
            by_name,
            early,
            prior_dependencies: prior.map(|p| p.record.dependencies.clone()).unwrap_or_default(),
            protect: node.protect,
            retain: node.retain,
            moved_from: prior.and_then(|p| p.moved_from.clone()),
            ..planned
        }
    }
}

/// Returns the dependencies that need not exist yet; none if a value in such a property is known only once they do.
fn taken_by_name(node: &Node, spec: &Value) -> BTreeSet<String> {
    let unknown =
        node.kind.about().references.by_name.iter().any(|property| spec.get(property).is_some_and(resolve::is_unknown));
    if unknown { BTreeSet::new() } else { node.by_name.clone() }
}

/// Returns the dependencies that must exist, but need not be finished, before this resource starts. Empty if the spec
/// needs an output that AWS assigns, which is known only once its resource is finished.
fn early(node: &Node, spec: &Value) -> BTreeSet<String> {
    let properties = node.kind.early(spec);
    if properties.is_empty() || resolve::is_unknown(spec) {
        return BTreeSet::new();
    }
    let values = properties.iter().filter_map(|property| node.spec.get(*property));
    let addresses = values.flat_map(template::references).map(|(_, to)| to.address);
    let waits = |address: &String| node.dependencies.contains(address) && !node.depends_on.contains(address);
    addresses.filter(waits).collect()
}
