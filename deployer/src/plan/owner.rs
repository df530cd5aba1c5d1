//! Whose resource it is.

use serde_json::Value;

use super::planner::Planner;
use crate::aws::tags;
use crate::graph::{Node, identity};
use crate::kinds::{AnyKind, Observed, Ownership, by_name};
use crate::observe;
use crate::state::Record;

/// Whose a live resource is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Ours,
    /// Not ours, with the reason in words: "belongs to the stack \"x\"".
    Foreign(String),
}

/// Decides by the ownership tags, by the owner of the resource that it is part of, or by the state.
pub(super) fn of(planner: &Planner<'_>, node: &Node, live: &Observed<Value>, in_state: bool) -> Owner {
    if let Some(other) = other_stack(live, planner.stack) {
        return Owner::Foreign(format!("belongs to the stack {other:?}"));
    }
    let ours = in_state
        || match node.kind.ownership() {
            Ownership::Tags => live.spec["tags"].get(tags::STACK).is_some() || made_unmarked(planner, node, live),
            Ownership::Parent => parent_is_ours(planner, node.kind, &live.spec),
        };
    if ours { Owner::Ours } else { Owner::Foreign("carries no marks of this stack".to_owned()) }
}

fn made_unmarked(planner: &Planner<'_>, node: &Node, live: &Observed<Value>) -> bool {
    let name = identity(node.kind.identity(), &live.spec);
    observe::made_unmarked(&planner.seen.prior, node.kind, &name, live, planner.place)
}

/// Names the other stack that a resource is marked for.
fn other_stack(live: &Observed<Value>, stack: &str) -> Option<String> {
    let owner = live.spec.get("tags")?.get(tags::STACK)?.as_str()?;
    (owner != stack).then(|| owner.to_owned())
}

/// Says who else has what the state holds: "belongs to the stack \"x\"".
pub(super) fn other_owner(planner: &Planner<'_>, live: &Observed<Value>, record: &Record) -> Option<String> {
    match other_stack(live, planner.stack) {
        Some(other) => Some(format!("belongs to the stack {other:?}")),
        None => owner_of_parent(planner, by_name(&record.kind)?, &live.spec),
    }
}

/// Says who else has the resource that one without tags is part of. Somebody else's may well have a part of ours.
pub(super) fn owner_of_parent(planner: &Planner<'_>, kind: &dyn AnyKind, spec: &Value) -> Option<String> {
    if kind.ownership() != Ownership::Parent {
        return None;
    }
    let Some(parent) = planner.parents().of(kind, spec) else {
        // AWS would have deleted it along with a parent of ours.
        let lost = kind.goes_with_parent() && planner.seen.left_parent(kind, spec);
        return lost.then(|| "is part of what is no longer this stack's".to_owned());
    };
    let taken_back = parent.is_meant && planner.adopts(parent.address);
    let other = other_stack(parent.live, planner.stack).filter(|_| !taken_back)?;
    Some(format!("is part of what belongs to the stack {other:?}"))
}

fn parent_is_ours(planner: &Planner<'_>, kind: &dyn AnyKind, spec: &Value) -> bool {
    let Some(parent) = planner.parents().of(kind, spec) else { return false };
    let in_state = planner.seen.prior.resources.contains_key(parent.address);
    match planner.graph.node(parent.address).filter(|_| parent.is_meant) {
        Some(node) => of(planner, node, parent.live, in_state) == Owner::Ours,
        None => other_stack(parent.live, planner.stack).is_none(),
    }
}
