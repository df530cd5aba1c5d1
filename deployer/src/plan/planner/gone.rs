//! Plans deletions, and resources that only the state has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Planner, Prior};
use crate::graph::Node;
use crate::graph::owner::{Evidence, Owners};
use crate::kinds::{Action, KindRef, ObservedResource, Ownership};
use crate::observe::{Orphan, StateOnlyResource};
use crate::plan::action::{LiveParent, PlannedResource};
use crate::plan::effect::{Deletion, Effect};
use crate::plan::problem::Problem;
use crate::plan::reason::{Note, Reason, Remark};
use crate::plan::select::is_named;
use crate::state::Record;

impl<'a> Planner<'a> {
    pub(super) fn destroy_node(
        &mut self,
        node: &'a Node,
        live: Option<&ObservedResource<Value>>,
        prior: Option<Prior<'a>>,
    ) {
        let left = prior.as_ref().and_then(|p| self.predecessor(p));
        let taken = prior.as_ref().and_then(|p| self.other_owner_of_predecessor(p));
        let mut found = live;
        let mut gone = taken.map_or(Reason::AlreadyGone, |owner| Reason::Foreign { owner });
        if let Some(live) = live {
            let known = prior.as_ref().is_some_and(|p| p.same);
            let evidence = Evidence { stated: true, recorded: known, leaves: true };
            if let Some(owner) = self.owners.of(node.kind, live, evidence).foreign() {
                found = None;
                gone = Reason::Foreign { owner };
            }
        }
        let Some(live) = found.or(left) else {
            if prior.is_some() {
                self.plan.actions.push(self.plan_resource(node, Effect::Forget { live: None }, gone, prior.as_ref()));
            }
            return;
        };
        let leftover = if found.is_some() { left.cloned() } else { None };
        let effect = Effect::Delete { live: live.clone(), how: Deletion::Called { leftover } };
        let mut planned = self.plan_resource(node, effect, Reason::StackDestroyed, prior.as_ref());
        self.notes(node, live);
        self.honour_protection(node, &mut planned);
        self.honour_guard(Some(node), &mut planned);
        // A resource that is retained and that no record has was already kept by an earlier destroy.
        if planned.action() != Action::Forget || prior.is_some() {
            self.plan.actions.push(planned);
        }
    }

    pub(super) fn is_asked_for(&self, address: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| is_named(address, name));
        (self.selection.target.is_empty() || named(&self.selection.target)) && !named(&self.selection.exclude)
    }

    /// Removes the record of a node that became external.
    pub(super) fn give_away(&mut self, node: &Node) {
        let Some(record) = self.seen.prior.resources.get(&node.address) else { return };
        if !self.seen.left.contains_key(&node.address) && self.is_asked_for(&node.address) {
            self.plan.actions.push(forget(&node.address, node.kind.into(), record, Reason::External));
        }
    }

    /// Plans a resource that only the state has: its element left `stack.yaml`.
    pub(super) fn only_recorded(&mut self, address: &str, left: &StateOnlyResource) {
        let is_meant = self.graph.node(address).is_some_and(|node| !node.external);
        if is_meant || self.claimed.contains(address) || !self.is_asked_for(address) {
            return;
        }
        let Some(kind) = KindRef::find(&left.record.kind) else { return };
        let gone = |reason: Reason| forget(address, kind, &left.record, reason);
        let mut planned = match &left.live {
            None => gone(Reason::AlreadyGone),
            // The next deployment would serve a route that stayed.
            Some(_) if left.record.retain && !kind.about().calls.definition => gone(Reason::Retained),
            Some(live) => match self.owners.of(&*kind, live, Evidence::STATE_ALONE).foreign() {
                Some(owner) => gone(Reason::Foreign { owner }),
                None if left.record.protect => {
                    self.problems.push(Problem::protected_in_state(address, &left.record.element));
                    return;
                }
                None => delete(address, kind, &left.record, live.clone(), self.departure(&left.record.element)),
            },
        };
        self.honour_guard(self.node_of_record(address), &mut planned);
        self.plan.actions.push(planned);
    }

    /// Returns the reason why an element is gone from the graph.
    fn departure(&self, element: &str) -> Reason {
        match self.graph.left_out(element) {
            Some(property) => Reason::LeftOut { property: property.to_owned() },
            None => Reason::Removed,
        }
    }

    /// Plans the orphans: deletes those that the user asked for by name, and notes the others. An orphan may have been
    /// retained on purpose by a state that is lost, so only a user can decide.
    pub(super) fn orphans(&mut self) {
        for orphan in &self.seen.orphans {
            if !self.is_asked_for(&orphan.address) {
                continue;
            }
            let Some(kind) = KindRef::find(orphan.kind) else { continue };
            match &orphan.live {
                Ok(live) if self.selection.prunes(&orphan.address) => {
                    let live = without_environment(live.clone());
                    let record = Record { dependencies: orphan.needs(&self.seen.orphans), ..record_of(orphan, &live) };
                    let mut planned = delete(&orphan.address, kind, &record, live, Reason::Orphaned);
                    self.honour_guard(None, &mut planned);
                    self.plan.actions.push(planned);
                }
                live => {
                    let id = orphan.id.clone();
                    let stays = live.as_ref().err().cloned();
                    self.plan.notes.push(Note::new(&orphan.address, Remark::Orphan { kind, id, stays }));
                }
            }
        }
    }

    /// Removes the second record of a resource, which a state that was edited by hand may have.
    pub(super) fn drop_second_records(&mut self) {
        for (address, record) in &self.seen.prior.resources {
            let known = self.graph.node(address).is_some()
                || self.seen.left.contains_key(address)
                || self.claimed.contains(address);
            if known {
                continue;
            }
            let Some(kind) = KindRef::find(&record.kind) else { continue };
            let name = kind.identify(&record.inputs);
            let same = |(other, twin): &(&String, &Record)| {
                *other != address
                    && self.graph.node(other).is_some()
                    && twin.kind == record.kind
                    && kind.identify(&twin.inputs) == name
            };
            if let Some((other, _)) = self.seen.prior.resources.iter().find(same) {
                let reason = Reason::RecordedTwice { other: other.clone() };
                self.plan.actions.push(forget(address, kind, record, reason));
            }
        }
    }
}

