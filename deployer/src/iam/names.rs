//! Grants for every resource whose name matches a pattern. A new element of `stack.yaml` then needs no new policy.
//!
//! # Guarantees
//! A pattern adds nothing on the roles of CI, on the bucket of the state, or to delete protected resources: the policy
//! denies it. Resources that others own, such as keys, layers and managed policies, are allowed as far as the stack
//! names them already.

use serde_json::Value;

use super::{Permissions, Task};
use crate::aws::policy::matches;
use crate::aws::{AwsError, Place};
use crate::graph::resolve;
use crate::graph::{Graph, Node};
use crate::kinds::{AnyKind, Grant, Op, REGISTRY};
use crate::observe::predict;
use crate::spec::env;

/// Patterns of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePatterns {
    patterns: Vec<String>,
    /// ARNs of resources that are not the stack's, whatever their names.
    apart: Vec<String>,
}

type KindSpec = (&'static dyn AnyKind, Value);

impl NamePatterns {
    /// Returns the patterns for `pattern`, which ends in `*`, in an environment: its resources have the environment at
    /// the end of their names, or before an ending of their kind.
    pub fn of(pattern: &str, env: Option<&str>) -> Self {
        let own = env.map_or_else(|| pattern.to_owned(), |env| format!("{pattern}-{env}"));
        let is_open = own.ends_with('*') || env.is_some_and(env::is_pattern);
        let patterns = if is_open { vec![own] } else { vec![format!("{own}-*"), format!("{own}.fifo"), own] };
        Self { patterns, apart: Vec::new() }
    }

    /// Keeps the calls that change a resource away from `apart`.
    #[must_use]
    pub fn apart_from(mut self, apart: impl IntoIterator<Item = String>) -> Self {
        self.apart.extend(apart);
        self
    }

    /// Returns the patterns as IAM reads them, for messages.
    pub fn shown(&self) -> Vec<String> {
        self.patterns.iter().map(|pattern| env::with_stars(pattern)).collect()
    }

    /// Tells whether a name matches.
    pub fn have(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(&env::with_stars(pattern), name))
    }

    /// Adds the calls that `task` may make for every resource with such a name, and denies those that a pattern must
    /// not allow. `own` are the exact grants.
    ///
    /// # Errors
    /// When a spec does not fit its kind; loading has ruled that out.
    pub fn widen(&self, own: Vec<Grant>, graph: &Graph, place: &Place, task: Task) -> Result<Permissions, AwsError> {
        let specs = self.specs(graph, place)?;
        let of = |ops: &[Op]| -> Result<Vec<Grant>, AwsError> {
            let each = specs.iter().flat_map(|(kind, spec)| ops.iter().map(move |op| kind.iam(*op, spec, place)));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
        };
        if task == Task::Rollback {
            let calls = specs.iter().map(|(kind, spec)| kind.rollback(spec, place)).collect::<Result<Vec<_>, _>>()?;
            return Ok(Permissions { allow: [own, super::open(calls.concat())].concat(), deny: Vec::new() });
        }
        let writes: Vec<Op> =
            task.operations().iter().copied().filter(|op| !matches!(op, Op::Read | Op::Present)).collect();
        let apart = [self.apart.clone(), protected(graph, place)?].concat();
        let deny = denied(&of(&writes)?, &own, &apart);
        let mut allow = own;
        allow.extend(super::open(of(task.operations())?));
        Ok(Permissions { allow, deny })
    }

    /// Returns a spec for each kind of resource with such a name, and the stack's own resources under such names: they
    /// may refer to resources of others.
    fn specs(&self, graph: &Graph, place: &Place) -> Result<Vec<KindSpec>, AwsError> {
        let known = predict(graph, place);
        let mut specs = Vec::new();
        for pattern in &self.patterns {
            for kind in REGISTRY.iter() {
                specs.extend(kind.any_named(pattern, place)?.into_iter().map(|spec| (*kind, spec)));
            }
            for node in graph.nodes().filter(|node| !node.external) {
                let Some((property, name)) = name(node, &resolve::value(&node.spec, &known, place)) else { continue };
                if matches(&env::with_stars(pattern), &env::with_stars(&name)) {
                    let mut spec = resolve::value(&node.spec, &known, place);
                    spec[property] = pattern.as_str().into();
                    specs.push((node.kind, spec));
                }
            }
        }
        Ok(specs)
    }

    /// Lists the elements with a resource of such a name.
    pub fn elements<'g>(&self, graph: &'g Graph, place: &Place) -> Vec<&'g str> {
        let known = predict(graph, place);
        let has = |node: &&Node| {
            let spec = resolve::value(&node.spec, &known, place);
            !node.external && name(node, &spec).is_some_and(|(_, name)| self.have(&name))
        };
        let mut found: Vec<&str> = graph.nodes().filter(has).map(|node| node.element.as_str()).collect();
        found.dedup();
        found
    }
}

/// Returns the property with a resource's name in AWS, and the name.
fn name(node: &Node, spec: &Value) -> Option<(&'static str, String)> {
    let property = node.kind.about().named?.property;
    Some((property, spec.get(property)?.as_str()?.to_owned()))
}

/// Lists the ARNs of resources that must not be deleted, as far as they have names.
fn protected(graph: &Graph, place: &Place) -> Result<Vec<String>, AwsError> {
    let known = predict(graph, place);
    let mut found = Vec::new();
    for node in graph.nodes().filter(|node| !node.external && (node.protect || node.retain)) {
        let spec = resolve::value(&node.spec, &known, place);
        let Some((_, name)) = name(node, &spec) else { continue };
        let grants = node.kind.iam(Op::Delete, &spec, place)?;
        found.extend(grants.into_iter().flat_map(|grant| grant.resources).filter(|arn| arn.contains(&name)));
    }
    Ok(found)
}

/// Denies on the resources `apart` the calls that the patterns' `grants` allow there and the `exact` ones do not.
fn denied(grants: &[Grant], exact: &[Grant], apart: &[String]) -> Vec<Grant> {
    let reach = |grant: &Grant, arn: &str| grant.resources.iter().any(|own| matches(own, arn) || matches(arn, own));
    let on = |arn: &String| {
        let allowed = |action: &&str| exact.iter().any(|grant| grant.actions.contains(action) && reach(grant, arn));
        let over = grants.iter().filter(|grant| grant.resources.iter().any(|own| own != "*" && matches(own, arn)));
        let actions: Vec<_> = over.flat_map(|grant| grant.actions.clone()).filter(|action| !allowed(action)).collect();
        (!actions.is_empty()).then(|| Grant::new(&actions, arn))
    };
    apart.iter().filter_map(on).collect()
}

/// Puts IAM's `*` in the place of what stands for any environment. Conditions on such values then compare patterns.
pub fn open_env(mut grants: Vec<Grant>) -> Vec<Grant> {
    for grant in &mut grants {
        grant.resources.iter_mut().for_each(|resource| *resource = env::with_stars(resource));
        for condition in &mut grant.conditions {
            if condition.values.iter().any(|value| env::is_pattern(value)) {
                condition.operator = match condition.operator {
                    "StringEquals" => "StringLike",
                    "StringEqualsIfExists" => "StringLikeIfExists",
                    other => other,
                };
            }
            condition.values.iter_mut().for_each(|value| *value = env::with_stars(value));
        }
    }
    grants
}
