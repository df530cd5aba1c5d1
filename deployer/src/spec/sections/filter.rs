//! Filter documents, which select the messages of a subscription, the messages of a queue that a function receives, and
//! the events of a rule.
//!
//! All services match by one grammar. Sources: SNS developer guide, "Filter policy constraints", "String value
//! matching", "Numeric value matching", "OR operator"; Lambda developer guide, "Filter rule syntax"; EventBridge User Guide,
//! "Comparison operators for use in event patterns". A rule that only
//! one service is known to accept, or that newer versions may allow, passes.

use serde_json::{Map, Value};

use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::{nearest, quoted};

/// The part of a message that a filter document is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A message's attributes: names and lists of values, one level deep.
    Attributes,
    /// A message's body, at any depth.
    Body,
    /// A record that Lambda receives from a queue.
    Record,
    /// An event of EventBridge.
    Event,
}

/// The most names at the top of a policy.
const KEYS: usize = 5;
/// The most combinations: the lengths of all lists multiplied. In a body each length is multiplied by its depth.
const COMBINATIONS: usize = 150;
const OPERATORS: &[&str] =
    &["anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"];
const COMPARISONS: &[&str] = &["<", "<=", "=", ">", ">="];

/// Checks a filter document at `path`.
pub fn check(document: &Value, of: Of, path: &DocPath, findings: &mut Findings) {
    let Value::Object(rules) = document else { return };
    let code = match of {
        Of::Record => "function::filter",
        Of::Event => "rule::pattern",
        Of::Attributes | Of::Body => "topic::filter",
    };
    let mut checker = FilterChecker { of, code, findings };
    let combinations = checker.map(rules, path, 1);
    if matches!(of, Of::Record | Of::Event) {
        return;
    }
    let keys = rules.keys().filter(|key| *key != OR).count();
    if keys > KEYS {
        let message = format!("the filter policy has {keys} names; SNS takes {KEYS}");
        findings.error(code, path.clone(), message).help("filter by fewer names").at_key();
    }
    if combinations > COMBINATIONS {
        let message = format!(
            "the filter policy has {combinations} combinations of values, the lengths of its lists multiplied; SNS takes {COMBINATIONS}"
        );
        findings
            .error(code, path.clone(), message)
            .help("name fewer values, or split it into two subscriptions")
            .at_key();
    }
}

const OR: &str = "$or";

struct FilterChecker<'f> {
    of: Of,
    code: &'static str,
    findings: &'f mut Findings,
}

