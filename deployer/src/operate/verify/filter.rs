//! Finds attributes or members of a body by which a message passes a filter policy of SNS.

use serde_json::{Map, Number, Value};

use crate::kinds::Filter;

/// A text that a filter names by chance only.
const ANY: &str = "deployer-verify";

/// The parts of a message that a filter looks at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Passing {
    pub attributes: Map<String, Value>,
    pub body: Map<String, Value>,
}

/// Returns the parts of a message that passes the filter; `None` if this is too hard to tell. Attributes are texts and
/// numbers.
pub fn passing(filter: Option<&Filter>) -> Option<Passing> {
    let Some(filter) = filter else { return Some(Passing::default()) };
    let policy: Map<String, Value> = serde_json::from_str(&filter.policy).ok()?;
    let found = members(&policy)?;
    if filter.of_body {
        return Some(Passing { body: found, ..Passing::default() });
    }
    let is_flat = found.values().all(|value| value.is_string() || value.is_number());
    is_flat.then(|| Passing { attributes: found, ..Passing::default() })
}

/// Returns a value for each key of a policy. A policy demands all of its keys.
fn members(policy: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut found = Map::new();
    for (key, rules) in policy {
        if key == "$or" {
            return None;
        }
        let value = match rules {
            Value::Object(inner) => Some(Value::Object(members(inner)?)),
            Value::Array(rules) => rules.iter().find_map(value_for)?,
            _ => return None,
        };
        if let Some(value) = value {
            found.insert(key.clone(), value);
        }
    }
    Some(found)
}

/// Returns a value that matches one rule, `Some(None)` if the key has to be absent.
fn value_for(rule: &Value) -> Option<Option<Value>> {
    let Value::Object(rule) = rule else { return Some(Some(rule.clone())) };
    let (name, of) = rule.iter().next().filter(|_| rule.len() == 1)?;
    let text = || of.as_str().map(|text| Some(Value::from(text)));
    match name.as_str() {
        "prefix" | "suffix" | "equals-ignore-case" => text(),
        "exists" => Some(of.as_bool()?.then(|| ANY.into())),
        "anything-but" => is_any_allowed(of).then(|| Some(ANY.into())),
        "numeric" => Some(Some(Value::Number(number(of.as_array()?)?))),
        _ => None,
    }
}

/// Tells whether [`ANY`] is none of the values that a rule excludes.
fn is_any_allowed(excluded: &Value) -> bool {
    match excluded {
        Value::Array(all) => all.iter().all(is_any_allowed),
        Value::String(text) => text != ANY,
        Value::Number(_) => true,
        Value::Object(rule) => {
            let is = |name: &str, test: fn(&str) -> bool| rule.get(name).and_then(Value::as_str).is_some_and(test);
            is("prefix", |text| !ANY.starts_with(text)) || is("suffix", |text| !ANY.ends_with(text))
        }
        _ => false,
    }
}

/// Returns a number within a rule such as `[">", 0, "<=", 10]`.
fn number(rule: &[Value]) -> Option<Number> {
    let (mut low, mut high): (Option<f64>, Option<f64>) = (None, None);
    for pair in rule.chunks(2) {
        let [operator, bound] = pair else { return None };
        match (operator.as_str()?, bound.as_f64()?) {
            ("=", bound) => return Number::from_f64(bound),
            (">" | ">=", bound) => low = Some(bound),
            ("<" | "<=", bound) => high = Some(bound),
            _ => return None,
        }
    }
    Number::from_f64(match (low, high) {
        (Some(low), Some(high)) => f64::midpoint(low, high),
        (Some(low), None) => low + 1.0,
        (None, Some(high)) => high - 1.0,
        (None, None) => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(policy: Value, of_body: bool) -> Option<Passing> {
        passing(Some(&Filter { policy: policy.to_string(), of_body }))
    }

    #[test]
    fn a_message_has_a_value_for_each_key_that_a_filter_demands() {
        let policy = json!({
            "kind": ["order", "bill"],
            "store": [{ "prefix": "eu-" }],
            "price": [{ "numeric": [">", 0, "<=", 10] }],
            "count": [{ "numeric": ["=", 3] }],
            "age": [{ "numeric": [">=", 18] }],
            "test": [{ "exists": false }],
            "who": [{ "anything-but": ["robot"] }],
            "id": [{ "exists": true }],
        });
        let found = of(policy, false).expect("a message passes").attributes;
        let expected = json!({
            "kind": "order", "store": "eu-", "price": 5.0, "count": 3.0, "age": 19.0, "who": ANY, "id": ANY,
        });
        assert_eq!(Value::Object(found), expected);
        let nested = of(json!({ "order": { "state": ["paid"], "gift": [true] } }), true).expect("a body passes");
        assert_eq!(Value::Object(nested.body), json!({ "order": { "state": "paid", "gift": true } }));
        assert_eq!(passing(None), Some(Passing::default()));
    }

    #[test]
    fn a_filter_that_is_too_hard_lets_no_probe_pass() {
        for policy in [
            json!({ "$or": [{ "a": ["x"] }, { "b": ["y"] }] }),
            json!({ "ip": [{ "cidr": "10.0.0.0/24" }] }),
            json!({ "a": [{ "anything-but": { "prefix": "dep" } }] }),
            json!({ "a": [{ "wildcard": "x*y" }] }),
            json!({ "gift": [true] }),
        ] {
            assert_eq!(of(policy.clone(), false), None, "{policy}");
        }
    }
}
