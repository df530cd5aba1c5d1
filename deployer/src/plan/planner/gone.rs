//! What is deleted, and what the state alone still knows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Planner, Prior};
use crate::graph::Node;
use crate::kinds::{Action, KindRef, Observed};
use crate::observe::{Left, Orphan};
use crate::plan::action::{Note, Planned};
use crate::plan::owner;
use crate::plan::problem::Problem;
use crate::plan::select::is_named;
use crate::state::Record;

impl<'a> Planner<'a> {
    pub(super) fn destroy_node(&mut self, node: &'a Node, live: Option<&Observed<Value>>, prior: Option<Prior<'a>>) {
        let left = prior.as_ref().and_then(|p| self.predecessor(p));
        let taken = prior.as_ref().and_then(|p| self.other_owner_of_predecessor(p));
        let (mut found, mut gone) = (live, taken.unwrap_or_else(|| "already gone from AWS".to_owned()));
        if let Some(live) = live {
            let known = prior.as_ref().is_some_and(|p| p.same);
            if let owner::Owner::Foreign(who) = owner::of(self, node, live, known) {
                (found, gone) = (None, who);
            } else if let Some(who) = owner::owner_of_parent(self, node.kind, &live.spec) {
                (found, gone) = (None, who);
            }
        }
        let Some(live) = found.or(left) else {
            if prior.is_some() {
                let mut planned = self.blank(node, Action::Forget, &Value::Null, prior.as_ref());
                planned.reason = gone;
                self.plan.actions.push(without_spec(planned));
            }
            return;
        };
        let mut planned = self.blank(node, Action::Delete, &Value::Null, prior.as_ref());
        planned.live = Some(live.clone());
        planned.predecessor = if found.is_some() { left.cloned() } else { None };
        planned.reason = "the stack is destroyed".to_owned();
        self.notes(node, live);
        self.honour_protection(node, &mut planned);
        // Whatever is retained and in no record any more has been left before.
        if planned.action != Action::Forget || prior.is_some() {
            self.plan.actions.push(without_spec(planned));
        }
    }

    fn is_asked_for(&self, address: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| is_named(address, name));
        (self.selection.target.is_empty() || named(&self.selection.target)) && !named(&self.selection.exclude)
    }

    /// What `stack.yaml` has come to say is somebody else's leaves the state.
    pub(super) fn given_away(&mut self, node: &Node) {
        let Some(record) = self.seen.prior.resources.get(&node.address) else { return };
        if !self.seen.left.contains_key(&node.address) && self.is_asked_for(&node.address) {
            let mut planned = blank_left(&node.address, node.kind.into(), record);
            planned.reason = "is external now".to_owned();
            self.plan.actions.push(planned);
        }
    }

    /// A resource that only the state knows: its element is gone from stack.yaml.
    pub(super) fn left(&mut self, address: &str, left: &Left) {
        let is_meant = self.graph.node(address).is_some_and(|node| !node.external);
        if is_meant || self.claimed.contains(address) || !self.is_asked_for(address) {
            return;
        }
        let Some(kind) = KindRef::find(&left.record.kind) else { return };
        let mut planned = blank_left(address, kind, &left.record);
        match &left.live {
            None => planned.reason = "already gone from AWS".to_owned(),
            // A route that stayed would be served by the next deployment.
            Some(_) if left.record.retain && !kind.about().calls.definition => {
                planned.reason = "retained in AWS".to_owned()
            }
            Some(live) => {
                if let Some(who) = owner::other_owner(self, live, &left.record) {
                    planned.reason = format!("stays in AWS: {who}");
                } else {
                    planned.action = Action::Delete;
                    planned.reason = "removed from stack.yaml".to_owned();
                    planned.live = Some(live.clone());
                }
            }
        }
        if planned.action == Action::Delete && left.record.protect {
            self.problems.push(Problem::protected_in_state(address, &left.record.element));
            return;
        }
        self.plan.actions.push(planned);
    }

    /// What carries this stack's ownership tags and nothing means: deleted where that is asked for by its name, else told
    /// of. That it was retained or forgotten on purpose was known to a state that is lost: a person has to know it.
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
                    let planned = blank_left(&orphan.address, kind, &record);
                    self.plan.actions.push(Planned {
                        action: Action::Delete,
                        reason: "neither stack.yaml nor the state has it".to_owned(),
                        live: Some(live),
                        ..planned
                    });
                }
                live => {
                    let then = match live {
                        Ok(_) => format!("`--prune --target '{}'` deletes it", orphan.address),
                        Err(why) => format!("it stays: {why}"),
                    };
                    let text = format!(
                        "{} {} carries this stack's ownership tags, and neither stack.yaml nor the state has it; {then}",
                        orphan.kind, orphan.id
                    );
                    self.plan.notes.push(Note { address: orphan.address.clone(), text });
                }
            }
        }
    }

    /// Drops what a state that was edited by hand says of a resource under a second address.
    pub(super) fn twice_recorded(&mut self) {
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
                let mut planned = blank_left(address, kind, record);
                planned.reason = format!("is recorded as {other}");
                self.plan.actions.push(planned);
            }
        }
    }
}

