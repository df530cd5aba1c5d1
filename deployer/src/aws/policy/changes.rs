//! The difference of two policy documents, grant by grant.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Names, as_list, same, shaped, statement};

/// One grant that a new document adds or drops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementChange {
    pub added: bool,
    /// `s3:PutObject on arn:aws:s3:::pictures/*`.
    pub grant: String,
}

impl fmt::Display for StatementChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.added { '+' } else { '-' }, self.grant)
    }
}

/// Lists what `after` grants or denies and `before` does not, and the reverse: one line for each effect, action,
/// resource, principal and condition, removals first.
///
/// Documents with the same meaning give no lines; documents that differ give at least one.
pub fn statement_diff(before: Option<&Value>, after: Option<&Value>) -> Vec<StatementChange> {
    let (have, want) = (grants(before), grants(after));
    let mut changes = compare_grants(&have, &want);
    // A missing document has no version to lose.
    if let (Some(before), Some(after)) = (before, after)
        && !same(before, after)
    {
        changes.extend(compare_grants(&marks(before, false), &marks(after, false)));
        if changes.is_empty() {
            changes = compare_grants(&marks(before, true), &marks(after, true));
        }
    }
    changes
}

/// Grants, by their keys for the comparison.
type Grants = BTreeMap<String, String>;

fn compare_grants(have: &Grants, want: &Grants) -> Vec<StatementChange> {
    let only = |these: &Grants, those: &Grants, added: bool| -> Vec<StatementChange> {
        let missing = these.iter().filter(|(key, _)| !those.contains_key(*key));
        missing.map(|(_, grant)| StatementChange { added, grant: grant.clone() }).collect()
    };
    let mut changes = only(have, want, false);
    changes.extend(only(want, have, true));
    changes
}

fn grants(document: Option<&Value>) -> Grants {
    let Some(document) = document else { return Grants::new() };
    let shaped = shaped(document, Names::AsWritten);
    let single = as_list(shaped.get("Statement")).into_iter().flat_map(singles);
    single.map(|grant| (statement(&grant, Names::Folded).to_string(), text(&grant))).collect()
}

/// Splits a statement into statements of one action, one resource and one principal each. The parts that a statement
/// excludes (`NotAction` and the like) stay whole: they cannot be split.
pub(super) fn singles(one: &Value) -> Vec<Value> {
    let mut out = vec![json!({ "Effect": one["Effect"] })];
    for key in ["Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"] {
        let Some(value) = one.get(key) else { continue };
        let parts: Vec<Value> = match (key, value) {
            ("Action" | "Resource", _) => as_list(Some(value)).into_iter().cloned().collect(),
            ("Principal", Value::Object(kinds)) => kinds
                .iter()
                .flat_map(|(kind, who)| as_list(Some(who)).into_iter().map(move |who| json!({ kind: who })))
                .collect(),
            _ => vec![value.clone()],
        };
        let with = |base: &Value, part: &Value| {
            let mut grant = base.clone();
            grant[key] = part.clone();
            grant
        };
        out = out.iter().flat_map(|base| parts.iter().map(move |part| with(base, part))).collect();
    }
    out
}

fn text(grant: &Value) -> String {
    let mut words = Vec::new();
    if grant["Effect"] != "Allow" {
        words.push(plain(&grant["Effect"]).to_lowercase());
    }
    for (key, word) in [
        ("Action", ""),
        ("NotAction", "all but "),
        ("Resource", "on "),
        ("NotResource", "on all but "),
        ("Principal", "by "),
        ("NotPrincipal", "by all but "),
    ] {
        if let Some(value) = grant.get(key) {
            words.push(format!("{word}{}", plain(value)));
        }
    }
    let operators = grant.get("Condition").and_then(Value::as_object);
    for (index, (operator, keys)) in operators.into_iter().flatten().enumerate() {
        let all: Vec<_> =
            keys.as_object().into_iter().flatten().map(|(k, v)| format!("{k} {operator} {}", plain(v))).collect();
        words.push(format!("{} {}", if index == 0 { "if" } else { "and" }, all.join(" and ")));
    }
    words.join(" ")
}

/// Writes texts without quotes, lists with commas, principals without their kind.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(map) => map.values().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Returns the parts of a document besides its grants: version and id, and with `sids` also the statements' names.
fn marks(document: &Value, sids: bool) -> Grants {
    let shaped = shaped(document, Names::AsWritten);
    let mut out = Grants::new();
    for (key, value) in shaped.as_object().into_iter().flatten().filter(|(key, _)| *key != "Statement") {
        out.insert(format!("{key} {value}"), format!("{key} {}", plain(value)));
    }
    if sids {
        for one in as_list(shaped.get("Statement")) {
            let name = one.get("Sid").map_or_else(|| "no Sid".to_owned(), |sid| format!("Sid {}", plain(sid)));
            let grants: Vec<String> = singles(one).iter().map(text).collect();
            out.insert(statement(one, Names::Folded).to_string(), format!("{name}: {}", grants.join("; ")));
        }
    }
    out
}
