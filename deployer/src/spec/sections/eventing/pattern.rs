//! Checks of event patterns beyond the grammar that they share with filters.

use serde_json::Value;

use crate::kinds::event_bus::DEFAULT_BUS;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::{nearest, quoted};
use crate::spec::sections::filter;

/// The fields of an event.
const FIELDS: &[&str] =
    &["account", "detail", "detail-type", "id", "region", "replay-name", "resources", "source", "time", "version"];

/// Checks a pattern at `path` for a rule of `bus`.
pub fn check(pattern: &Value, bus: Option<&str>, path: &DocPath, findings: &mut Findings) {
    let Value::Object(fields) = pattern else { return };
    if fields.is_empty() {
        findings
            .error("rule::pattern", path.clone(), "an empty pattern matches nothing, and AWS refuses it")
            .help("write what the events have: `{ source: [shop] }`. Every event of an account has `{ account: [\"${aws.account_id}\"] }`");
        return;
    }
    filter::check(pattern, filter::Of::Event, path, findings);
    for field in fields.keys().filter(|field| !FIELDS.contains(&field.as_str()) && *field != "$or") {
        let dashed = field.replace('_', "-");
        let help = match nearest(&dashed, FIELDS.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`? What the sender wrote is under `detail`"),
            None => format!(
                "write `detail: {{ {field}: … }}` if the sender wrote it; an event has {}",
                quoted(FIELDS.iter().copied())
            ),
        };
        findings
            .warning(
                "rule::pattern-field",
                path.then(field),
                format!("no event has `{field}` at its top, so the rule never matches"),
            )
            .at_key()
            .help(help);
    }
    let sources = fields.get("source").and_then(Value::as_array);
    let of_aws = sources.into_iter().flatten().enumerate().find_map(|(index, source)| {
        let text = source.as_str().or_else(|| source.get("prefix").and_then(Value::as_str))?;
        text.starts_with("aws.").then_some((index, text))
    });
    if let (Some((index, source)), false) = (of_aws, bus.unwrap_or(DEFAULT_BUS) == DEFAULT_BUS) {
        findings
            .warning(
                "rule::aws-source",
                path.then("source").then(index.to_string()),
                format!("events of `{source}` come to the account's bus `default` alone"),
            )
            .help("write `bus: default`; or let a rule of that bus send them on to this one");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(pattern: Value, bus: Option<&str>) -> Vec<String> {
        let mut findings = Findings::default();
        check(&pattern, bus, &DocPath::default(), &mut findings);
        findings.0.into_iter().map(|finding| format!("{} {}", finding.code, finding.path)).collect()
    }

    #[test]
    fn a_pattern_names_fields_that_events_have() {
        let good = json!({ "source": ["shop"], "detail-type": [{ "prefix": "Order" }], "detail": { "total": [{ "numeric": [">", 10] }] } });
        assert!(codes(good, None).is_empty());
        assert!(codes(json!({ "$or": [{ "source": ["a"] }, { "source": ["b"] }] }), None).is_empty());
        assert_eq!(codes(json!({}), None), ["rule::pattern "]);
        assert_eq!(codes(json!({ "source": "shop" }), None), ["rule::pattern source"]);
        assert_eq!(codes(json!({ "detail_type": ["x"] }), None), ["rule::pattern-field detail_type"]);
        assert_eq!(codes(json!({ "total": [1] }), None), ["rule::pattern-field total"]);
    }

    #[test]
    fn events_of_aws_come_to_the_default_bus() {
        let pattern = json!({ "source": ["shop", "aws.s3"] });
        assert_eq!(codes(pattern.clone(), Some("orders")), ["rule::aws-source source.1"]);
        assert!(codes(pattern.clone(), Some("default")).is_empty() && codes(pattern, None).is_empty());
    }
}
