//! `when:` — conditions that leave elements and entries out: `when: ${vars.stage} == production`.
//!
//! A condition is read before variables are filled in, so that no value of a variable is taken for a part of it. Entries
//! are removed before anything is checked, elements after their properties are.

mod expression;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::expression::{Condition, Operand};
use super::finding::{DocPath, Findings};
use super::interpolate;
use super::secrets::Secrets;
use super::spans::SpanIndex;
use super::template;
use super::variables::Variables;

/// The property.
pub const WHEN: &str = "when";

/// The conditions of a stack, each with the path of its element or entry.
#[derive(Debug, Default)]
pub struct Conditions(Vec<(DocPath, Condition)>);

impl Conditions {
    /// Takes the conditions out of the sections. `schema` tells the entries that may have one from maps without a form,
    /// such as policies and inputs, which keep a key `when` of their own.
    pub fn take(root: &mut Value, schema: &Value, sections: &[&str], findings: &mut Findings) -> Self {
        let mut places = Vec::new();
        for section in sections {
            let known = &schema["properties"][section]["additionalProperties"];
            for (name, element) in root[section].as_object().into_iter().flatten() {
                let path = DocPath::of([*section, name]);
                places.extend(element.get(WHEN).is_some().then(|| path.clone()));
                collect(schema, known, element, &path, &mut places);
            }
        }
        places.sort_by(|one, other| one.0.cmp(&other.0));
        places.dedup();
        let read = |place: DocPath| {
            let entries = value_at(root, &place.0)?.as_object_mut()?;
            let written = entries.shift_remove(WHEN)?;
            let condition = match &written {
                Value::Bool(value) => Ok(Condition::Value(Operand::Text(value.to_string()))),
                Value::String(text) => Condition::parse(text),
                _ => Err(expression::HELP.to_owned()),
            };
            condition
                .map_err(|help| {
                    findings.error("stack::condition", place.then(WHEN), "this is no condition").help(help);
                })
                .ok()
                .map(|condition| (place, condition))
        };
        Self(places.into_iter().filter_map(read).collect())
    }

    /// Removes the entries whose condition is false. Returns the elements whose condition is false, each with the
    /// condition as it is shown. A condition on a variable without a value leaves nothing out.
    pub fn apply(
        self,
        root: &mut Value,
        spans: &mut SpanIndex,
        known: (&Variables, &str),
        findings: &mut Findings,
    ) -> BTreeMap<String, String> {
        let (mut left_out, mut entries) = (BTreeMap::new(), Vec::new());
        for (place, condition) in self.0 {
            let at = place.then(WHEN);
            let holds = condition.holds(&mut |operand, is_flag| {
                let text = value(operand, known, &at, findings)?;
                if is_flag && !["true", "false"].contains(&text.as_str()) {
                    let message = format!("`{operand}` is `{text}`, and a condition is `true` or `false`");
                    findings.error("stack::condition", at.clone(), message).help(expression::HELP);
                    return None;
                }
                Some(text)
            });
            if holds != Some(false) {
                continue;
            }
            match &place.0[..] {
                [section, name] => {
                    left_out.insert(format!("{section}.{name}"), format!("`{WHEN}: {condition}`"));
                }
                _ => entries.push(place),
            }
        }
        // From the last to the first, so that the numbers of those before it stay.
        entries.sort_by_key(|place| std::cmp::Reverse(numbers(place)));
        for place in entries {
            remove(root, spans, &place);
        }
        left_out
    }
}

/// Returns the text of an operand, for comparisons. `None` if it has no value.
fn value(
    operand: &Operand,
    (variables, env): (&Variables, &str),
    at: &DocPath,
    findings: &mut Findings,
) -> Option<String> {
    let name = match operand {
        Operand::Text(text) => return Some(text.clone()),
        Operand::Env => return Some(env.to_owned()),
        Operand::Variable(name) => name,
    };
    let names: Vec<&str> = variables.names().collect();
    let value = interpolate::variable(name, variables, &names, at, findings)?;
    let text = match value {
        Value::String(text) => template::plain(text).unwrap_or_else(|| text.clone()),
        other => variables.spelling(name).map_or_else(|| other.to_string(), str::to_owned),
    };
    if is_secret(&variables.secrets, &text) {
        findings
            .error(
                "stack::condition",
                at.clone(),
                format!("the variable `{name}` is secret, and the plan would show its value"),
            )
            .help("use a variable without `secret: true`");
        return None;
    }
    Some(text)
}