impl FilterChecker<'_> {
    fn error(&mut self, path: DocPath, message: impl Into<String>, help: impl Into<String>) {
        self.findings.error(self.code, path, message).help(help);
    }

    /// Checks a map of names, and counts its combinations of values.
    fn map(&mut self, rules: &Map<String, Value>, path: &DocPath, depth: usize) -> usize {
        let mut combinations = 1_usize;
        for (name, value) in rules {
            let path = path.then(name);
            let own = match value {
                Value::Array(items) if name == OR && is_choice(items) => self.choice(items, &path, depth),
                Value::Array(items) => self.list(items, &path).saturating_mul(self.weight(depth)),
                Value::Object(_) if self.of == Of::Attributes => {
                    let help = "add `filter_policy_scope: MessageBody` to match inside the message's body, or write a list: `[ … ]`";
                    self.error(
                        path,
                        format!("`{name}` is a map, and a message's attributes have nothing inside"),
                        help,
                    );
                    1
                }
                Value::Object(inner) => self.map(inner, &path, depth + 1),
                scalar => {
                    let shown = scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned);
                    let message = format!("`{name}` takes a list of the values that match");
                    self.error(path, message, format!("write `{name}: [ {shown} ]`"));
                    1
                }
            };
            combinations = combinations.saturating_mul(own);
        }
        combinations
    }

    fn weight(&self, depth: usize) -> usize {
        if self.of == Of::Body { depth } else { 1 }
    }

    /// Checks maps, one of which has to match.
    fn choice(&mut self, items: &[Value], path: &DocPath, depth: usize) -> usize {
        let mut sum = 0_usize;
        for (index, item) in items.iter().enumerate() {
            if let Value::Object(rules) = item {
                sum = sum.saturating_add(self.map(rules, &path.then(index.to_string()), depth));
            }
        }
        sum
    }

    fn list(&mut self, items: &[Value], path: &DocPath) -> usize {
        if items.is_empty() {
            self.error(path.clone(), "an empty list matches nothing", "name the values that match, or remove it");
        }
        for (index, item) in items.iter().enumerate() {
            let path = path.then(index.to_string());
            match item {
                Value::Array(_) => {
                    self.error(path, "a list stands in a list", "write the values in one list");
                }
                Value::Object(rule) => self.rule(rule, &path),
                _ => {}
            }
        }
        items.len().max(1)
    }

    fn rule(&mut self, rule: &Map<String, Value>, path: &DocPath) {
        let mut entries = rule.iter();
        let (Some((operator, value)), None) = (entries.next(), entries.next()) else {
            let help = format!("write one of {} in each map", quoted(OPERATORS.iter().copied()));
            return self.error(path.clone(), format!("a rule has one operator, not {}", rule.len()), help);
        };
        let path = path.then(operator);
        match operator.as_str() {
            "exists" if !value.is_boolean() => self.error(path, "`exists` is true or false", "write `exists: true`"),
            "prefix" | "suffix" | "equals-ignore-case" | "wildcard" | "cidr" => self.text(operator, value, path),
            "anything-but" => self.anything_but(value, &path),
            "numeric" => self.numeric(value, path),
            "exists" => {}
            _ => {
                let help = match nearest(operator, OPERATORS.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("there are {}", quoted(OPERATORS.iter().copied())),
                };
                self.error(path, format!("there is no operator `{operator}`"), help);
            }
        }
    }

    fn text(&mut self, operator: &str, value: &Value, path: DocPath) {
        let affix = matches!(operator, "prefix" | "suffix");
        let caseless = affix && value.get("equals-ignore-case").is_some_and(Value::is_string);
        if !value.is_string() && !caseless {
            self.error(path, format!("`{operator}` takes a text"), format!("write `{operator}: \"…\"`"));
        }
    }

    fn anything_but(&mut self, value: &Value, path: &DocPath) {
        match value {
            Value::Array(items) if items.is_empty() => {
                self.error(path.clone(), "`anything-but` names nothing", "name the values that do not match");
            }
            Value::Object(rule) => {
                for (operator, value) in rule {
                    if matches!(operator.as_str(), "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
                        if !value.is_string() && !value.is_array() {
                            self.text(operator, value, path.then(operator));
                        }
                        continue;
                    }
                    let message = format!("`anything-but` does not go with `{operator}`");
                    self.error(
                        path.then(operator),
                        message,
                        "write values, or `prefix`, `suffix` or `equals-ignore-case`",
                    );
                }
            }
            Value::Null => {
                self.error(path.clone(), "`anything-but` names nothing", "name the values that do not match")
            }
            _ => {}
        }
    }

    /// Checks one comparison, or a lower and an upper bound.
    fn numeric(&mut self, value: &Value, path: DocPath) {
        const HOW: &str = "write `numeric: [ \">\", 0, \"<=\", 150 ]`, or one comparison: `numeric: [ \"=\", 5 ]`";
        let Value::Array(terms) = value else { return self.error(path, "`numeric` takes a list", HOW) };
        let mut bounds = Vec::new();
        for pair in terms.chunks(2) {
            let comparison = pair[0].as_str().unwrap_or_default();
            if !COMPARISONS.contains(&comparison) {
                let shown = pair[0].as_str().map_or_else(|| pair[0].to_string(), str::to_owned);
                return self.error(path, format!("`{shown}` is no comparison"), HOW);
            }
            let Some(number) = pair.get(1).and_then(Value::as_f64) else {
                return self.error(path, format!("no number follows `{comparison}`"), HOW);
            };
            bounds.push((comparison, number));
        }
        match bounds[..] {
            [_] => {}
            [(">" | ">=", bottom), ("<" | "<=", top)] if bottom < top => {}
            [(">" | ">=", bottom), ("<" | "<=", top)] => {
                self.error(
                    path,
                    format!("nothing is above {bottom} and below {top}"),
                    "write the smaller number first",
                );
            }
            _ => self.error(path, "two comparisons are one from below, then one from above", HOW),
        }
    }
}

