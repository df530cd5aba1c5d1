//! Replaces references by outputs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::aws::Place;
use crate::kinds::Outputs;
use crate::spec::template::{self, Ref, TextPart};

/// The outputs known so far, by address.
pub type KnownOutputs = BTreeMap<String, Outputs>;

/// Delimiters of a placeholder inside a resolved text: for a value that only apply can know, or a variable without one. They are from Unicode's
/// private area, which no AWS property uses; `${` may occur in one, as an IAM policy variable.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// Resolves every text in `value`. Unknown outputs become placeholders that [`is_unknown`] finds.
pub fn value(value: &Value, known: &KnownOutputs, place: &Place) -> Value {
    let mut resolved = value.clone();
    each_text(&mut resolved, &mut |text| {
        if text.contains('$') {
            *text = self::text(text, known, place);
        }
    });
    resolved
}

/// Passes every text in `value` to `visit`, which changes it in place, so that map keys need not be hashed again.
fn each_text(value: &mut Value, visit: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, visit)),
        Value::Object(map) => map.values_mut().for_each(|item| each_text(item, visit)),
        _ => {}
    }
}

/// Resolves one text.
pub fn text(text: &str, known: &KnownOutputs, place: &Place) -> String {
    if !text.contains('$') {
        return text.to_owned();
    }
    let Ok(parts) = template::parse(text) else { return text.to_owned() };
    parts.into_iter().map(|part| resolve(part, known, place)).collect()
}

fn resolve(part: TextPart, known: &KnownOutputs, place: &Place) -> String {
    match part {
        TextPart::Text(text) => text,
        TextPart::Ref(Ref { address, output }) => known
            .get(&address)
            .and_then(|outputs| outputs.get(&output).cloned())
            .unwrap_or_else(|| format!("{OPEN}{address}.{output}{CLOSE}")),
        TextPart::Aws(ref name) => of_place(&part, place).unwrap_or_else(|| name.clone()),
        // The environment and every variable with a value were replaced before the graph was built.
        TextPart::Env => "${env}".to_owned(),
        TextPart::Var(name) => format!("{OPEN}{VARIABLES}.{name}{CLOSE}"),
    }
}

/// Returns the value of `${aws.…}` in a place.
pub fn of_place(part: &TextPart, place: &Place) -> Option<String> {
    let TextPart::Aws(name) = part else { return None };
    let value = match name.as_str() {
        "account_id" => &place.account,
        "region" => &place.region,
        _ => &place.partition,
    };
    Some(value.clone())
}

/// Tells whether a resolved value still contains a placeholder for a value that only apply can know.
pub fn is_unknown(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(OPEN),
        Value::Array(items) => items.iter().any(is_unknown),
        Value::Object(map) => map.values().any(is_unknown),
        _ => false,
    }
}

/// Replaces placeholders by the outputs that have become known. The others stay.
pub fn marks(value: &Value, known: &KnownOutputs) -> Value {
    match value {
        Value::String(text) if text.contains(OPEN) => Value::String(marks_in(text, known)),
        Value::Array(items) => items.iter().map(|item| marks(item, known)).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, item)| (key.clone(), marks(item, known))).collect()),
        _ => value.clone(),
    }
}

fn marks_in(text: &str, known: &KnownOutputs) -> String {
    let mut pieces = text.split(OPEN);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(CLOSE).unwrap_or((piece, ""));
        // An output's name has no dot; an address may have some.
        let output = name.rsplit_once('.').and_then(|(address, output)| known.get(address)?.get(output));
        match output {
            Some(output) => out.push_str(output),
            None => out.push_str(&format!("{OPEN}{name}{CLOSE}")),
        }
        out.push_str(rest);
    }
    out
}

