//! Checks across elements. They are pure and run before any AWS call.

mod fifo;
mod limits;
mod models;

use serde_json::Value;

use super::document::Document;
use super::finding::{DocPath, Findings};
use super::sections::{Lowered, Resource};
use super::{keys, region};

/// API Gateway's default time limit for an integration.
const API_TIMEOUT_S: u64 = 29;
/// A queue's visibility timeout should be this many times its consumer's timeout.
const VISIBILITY_FACTOR: u64 = 6;
/// Collects the findings of every check across elements.
pub fn lint(document: &Document, lowered: &Lowered, findings: &mut Findings) {
    document.each_text(&mut |path, text| region::foreign(text, document.region(), path, findings));
    let all = Resources(&lowered.resources);
    for resource in all.0 {
        keys::lint(document, &all, resource, findings);
        match resource.kind {
            "lambda.event_source_mapping" => mapping(document, &all, resource, findings),
            "apigateway.route" => route(document, &all, resource, findings),
            "sqs.queue" => fifo::redrive(document, &all, resource, findings),
            "lambda.function" => {
                models::environment(document, resource, findings);
                fifo::dead_letter(document, &all, resource, findings);
            }
            "iam.role" => models::permissions(document, resource, findings),
            "sns.subscription" => {
                queue_policy(document, &all, resource, findings);
                fifo::subscription(document, &all, resource, findings);
            }
            _ => {}
        }
    }
    limits::policies(document, &all, findings);
    limits::paths(document, &all, findings);
}

pub(super) struct Resources<'a>(pub(super) &'a [Resource]);

impl<'a> Resources<'a> {
    /// Returns the resource that a `${ADDRESS.output}` text refers to.
    pub(super) fn referred(&self, text: &Value) -> Option<&'a Resource> {
        let text = text.as_str()?;
        self.0.iter().find(|r| {
            text.strip_prefix("${").and_then(|t| t.strip_prefix(r.address.as_str())).is_some_and(|t| t.starts_with('.'))
        })
    }
}

fn number(resource: &Resource, property: &str) -> Option<u64> {
    resource.spec.get(property).and_then(Value::as_u64)
}

fn is_fifo(resource: &Resource) -> bool {
    let says = |property: &str| resource.spec.get(property).and_then(Value::as_bool).unwrap_or(false);
    says("fifo_queue") || says("fifo_topic")
}

fn mapping(document: &Document, all: &Resources<'_>, mapping: &Resource, findings: &mut Findings) {
    let (Some(queue), Some(function)) =
        (all.referred(&mapping.spec["event_source_arn"]), all.referred(&mapping.spec["function_name"]))
    else {
        return;
    };
    if is_fifo(queue) {
        fifo::batch(document, mapping, queue, findings);
    }
    let (Some(visible), Some(timeout)) = (number(queue, "visibility_timeout"), number(function, "timeout")) else {
        return;
    };
    let at = document.locate(&queue.element).then("visibility_timeout");
    let wanted = timeout * VISIBILITY_FACTOR;
    if visible < timeout {
        findings
            .error(
                "queue::visibility-timeout",
                at,
                format!("the visibility timeout of {visible} s is below the {timeout} s timeout of its consumer `{}`; AWS refuses the mapping", function.address),
            )
            .help(format!("write `visibility_timeout: {wanted}s`, six times the consumer's timeout"));
    } else if visible < wanted {
        findings
            .warning(
                "queue::short-visibility-timeout",
                at,
                format!("AWS advises a visibility timeout of six times the consumer's: {wanted} s for `{}`, not {visible} s", function.address),
            )
            .help(format!("write `visibility_timeout: {wanted}s`"));
    }
    if queue.spec.get("redrive_policy").is_none_or(Value::is_null) && !queue.external {
        findings
            .warning(
                "queue::no-dead-letter",
                document.locate(&queue.element),
                format!("`{}` has a consumer and no dead-letter queue: a message that always fails comes back until it expires", queue.address),
            )
            .at_key()
            .help("add `redrive: { max_receive_count: 3 }`");
    }
    let reports = mapping.spec["function_response_types"].as_array().is_some_and(|types| !types.is_empty());
    let batch = number(mapping, "batch_size").unwrap_or(10);
    if !reports && batch > 1 {
        findings
            .warning(
                "function::whole-batch-retried",
                event_place(document, mapping, queue).then("report_batch_item_failures"),
                format!("one failed message brings back all of a batch of {batch}"),
            )
            .help("leave `report_batch_item_failures` on and return the failed ids");
    }
}

