//! Puts outputs in the place of references.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::aws::Place;
use crate::kinds::Outputs;
use crate::spec::template::{self, Part, Ref};

/// The outputs known so far, by address.
pub type Known = BTreeMap<String, Outputs>;

/// Marks what only apply can know, inside a resolved text. From Unicode's private area: no AWS
/// property holds it, while `${` may stand in one (an IAM policy variable).
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// Resolves every text in `value`; unknown outputs become a mark that [`is_unknown`] finds.
pub fn value(value: &Value, known: &Known, place: &Place) -> Value {
    match value {
        Value::String(text) => Value::String(self::text(text, known, place)),
        Value::Array(items) => items.iter().map(|item| self::value(item, known, place)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, item)| (key.clone(), self::value(item, known, place))).collect())
        }
        _ => value.clone(),
    }
}

/// Resolves one text.
pub fn text(text: &str, known: &Known, place: &Place) -> String {
    if !text.contains('$') {
        return text.to_owned();
    }
    let Ok(parts) = template::parse(text) else { return text.to_owned() };
    parts.into_iter().map(|part| resolve(part, known, place)).collect()
}

fn resolve(part: Part, known: &Known, place: &Place) -> String {
    match part {
        Part::Text(text) => text,
        Part::Ref(Ref { address, output }) => known
            .get(&address)
            .and_then(|outputs| outputs.get(&output).cloned())
            .unwrap_or_else(|| format!("{OPEN}{address}.{output}{CLOSE}")),
        Part::Aws(name) => match name.as_str() {
            "account_id" => place.account.clone(),
            "region" => place.region.clone(),
            _ => place.partition.clone(),
        },
        // Variables and the environment are put in before the graph is built.
        Part::Env => "${env}".to_owned(),
        Part::Var(name) => format!("${{vars.{name}}}"),
    }
}

/// Puts what is known by now in the place of marks.
pub fn again(value: &Value, known: &Known) -> Value {
    match value {
        Value::String(text) if text.contains(OPEN) => Value::String(unmark(text, known)),
        Value::Array(items) => items.iter().map(|item| again(item, known)).collect(),
        Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), again(item, known))).collect(),
        _ => value.clone(),
    }
}

fn unmark(text: &str, known: &Known) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once(OPEN).and_then(|(before, marked)| Some((before, marked.split_once(CLOSE)?)))
    {
        out.push_str(before);
        let value = name.rsplit_once('.').and_then(|(address, output)| known.get(address)?.get(output));
        match value {
            Some(value) => out.push_str(value),
            None => out.extend([OPEN.to_string(), name.to_owned(), CLOSE.to_string()]),
        }
        rest = after;
    }
    out + rest
}

/// Tells whether a resolved value still holds something that only apply can know.
pub fn is_unknown(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(OPEN),
        Value::Array(items) => items.iter().any(is_unknown),
        Value::Object(map) => map.values().any(is_unknown),
        _ => false,
    }
}

/// The text that people read for what only apply can know.
pub const AFTER_APPLY: &str = "(known after apply)";

/// Rewrites the marks for people.
pub fn readable(text: &str) -> String {
    with_marks(text, AFTER_APPLY)
}

/// Rewrites the marks for IAM, whose patterns have `*` for anything.
pub fn wildcard(text: &str) -> String {
    with_marks(text, "*")
}

fn with_marks(text: &str, replacement: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            OPEN => {
                inside = true;
                out.push_str(replacement);
            }
            CLOSE => inside = false,
            _ if inside => {}
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn place() -> Place {
        Place {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            partition: "aws".into(),
            endpoint_url: None,
        }
    }

    #[test]
    fn known_outputs_replace_references_and_unknown_ones_are_marked() {
        let known = Known::from([("queues.q".to_owned(), Outputs::from([("arn".into(), "arn:q".into())]))]);
        let spec = json!({"a": "${queues.q.arn}", "b": "x/${apis.c.id}/y", "c": "${aws.region}"});
        let resolved = value(&spec, &known, &place());
        assert_eq!(resolved["a"], "arn:q");
        assert_eq!(resolved["c"], "eu-west-1");
        assert!(is_unknown(&resolved["b"]) && !is_unknown(&resolved["a"]));
        assert_eq!(readable(resolved["b"].as_str().unwrap()), "x/(known after apply)/y");
    }

    #[test]
    fn a_mark_is_resolved_once_its_value_is_known_and_stays_until_then() {
        let marked = value(&json!(["${apis.c.id}/x", "${apis.d.id}"]), &Known::new(), &place());
        let known = Known::from([("apis.c".to_owned(), Outputs::from([("id".into(), "abc".into())]))]);
        let now = again(&marked, &known);
        assert_eq!((&now[0], &now[1]), (&json!("abc/x"), &marked[1]));
    }

    #[test]
    fn an_escaped_reference_is_a_literal_and_not_unknown() {
        let resolved = value(&json!("$${aws:username}"), &Known::new(), &place());
        assert_eq!(resolved, "${aws:username}");
        assert!(!is_unknown(&resolved));
    }
}