/// Parts of a resource that is deleted go with it, where AWS does that by itself.
pub(super) fn take_along(actions: &mut [Planned]) {
    let going: BTreeMap<String, (KindRef, BTreeSet<String>)> = actions
        .iter()
        .filter(|planned| planned.action == Action::Delete)
        .filter_map(|planned| {
            let outputs = planned.live.as_ref()?.outputs.values().cloned().collect();
            Some((planned.address.clone(), (planned.kind, outputs)))
        })
        .collect();
    for planned in actions.iter_mut().filter(|planned| planned.action == Action::Delete) {
        let about = planned.kind.about();
        if !about.goes_with_parent() {
            continue;
        }
        let parent = planned.live.as_ref().and_then(|live| about.parent_in(&live.spec));
        let Some(parent) = parent.filter(|_| planned.predecessor.is_none()) else { continue };
        // An API and a function may have one name: a permission goes with the function alone.
        let of = |address: &&String| {
            going
                .get(*address)
                .is_some_and(|(of, outputs)| about.part_of() == Some(of.name()) && outputs.contains(parent))
        };
        planned.goes_with = planned.dependencies.union(&planned.prior_dependencies).find(of).cloned();
    }
}

/// Returns a note on the part of a deletion that AWS finishes later, unless the resource is deleted with its parent.
pub(super) fn lapses(planned: &Planned) -> Option<Note> {
    let gone = match planned.action {
        Action::Delete => planned.live.as_ref().filter(|_| planned.goes_with.is_none()),
        _ => planned.predecessor.as_ref(),
    };
    let text = planned.kind.lapses(gone?)?.to_owned();
    Some(Note { address: planned.address.clone(), text })
}

/// What nobody has said to be no secret stays out of the state's intents.
fn without_environment(mut live: Observed<Value>) -> Observed<Value> {
    if let Some(environment) = live.spec.get_mut("environment") {
        *environment = Value::Object(serde_json::Map::new());
    }
    live
}

fn record_of(orphan: &Orphan, live: &Observed<Value>) -> Record {
    Record {
        kind: orphan.kind.to_owned(),
        element: orphan.address.split('.').take(2).collect::<Vec<_>>().join("."),
        physical_id: live.physical_id.clone(),
        inputs: live.spec.clone(),
        outputs: live.outputs.clone(),
        dependencies: BTreeSet::new(),
        protect: false,
        retain: false,
    }
}

fn without_spec(planned: Planned) -> Planned {
    Planned { desired: None, spec: None, ..planned }
}

fn blank_left(address: &str, kind: KindRef, record: &Record) -> Planned {
    Planned {
        dependencies: record.dependencies.clone(),
        prior_dependencies: record.dependencies.clone(),
        protect: record.protect,
        retain: record.retain,
        ..Planned::new(address, &record.element, kind, Action::Forget)
    }
}
