//! The problems that prevent a plan.

use serde_json::Value;

use super::{Effect, PlannedResource};
use crate::graph::Node;
use crate::graph::owner::Foreign;
use crate::kinds::{Changes, ObservedResource};

/// A reason not to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: &'static str,
    pub address: String,
    pub element: String,
    pub message: String,
    pub help: String,
}

/// The problems because of which there is no plan.
#[derive(Debug, thiserror::Error)]
#[error("{} problems stand in the way", .0.len())]
pub struct PlanError(pub Vec<Problem>);

impl Problem {
    /// Reports a problem of a resource in `stack.yaml`.
    pub(super) fn of(node: &Node, code: &'static str, message: String, help: impl Into<String>) -> Self {
        Self { code, address: node.address.clone(), element: node.element.clone(), message, help: help.into() }
    }

    /// The external resource `name` does not exist.
    pub(super) fn external_missing(node: &Node, name: &str) -> Self {
        Self::of(
            node,
            "plan::external-missing",
            format!("the external {} {name:?} does not exist", node.kind.name()),
            "create it, correct its name, or drop `external: true` to let this stack create it",
        )
    }

    /// A resource that is not this stack's has the name that is wanted.
    pub(super) fn foreign(node: &Node, live: &ObservedResource<Value>, owner: &Foreign) -> Self {
        Self::of(
            node,
            "plan::foreign",
            format!("the {} {:?} exists already and {owner}", node.kind.name(), live.physical_id),
            format!("choose another name, or take it over with `--adopt '{}'`", node.address),
        )
    }

    /// `stack.yaml` protects the resource.
    pub(super) fn of_protection(node: &Node) -> Self {
        Self::of(
            node,
            "plan::protected",
            format!("`{}` is protected, but this plan would replace or delete it", node.address),
            "set `protect: false` and run the same command again",
        )
    }

    /// The last apply protected the resource, and `stack.yaml` no longer has it. So nothing permits to delete it.
    pub(super) fn protected_in_state(address: &str, element: &str) -> Self {
        Self {
            code: "plan::protected",
            address: address.to_owned(),
            element: String::new(),
            message: format!(
                "`{address}` was applied with `protect: true` and is gone from stack.yaml: it is not deleted"
            ),
            help: format!(
                "put `{element}` back with `protect: false`, apply, then remove it; or leave it in AWS: `deployer state forget '{address}'`"
            ),
        }
    }

    /// AWS refuses to delete the resource while `guard` is on, and `stack.yaml` does not state it off.
    pub(super) fn guarded(is_stated: bool, planned: &PlannedResource, guard: &str) -> Self {
        let PlannedResource { address, element, .. } = planned;
        let help = if is_stated {
            format!("set `{guard}: false` and run the same command again")
        } else {
            format!(
                "put `{element}` back with `{guard}: false`, apply, then remove it; or leave it in AWS: `deployer state forget '{address}'`"
            )
        };
        Self {
            code: "plan::deletion-protection",
            address: address.clone(),
            element: if is_stated { element.clone() } else { String::new() },
            message: format!(
                "this plan would replace or delete `{address}`, and AWS refuses that while `{guard}` is on"
            ),
            help,
        }
    }

    /// AWS would refuse the call for this effect.
    pub(super) fn of_refusal(node: &Node, planned: &PlannedResource) -> Option<Self> {
        let (wanted, changes) = match &planned.effect {
            Effect::Create { wanted, .. } | Effect::Replace { wanted, .. } => (wanted, None),
            Effect::Update(revision) | Effect::Adopt(revision) => (&revision.wanted, Some(&revision.changes)),
            Effect::Unchanged { .. } | Effect::Delete { .. } | Effect::Forget { .. } => return None,
        };
        let changes = changes.map(|changes| Changes(changes.iter().map(|change| change.path.clone()).collect()));
        let refused = node.kind.find_refusal(&wanted.desired, changes.as_ref())?;
        Some(Self::of(node, refused.code, format!("`{}`: {}", node.address, refused.message), refused.help))
    }

    /// The resource is retained, and its successor needs its name.
    pub(super) fn of_retention(node: &Node) -> Self {
        Self::of(
            node,
            "plan::retained",
            format!("`{}` is to be retained, but its successor needs its name", node.address),
            "give the element another `name`, or drop `retain: true`",
        )
    }
}
