//! Decides whether a resource is this stack's.
//!
//! **Guarantees**: A resource that can have tags is ours by its ownership tags alone. The state tells where to look,
//! never that something may be changed or deleted: another team may have created a resource of that name since, or have
//! written the state. A resource without tags belongs to the owner of its parent.

use serde_json::Value;

use super::planner::Planner;
use super::problem::Foreign;
use crate::aws::tags;
use crate::graph::Node;
use crate::kinds::{self, AnyKind, Observed, Ownership};
use crate::observe;
use crate::state::Record;

/// The owner of a live resource.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Ours,
    Foreign(Foreign),
}

/// Tells why a resource with the tag `owner` is not `stack`'s, if so. `in_state` is whether the state records it.
pub fn stranger(stack: &str, owner: Option<&str>, in_state: bool) -> Option<Foreign> {
    match owner {
        Some(owner) if owner == stack => None,
        Some(owner) => Some(Foreign::OtherStack { stack: owner.to_owned() }),
        None if in_state => Some(Foreign::TagsRemoved),
        None => Some(Foreign::Untagged),
    }
}

/// Decides by the ownership tags, or by the owner of the resource that it is part of.
pub(super) fn of(planner: &Planner<'_>, node: &Node, live: &Observed<Value>, in_state: bool) -> Owner {
    let foreign = match node.kind.ownership() {
        Ownership::Tags => foreign(planner, node.kind, live, in_state),
        Ownership::Parent if in_state || parent_is_ours(planner, node.kind, &live.spec) => None,
        Ownership::Parent => Some(Foreign::Untagged),
    };
    foreign.map_or(Owner::Ours, Owner::Foreign)
}

/// Tells why a live resource of a kind with tags is not this stack's, if so.
fn foreign(planner: &Planner<'_>, kind: &dyn AnyKind, live: &Observed<Value>, in_state: bool) -> Option<Foreign> {
    let name = kind.identify(&live.spec);
    if observe::made_unmarked(&planner.seen.prior, kind, &name, live, planner.place) {
        return None;
    }
    stranger(planner.stack, live.spec["tags"][tags::STACK].as_str(), in_state)
}

/// Tells why a resource that the state records is not this stack's, if so.
pub(super) fn other_owner(planner: &Planner<'_>, live: &Observed<Value>, record: &Record) -> Option<Foreign> {
    let kind = kinds::find(&record.kind)?;
    match kind.ownership() {
        Ownership::Tags => foreign(planner, kind, live, true),
        Ownership::Parent => owner_of_parent(planner, kind, &live.spec).or_else(|| stray(planner, kind, &live.spec)),
    }
}

/// Tells why the parent of a resource without tags is not this stack's, if so. A foreign parent may have a part of ours.
pub(super) fn owner_of_parent(planner: &Planner<'_>, kind: &dyn AnyKind, spec: &Value) -> Option<Foreign> {
    if kind.ownership() != Ownership::Parent {
        return None;
    }
    let Some(parent) = planner.parents().of(kind, spec) else {
        // AWS would have deleted it along with a parent of ours.
        let lost = kind.about().goes_with_parent() && planner.seen.left_parent(kind, spec);
        return lost.then_some(Foreign::PartOfLost);
    };
    if parent.is_meant && planner.adopts(parent.address) {
        return None;
    }
    let owner = foreign(planner, kinds::find(kind.about().part_of()?)?, parent.live, true)?;
    Some(Foreign::Part { parent: Box::new(owner) })
}

/// Tells why a recorded part is not touched, if its parent is neither in `stack.yaml` nor in the state. A part that
/// admits a resource of ours is ours all the same: a permission of our API on a foreign function.
fn stray(planner: &Planner<'_>, kind: &dyn AnyKind, spec: &Value) -> Option<Foreign> {
    let parents = planner.parents();
    let ours = |text: &str| {
        let mut named = parents.named(text);
        named.any(|(kind, parent)| kinds::find(kind).is_some_and(|k| foreign(planner, k, parent.live, true).is_none()))
    };
    let is_ours = parents.of(kind, spec).is_some()
        || spec.as_object().is_some_and(|all| all.values().filter_map(Value::as_str).any(ours));
    (!is_ours).then_some(Foreign::PartOfUnknown)
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
