//! Collects the calls that a command may make, from the kinds' own declarations: grants for one stack, and the IAM
//! documents that state them.
//!
//! - `document`: merges grants into policy documents within IAM's limits
//! - `names`: grants for every resource whose name matches a pattern, so that a new element needs no new policy
//! - `github`: the roles that GitHub Actions assumes by OIDC, and which runs may assume them
//! - `stored`: reading the values of variables that AWS stores

mod document;
pub mod github;
mod names;
mod stored;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use document::{Document, MANAGED_POLICY_SIZE};
pub use names::{NamePatterns, open_env};
pub use stored::of_stored;

use crate::aws::{AwsError, Place, bedrock, tagged};
use crate::graph::resolve::{self, wildcard};
use crate::graph::{Graph, Node, models};
use crate::kinds::{self, Grant, OWN_STACK, Op, REGISTRY};
use crate::observe::predict;
use crate::spec::template::{self, TextPart};
use crate::state::{Record, State};

/// The command that a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Plan,
    Apply,
    Destroy,
    Rollback,
    Verify,
}

impl Task {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::Rollback => "rollback",
            Self::Verify => "verify",
        }
    }

    /// Tells whether the command takes the state's lock.
    pub fn locks(self) -> bool {
        !matches!(self, Self::Plan | Self::Verify)
    }

    /// Tells whether the command creates or deletes resources, and writes the state.
    pub fn writes(self) -> bool {
        matches!(self, Self::Apply | Self::Destroy)
    }

    /// Returns the operations that the command may carry out on a resource of the graph.
    fn operations_on(self, node: &Node) -> Vec<Op> {
        let stays = node.protect || node.retain;
        match self {
            Self::Rollback => Vec::new(),
            _ if node.external => vec![Op::Read],
            _ => self.operations().iter().copied().filter(|op| *op != Op::Delete || !stays).collect(),
        }
    }

    /// Returns the operations that the command may carry out on a resource of its own.
    fn operations(self) -> &'static [Op] {
        match self {
            Self::Rollback => &[],
            Self::Plan | Self::Verify => &[Op::Read],
            Self::Apply => &[Op::Read, Op::Create, Op::Update, Op::Delete],
            Self::Destroy => &[Op::Present, Op::Delete],
        }
    }
}

/// Allowed calls, and calls that are denied even if another policy allows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    pub allow: Vec<Grant>,
    pub deny: Vec<Grant>,
}

/// Collects the calls that `task` may make for the resources of `graph`.
///
/// # Errors
/// When a spec does not fit its kind; loading has ruled that out.
pub fn of_graph(graph: &Graph, place: &Place, task: Task) -> Result<Vec<Grant>, AwsError> {
    let known = predict(graph, place);
    let mut grants = Vec::new();
    for node in graph.nodes() {
        let spec = resolve::value(&node.spec, &known, place);
        for op in task.operations_on(node) {
            if op == Op::Delete && task == Task::Destroy && goes_with_parent(graph, node) {
                continue;
            }
            grants.extend(node.kind.iam(op, &spec, place)?);
        }
        if task == Task::Rollback && !node.external {
            grants.extend(node.kind.rollback(&spec, place)?);
        }
        if task == Task::Verify && !node.external {
            grants.extend(node.kind.verification(&spec, place)?.grants);
        }
    }
    if task == Task::Rollback {
        return Ok(open(grants));
    }
    grants.extend(listings(graph));
    if matches!(task, Task::Plan | Task::Apply) {
        // Covers the question whether Bedrock still serves the models that the roles may invoke.
        let models = models::models_in_use(graph, &known, place);
        grants.extend(models.keys().map(|model| Grant::new(&[bedrock::OPERATION], model.arn())));
    }
    // Orphaned resources of the stack are found by their tags.
    grants.push(Grant::new(&[tagged::OPERATION], "*"));
    Ok(open(grants))
}

/// Collects the account-wide listings that kinds use if the stack has many of their resources.
pub fn listings(graph: &Graph) -> impl Iterator<Item = Grant> {
    REGISTRY.iter().flat_map(|kind| {
        let count = graph.nodes().filter(|node| node.kind.name() == kind.name()).count();
        let used = kind.about().calls.listings.iter().filter(move |(from, _)| count >= *from);
        used.map(|(_, actions)| Grant::new(actions, "*"))
    })
}

