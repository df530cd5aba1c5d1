//! Compares desired with observed, property by property, by the kind's rules. Pure.

use serde_json::{Map, Value};

use super::change::{Change, How};
use crate::aws::{digest, policy};
use crate::graph::resolve::is_unknown;
use crate::kinds::Rule;

/// A kind's rules, looked up by property path.
#[derive(Clone, Copy)]
pub struct PropertyRules(pub &'static [(&'static str, Rule)]);

impl PropertyRules {
    /// Tells whether `rule` is stated for `path`, for an enclosing property, or as `PROPERTY.*`.
    fn has(self, path: &str, rule: Rule) -> bool {
        self.0.iter().any(|(at, r)| *r == rule && covers(at, path))
    }

    fn default_of(self, path: &str) -> Option<Value> {
        self.0.iter().find_map(|(at, rule)| match rule {
            Rule::Default(json) if *at == path => serde_json::from_str(json).ok(),
            _ => None,
        })
    }

    /// Returns the reason why `path` cannot change in place, if so.
    pub fn why_fixed(self, path: &str) -> Option<&'static str> {
        self.0.iter().find_map(|(at, rule)| match rule {
            Rule::Replace(why) if covers(at, path) => Some(*why),
            _ => None,
        })
    }

    pub fn is_policy(self, path: &str) -> bool {
        self.has(path, Rule::Policy)
    }

    pub fn is_hint(self, path: &str) -> bool {
        self.has(path, Rule::Hint)
    }

    pub fn is_unmanaged(self, path: &str) -> bool {
        self.has(path, Rule::Unmanaged)
    }
}

fn covers(at: &str, path: &str) -> bool {
    let (at, itself) = at.strip_suffix(".*").map_or((at, true), |map| (map, false));
    path.strip_prefix(at).is_some_and(|rest| rest.starts_with('.') || (itself && rest.is_empty()))
}

/// Lists the differences from `observed` to `desired`.
///
/// An absent property equals an empty one; a property under [`Rule::Unmanaged`] is compared only
/// when `desired` states it.
pub fn diff(rules: PropertyRules, observed: &Value, desired: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    walk(rules, "", observed, desired, &mut changes);
    changes
}

fn walk(rules: PropertyRules, path: &str, observed: &Value, desired: &Value, changes: &mut Vec<Change>) {
    if let (Value::Object(have), Value::Object(want)) = (observed, desired)
        && !rules.has(path, Rule::Policy)
    {
        return walk_object(rules, path, have, want, changes);
    }
    let known = !is_unknown(desired);
    if known && same(rules, path, observed, desired) {
        return;
    }
    changes.push(Change {
        path: path.to_owned(),
        sensitive: false,
        how: How::Differs {
            before: observed.clone(),
            after: desired.clone(),
            known,
            forces_replacement: rules.why_fixed(path).is_some(),
        },
    });
}

fn walk_object(
    rules: PropertyRules,
    path: &str,
    have: &Map<String, Value>,
    want: &Map<String, Value>,
    changes: &mut Vec<Change>,
) {
    let mut keys: Vec<&String> = want.keys().collect();
    keys.extend(have.keys().filter(|key| !want.contains_key(*key)));
    for key in keys {
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let before = have.get(key).unwrap_or(&Value::Null);
        let after = want.get(key).unwrap_or(&Value::Null);
        if rules.is_hint(&inner) || (is_absent(&inner, after) && rules.is_unmanaged(&inner)) {
            continue;
        }
        if is_absent(&inner, before) && is_absent(&inner, after) {
            continue;
        }
        let default = rules.default_of(&inner);
        let fill = |value: &Value| match &default {
            Some(default) if is_absent(&inner, value) => default.clone(),
            _ => value.clone(),
        };
        walk_value(rules, &inner, &fill(before), &fill(after), changes);
    }
}

/// Compares a map with nothing entry by entry, so that each entry is a change of its own.
fn walk_value(rules: PropertyRules, path: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    let empty = Value::Object(Map::new());
    match (before, after) {
        (Value::Null, Value::Object(_)) if !rules.has(path, Rule::Policy) => walk(rules, path, &empty, after, changes),
        (Value::Object(_), Value::Null) if !rules.has(path, Rule::Policy) => walk(rules, path, before, &empty, changes),
        _ => walk(rules, path, before, after, changes),
    }
}