/// Lets each part of a deleted resource go with its parent, if AWS deletes it along.
pub(super) fn take_along(actions: &mut [PlannedResource]) {
    let going: BTreeMap<String, (KindRef, BTreeSet<String>)> = actions
        .iter()
        .filter_map(|planned| {
            let Effect::Delete { live, .. } = &planned.effect else { return None };
            let outputs = live.outputs.values().cloned().collect();
            Some((planned.address.clone(), (planned.kind, outputs)))
        })
        .collect();
    for planned in actions {
        let about = planned.kind.about();
        if !about.goes_with_parent() {
            continue;
        }
        let Effect::Delete { live, how: how @ Deletion::Called { leftover: None } } = &mut planned.effect else {
            continue;
        };
        let Some(parent) = about.parent_in(&live.spec) else { continue };
        // An API and a function may have the same name, but a permission is part of the function alone.
        let is_parent = |address: &&String| {
            going
                .get(*address)
                .is_some_and(|(of, outputs)| about.part_of() == Some(of.name()) && outputs.contains(parent))
        };
        if let Some(address) = planned.dependencies.union(&planned.prior_dependencies).find(is_parent) {
            *how = Deletion::WithParent(address.clone());
        }
    }
}

/// Lists the parents of the parts that the plan deletes by calls of its own.
pub(super) fn parents(actions: &[PlannedResource], owners: &Owners<'_>) -> Vec<LiveParent> {
    let mut parents = BTreeMap::new();
    for planned in actions.iter().filter(|planned| planned.kind.ownership() == Ownership::Parent) {
        for live in planned.effect.deleted_resources() {
            let Some(parent) = owners.parent(&*planned.kind, &live.spec) else { continue };
            let whole = LiveParent { kind: parent.kind.into(), live: parent.live.clone() };
            parents.entry((parent.address, parent.is_stated)).or_insert(whole);
        }
    }
    parents.into_values().collect()
}

/// Returns a note on the part of a deletion that AWS finishes later, unless the resource is deleted with its parent.
pub(super) fn lapses(planned: &PlannedResource) -> Option<Note> {
    let (gone, with_parent) = match &planned.effect {
        Effect::Delete { live, how } => (live, matches!(how, Deletion::WithParent(_))),
        effect => (effect.predecessor()?, false),
    };
    Some(Note::text(&planned.address, planned.kind.lapses(gone, with_parent)?))
}

/// Removes the environment, which may hold secrets, so that the state's intents do not have it.
fn without_environment(mut live: ObservedResource<Value>) -> ObservedResource<Value> {
    if let Some(environment) = live.spec.get_mut("environment") {
        *environment = Value::Object(serde_json::Map::new());
    }
    live
}

fn record_of(orphan: &Orphan, live: &ObservedResource<Value>) -> Record {
    Record {
        kind: orphan.kind.to_owned(),
        element: orphan.address.split('.').take(2).collect::<Vec<_>>().join("."),
        physical_id: live.physical_id.clone(),
        inputs: live.spec.clone(),
        outputs: live.outputs.clone(),
        dependencies: BTreeSet::new(),
        protect: false,
        retain: false,
        origin: None,
    }
}

fn forget(address: &str, kind: KindRef, record: &Record, reason: Reason) -> PlannedResource {
    of_record(address, kind, record, Effect::Forget { live: None }, reason)
}

fn delete(
    address: &str,
    kind: KindRef,
    record: &Record,
    live: ObservedResource<Value>,
    reason: Reason,
) -> PlannedResource {
    let how = Deletion::Called { leftover: None };
    of_record(address, kind, record, Effect::Delete { live, how }, reason)
}

/// Plans an effect on a resource of which there is only a record.
fn of_record(address: &str, kind: KindRef, record: &Record, effect: Effect, reason: Reason) -> PlannedResource {
    PlannedResource {
        dependencies: record.dependencies.clone(),
        prior_dependencies: record.dependencies.clone(),
        protect: record.protect,
        retain: record.retain,
        ..PlannedResource::new(address, &record.element, kind, effect, reason)
    }
}
