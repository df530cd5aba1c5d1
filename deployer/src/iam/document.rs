//! Turns grants into IAM policy documents that are merged, sorted and within IAM's limits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Permissions;
use crate::aws::policy::matches;
use crate::aws::policy::size;
use crate::kinds::{Condition, Grant};

/// Maximum characters of a managed policy; white space does not count.
pub const MANAGED_POLICY_SIZE: usize = 6_144;

/// One IAM policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document(Vec<Statement>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Statement {
    actions: BTreeSet<&'static str>,
    resources: BTreeSet<String>,
    conditions: Vec<Condition>,
    effect: &'static str,
}

impl Document {
    /// Renders all of `permissions` as one document, regardless of its size.
    pub fn of(permissions: &Permissions) -> Self {
        let mut statements = merged("Allow", &permissions.allow);
        statements.extend(merged("Deny", &permissions.deny));
        statements.sort();
        Self(statements)
    }

    /// Splits it into documents that each fit a managed policy, in the same order.
    pub fn split(&self) -> Vec<Self> {
        let mut documents = vec![Self(Vec::new())];
        let mut waiting: Vec<Statement> = self.0.iter().rev().cloned().collect();
        while let Some(statement) = waiting.pop() {
            let last = documents.len() - 1;
            documents[last].0.push(statement);
            if documents[last].fits() {
                continue;
            }
            let Some(statement) = documents[last].0.pop() else { continue };
            if !documents[last].0.is_empty() {
                documents.push(Self(Vec::new()));
                waiting.push(statement);
            } else if let Some((one, other)) = statement.halves() {
                waiting.extend([other, one]);
            } else {
                documents[last].0.push(statement);
            }
        }
        documents
    }

    /// Tells whether IAM accepts it as a managed policy.
    pub fn fits(&self) -> bool {
        self.size() <= MANAGED_POLICY_SIZE
    }

    /// Counts its characters in the same way as IAM.
    pub fn size(&self) -> usize {
        size(&self.to_json())
    }

    pub fn to_json(&self) -> Value {
        let statements: Vec<Value> = self.0.iter().map(Statement::to_json).collect();
        object([("Version", json!("2012-10-17")), ("Statement", json!(statements))])
    }

    /// Tells whether it allows `action` on `resource`; `context` holds the request's condition keys.
    pub fn allows(&self, action: &str, resource: &str, context: &BTreeMap<&str, String>) -> bool {
        let matching = |effect: &str| {
            self.0.iter().any(|statement| {
                statement.effect == effect
                    && statement.actions.contains(action)
                    && statement.resources.iter().any(|pattern| matches(pattern, resource))
                    && statement.conditions.iter().all(|condition| holds(condition, context))
            })
        };
        matching("Allow") && !matching("Deny")
    }

    /// Lists every action that it names.
    pub fn actions(&self) -> BTreeSet<&'static str> {
        self.0.iter().flat_map(|statement| statement.actions.iter().copied()).collect()
    }
}

impl Statement {
    fn to_json(&self) -> Value {
        let mut parts =
            vec![("Effect", json!(self.effect)), ("Action", json!(self.actions)), ("Resource", json!(self.resources))];
        if !self.conditions.is_empty() {
            let mut operators: BTreeMap<&str, BTreeMap<&str, &[String]>> = BTreeMap::new();
            for condition in &self.conditions {
                operators.entry(condition.operator).or_default().insert(condition.key, &condition.values);
            }
            parts.push(("Condition", json!(operators)));
        }
        object(parts)
    }

    /// Splits it into two statements with half of the resources each.
    fn halves(&self) -> Option<(Self, Self)> {
        let half = self.resources.len() / 2;
        let other = self.resources.iter().nth(half).filter(|_| half > 0)?.clone();
        let mut one = self.clone();
        let resources = one.resources.split_off(&other);
        Some((one, Self { resources, ..self.clone() }))
    }
}

fn object(parts: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(parts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}

/// The operators and keys of a grant's conditions. If it has several, also their values: only the values of a single
/// condition are merged with those of other grants.
type Shape = (Vec<(&'static str, &'static str)>, Vec<Vec<String>>);

/// States each action once for each set of resources that it is allowed on.
fn merged(effect: &'static str, grants: &[Grant]) -> Vec<Statement> {
    let mut values: BTreeMap<(&str, &str, Shape), BTreeSet<String>> = BTreeMap::new();
    for grant in grants {
        let shape: Vec<_> = grant.conditions.iter().map(|c| (c.operator, c.key)).collect();
        let all: Vec<_> = grant.conditions.iter().map(|c| c.values.clone()).collect();
        let alone = grant.conditions.len() == 1;
        let shape = (shape, if alone { Vec::new() } else { all.clone() });
        for action in &grant.actions {
            for resource in &grant.resources {
                let united = values.entry((*action, resource.as_str(), shape.clone())).or_default();
                united.extend(all.iter().filter(|_| alone).flatten().cloned());
            }
        }
    }
    let mut resources: BTreeMap<(&'static str, Vec<Condition>), BTreeSet<String>> = BTreeMap::new();
    let name = |action: &str| grants.iter().flat_map(|g| &g.actions).copied().find(|known| *known == action);
    for ((action, resource, shape), united) in values {
        let Some(action) = name(action) else { continue };
        let on = resources.entry((action, conditions(shape, united))).or_default();
        on.insert(resource.to_owned());
    }
    let mut actions: BTreeMap<(BTreeSet<String>, Vec<Condition>), BTreeSet<&'static str>> = BTreeMap::new();
    for ((action, conditions), resources) in resources {
        actions.entry((without_covered(resources), conditions)).or_default().insert(action);
    }
    let statement = |((resources, conditions), actions)| Statement { actions, resources, conditions, effect };
    actions.into_iter().map(statement).collect()
}

fn conditions((shape, fixed): Shape, united: BTreeSet<String>) -> Vec<Condition> {
    let values = if fixed.is_empty() { vec![united.into_iter().collect()] } else { fixed };
    let condition = |((operator, key), values)| Condition { operator, key, values };
    let mut conditions: Vec<_> = shape.into_iter().zip(values).map(condition).collect();
    conditions.sort();
    conditions
}

/// Drops the resources that another pattern of the set covers.
fn without_covered(resources: BTreeSet<String>) -> BTreeSet<String> {
    let covered = |one: &&String| resources.iter().any(|other| other != *one && matches(other, one));
    resources.iter().filter(|one| !covered(one)).cloned().collect()
}

/// Tells whether a request with these condition keys meets a condition, for the operators that grants use. If a key has
/// several values, the context lists them all, separated by commas.
fn holds(condition: &Condition, context: &BTreeMap<&str, String>) -> bool {
    if condition.operator == "ForAllValues:StringNotEquals" {
        let all = context.get(condition.key).map(String::as_str).unwrap_or_default();
        return !all.split(',').any(|value| condition.values.iter().any(|other| other == value));
    }
    let fits = |value: &String| match condition.operator {
        "StringEquals" | "StringEqualsIfExists" => condition.values.contains(value),
        _ => condition.values.iter().any(|pattern| matches(pattern, value)),
    };
    context.get(condition.key).map_or(condition.operator.ends_with("IfExists"), fits)
}
