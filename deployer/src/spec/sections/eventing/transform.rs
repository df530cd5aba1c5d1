//! The part of an event that a target gets, and the handling of failed deliveries.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kinds::event_rule::{DeadLetterConfig, InputTransformer, RetryPolicy, Target};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::scheduling::{Payload, json_help, target_arn};
use crate::spec::values::Seconds;

/// A text with values of the event.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputTransformerElement {
    /// Names for parts of the event: `{ order: $.detail.id }`.
    #[serde(default)]
    pub paths: BTreeMap<String, String>,
    /// The text that the target gets, with each name in angle brackets: `"Order <order> is paid"`. A map or list is sent
    /// as JSON.
    pub template: Payload,
}

/// The properties of a target that are the same for all types.
#[derive(Debug, Clone, Default)]
pub struct Delivery<'e> {
    pub input: Option<&'e Payload>,
    pub input_path: Option<&'e str>,
    pub input_transformer: Option<&'e InputTransformerElement>,
    pub retries: Option<u32>,
    pub max_age: Option<Seconds>,
    pub dead_letter: Option<&'e str>,
}

impl Delivery<'_> {
    /// Checks the properties of the map at `path`.
    pub fn check(&self, path: &DocPath, findings: &mut Findings) {
        let inputs = [
            ("input", self.input.is_some()),
            ("input_path", self.input_path.is_some()),
            ("input_transformer", self.input_transformer.is_some()),
        ];
        let mut given = inputs.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name);
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            findings
                .error("rule::input", path.then(second), format!("a target has `{first}` or `{second}`, not both"))
                .at_key()
                .help("keep one of them; without any the target gets the whole event");
        }
        if let Some(text) = self.input.and_then(Payload::plain_text) {
            findings
                .error("rule::input", path.then("input"), format!("EventBridge sends JSON, and `{text}` is none"))
                .help(json_help(text));
        }
        self.check_paths(path, findings);
    }

    fn check_paths(&self, path: &DocPath, findings: &mut Findings) {
        let wrong = |text: &str| !text.contains("${") && text != "$" && !text.starts_with("$.");
        if let Some(text) = self.input_path.filter(|text| wrong(text)) {
            findings
                .error("rule::input-path", path.then("input_path"), format!("`{text}` is no path into the event"))
                .help(format!("write `$.{}`, such as `$.detail`", text.trim_start_matches(['$', '.'])));
        }
        let Some(transformer) = self.input_transformer else { return };
        let place = path.then("input_transformer");
        for (name, text) in &transformer.paths {
            let at = place.then("paths").then(name);
            if wrong(text) {
                findings
                    .error("rule::input-path", at, format!("`{text}` is no path into the event"))
                    .help(format!("write `$.{}`, such as `$.detail.id`", text.trim_start_matches(['$', '.'])));
            } else if name.starts_with("aws.") || name.contains(['<', '>', ' ']) {
                findings
                    .error("rule::input-path", at, format!("`{name}` cannot name a part of the event"))
                    .at_key()
                    .help("use letters, digits, `-` and `_`; names that begin with `aws.` are EventBridge's own");
            }
        }
        for name in placeholders(&transformer.template.text()) {
            if !transformer.paths.contains_key(&name) && !name.starts_with("aws.events.") {
                findings
                    .error(
                        "rule::input-path",
                        place.then("template"),
                        format!("`paths` has no `{name}`, which `<{name}>` stands for"),
                    )
                    .help(format!("add it: `paths: {{ {name}: $.detail.{name} }}`"));
            }
        }
    }

    /// Completes a target.
    pub fn apply(&self, target: Target) -> Target {
        let default = RetryPolicy::default();
        Target {
            input: self.input.map(Payload::text),
            input_path: self.input_path.map(str::to_owned),
            input_transformer: self.input_transformer.map(|transformer| InputTransformer {
                input_paths_map: transformer.paths.clone(),
                input_template: template(&transformer.template),
            }),
            retry_policy: RetryPolicy {
                maximum_event_age_in_seconds: self.max_age.map_or(default.maximum_event_age_in_seconds, |age| age.0),
                maximum_retry_attempts: self.retries.unwrap_or(default.maximum_retry_attempts),
            },
            dead_letter_config: self.dead_letter.map(|queue| DeadLetterConfig { arn: target_arn("queues", queue) }),
            ..target
        }
    }
}

/// Returns the names in angle brackets. Other text in angle brackets is none: `<b>` in a mail is, but `a < b` is not.
fn placeholders(template: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((name, more)) = after.split_once('>') else { break };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if is_name {
            names.push(name.to_owned());
        }
        rest = if is_name { more } else { after };
    }
    names
}

/// Writes a template as AWS gets it. A text without quotes of its own is a JSON text.
fn template(payload: &Payload) -> String {
    match payload.0.as_str() {
        Some(text) if text.starts_with(['"', '{', '[']) => text.to_owned(),
        Some(text) => serde_json::Value::from(text).to_string(),
        None => payload.text(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(element: serde_json::Value) -> Vec<String> {
        let transformer: InputTransformerElement = serde_json::from_value(element).expect("a transformer");
        let mut findings = Findings::default();
        let delivery = Delivery { input_transformer: Some(&transformer), ..Delivery::default() };
        delivery.check(&DocPath::default(), &mut findings);
        findings.0.into_iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect()
    }

    #[test]
    fn a_template_names_parts_of_the_event() {
        assert!(codes(json!({ "paths": { "id": "$.detail.id" }, "template": { "order": "<id>" } })).is_empty());
        assert!(codes(json!({ "template": "<aws.events.rule-name> fired, 1 < 2" })).is_empty());
        assert_eq!(codes(json!({ "template": "Order <id>" })), ["rule::input-path input_transformer.template"]);
        assert_eq!(
            codes(json!({ "paths": { "id": "detail.id" }, "template": "<id>" })),
            ["rule::input-path input_transformer.paths.id"]
        );
        assert_eq!(
            codes(json!({ "paths": { "aws.id": "$.id" }, "template": "x" })),
            ["rule::input-path input_transformer.paths.aws.id"]
        );
    }

    #[test]
    fn a_text_becomes_a_json_text() {
        let of = |value| template(&Payload(value));
        assert_eq!(of(json!("Order <id>")), "\"Order <id>\"");
        assert_eq!(of(json!("{\"order\": <id>}")), "{\"order\": <id>}");
        assert_eq!(of(json!({ "order": "<id>" })), "{\"order\":\"<id>\"}");
    }

    #[test]
    fn two_inputs_contradict_each_other_and_a_text_is_no_json() {
        let (text, path) = (Payload(json!("again")), Some("$.detail"));
        let mut findings = Findings::default();
        let both = Delivery { input: Some(&text), input_path: path, ..Delivery::default() };
        both.check(&DocPath::default(), &mut findings);
        let found: Vec<_> = findings.0.iter().map(|finding| finding.path.to_string()).collect();
        assert_eq!(found, ["input_path", "input"]);
    }
}
