//! Desired, prior and observed → [`Plan`].

mod anew;
pub(super) mod back;
mod gone;
mod reason;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::gone::{lapses, take_along};
use self::reason::{output_changes, why_replace};
use super::action::{Note, Plan, Planned};
use super::diff::{Change, Rules, diff};
use super::problem::{PlanError, Problem};
use super::select::{Selection, is_named, selected, unknown};
use super::{drift, owner};
use crate::aws::Place;
use crate::graph::resolve::{self, Known};
use crate::graph::{Graph, Node};
use crate::kinds::{Action, Observed, Order};
use crate::observe::{Left, Observation, Parents, identity_known};
use crate::spec::secrets::Secrets;
use crate::spec::template;
use crate::state::{Record, fingerprint};

/// Where a plan leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    Apply,
    Destroy,
}

/// Decides what to do. The same inputs give the same plan.
///
/// # Errors
/// Everything that stands in the way: foreign resources, protected ones, missing external ones.
pub fn plan(
    graph: &Graph,
    seen: &Observation,
    stack: &str,
    place: &Place,
    goal: Goal,
    selection: &Selection,
    secrets: &Secrets,
) -> Result<Plan, PlanError> {
    let mut planner = Planner {
        graph,
        seen,
        stack,
        place,
        goal,
        selection,
        secrets,
        selected: selected(graph, selection, goal),
        known: seen.known.clone(),
        claimed: BTreeSet::new(),
        anew: BTreeMap::new(),
        parents: OnceCell::new(),
        plan: Plan::default(),
        problems: unknown(graph, seen, selection),
    };
    for node in graph.nodes() {
        planner.node(node);
    }
    for (address, left) in &seen.left {
        planner.left(address, left);
    }
    planner.twice_recorded();
    planner.orphans();
    let Planner { mut plan, problems, known, .. } = planner;
    take_along(&mut plan.actions);
    plan.notes.extend(plan.actions.iter().filter_map(lapses));
    if goal == Goal::Apply {
        plan.outputs =
            graph.outputs().iter().map(|(name, text)| (name.clone(), resolve::text(text, &known, place))).collect();
        plan.output_changes = output_changes(&seen.prior, &plan.outputs, !plan.has_changes(), secrets);
    }
    if problems.is_empty() { Ok(plan) } else { Err(PlanError(problems)) }
}

pub(super) struct Planner<'a> {
    pub(super) graph: &'a Graph,
    pub(super) seen: &'a Observation,
    pub(super) stack: &'a str,
    pub(super) place: &'a Place,
    goal: Goal,
    selection: &'a Selection,
    secrets: &'a Secrets,
    selected: BTreeSet<String>,
    known: Known,
    /// Records that a node has taken as its own, under whatever address.
    claimed: BTreeSet<String>,
    /// What is made under a name that was another one's, or nobody's, by address.
    anew: BTreeMap<String, Action>,
    parents: OnceCell<Parents<'a>>,
    plan: Plan,
    problems: Vec<Problem>,
}

