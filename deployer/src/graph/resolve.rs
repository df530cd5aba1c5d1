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
    let mut resolved = value.clone();
    each_text(&mut resolved, &mut |text| {
        if text.contains('$') {
            *text = self::text(text, known, place);
        }
    });
    resolved
}

/// Shows every text in `value` to `visit`, to be changed in its place: keys need not be hashed again.
fn each_text(value: &mut Value, visit: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, visit)),
        Value::Object(map) => map.values_mut().for_each(|item| each_text(item, visit)),
        _ => {}
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
        Part::Aws(ref name) => of_place(&part, place).unwrap_or_else(|| name.clone()),
        // Variables and the environment are put in before the graph is built.
        Part::Env => "${env}".to_owned(),
        Part::Var(name) => format!("${{vars.{name}}}"),
    }
}

/// What `${aws.…}` stands for in a place.
pub fn of_place(part: &Part, place: &Place) -> Option<String> {
    let Part::Aws(name) = part else { return None };
    let value = match name.as_str() {
        "account_id" => &place.account,
        "region" => &place.region,
        _ => &place.partition,
    };
    Some(value.clone())
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

/// Puts what has become known in the place of marks; what has not stays marked.
pub fn marks(value: &Value, known: &Known) -> Value {
    match value {
        Value::String(text) if text.contains(OPEN) => Value::String(marks_in(text, known)),
        Value::Array(items) => items.iter().map(|item| marks(item, known)).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, item)| (key.clone(), marks(item, known))).collect()),
        _ => value.clone(),
    }
}

fn marks_in(text: &str, known: &Known) -> String {
    let mut pieces = text.split(OPEN);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(CLOSE).unwrap_or((piece, ""));
        // Outputs have no dots in their names; addresses may.
        let output = name.rsplit_once('.').and_then(|(address, output)| known.get(address)?.get(output));
        match output {
            Some(output) => out.push_str(output),
            None => out.push_str(&format!("{OPEN}{name}{CLOSE}")),
        }
        out.push_str(rest);
    }
    out
}

/// What the marks in a value stand for.
pub fn marked(value: &Value) -> Vec<Ref> {
    match value {
        Value::String(text) => {
            let names = text.split(OPEN).skip(1).filter_map(|piece| piece.split_once(CLOSE)?.0.rsplit_once('.'));
            names.map(|(address, output)| Ref { address: address.to_owned(), output: output.to_owned() }).collect()
        }
        Value::Array(items) => items.iter().flat_map(marked).collect(),
        Value::Object(map) => map.values().flat_map(marked).collect(),
        _ => Vec::new(),
    }
}

/// The addresses that the marks of a value wait for.
pub fn awaited(value: &Value) -> Vec<String> {
    marked(value).into_iter().map(|reference| reference.address).collect()
}

/// Stands for the place of a stack where only the stack's own texts matter.
pub fn nowhere() -> Place {
    Place { account: String::new(), region: String::new(), partition: "aws".to_owned(), endpoint_url: None }
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

/// Leaves out what only apply can know: what is left is the least that a text will be.
pub fn least(mut value: Value) -> Value {
    each_text(&mut value, &mut |text| {
        if text.contains(OPEN) {
            *text = with_marks(text, "");
        }
    });
    value
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
    fn a_mark_gives_way_to_what_has_become_known() {
        let marked = value(&json!({"a": "x/${apis.c.id}/${apis.d.id}"}), &Known::new(), &place());
        assert_eq!(awaited(&marked), ["apis.c", "apis.d"]);
        let known = Known::from([("apis.c".to_owned(), Outputs::from([("id".into(), "abc".into())]))]);
        let rest = marks(&marked, &known);
        assert_eq!(readable(rest["a"].as_str().unwrap()), "x/abc/(known after apply)");
        assert_eq!(awaited(&rest), ["apis.d"]);
    }

    #[test]
    fn an_escaped_reference_is_a_literal_and_not_unknown() {
        let resolved = value(&json!("$${aws:username}"), &Known::new(), &place());
        assert_eq!(resolved, "${aws:username}");
        assert!(!is_unknown(&resolved));
    }
}
