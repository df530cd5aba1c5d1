//! What a command may call, from the kinds' own declarations: grants for one stack, and the IAM
//! documents that state them.
//!
//! - `document`: grants merged into policy documents within IAM's limits
//! - `github`: the roles that GitHub Actions takes on by OIDC, and who may take them on

mod document;
pub mod github;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use document::{Document, MANAGED_POLICY_SIZE};

use crate::aws::{AwsError, Place, bedrock, tagged};
use crate::graph::resolve::{self, wildcard};
use crate::graph::{Graph, Node, models};
use crate::kinds::iam_role::{IamRole, MANY};
use crate::kinds::lambda_function::{LambdaFunction, versions};
use crate::kinds::{Grant, Kind, OWN_STACK, Op, by_name};
use crate::observe::predict;
use crate::spec::template::{self, Part};
use crate::state::{Record, State};

/// The command that a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Plan,
    Apply,
    Destroy,
    Rollback,
}

impl Task {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::Rollback => "rollback",
        }
    }

    /// Tells whether the command takes the state's lock.
    pub fn locks(self) -> bool {
        self != Self::Plan
    }

    /// Tells whether the command makes or deletes resources, and writes the state.
    pub fn writes(self) -> bool {
        matches!(self, Self::Apply | Self::Destroy)
    }

    /// The operations that the command may carry out on a resource of the graph.
    fn operations(self, node: &Node) -> Vec<Op> {
        let stays = node.protect || node.retain;
        match self {
            Self::Rollback => Vec::new(),
            _ if node.external => vec![Op::Read],
            Self::Plan => vec![Op::Read],
            Self::Apply if stays => vec![Op::Read, Op::Create, Op::Update],
            Self::Apply => vec![Op::Read, Op::Create, Op::Update, Op::Delete],
            Self::Destroy if stays => vec![Op::Present],
            Self::Destroy => vec![Op::Present, Op::Delete],
        }
    }
}

/// What is allowed, and what is denied whatever else allows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    pub allow: Vec<Grant>,
    pub deny: Vec<Grant>,
}

/// Collects what `task` may call for the resources of `graph`.
///
/// # Errors
/// When a spec does not fit its kind, which loading has excluded.
pub fn of_graph(graph: &Graph, place: &Place, task: Task) -> Result<Vec<Grant>, AwsError> {
    let known = predict(graph, place);
    let mut grants = Vec::new();
    for node in graph.nodes() {
        let spec = resolve::value(&node.spec, &known, place);
        for op in task.operations(node) {
            if op == Op::Delete && task == Task::Destroy && goes_with_parent(graph, node) {
                continue;
            }
            grants.extend(node.kind.iam(op, &spec, place)?);
        }
        if task == Task::Rollback && node.kind.name() == LambdaFunction::NAME && !node.external {
            grants.extend(versions::grants(spec["function_name"].as_str().unwrap_or("*"), place));
        }
    }
    if task == Task::Rollback {
        return Ok(open(grants));
    }
    let of_kind = |name: &str| graph.nodes().filter(|node| node.kind.name() == name).count();
    if of_kind(IamRole::NAME) >= MANY {
        grants.push(Grant::new(&["iam:GetAccountAuthorizationDetails", "iam:ListRoles"], "*"));
    }
    if task != Task::Destroy {
        // Whether Bedrock still serves what the roles may invoke.
        let models = models::used(graph, &known, place);
        grants.extend(models.keys().map(|model| Grant::new(&[bedrock::OPERATION], model.arn())));
    }
    // What is left of the stack is found by its tags, and its roles, which are not listed by tag, by their names.
    grants.push(Grant::new(&[tagged::OPERATION], "*"));
    if of_kind(IamRole::NAME) > 0 {
        grants.push(Grant::new(&["iam:ListRoles"], "*"));
    }
    Ok(open(grants))
}

/// AWS deletes it along with what it is part of, which is deleted, too.
fn goes_with_parent(graph: &Graph, node: &Node) -> bool {
    let Some(text) = node.kind.identity().first().and_then(|p| node.spec.get(p)).and_then(Value::as_str) else {
        return false;
    };
    let Ok(parts) = template::parse(text) else { return false };
    node.kind.goes_with_parent()
        && parts.iter().any(|part| match part {
            Part::Ref(reference) => graph
                .node(&reference.address)
                .is_some_and(|parent| !parent.external && !parent.protect && !parent.retain),
            _ => false,
        })
}