/// Lists the outputs that the placeholders in a value stand for.
pub fn list_placeholders(value: &Value) -> Vec<Ref> {
    match value {
        Value::String(text) => {
            let names = text.split(OPEN).skip(1).filter_map(|piece| piece.split_once(CLOSE)?.0.rsplit_once('.'));
            names.map(|(address, output)| Ref { address: address.to_owned(), output: output.to_owned() }).collect()
        }
        Value::Array(items) => items.iter().flat_map(list_placeholders).collect(),
        Value::Object(map) => map.values().flat_map(list_placeholders).collect(),
        _ => Vec::new(),
    }
}

/// Lists the addresses that the placeholders in a value refer to.
pub fn list_awaited(value: &Value) -> Vec<String> {
    list_placeholders(value).into_iter().map(|reference| reference.address).collect()
}

/// Returns an empty place, for texts that depend only on the stack itself.
pub fn nowhere() -> Place {
    Place { account: String::new(), region: String::new(), partition: "aws".to_owned(), endpoint_url: None }
}

/// The text that users read instead of a value that only apply can know.
pub const AFTER_APPLY: &str = "(known after apply)";
/// The text that users read instead of the value of a variable that has none.
pub const NOT_GIVEN: &str = "(not given)";
/// The address in the placeholder of a variable.
const VARIABLES: &str = "vars";

/// Tells whether a resolved value contains the placeholder of a variable without a value.
pub fn needs_variable(value: &Value) -> bool {
    is_unknown(value) && list_placeholders(value).iter().any(|reference| reference.address == VARIABLES)
}

/// Replaces placeholders by a text for users.
pub fn readable(text: &str) -> String {
    let mut pieces = text.split(OPEN);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(CLOSE).unwrap_or((piece, ""));
        let is_variable = name.split_once('.').is_some_and(|(address, _)| address == VARIABLES);
        out.push_str(if is_variable { NOT_GIVEN } else { AFTER_APPLY });
        out.push_str(rest);
    }
    out
}

/// Replaces placeholders by IAM's wildcard `*`.
pub fn wildcard(text: &str) -> String {
    with_marks(text, "*")
}

/// Removes placeholders. The result is the shortest that each text can become.
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
        let known = KnownOutputs::from([("queues.q".to_owned(), Outputs::from([("arn".into(), "arn:q".into())]))]);
        let spec = json!({"a": "${queues.q.arn}", "b": "x/${apis.c.id}/y", "c": "${aws.region}"});
        let resolved = value(&spec, &known, &place());
        assert_eq!(resolved["a"], "arn:q");
        assert_eq!(resolved["c"], "eu-west-1");
        assert!(is_unknown(&resolved["b"]) && !is_unknown(&resolved["a"]));
        assert_eq!(readable(resolved["b"].as_str().unwrap()), "x/(known after apply)/y");
    }

    #[test]
    fn a_mark_gives_way_to_what_has_become_known() {
        let marked = value(&json!({"a": "x/${apis.c.id}/${apis.d.id}"}), &KnownOutputs::new(), &place());
        assert_eq!(list_awaited(&marked), ["apis.c", "apis.d"]);
        let known = KnownOutputs::from([("apis.c".to_owned(), Outputs::from([("id".into(), "abc".into())]))]);
        let rest = marks(&marked, &known);
        assert_eq!(readable(rest["a"].as_str().unwrap()), "x/abc/(known after apply)");
        assert_eq!(list_awaited(&rest), ["apis.d"]);
    }

    #[test]
    fn a_variable_without_a_value_reads_as_not_given() {
        let resolved =
            value(&json!({"a": "Bearer ${vars.token}", "b": "${apis.c.id}"}), &KnownOutputs::new(), &place());
        assert_eq!(readable(resolved["a"].as_str().unwrap()), "Bearer (not given)");
        assert!(needs_variable(&resolved) && needs_variable(&resolved["a"]) && !needs_variable(&resolved["b"]));
    }

    #[test]
    fn an_escaped_reference_is_a_literal_and_not_unknown() {
        let resolved = value(&json!("$${aws:username}"), &KnownOutputs::new(), &place());
        assert_eq!(resolved, "${aws:username}");
        assert!(!is_unknown(&resolved));
    }
}