/// Tells whether a value means "not set": nothing, or at the top level an empty text. AWS reports both.
fn is_absent(path: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() && !path.contains('.'),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn same(rules: PropertyRules, path: &str, a: &Value, b: &Value) -> bool {
    if rules.has(path, Rule::Policy) {
        return policy::same(&parse_json_text(a), &parse_json_text(b));
    }
    if rules.has(path, Rule::Json) {
        return equal(&parse_json_text(a), &parse_json_text(b));
    }
    match (a, b) {
        (Value::String(have), Value::String(want)) if rules.has(path, Rule::Digest) => {
            digest::of(have) == digest::of(want)
        }
        (Value::Array(have), Value::Array(want)) if rules.has(path, Rule::Unordered) => {
            let sorted = |items: &[Value]| {
                let mut texts: Vec<String> = items.iter().map(Value::to_string).collect();
                texts.sort();
                texts
            };
            sorted(have) == sorted(want)
        }
        _ => equal(a, b),
    }
}

/// Tells whether two values are equal, with numbers compared by value: 30 is 30.0.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(key, v)| y.get(key).is_some_and(|w| equal(v, w)))
        }
        _ => a == b,
    }
}

/// Parses the JSON inside a text.
fn parse_json_text(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RULES: PropertyRules = PropertyRules(&[
        ("name", Rule::Replace("it cannot be renamed")),
        ("actions", Rule::Unordered),
        ("size", Rule::Unmanaged),
        ("filter", Rule::Json),
        ("definition", Rule::Digest),
    ]);

    fn paths(observed: &Value, desired: &Value) -> Vec<String> {
        diff(RULES, observed, desired).into_iter().map(|c| c.path).collect()
    }

    #[test]
    fn absent_equals_empty_at_the_top_but_an_empty_environment_value_is_a_value() {
        assert!(paths(&json!({"description": "", "tags": {}}), &json!({})).is_empty());
        assert_eq!(paths(&json!({}), &json!({"environment": {"A": ""}})), ["environment.A"]);
    }

    #[test]
    fn numbers_compare_by_value_and_unordered_lists_as_sets() {
        assert!(paths(&json!({"threshold": 30.0}), &json!({"threshold": 30})).is_empty());
        assert!(paths(&json!({"actions": ["b", "a"]}), &json!({"actions": ["a", "b"]})).is_empty());
        assert_eq!(paths(&json!({"layers": ["b", "a"]}), &json!({"layers": ["a", "b"]})), ["layers"]);
    }

    #[test]
    fn an_unmanaged_property_counts_only_when_stated() {
        assert!(paths(&json!({"size": 1}), &json!({})).is_empty());
        assert_eq!(paths(&json!({"size": 1}), &json!({"size": 2})), ["size"]);
    }

    #[test]
    fn what_is_said_to_the_kind_alone_is_never_compared() {
        const HINTED: PropertyRules = PropertyRules(&[("parts", Rule::Hint)]);
        assert!(diff(HINTED, &json!({}), &json!({"parts": {"stage": "Prod"}})).is_empty());
        assert!(diff(HINTED, &json!({"parts": {"stage": "Prod"}}), &json!({})).is_empty());
    }

    #[test]
    fn a_map_of_documents_shows_the_document_that_differs() {
        const DOCUMENTS: PropertyRules = PropertyRules(&[("policies.*", Rule::Policy)]);
        let document = |action: Value| json!({"Version": "2012-10-17", "Statement": [{"Action": action}]});
        let observed = json!({"policies": {"a": document(json!("s3:GetObject")), "b": document(json!("x:Y"))}});
        let desired = json!({"policies": {"a": document(json!(["S3:getobject"])), "b": document(json!("x:Z"))}});
        let paths: Vec<_> = diff(DOCUMENTS, &observed, &desired).into_iter().map(|c| c.path).collect();
        assert_eq!(paths, ["policies.b"]);
        let added: Vec<_> = diff(DOCUMENTS, &json!({}), &desired).into_iter().map(|c| c.path).collect();
        assert_eq!(added, ["policies.a", "policies.b"]);
    }

    #[test]
    fn json_texts_compare_parsed() {
        assert!(paths(&json!({"filter": "{\"a\": [1]}"}), &json!({"filter": "{\"a\":[1]}"})).is_empty());
    }

    #[test]
    fn a_digest_equals_the_text_that_it_is_of() {
        assert!(paths(&json!({"definition": digest::of("GET /")}), &json!({"definition": "GET /"})).is_empty());
        assert_eq!(paths(&json!({"definition": digest::of("GET /")}), &json!({"definition": "PUT /"})), ["definition"]);
    }

    #[test]
    fn a_name_forces_replacement_and_a_map_entry_does_not() {
        let changes = diff(
            RULES,
            &json!({"name": "a", "environment": {"K": "1"}}),
            &json!({"name": "b", "environment": {"K": "2"}}),
        );
        assert!(changes[0].forces_replacement());
        assert!(!changes[1].forces_replacement() && changes[1].path == "environment.K");
    }

    #[test]
    fn what_only_apply_can_know_is_a_change_that_is_not_known() {
        let changes = diff(RULES, &json!({"arn": "x"}), &json!({"arn": "\u{e000}apis.a.id\u{e001}"}));
        assert!(!changes[0].is_known());
    }
}