/// Collects what `task` may call for what the state holds, and for what an interrupted run was about to do: among them
/// what `stack.yaml` no longer has.
///
/// # Errors
/// When a record does not fit its kind.
pub fn of_state(state: &State, place: &Place, task: Task) -> Result<Vec<Grant>, AwsError> {
    if task == Task::Rollback {
        return Ok(Vec::new());
    }
    let ends = |r: &Record| task == Task::Destroy && goes_with_record(state, r);
    let look = if task == Task::Destroy { Op::Present } else { Op::Read };
    let records = state.resources.values().map(|r| (&r.kind, &r.inputs, look, r.protect || r.retain || ends(r)));
    let intents = state.intents.iter().map(|i| (&i.kind, &i.inputs, Op::Read, false));
    let mut grants = Vec::new();
    for (kind, inputs, look, stays) in records.chain(intents) {
        let Some(kind) = by_name(kind).filter(|_| inputs.is_object()) else { continue };
        grants.extend(kind.iam(look, inputs, place)?);
        if task.writes() && !stays {
            grants.extend(kind.iam(Op::Delete, inputs, place)?);
        }
    }
    Ok(open(grants))
}

/// AWS deletes it along with another resource of the state, which is deleted, too. After a run that was cut off it may
/// be part of something else.
fn goes_with_record(state: &State, record: &Record) -> bool {
    let Some(kind) = by_name(&record.kind).filter(|kind| kind.goes_with_parent() && state.intents.is_empty()) else {
        return false;
    };
    let parent = kind.identity().first().and_then(|property| record.inputs.get(*property)?.as_str());
    let goes = |r: &Record| !r.protect && !r.retain && r.outputs.values().any(|output| Some(output.as_str()) == parent);
    record.dependencies.iter().filter_map(|address| state.resources.get(address)).any(goes)
}

/// The caller's own identity, which every command asks for first.
pub fn identity() -> Grant {
    Grant::new(&["sts:GetCallerIdentity"], "*")
}

/// Puts the stack's name into the conditions that are about what is its own.
pub fn own(mut grants: Vec<Grant>, stack: &str) -> Vec<Grant> {
    let values = grants.iter_mut().flat_map(|grant| &mut grant.conditions).flat_map(|condition| &mut condition.values);
    for value in values.filter(|value| *value == OWN_STACK) {
        stack.clone_into(value);
    }
    grants
}

/// Puts `*` in the place of what only AWS can tell.
fn open(mut grants: Vec<Grant>) -> Vec<Grant> {
    for grant in &mut grants {
        for resource in &mut grant.resources {
            *resource = wildcard(resource);
        }
    }
    grants
}

/// Actions that IAM checks against the boundary of the role that they are for.
const BOUNDED: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
];
const UNBIND: &str = "iam:DeleteRolePermissionsBoundary";

/// Allows roles to be made and equipped only under the boundary `arn`, and denies taking it away: who may write a
/// role's policies could otherwise give it everything.
pub fn bounded(grants: Vec<Grant>, arn: &str) -> Permissions {
    let mut permissions = Permissions::default();
    for grant in grants {
        let is_bounded = |action: &&'static str| BOUNDED.contains(action);
        let bound: Vec<_> = grant.actions.iter().copied().filter(is_bounded).collect();
        let free: Vec<_> = grant.actions.iter().copied().filter(|a| !is_bounded(a) && *a != UNBIND).collect();
        if grant.actions.contains(&"iam:CreateRole") {
            permissions.deny.push(Grant::on(&[UNBIND], grant.resources.clone()));
        }
        let only = Grant { actions: bound, ..grant.clone() };
        permissions.allow.push(only.only("StringEquals", "iam:PermissionsBoundary", vec![arn.to_owned()]));
        permissions.allow.push(Grant { actions: free, ..grant });
    }
    permissions
}

/// Names the elements whose roles do not carry the boundary `arn`, which could then not be made.
pub fn unbounded<'a>(graph: &'a Graph, arn: &str) -> Vec<&'a str> {
    let without = |node: &&Node| {
        node.kind.name() == "iam.role"
            && !node.external
            && node.spec.get("permissions_boundary").and_then(Value::as_str) != Some(arn)
    };
    graph.nodes().filter(without).map(|node| node.element.as_str()).collect()
}