/// Tells whether `$or` has a choice between maps of names. Any other value is a list of rules.
fn is_choice(items: &[Value]) -> bool {
    let of_names = |item: &Value| {
        item.as_object()
            .is_some_and(|rules| !rules.is_empty() && !rules.keys().any(|key| OPERATORS.contains(&key.as_str())))
    };
    items.len() > 1 && items.iter().all(of_names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(document: Value, of: Of) -> Vec<String> {
        let mut findings = Findings::default();
        check(&document, of, &DocPath::default(), &mut findings);
        findings.0.into_iter().map(|finding| format!("{} {}", finding.path, finding.message)).collect()
    }

    #[test]
    fn what_the_guides_show_is_taken() {
        for good in [
            json!({ "store": ["example_corp"], "price": [{ "numeric": [">", 0, "<=", 150] }], "event": [null, true, 7] }),
            json!({ "a": [{ "anything-but": ["x", "y"] }], "b": [{ "anything-but": { "prefix": "order-" } }] }),
            json!({ "a": [{ "anything-but": 5 }], "b": [{ "exists": false }], "c": [{ "equals-ignore-case": "x" }] }),
            json!({ "ip": [{ "cidr": "10.0.0.0/24" }], "a": [{ "suffix": ".png" }], "b": [{ "wildcard": "a*b" }] }),
            json!({ "$or": [{ "a": ["x"] }, { "b": [{ "numeric": ["=", 5] }] }], "c": ["${vars.x}"] }),
        ] {
            for of in [Of::Attributes, Of::Body, Of::Record] {
                assert!(messages(good.clone(), of).is_empty(), "{good} {:?}", messages(good.clone(), of));
            }
        }
        let deep =
            json!({ "body": { "image": { "size": [512], "kind": [{ "prefix": { "equals-ignore-case": "P" } }] } } });
        assert!(messages(deep.clone(), Of::Record).is_empty());
        assert!(messages(deep, Of::Body).is_empty());
    }

    #[test]
    fn what_both_services_refuse_is_found_at_its_place() {
        let rules = [
            (json!({ "kind": "picture" }), "kind `kind` takes a list of the values that match"),
            (json!({ "a": [] }), "a an empty list matches nothing"),
            (json!({ "a": [["x"]] }), "a.0 a list stands in a list"),
            (json!({ "a": [{}] }), "a.0 a rule has one operator, not 0"),
            (json!({ "a": [{ "prefix": "x", "suffix": "y" }] }), "a.0 a rule has one operator, not 2"),
            (json!({ "a": [{ "begins-with": "x" }] }), "a.0.begins-with there is no operator `begins-with`"),
            (json!({ "a": [{ "exists": "true" }] }), "a.0.exists `exists` is true or false"),
            (json!({ "a": [{ "prefix": 5 }] }), "a.0.prefix `prefix` takes a text"),
            (json!({ "a": [{ "anything-but": [] }] }), "a.0.anything-but `anything-but` names nothing"),
            (
                json!({ "a": [{ "anything-but": { "numeric": 5 } }] }),
                "a.0.anything-but.numeric `anything-but` does not go with `numeric`",
            ),
            (json!({ "a": [{ "numeric": 5 }] }), "a.0.numeric `numeric` takes a list"),
            (
                json!({ "a": [{ "numeric": [] }] }),
                "a.0.numeric two comparisons are one from below, then one from above",
            ),
            (json!({ "a": [{ "numeric": ["=>", 5] }] }), "a.0.numeric `=>` is no comparison"),
            (json!({ "a": [{ "numeric": [">"] }] }), "a.0.numeric no number follows `>`"),
            (json!({ "a": [{ "numeric": [">", "5"] }] }), "a.0.numeric no number follows `>`"),
            (
                json!({ "a": [{ "numeric": ["<", 5, ">", 1] }] }),
                "a.0.numeric two comparisons are one from below, then one from above",
            ),
            (json!({ "a": [{ "numeric": [">", 5, "<", 1] }] }), "a.0.numeric nothing is above 5 and below 1"),
        ];
        for (bad, wanted) in rules {
            assert_eq!(messages(bad.clone(), Of::Attributes), [wanted], "{bad}");
            assert_eq!(messages(json!({ "body": bad }), Of::Record), [format!("body.{wanted}")], "{bad}");
        }
    }

    #[test]
    fn names_inside_names_need_the_bodys_scope() {
        let nested = json!({ "image": { "size": [512] } });
        assert_eq!(
            messages(nested.clone(), Of::Attributes),
            ["image `image` is a map, and a message's attributes have nothing inside"]
        );
        assert!(messages(nested, Of::Body).is_empty());
    }

    #[test]
    fn names_and_combinations_are_counted_as_sns_does() {
        let names = |count: usize| Value::Object((0..count).map(|n| (format!("k{n}"), json!(["x"]))).collect());
        assert!(messages(names(5), Of::Attributes).is_empty());
        assert_eq!(messages(names(6), Of::Attributes).len(), 1);
        let values = |count: usize| json!((0..count).map(|n| n.to_string()).collect::<Vec<_>>());
        assert!(messages(json!({ "a": values(15), "b": values(10) }), Of::Attributes).is_empty());
        assert_eq!(messages(json!({ "a": values(151) }), Of::Attributes).len(), 1);
        // The guide's own example: 4 values three levels deep and 3 values two levels deep make 72.
        let deep = |many: usize| json!({ "a": { "b": { "c": values(many) } }, "d": { "e": values(3) } });
        assert!(messages(deep(8), Of::Body).is_empty());
        assert_eq!(messages(deep(9), Of::Body).len(), 1);
        assert!(messages(json!({ "body": { "a": values(151) } }), Of::Record).is_empty());
    }
}