/// Tells whether AWS deletes the resource along with its parent, which the command also deletes.
fn goes_with_parent(graph: &Graph, node: &Node) -> bool {
    let Some(text) = node.kind.about().parent_in(&node.spec) else { return false };
    let Ok(parts) = template::parse(text) else { return false };
    node.kind.about().goes_with_parent()
        && parts.iter().any(|part| match part {
            TextPart::Ref(reference) => graph
                .node(&reference.address)
                .is_some_and(|parent| !parent.external && !parent.protect && !parent.retain),
            _ => false,
        })
}

/// Collects the calls that `task` may make for resources in the state, and for those that an interrupted run was about
/// to change. They include resources that `stack.yaml` no longer has.
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
        let Some(kind) = kinds::find(kind).filter(|_| inputs.is_object()) else { continue };
        grants.extend(kind.iam(look, inputs, place)?);
        if task.writes() && !stays {
            grants.extend(kind.iam(Op::Delete, inputs, place)?);
        }
    }
    Ok(open(grants))
}

/// Tells whether AWS deletes the resource along with another one in the state, which the command also deletes. After an
/// interrupted run the answer is always no: the resource may be part of another one by now.
fn goes_with_record(state: &State, record: &Record) -> bool {
    let Some(kind) =
        kinds::find(&record.kind).filter(|kind| kind.about().goes_with_parent() && state.intents.is_empty())
    else {
        return false;
    };
    let parent = kind.about().parent_in(&record.inputs);
    let goes = |r: &Record| !r.protect && !r.retain && r.outputs.values().any(|output| Some(output.as_str()) == parent);
    record.dependencies.iter().filter_map(|address| state.resources.get(address)).any(goes)
}

/// Returns the grant for the caller's own identity, which every command asks for first.
pub fn identity() -> Grant {
    Grant::new(&["sts:GetCallerIdentity"], "*")
}

/// Replaces the placeholder in conditions on the stack's own resources by the stack's name.
pub fn own(mut grants: Vec<Grant>, stack: &str) -> Vec<Grant> {
    let values = grants.iter_mut().flat_map(|grant| &mut grant.conditions).flat_map(|condition| &mut condition.values);
    for value in values.filter(|value| *value == OWN_STACK) {
        stack.clone_into(value);
    }
    grants
}

/// Replaces each value that only AWS can tell by `*`.
fn open(mut grants: Vec<Grant>) -> Vec<Grant> {
    for grant in &mut grants {
        for resource in &mut grant.resources {
            *resource = wildcard(resource);
        }
    }
    grants
}

/// Actions for which IAM checks the boundary of the role that they act on.
const BOUNDED: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
];
const UNBIND: &str = "iam:DeleteRolePermissionsBoundary";

/// Allows creating and equipping roles only under the boundary `arn`, and denies its removal: a caller who may write a
/// role's policies could otherwise allow the role everything.
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

/// Tells whether the stack has roles of its own, whose policies a caller writes.
pub fn equips_roles(graph: &Graph) -> bool {
    boundaries(graph).next().is_some()
}

/// Returns the boundary that every role of the stack carries.
pub fn common_boundary(graph: &Graph) -> Option<String> {
    let first = boundaries(graph).next()??;
    boundaries(graph).all(|boundary| boundary == Some(first)).then(|| first.to_owned())
}

/// Lists the boundary of each role.
fn boundaries(graph: &Graph) -> impl Iterator<Item = Option<&str>> {
    let roles = graph.nodes().filter(|node| !node.external);
    roles.filter_map(|node| Some(node.spec.get(node.kind.about().calls.boundary?).and_then(Value::as_str)))
}

/// Names the elements whose roles lack the boundary `arn` and could then not be created.
pub fn unbounded<'a>(graph: &'a Graph, arn: &str) -> Vec<&'a str> {
    let without = |node: &&Node| {
        let boundary = node.kind.about().calls.boundary.filter(|_| !node.external);
        boundary.is_some_and(|property| node.spec.get(property).and_then(Value::as_str) != Some(arn))
    };
    graph.nodes().filter(without).map(|node| node.element.as_str()).collect()
}