/// Finds the event that an event source mapping was lowered from.
fn event_place(document: &Document, mapping: &Resource, queue: &Resource) -> DocPath {
    let mut path = document.find_text(&mapping.element, &format!("{}.arn", queue.address));
    if path.0.len() > 4 && path.0[2] == "events" {
        path.0.truncate(4);
        return path;
    }
    document.locate(&mapping.element).then("events")
}

fn route(document: &Document, all: &Resources<'_>, route: &Resource, findings: &mut Findings) {
    let function = route.spec.as_object().into_iter().flatten().find_map(|(_, value)| {
        let text = value.as_str()?;
        let at = text.find("${functions.")?;
        all.referred(&Value::from(&text[at..]))
    });
    let Some(function) = function else { return };
    let key = route.address.split_once('[').map_or("", |(_, key)| key.trim_end_matches(']'));
    if document.states(&document.locate(&route.element).then("routes").then(key).then("timeout")) {
        // An explicit timeout shows that the author has considered it.
        return;
    }
    if let Some(timeout) = number(function, "timeout").filter(|t| *t > API_TIMEOUT_S) {
        findings
            .warning(
                "api::function-timeout",
                document.locate(&function.element).then("timeout"),
                format!(
                    "`{}` may run {timeout} s, but API Gateway answers 504 after {API_TIMEOUT_S} s",
                    function.address
                ),
            )
            .help("write `timeout: 29s`, or take the work from a queue; a `timeout` of the route itself says that it is meant, and may be longer where the account's quota was raised");
    }
}

/// Warns of a queue that lacks a policy for its topic: SNS silently drops the messages that the policy does not allow.
fn queue_policy(document: &Document, all: &Resources<'_>, subscription: &Resource, findings: &mut Findings) {
    if subscription.spec["protocol"] != "sqs" {
        return;
    }
    let (Some(queue), Some(topic)) =
        (all.referred(&subscription.spec["endpoint"]), all.referred(&subscription.spec["topic_arn"]))
    else {
        return;
    };
    let policy = queue.spec.get("policy").and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
    if queue.external || policy.is_some_and(|policy: Value| lets_send(&policy)) {
        return;
    }
    let written = format!("queues.{}", queue.element.split('.').nth(1).unwrap_or_default());
    findings
        .warning(
            "topic::queue-policy",
            document.find_text(&subscription.element, &format!("{written}.arn")),
            format!("`{}` has no policy that lets the topic `{}` send to it: its messages are dropped", queue.address, topic.address),
        )
        .help(format!(
            "add to the queue: `policy: {{ Version: \"2012-10-17\", Statement: [ {{ Effect: Allow, Principal: {{ Service: sns.amazonaws.com }}, \
             Action: sqs:SendMessage, Resource: \"*\", Condition: {{ ArnEquals: {{ \"aws:SourceArn\": \"${{{}.arn}}\" }} }} }} ] }}`",
            topic.address
        ));
}

/// Tells whether a statement of the policy allows SNS, or everybody, to send. Assumes that conditions are met.
fn lets_send(policy: &Value) -> bool {
    let list = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let says = |value: &Value, words: &[&str]| {
        list(value)
            .iter()
            .filter_map(Value::as_str)
            .any(|text| words.iter().any(|word| text.eq_ignore_ascii_case(word)))
    };
    list(&policy["Statement"]).iter().any(|statement| {
        let principal = &statement["Principal"];
        let sender = says(principal, &["*"])
            || says(&principal["Service"], &["sns.amazonaws.com"])
            || says(&principal["AWS"], &["*"]);
        let action = statement.get("NotAction").is_some()
            || says(&statement["Action"], &["*", "sqs:*", "sqs:SendMessage", "sqs:Send*"]);
        statement["Effect"] == "Allow" && sender && action
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    fn codes(route: &str) -> Vec<&'static str> {
        let text = format!(
            "stack: s\nregion: eu-west-1\nfunctions:\n  f: {{ zip: f.zip, timeout: 30s }}\napis:\n  a: {{ routes: {{ \"GET /f\": {route} }} }}\n"
        );
        let (document, _) = Document::load(SourceText::new("stack.yaml", text.as_bytes()), &Inputs::default()).unwrap();
        let (lowered, _) = document.lower();
        let mut findings = Findings::default();
        lint(&document, &lowered, &mut findings);
        findings.0.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_function_that_outlasts_its_callers_is_meant_where_the_route_says_when_they_give_up() {
        assert!(codes("f").contains(&"api::function-timeout"));
        assert!(!codes("{ function: f, timeout: 29s }").contains(&"api::function-timeout"));
    }
}
