//! Decides what to do with a resource of `stack.yaml`.

use serde_json::{Map, Value};

use super::reason::why_replace;
use super::{Planner, Prior, back};
use crate::graph::owner::{Evidence, Owner, Parent};
use crate::graph::{Node, resolve};
use crate::kinds::{Action, ObservedResource, Order, Ownership};
use crate::plan::change::Change;
use crate::plan::diff::{PropertyRules, diff};
use crate::plan::drift::{self, AppliedResource};
use crate::plan::effect::{DesiredSpec, Effect, Replacement, Revision};
use crate::plan::problem::Problem;
use crate::plan::reason::{Note, Reason, Remark};
use crate::plan::select::is_named;
use crate::state::fingerprint;

impl<'a> Planner<'a> {
    pub(super) fn apply_node(
        &mut self,
        node: &'a Node,
        spec: Value,
        live: Option<&ObservedResource<Value>>,
        prior: Option<Prior<'a>>,
    ) {
        let wanted = self.desired_spec(node, spec, live, prior.as_ref());
        let moved_from = prior.as_ref().and_then(|prior| prior.moved_from.as_deref());
        if moved_from.is_some_and(|from| self.secrets.touches(from)) {
            self.plan.notes.push(Note::new(&node.address, Remark::SecretInState));
        }
        let decided = match live {
            Some(live) => self.compare(node, wanted, live, prior.as_ref()),
            None => Some(self.create(node, wanted, prior.as_ref())),
        };
        let Some((effect, reason)) = decided else { return };
        let mut planned = self.plan_resource(node, effect, reason, prior.as_ref());
        self.honour_protection(node, &mut planned);
        self.honour_guard(Some(node), &mut planned);
        self.problems.extend(Problem::of_refusal(node, &planned));
        if let Some(wanted) = planned.effect.desired_spec()
            && planned.action().creates()
        {
            let text = node.kind.afterwards(&wanted.desired);
            self.plan.notes.extend(text.map(|text| Note::text(&node.address, text)));
        }
        if let Some(wanted) = planned.effect.desired_spec()
            && (planned.action().creates() || planned.renews_outputs())
        {
            let outputs = node.kind.predict(&wanted.desired, self.place).unwrap_or_default();
            self.known.insert(node.address.clone(), outputs);
        }
        if planned.action() == Action::Create || planned.order() == Some(Order::DeleteFirst) {
            self.new_behind_name.insert(planned.address.clone(), planned.action());
        }
        self.plan.actions.push(planned);
    }

    /// Returns the desired spec. A property that the last apply stated and `stack.yaml` no longer does goes back to
    /// AWS's value for a new resource.
    fn desired_spec(
        &self,
        node: &Node,
        spec: Value,
        live: Option<&ObservedResource<Value>>,
        prior: Option<&Prior<'_>>,
    ) -> DesiredSpec {
        let mut wanted = DesiredSpec { desired: spec, spec: node.spec.clone() };
        let Some(live) = live else { return wanted };
        let last = match prior {
            Some(prior) if prior.same => &prior.record.inputs,
            Some(_) => return wanted,
            // An interrupted run may have stated any property of a resource that it created and did not record.
            None if self.seen.prior.intents.iter().any(|intent| intent.address == node.address) => &live.spec,
            None => return wanted,
        };
        for (path, value) in back::give_back(node.kind, last, &mut wanted.desired, self.place) {
            back::put(&mut wanted.spec, path, value);
        }
        wanted
    }

    /// Creates a resource that AWS does not have, also in place of one of another identity.
    fn create(&mut self, node: &Node, wanted: DesiredSpec, prior: Option<&Prior<'a>>) -> (Effect, Reason) {
        if let Some(predecessor) = prior.and_then(|prior| self.predecessor(prior)).cloned() {
            let changes = self.changes(node, Some(&predecessor), &wanted.desired);
            let reason = why_replace(node.kind, false, &changes);
            let order = Replacement::CreateFirst { predecessor: Some(predecessor) };
            return (Effect::Replace { wanted, changes, order }, reason);
        }
        if let Some((owner, left)) =
            prior.and_then(|prior| Some((self.other_owner_of_predecessor(prior)?, prior.left?)))
            && let Some(live) = &left.live
        {
            let text = format!("its predecessor `{}` stays in AWS: it {owner}", live.physical_id);
            self.plan.notes.push(Note::text(&node.address, text));
        }
        let changes = self.changes(node, None, &wanted.desired);
        let was_ours = prior.is_some_and(|prior| prior.same);
        if was_ours {
            self.plan.drift.push(drift::of_missing(&node.address, node.kind.into()));
        }
        let reason = if was_ours { Reason::DeletedOutside } else { Reason::NotInAws };
        (Effect::Create { wanted, changes }, reason)
    }

