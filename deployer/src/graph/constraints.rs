//! AWS's own constraints on the properties of resources, checked before anything is created.
//!
//! `constraints/table.tsv` has a line for each property that AWS's service models limit: the kind, the property, the
//! constraint, and the member of AWS's call that gets the property. A test writes it: it lets each kind build its
//! requests, changes one property after another, and sees which member changes. So no property can be forgotten.
//!
//! `constraints/by_hand.tsv` has what no model says, each line with the next step for the user and the source. `region`
//! or `account` in place of a constraint means an ARN in the region or the account of the stack.

mod words;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::missing::has_error_inside;
use super::{Node, resolve};
use crate::aws::Place;
use crate::constraints::{Constraint, Rule};
use crate::spec::document::Document;
use crate::spec::finding::Findings;

/// A property of a kind that AWS limits.
struct Limited {
    /// `dimensions/*`: any value of the map; `dimensions/~`: any of its keys; `layers/[]`: any item of the list.
    property: &'static str,
    limit: Limit,
    /// The values that AWS takes, as an advice to the user.
    advice: Advice,
}

enum Limit {
    Constraint(Box<Constraint>),
    /// An ARN in the region of the stack.
    Region,
    /// An ARN in the account of the stack.
    Account,
}

enum Advice {
    /// The member of AWS's call: `PutMetricAlarm Dimensions[].Value`.
    Member(&'static str),
    /// The next step.
    Text(&'static str),
}

/// A rule that a value of a spec breaks.
struct Broken {
    /// The path of the value in the spec. For the key of a map, that of its entry.
    path: Vec<String>,
    is_key: bool,
    value: Value,
    fault: Fault,
    limited: &'static Limited,
}

enum Fault {
    Rule(Rule),
    /// The region or the account of the ARN is another one than the stack's.
    Elsewhere {
        of_arn: String,
        of_stack: String,
    },
}

/// The account in places that do not know it.
pub(super) const UNKNOWN_ACCOUNT: &str = "000000000000";

static TABLE: LazyLock<HashMap<&'static str, Vec<Limited>>> = LazyLock::new(|| {
    let mut table: HashMap<_, Vec<_>> = HashMap::new();
    let models = lines(include_str!("constraints/table.tsv")).map(|line| (line, Advice::Member(line[3])));
    let by_hand = lines(include_str!("constraints/by_hand.tsv")).map(|line| (line, Advice::Text(line[3])));
    // Of two findings about one value the first is reported, and advice by hand is clearer.
    for ([kind, property, limit, _], advice) in by_hand.chain(models) {
        let limit = match (limit, serde_json::from_str(limit)) {
            (_, Ok(constraint)) => Limit::Constraint(Box::new(constraint)),
            ("account", _) => Limit::Account,
            // A test reads every line.
            _ => Limit::Region,
        };
        table.entry(kind).or_default().push(Limited { property, limit, advice });
    }
    table
});

/// Returns the first four columns of each line.
fn lines(table: &'static str) -> impl Iterator<Item = [&'static str; 4]> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut columns = line.split('\t');
        [(); 4].map(|()| columns.next().unwrap_or_default())
    })
}

/// Reports the values of a resolved spec that AWS would refuse, each where stack.yaml sets it. Values that only apply
/// can know pass.
pub(super) fn check(node: &Node, spec: &Value, place: &Place, document: &Document, findings: &mut Findings) {
    for broken in broken(node.kind.name(), spec, place) {
        let origin = document.find_origin(&node.address, &broken.path, broken.is_key);
        // Another check knows more about the same value. A value that the element does not state may follow from one
        // that another check refuses.
        let is_derived = origin.path.0.len() == 2;
        let is_known = findings.0.iter().any(|other| other.path == origin.path)
            || (is_derived && has_error_inside(&origin.path, findings));
        if !is_known {
            words::report(&broken, &node.address, origin, findings);
        }
    }
}

fn broken(kind: &str, spec: &Value, place: &Place) -> Vec<Broken> {
    let mut found = Vec::new();
    for limited in TABLE.get(kind).into_iter().flatten() {
        let steps: Vec<&str> = limited.property.split('/').collect();
        walk(spec, &steps, &mut Vec::new(), &mut |path, is_key, value| {
            let is_whole = matches!(value, Value::Array(_) | Value::Object(_)) || !resolve::is_unknown(value);
            for fault in limited.limit.faults(value, place).into_iter().filter(|_| is_whole) {
                found.push(Broken { path: path.to_vec(), is_key, value: value.clone(), fault, limited });
            }
        });
    }
    found
}

impl Limit {
    fn faults(&self, value: &Value, place: &Place) -> Vec<Fault> {
        match self {
            Self::Constraint(constraint) => constraint.broken_by(value).into_iter().map(Fault::Rule).collect(),
            Self::Region => elsewhere(value, 3, &place.region).into_iter().collect(),
            // Before AWS is read, the account may be unknown.
            Self::Account if place.account == UNKNOWN_ACCOUNT => Vec::new(),
            Self::Account => elsewhere(value, 4, &place.account).into_iter().collect(),
        }
    }
}

/// Compares a part of an ARN with the stack's. An ARN without the part is nowhere else.
fn elsewhere(arn: &Value, part: usize, own: &str) -> Option<Fault> {
    let parts: Vec<&str> = arn.as_str()?.split(':').collect();
    let other = parts.get(part).filter(|other| parts.len() > 5 && !other.is_empty() && **other != own)?;
    (!own.is_empty()).then(|| Fault::Elsewhere { of_arn: (*other).to_owned(), of_stack: own.to_owned() })
}

/// Visits the values at a path with `*`, `~` and `[]`: the path of each, whether it is the key there, and the value.
fn walk(value: &Value, steps: &[&str], path: &mut Vec<String>, visit: &mut dyn FnMut(&[String], bool, &Value)) {
    let Some((step, rest)) = steps.split_first() else {
        if !value.is_null() {
            visit(path, false, value);
        }
        return;
    };
    let mut enter = |name: String, inner: &Value| {
        path.push(name);
        walk(inner, rest, path, visit);
        path.pop();
    };
    match (*step, value) {
        ("~", Value::Object(entries)) => {
            for key in entries.keys() {
                path.push(key.clone());
                visit(path, true, &Value::from(key.as_str()));
                path.pop();
            }
        }
        ("*", Value::Object(entries)) => entries.iter().for_each(|(key, inner)| enter(key.clone(), inner)),
        ("[]", Value::Array(items)) => {
            items.iter().enumerate().for_each(|(index, inner)| enter(index.to_string(), inner));
        }
        (name, value) => {
            if let Some(inner) = value.get(name) {
                enter(name.to_owned(), inner);
            }
        }
    }
}

#[cfg(test)]
mod tests;
