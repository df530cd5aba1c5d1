//! Finds where a text is written inside an element, so that later findings can point at it.

use std::collections::HashSet;

use serde_json::Value;

use super::finding::DocPath;
use super::secrets::Secrets;
use super::template;

/// Finds the first text in `value` that contains `reference`, or its address, or is the bare name (`queue:
/// image-requests` means `queues.image-requests`).
pub(super) fn text(value: &Value, at: &DocPath, reference: &str) -> Option<DocPath> {
    let address = reference.rsplit_once('.').map_or(reference, |(address, _)| address);
    let bare = reference.split('.').nth(1);
    first(value, at, &|text| names(text, reference))
        .or_else(|| first(value, at, &|text| address.contains('.') && names(text, address)))
        .or_else(|| first(value, at, &|text| bare == Some(text)))
}

/// Tells whether a text contains a name as a whole word.
pub(super) fn names(text: &str, name: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.match_indices(name).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(goes_on)
            && !text[at + name.len()..].chars().next().is_some_and(goes_on)
    })
}

/// Finds the outermost text in `value` that contains a secret and is part of `whole`.
pub(super) fn part_of(value: &Value, at: &DocPath, whole: &str, secrets: &Secrets) -> Option<DocPath> {
    let mut found = Vec::new();
    collect(value, at, &mut found);
    let parts = found.into_iter().filter(|(_, text)| {
        // References are resolved in `whole`, so only the pieces between them can be found there.
        let pieces = template::parse(text).unwrap_or_default();
        pieces.iter().any(
            |part| matches!(part, template::TextPart::Text(text) if secrets.touches(text) && whole.contains(text.as_str())),
        )
    });
    parts.min_by_key(|(path, _)| path.0.len()).map(|(path, _)| path)
}

/// Resolves the texts with references through `known`, and records their places in `filled`.
pub(super) fn fill(
    value: &mut Value,
    at: &DocPath,
    known: &dyn Fn(&str) -> Option<String>,
    filled: &mut HashSet<DocPath>,
) {
    match value {
        Value::String(text) if text.contains("${") => {
            if let Some(whole) = known(text) {
                *text = template::escape(&whole);
                filled.insert(at.clone());
            }
        }
        Value::Array(items) => {
            items.iter_mut().enumerate().for_each(|(i, item)| fill(item, &at.then(i.to_string()), known, filled));
        }
        Value::Object(map) => map.iter_mut().for_each(|(key, item)| fill(item, &at.then(key), known, filled)),
        _ => {}
    }
}

/// Calls `visit` for every text in `value`, with its place.
pub(super) fn each(value: &Value, at: &DocPath, visit: &mut dyn FnMut(&DocPath, &str)) {
    let mut found = Vec::new();
    collect(value, at, &mut found);
    found.into_iter().for_each(|(path, text)| visit(&path, text));
}

fn collect<'a>(value: &'a Value, at: &DocPath, found: &mut Vec<(DocPath, &'a str)>) {
    match value {
        Value::String(text) => found.push((at.clone(), text)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| collect(item, &at.then(i.to_string()), found));
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| collect(item, &at.then(key), found)),
        _ => {}
    }
}

/// Returns the value at a path.
pub(super) fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    })
}

/// Tells whether the scalar at a path contains a secret.
pub(super) fn is_secret(value: &Value, path: &[String], secrets: &Secrets) -> bool {
    match at(value, path) {
        Some(Value::String(text)) => secrets.touches(text),
        Some(scalar @ (Value::Number(_) | Value::Bool(_))) => secrets.touches(&scalar.to_string()),
        _ => false,
    }
}

fn first(value: &Value, at: &DocPath, matches: &dyn Fn(&str) -> bool) -> Option<DocPath> {
    match value {
        Value::String(text) => matches(text).then(|| at.clone()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(i, item)| first(item, &at.then(i.to_string()), matches))
        }
        Value::Object(map) => map.iter().find_map(|(key, item)| first(item, &at.then(key), matches)),
        _ => None,
    }
}