    /// Compares a live resource with its desired spec. Reports a problem and returns `None` if it is not ours.
    fn compare(
        &mut self,
        node: &Node,
        wanted: DesiredSpec,
        live: &ObservedResource<Value>,
        prior: Option<&Prior<'a>>,
    ) -> Option<(Effect, Reason)> {
        let same = prior.filter(|prior| prior.same);
        let evidence = Evidence { stated: true, recorded: same.is_some(), leaves: false };
        let owner = self.owners.of(node.kind, live, evidence);
        if let Owner::Foreign(foreign) = &owner
            && !self.selection.adopts(&node.address)
        {
            if !self.parent_stops_the_plan(node, live) {
                self.problems.push(Problem::foreign(node, live, foreign));
            }
            return None;
        }
        if let Some(prior) = same {
            let applied = AppliedResource { address: &node.address, kind: node.kind.into(), record: prior.record };
            let mut drift = drift::drift(applied, live, Some(&wanted.desired), &self.seen.prior);
            for entry in &mut drift {
                entry.sensitive |= [&entry.before, &entry.after, &entry.plan].into_iter().any(|v| self.is_secret(v));
            }
            self.plan.drift.extend(drift);
        }
        self.notes(node, live);
        let is_open = |change: &Change| !change.before().is_null() && resolve::needs_variable(change.after());
        let changes = self.changes(node, Some(live), &wanted.desired);
        let (open, changes): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(is_open);
        let leftover = prior.and_then(|prior| self.predecessor(prior)).cloned();
        let revision = Revision { wanted, live: live.clone(), changes, leftover };
        // An unchanged resource has no remarks, and most are unchanged.
        let is_changed = !revision.changes.is_empty();
        let remarks = if is_changed { node.kind.remarks(&live.spec, &revision.wanted.desired) } else { Vec::new() };
        let (mut effect, reason) = self.revise(node, revision, same.is_some(), &owner);
        if matches!(effect, Effect::Update(_) | Effect::Adopt(_)) {
            self.plan.notes.extend(remarks.into_iter().map(|text| Note::text(&node.address, text)));
        }
        self.keep_open(node, open, &mut effect);
        Some((effect, reason))
    }

    /// Notes the properties whose values need a variable without a value: AWS keeps what it has. A resource that is
    /// recreated needs the values.
    fn keep_open(&mut self, node: &Node, open: Vec<Change>, effect: &mut Effect) {
        if let Effect::Replace { changes, .. } = effect {
            changes.extend(open.into_iter().map(Change::into_first));
        } else if !open.is_empty() {
            let paths = open.into_iter().map(|change| change.path);
            self.plan.not_compared.entry(node.address.clone()).or_default().extend(paths);
        }
    }

    /// Tells whether the node is part of a foreign resource that is a problem of its own: one cause, one problem.
    fn parent_stops_the_plan(&self, node: &Node, live: &ObservedResource<Value>) -> bool {
        if node.kind.ownership() != Ownership::Parent {
            return false;
        }
        let is_problem = |parent: Parent<'_>| {
            parent.is_stated && self.selected.contains(parent.address) && !self.selection.adopts(parent.address)
        };
        self.owners.parent(node.kind, &live.spec).is_some_and(is_problem)
    }

    /// Decides how a live resource of ours becomes as desired. `recorded` is whether the state has it.
    fn revise(&self, node: &Node, mut revision: Revision, recorded: bool, owner: &Owner) -> (Effect, Reason) {
        let forced = self.selection.replace.iter().any(|name| is_named(&node.address, name));
        if forced || revision.changes.iter().any(Change::forces_replacement) {
            let reason = why_replace(node.kind, forced, &revision.changes);
            return (revision.delete_first(), reason);
        }
        // AWS deletes the resource along with its parent.
        if let Some(parent) = self.recreated_parent(node) {
            return (revision.delete_first(), Reason::ParentRecreated { parent });
        }
        let differs = !revision.changes.is_empty() || revision.leftover.is_some();
        let set_again = self.set_again(node, &mut revision);
        if !recorded {
            let reason = self.why_adopt(node, &revision.wanted.desired, owner);
            return (Effect::Adopt(revision), reason);
        }
        match set_again {
            _ if differs => (Effect::Update(revision), Reason::Differs),
            Some(to) => (Effect::Update(revision), Reason::ReferenceRecreated { to }),
            None => (Effect::Unchanged { wanted: revision.wanted, live: revision.live }, Reason::UpToDate),
        }
    }

    fn changes(&self, node: &Node, live: Option<&ObservedResource<Value>>, spec: &Value) -> Vec<Change> {
        let nothing = Value::Object(Map::new());
        let mut changes = diff(PropertyRules(node.kind.rules()), live.map_or(&nothing, |live| &live.spec), spec);
        let record = self.seen.prior.resources.get(&node.address).map(|record| &record.inputs);
        for change in &mut changes {
            if live.is_none() {
                change.of_new_resource();
            }
            change.sensitive |= self.is_secret(change.after()) || record.is_some_and(|r| was_secret(r, &change.path));
        }
        changes
    }

    /// Tells whether a value contains a secret. The value that it replaces is hidden as well: it may be the previous
    /// secret.
    pub(super) fn is_secret(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.secrets.touches(text),
            Value::Array(items) => items.iter().any(|item| self.is_secret(item)),
            Value::Object(map) => map.values().any(|item| self.is_secret(item)),
            _ => false,
        }
    }
}

/// Tells whether the state has a secret at `path`: it keeps the fingerprint.
fn was_secret(inputs: &Value, path: &str) -> bool {
    drift::lookup(inputs, path).as_str().is_some_and(fingerprint::is)
}