fn is_secret(secrets: &Secrets, text: &str) -> bool {
    secrets.variable_in(text).is_some()
}

/// Sorts the positions in lists by their value: `events.10` comes after `events.9`.
fn numbers(place: &DocPath) -> Vec<(Option<usize>, String)> {
    place.0.iter().map(|part| (part.parse().ok(), part.clone())).collect()
}

/// Collects the entries below an element that have a condition.
fn collect(root: &Value, schema: &Value, value: &Value, path: &DocPath, places: &mut Vec<DocPath>) {
    for schema in variants(root, schema) {
        match value {
            Value::Object(entries) => {
                for (name, entry) in entries {
                    let path = path.then(name);
                    match schema["properties"].get(name) {
                        Some(known) => collect(root, known, entry, &path, places),
                        None => collect_entry(root, &schema["additionalProperties"], entry, &path, places),
                    }
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    collect_entry(root, &schema["items"], item, &path.then(number.to_string()), places);
                }
            }
            _ => {}
        }
    }
}

/// Collects an entry of a list or a map, and those below it.
fn collect_entry(root: &Value, schema: &Value, entry: &Value, path: &DocPath, places: &mut Vec<DocPath>) {
    let has_form = || variants(root, schema).iter().any(|known| known.get("properties").is_some());
    if entry.get(WHEN).is_some() && has_form() {
        places.push(path.clone());
    }
    collect(root, schema, entry, path, places);
}

/// Lists the places in a schema of the entries that may have a condition, below the schema at `place`.
pub fn list_entries(root: &Value, place: &str) -> BTreeSet<String> {
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    add_entries(root, place, &mut found, &mut seen);
    found
}

fn add_entries(root: &Value, place: &str, found: &mut BTreeSet<String>, seen: &mut BTreeSet<String>) {
    for (place, schema) in places(root, place) {
        if !seen.insert(place.clone()) {
            continue;
        }
        let below = ["items", "additionalProperties"].map(|word| format!("{place}/{word}"));
        for below in below.into_iter().filter(|below| root.pointer(below).is_some_and(Value::is_object)) {
            for (entry, schema) in places(root, &below) {
                if schema.get("properties").is_some() {
                    found.insert(entry);
                }
            }
            add_entries(root, &below, found, seen);
        }
        for name in schema["properties"].as_object().into_iter().flat_map(serde_json::Map::keys) {
            add_entries(root, &format!("{place}/properties/{name}"), found, seen);
        }
    }
}

/// Follows references from a place in a schema, and lists the alternatives with their places.
fn places<'s>(root: &'s Value, place: &str) -> Vec<(String, &'s Value)> {
    let Some(schema) = root.pointer(place) else { return Vec::new() };
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
    let parts = ["anyOf", "oneOf", "allOf"].into_iter().flat_map(|word| {
        let parts = schema.get(word).and_then(Value::as_array).map_or(0, Vec::len);
        (0..parts).map(move |part| format!("{place}/{word}/{part}"))
    });
    let below = target.map(str::to_owned).into_iter().chain(parts).flat_map(|part| places(root, &part));
    std::iter::once((place.to_owned(), schema)).chain(below).collect()
}

/// Follows references, and lists the alternatives of a schema.
fn variants<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|to| root.pointer(to.strip_prefix('#')?));
    let parts = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|word| schema.get(word)?.as_array()).flatten();
    let below = target.into_iter().chain(parts).flat_map(|part| variants(root, part));
    std::iter::once(schema).chain(below).collect()
}

/// Returns the value at a path.
fn value_at<'v>(root: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(root, |value, part| match value {
        Value::Object(entries) => entries.get_mut(part),
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    })
}

fn remove(root: &mut Value, spans: &mut SpanIndex, place: &DocPath) {
    let Some((last, above)) = place.0.split_last() else { return };
    match value_at(root, above) {
        Some(Value::Object(entries)) => {
            entries.shift_remove(last);
        }
        Some(Value::Array(items)) => {
            if let Some(number) = last.parse::<usize>().ok().filter(|number| *number < items.len()) {
                items.remove(number);
                spans.remove_item(above, number);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
