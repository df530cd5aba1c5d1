//! Whose resource it is.
//!
//! **Guarantees**: what has tags is ours by its ownership tags alone. The state says where to look, never that something
//! may be changed or deleted: somebody else may have made another resource of that name since, or have written the
//! state. What has no tags follows the resource that it is part of.

use serde_json::Value;

use super::planner::Planner;
use crate::aws::tags;
use crate::graph::Node;
use crate::kinds::{self, AnyKind, Observed, Ownership};
use crate::observe;
use crate::state::Record;

/// Whose a live resource is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Ours,
    /// Not ours, with the reason in words: "belongs to the stack \"x\"".
    Foreign(String),
}

/// Says of a resource without ownership tags whose it is.
const UNMARKED: &str = "carries no ownership tags of this stack";
/// The same of one that the last apply left with them.
const UNMARKED_NOW: &str =
    "carries no ownership tags of this stack any more: they were removed, or another one was made under its name";

/// Says why a resource with the tag `owner` is not `stack`'s: "belongs to the stack \"x\"".
pub fn stranger(stack: &str, owner: Option<&str>, in_state: bool) -> Option<String> {
    match owner {
        Some(owner) if owner == stack => None,
        Some(owner) => Some(format!("belongs to the stack {owner:?}")),
        None => Some(if in_state { UNMARKED_NOW } else { UNMARKED }.to_owned()),
    }
}

/// Decides by the ownership tags, or by the owner of the resource that it is part of.
pub(super) fn of(planner: &Planner<'_>, node: &Node, live: &Observed<Value>, in_state: bool) -> Owner {
    let foreign = match node.kind.ownership() {
        Ownership::Tags => foreign(planner, node.kind, live, in_state),
        Ownership::Parent if in_state || parent_is_ours(planner, node.kind, &live.spec) => None,
        Ownership::Parent => Some(UNMARKED.to_owned()),
    };
    foreign.map_or(Owner::Ours, Owner::Foreign)
}

/// Says why a live resource of a kind with tags is not this stack's.
fn foreign(planner: &Planner<'_>, kind: &dyn AnyKind, live: &Observed<Value>, in_state: bool) -> Option<String> {
    let name = kind.identify(&live.spec);
    if observe::made_unmarked(&planner.seen.prior, kind, &name, live, planner.place) {
        return None;
    }
    stranger(planner.stack, live.spec["tags"][tags::STACK].as_str(), in_state)
}

/// Says who else has what the state holds: "belongs to the stack \"x\"".
pub(super) fn other_owner(planner: &Planner<'_>, live: &Observed<Value>, record: &Record) -> Option<String> {
    let kind = kinds::find(&record.kind)?;
    match kind.ownership() {
        Ownership::Tags => foreign(planner, kind, live, true),
        Ownership::Parent => owner_of_parent(planner, kind, &live.spec).or_else(|| stray(planner, kind, &live.spec)),
    }
}

/// Says who else has the resource that one without tags is part of. Somebody else's may well have a part of ours.
pub(super) fn owner_of_parent(planner: &Planner<'_>, kind: &dyn AnyKind, spec: &Value) -> Option<String> {
    if kind.ownership() != Ownership::Parent {
        return None;
    }
    let Some(parent) = planner.parents().of(kind, spec) else {
        // AWS would have deleted it along with a parent of ours.
        let lost = kind.about().goes_with_parent() && planner.seen.left_parent(kind, spec);
        return lost.then(|| "is part of what is no longer this stack's".to_owned());
    };
    if parent.is_meant && planner.adopts(parent.address) {
        return None;
    }
    let whose = foreign(planner, kinds::find(kind.about().part_of()?)?, parent.live, true)?;
    Some(format!("is part of what {whose}"))
}

/// Says why a part is not touched that the state alone says to be ours: it is part of what neither `stack.yaml` nor the
/// state has. One that lets in a resource of ours is ours all the same: a permission of our API on somebody else's function.
fn stray(planner: &Planner<'_>, kind: &dyn AnyKind, spec: &Value) -> Option<String> {
    let parents = planner.parents();
    let ours = |text: &str| {
        let mut named = parents.named(text);
        named.any(|(kind, parent)| kinds::find(kind).is_some_and(|k| foreign(planner, k, parent.live, true).is_none()))
    };
    let is_ours = parents.of(kind, spec).is_some()
        || spec.as_object().is_some_and(|all| all.values().filter_map(Value::as_str).any(ours));
    (!is_ours).then(|| "is part of what this stack does not have".to_owned())
}

fn parent_is_ours(planner: &Planner<'_>, kind: &dyn AnyKind, spec: &Value) -> bool {
    let Some(parent) = planner.parents().of(kind, spec) else { return false };
    let in_state = planner.seen.prior.resources.contains_key(parent.address);
    match planner.graph.node(parent.address).filter(|_| parent.is_meant) {
        Some(node) => of(planner, node, parent.live, in_state) == Owner::Ours,
        None => kind
            .about()
            .part_of()
            .and_then(kinds::find)
            .is_some_and(|kind| foreign(planner, kind, parent.live, in_state).is_none()),
    }
}