/// What the prior state says about a node.
struct Prior<'a> {
    record: &'a Record,
    /// Its address there, when it is another one.
    moved_from: Option<String>,
    /// What is left under the identity that it had, when that changed.
    left: Option<&'a Left>,
    /// The record is of the very resource that the node means now.
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
            Goal::Apply => self.apply_node(node, spec, live, prior),
            Goal::Destroy => self.destroy_node(node, live, prior),
        }
    }

    /// An external resource has to be there; nothing else about it is ours.
    fn external(&mut self, node: &Node, live: Option<&Observed<Value>>) {
        if live.is_none() && self.goal == Goal::Apply {
            let name = node.kind.identify(&resolve::value(&node.spec, &self.known, self.place));
            self.problems.push(Problem::external_missing(node, &name));
        }
        self.given_away(node);
    }

    /// Finds a node's record: the one of its identity, under its address or, when elements were
    /// renamed, under another's; else the one under its address.
    fn prior(&self, node: &Node, spec: &Value) -> Option<Prior<'a>> {
        let resources = &self.seen.prior.resources;
        let wanted = node.kind.identify(spec);
        let named = |record: &Record| record.kind == node.kind.name() && node.kind.identify(&record.inputs) == wanted;
        // A child of a generated id has no name before its parent is read: its address has to do.
        let open = !identity_known(node.kind, spec);
        let (own, left) = (resources.get(&node.address), self.seen.left.get(&node.address));
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

    /// What is left under the identity that a node had, unless another stack has taken it over.
    fn predecessor(&self, prior: &Prior<'a>) -> Option<&'a Observed<Value>> {
        prior.left?.live.as_ref().filter(|_| self.other_owner_of_predecessor(prior).is_none())
    }

    fn other_owner_of_predecessor(&self, prior: &Prior<'a>) -> Option<String> {
        let left = prior.left?;
        owner::other_owner(self, left.live.as_ref()?, &left.record)
    }

    /// Tells whether the element at `address` still means what its record holds.
    fn at_home(&self, address: &str, record: &Record) -> bool {
        self.graph.node(address).is_some_and(|node| {
            let spec = resolve::value(&node.spec, &self.seen.known, self.place);
            node.kind.name() == record.kind && node.kind.identify(&spec) == node.kind.identify(&record.inputs)
        })
    }

    fn apply_node(
        &mut self,
        node: &'a Node,
        mut spec: Value,
        live: Option<&Observed<Value>>,
        prior: Option<Prior<'a>>,
    ) {
        let record = prior.as_ref().filter(|prior| prior.same && live.is_some()).map(|prior| prior.record);
        // A run that was cut off may have stated anything of what it made and did not record.
        let cut_off = prior.is_none() && self.seen.prior.intents.iter().any(|intent| intent.address == node.address);
        let left = live.filter(|_| cut_off).map(|live| &live.spec);
        let last = record.map(|record| &record.inputs).or(left);
        let back = last.map(|last| back::give_back(node.kind, last, &mut spec, self.place)).unwrap_or_default();
        let mut planned = self.blank(node, Action::Create, &spec, prior.as_ref());
        for (path, value) in back {
            planned.spec.iter_mut().for_each(|spec| back::put(spec, path, value.clone()));
        }
        if planned.moved_from.as_deref().is_some_and(|from| self.secrets.touches(from)) {
            let text =
                "the state has the secret in this address in clear until this is applied; its earlier versions keep it";
            self.plan.notes.push(Note { address: node.address.clone(), text: text.to_owned() });
        }
        let predecessor = prior.as_ref().and_then(|p| self.predecessor(p)).cloned();
        match live {
            None if predecessor.is_some() => {
                planned.action = Action::Replace;
                planned.order = Some(Order::CreateFirst);
                planned.changes = self.changes(node, predecessor.as_ref(), &spec);
                planned.reason = why_replace(node.kind, false, &planned.changes);
                planned.predecessor = predecessor;
            }
            None => {
                let was_ours = prior.as_ref().is_some_and(|p| p.same);
                planned.reason = if was_ours { "was deleted outside" } else { "not in AWS" }.to_owned();
                planned.changes = self.changes(node, None, &spec);
                if was_ours {
                    self.plan.drift.push(drift::gone(&node.address, node.kind.into(), "create it again"));
                }
            }
            Some(live) => {
                planned.live = Some(live.clone());
                planned.predecessor = predecessor;
                if !self.compare(node, &mut planned, live, &spec, prior.as_ref()) {
                    return;
                }
            }
        }
        self.honour_protection(node, &mut planned);
        self.problems.extend(Problem::refused(node, &planned, &spec));
        if matches!(planned.action, Action::Create | Action::Replace) {
            let text = node.kind.afterwards(&spec);
            self.plan.notes.extend(text.map(|text| Note { address: node.address.clone(), text }));
            let outputs = node.kind.predict(&spec, self.place).unwrap_or_default();
            self.known.insert(node.address.clone(), outputs);
        }
        if planned.action == Action::Create || planned.order == Some(Order::DeleteFirst) {
            self.anew.insert(planned.address.clone(), planned.action);
        }
        self.plan.actions.push(planned);
    }

    /// Every live resource that others may be part of.
    pub(super) fn parents(&self) -> &Parents<'a> {
        self.parents.get_or_init(|| self.seen.parents(self.graph))
    }

    /// Is it asked for to take `address` over, whoever has it?
    pub(super) fn adopts(&self, address: &str) -> bool {
        self.selection.adopt.iter().any(|name| is_named(address, name))
    }

    /// Compares a live resource with what is wanted; false when it is not ours to touch.
    fn compare(
        &mut self,
        node: &Node,
        planned: &mut Planned,
        live: &Observed<Value>,
        spec: &Value,
        prior: Option<&Prior<'_>>,
    ) -> bool {
        let adopt = self.adopts(&node.address);
        let known = prior.is_some_and(|p| p.same);
        let owner = owner::of(self, node, live, known);
        if let owner::Owner::Foreign(who) = &owner
            && !adopt
        {
            self.problems.push(Problem::foreign(node, live, who));
            return false;
        }
        planned.changes = self.changes(node, Some(live), spec);
        let forced = self.selection.replace.iter().any(|name| is_named(&node.address, name));
        let replace = forced || planned.changes.iter().any(|change| change.forces_replacement);
        (planned.action, planned.reason) = match (known, replace, planned.changes.is_empty()) {
            (_, true, _) => (Action::Replace, why_replace(node.kind, forced, &planned.changes)),
            (true, _, true) if planned.predecessor.is_none() => (Action::Unchanged, String::new()),
            (true, ..) => (Action::Update, "differs from stack.yaml".to_owned()),
            (false, ..) => (Action::Adopt, self.why_adopt(node, spec, &owner)),
        };
        if replace {
            planned.order = Some(Order::DeleteFirst);
        } else if let Some(parent) = self.parent_made_anew(node) {
            // AWS deletes it along with that one.
            (planned.action, planned.order) = (Action::Replace, Some(Order::DeleteFirst));
            planned.reason = format!("goes with `{parent}`, which is made anew");
        } else if planned.action != Action::Replace {
            self.hold_again(node, planned, live);
        }
        if let Some(prior) = prior.filter(|p| p.same) {
            let mut drift =
                drift::drift(&node.address, node.kind.into(), prior.record, live, Some(spec), &self.seen.prior);
            for entry in &mut drift {
                entry.sensitive |= [&entry.before, &entry.after, &entry.plan].into_iter().any(|v| self.is_secret(v));
            }
            self.plan.drift.extend(drift);
        }
        self.notes(node, live);
        true
    }

    /// `protect` forbids delete and replace; `retain` keeps what would be deleted.
    fn honour_protection(&mut self, node: &Node, planned: &mut Planned) {
        let removes = matches!(planned.action, Action::Delete | Action::Replace) || planned.predecessor.is_some();
        if removes && node.protect {
            self.problems.push(Problem::protected(node));
        } else if removes && node.retain {
            match (planned.action, planned.order) {
                (Action::Delete, _) => {
                    planned.action = Action::Forget;
                    planned.reason = "retained in AWS".to_owned();
                }
                (Action::Replace, Some(Order::CreateFirst)) => planned.predecessor = None,
                (Action::Update | Action::Adopt, _) => {
                    let kept = planned.predecessor.take();
                    let text =
                        |kept: Observed<Value>| format!("{} leaves the state and stays in AWS", kept.physical_id);
                    self.plan.notes.extend(kept.map(text).map(|text| Note { address: node.address.clone(), text }));
                }
                _ => self.problems.push(Problem::retained(node)),
            }
        }
    }

    fn notes(&mut self, node: &Node, live: &Observed<Value>) {
        let notes = live.notes.iter().map(|text| Note { address: node.address.clone(), text: text.clone() });
        self.plan.notes.extend(notes);
    }

    fn changes(&self, node: &Node, live: Option<&Observed<Value>>, spec: &Value) -> Vec<Change> {
        let nothing = Value::Object(serde_json::Map::new());
        let mut changes = diff(Rules(node.kind.rules()), live.map_or(&nothing, |live| &live.spec), spec);
        let record = self.seen.prior.resources.get(&node.address).map(|record| &record.inputs);
        for change in &mut changes {
            change.forces_replacement &= live.is_some();
            change.sensitive |= self.is_secret(&change.after) || record.is_some_and(|r| was_secret(r, &change.path));
        }
        changes
    }

    /// A value that holds a secret hides what it replaces, too: that may be the secret's last form.
    fn is_secret(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.secrets.touches(text),
            Value::Array(items) => items.iter().any(|item| self.is_secret(item)),
            Value::Object(map) => map.values().any(|item| self.is_secret(item)),
            _ => false,
        }
    }

    fn blank(&self, node: &Node, action: Action, spec: &Value, prior: Option<&Prior<'_>>) -> Planned {
        Planned {
            desired: Some(spec.clone()),
            spec: Some(node.spec.clone()),
            dependencies: node.dependencies.clone(),
            by_name: taken_by_name(node, spec),
            early: early(node, spec),
            prior_dependencies: prior.map(|p| p.record.dependencies.clone()).unwrap_or_default(),
            protect: node.protect,
            retain: node.retain,
            moved_from: prior.and_then(|p| p.moved_from.clone()),
            ..Planned::new(&node.address, &node.element, node.kind.into(), action)
        }
    }
}

/// The state keeps a secret as its fingerprint.
fn was_secret(inputs: &Value, path: &str) -> bool {
    drift::lookup(inputs, path).as_str().is_some_and(fingerprint::is)
}

/// What only AWS can tell has to be waited for, wherever it is put.
fn taken_by_name(node: &Node, spec: &Value) -> BTreeSet<String> {
    let unknown =
        node.kind.about().references.by_name.iter().any(|property| spec.get(property).is_some_and(resolve::is_unknown));
    if unknown { BTreeSet::new() } else { node.by_name.clone() }
}

/// What has to be there, but not done, for the node to be begun. What only AWS can tell is told when it is done.
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
