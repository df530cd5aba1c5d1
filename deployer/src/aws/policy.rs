//! IAM policy documents compared by meaning: AWS rarely returns the text that was sent.
//!
//! AWS percent-encodes documents, turns one-element lists into texts and back, reorders lists,
//! and writes an account's root user in two ways. None of that is a difference. `Version` and
//! `Sid` are: the first changes how variables are read, the second is what other tools refer to.

mod both;
mod changes;
mod pattern;
mod widening;

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

pub use both::{both, both_texts};
pub use changes::{StatementChange, statement_diff};
pub use pattern::{allowed_on, matches};
pub use widening::{is_unbounded, pattern_includes, widens};

/// Why a text is not a policy document.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy document is not UTF-8")]
    Encoding(#[from] std::str::Utf8Error),
    #[error("the policy document is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the policy document is not a JSON object")]
    NotObject,
}

/// Parses a policy document, either percent-encoded as IAM returns it or plain.
///
/// # Errors
/// When the text is not UTF-8, not JSON or not an object.
pub fn parse(text: &str) -> Result<Value, PolicyError> {
    // A document begins with a brace, so a plain one keeps the percent signs inside it.
    let plain = text.trim_start().starts_with('{');
    let value: Value = if plain {
        serde_json::from_str(text)?
    } else {
        // RFC 3986: `%XX` only; a plus sign is a plus sign.
        serde_json::from_str(&percent_decode_str(text).decode_utf8()?)?
    };
    if value.is_object() { Ok(value) } else { Err(PolicyError::NotObject) }
}

/// Tells whether two documents mean the same. A document may be a JSON text.
pub fn same(a: &Value, b: &Value) -> bool {
    a == b || canonical(a) == canonical(b)
}

/// Brings a document into the one form that all documents of its meaning share.
///
/// The form is for comparison only: names that IAM reads without regard to case are in lower case. The document sent to
/// AWS stays as it was written.
pub fn canonical(document: &Value) -> Value {
    shaped(document, Names::Folded)
}

/// Counts the characters that IAM counts towards its limits: all but white space.
pub fn size(document: &Value) -> usize {
    document.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

/// Finds a character that IAM refuses in a policy document.
pub fn refused_character(document: &Value) -> Option<char> {
    match document {
        Value::String(text) => text.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')),
        Value::Array(items) => items.iter().find_map(refused_character),
        Value::Object(map) => {
            map.iter().find_map(|(key, value)| refused_character(&json!(key)).or_else(|| refused_character(value)))
        }
        _ => None,
    }
}

/// How to treat names whose case means nothing: actions, condition operators and keys.
#[derive(Clone, Copy, PartialEq)]
enum Names {
    Folded,
    AsWritten,
}

impl Names {
    fn of(self, name: &str) -> String {
        if self == Self::Folded { name.to_lowercase() } else { name.to_owned() }
    }
}

fn shaped(document: &Value, names: Names) -> Value {
    let map = match document {
        Value::Object(map) => map,
        Value::String(text) => match parse(text) {
            Ok(parsed) => return shaped(&parsed, names),
            Err(_) => return document.clone(),
        },
        _ => return document.clone(),
    };
    let mut out = Map::new();
    // IAM reads a document without a version as one of the first version.
    out.insert("Version".into(), map.get("Version").cloned().unwrap_or_else(|| json!("2008-10-17")));
    let mut statements: Vec<Value> =
        as_list(map.get("Statement")).into_iter().map(|one| statement(one, names)).collect();
    sort(&mut statements);
    for (key, value) in sorted(map) {
        if key != "Statement" {
            out.insert(key.clone(), sort_keys(value));
        }
    }
    out.insert("Statement".into(), Value::Array(statements));
    Value::Object(out)
}

/// One statement: its elements in IAM's order, each a text or a sorted list of at least two.
fn statement(value: &Value, names: Names) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    const ORDER: &[&str] =
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource"];
    let mut out = Map::new();
    let known = ORDER.iter().filter_map(|key| map.get_key_value(*key));
    let others = sorted(map).into_iter().filter(|(key, _)| !ORDER.contains(&key.as_str()));
    for (key, value) in known.chain(others) {
        let shaped = match key.as_str() {
            "Sid" if value.as_str() == Some("") => continue,
            "Condition" if value.as_object().is_some_and(Map::is_empty) => continue,
            "Principal" | "NotPrincipal" => principal(value),
            "Action" | "NotAction" => text_set(value, |action| names.of(&action)),
            "Resource" | "NotResource" => text_set(value, |resource| resource),
            "Condition" => condition(value, names),
            _ => sort_keys(value),
        };
        out.insert(key.clone(), shaped);
    }
    Value::Object(out)
}

/// `"*"` is `{"AWS": "*"}`; an account's root user is the account.
fn principal(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let entry = |(kind, who): (&String, &Value)| {
                let who = if kind == "AWS" { text_set(who, account_of) } else { text_set(who, |name| name) };
                (kind.clone(), who)
            };
            Value::Object(sorted(map).into_iter().map(entry).collect())
        }
        Value::String(all) if all == "*" => json!({ "AWS": "*" }),
        other => other.clone(),
    }
}

/// Shortens `arn:aws:iam::123456789012:root`, in any partition, to the account.
fn account_of(principal: String) -> String {
    let account = principal
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":iam::"))
        .and_then(|(_, rest)| rest.strip_suffix(":root"))
        .filter(|account| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()));
    account.map_or_else(|| principal.clone(), str::to_owned)
}

fn condition(value: &Value, names: Names) -> Value {
    let Value::Object(operators) = value else { return value.clone() };
    let mut out: BTreeMap<String, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return sort_keys(value) };
        let block = out.entry(names.of(operator)).or_default();
        for (key, values) in keys {
            block.entry(names.of(key)).or_default().extend(as_list(Some(values)).into_iter().cloned());
        }
    }
    let block = |keys: BTreeMap<String, Vec<Value>>| -> Value {
        Value::Object(keys.into_iter().map(|(key, values)| (key, text_set(&json!(values), |value| value))).collect())
    };
    Value::Object(out.into_iter().map(|(operator, keys)| (operator, block(keys))).collect())
}

/// Turns a text or a list into a set of texts: sorted, without repeats, a single element without a list.
fn text_set(value: &Value, name: impl Fn(String) -> String) -> Value {
    let mut items: Vec<Value> = as_list(Some(value))
        .into_iter()
        .map(|item| match item {
            Value::String(text) => Value::String(name(text.clone())),
            Value::Number(_) | Value::Bool(_) => Value::String(name(item.to_string())),
            other => sort_keys(other),
        })
        .collect();
    sort(&mut items);
    if items.len() == 1 { items.remove(0) } else { Value::Array(items) }
}

/// Returns the elements of a list; anything else counts as a list of itself.
fn as_list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
    }
}

fn sort(items: &mut Vec<Value>) {
    items.sort_by_cached_key(Value::to_string);
    items.dedup();
}

fn sorted(map: &Map<String, Value>) -> BTreeMap<&String, &Value> {
    map.iter().collect()
}

/// Returns any JSON with its keys sorted.
fn sort_keys(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(sorted(map).into_iter().map(|(key, value)| (key.clone(), sort_keys(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sort_keys).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
