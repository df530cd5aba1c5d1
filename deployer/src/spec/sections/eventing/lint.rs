//! Checks of a rule against its targets.

use serde_json::Value;

use super::SERVICE;
use crate::kinds::Kind;
use crate::kinds::sns_topic::SnsTopic;
use crate::kinds::sqs_queue::SqsQueue;
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::fifo::{fifo_of, is_of, target_name};
use crate::spec::sections::keys::has_own_key;
use crate::spec::sections::{Resource, Resources};

/// Reports targets that EventBridge cannot send to.
pub fn rule(document: &Document, all: &Resources<'_>, rule: &Resource, findings: &mut Findings) {
    for target in rule.spec["targets"].as_object().into_iter().flatten().map(|(_, target)| target) {
        let (arn, dead_letter) = (&target["arn"], &target["dead_letter_config"]["arn"]);
        for end in [arn, dead_letter] {
            let Some(receiver) = all.resolve(end) else { continue };
            if receiver.external && receiver.kind == SqsQueue::NAME {
                findings
                    .warning(
                        "rule::external-queue",
                        place(document, all, rule, end),
                        format!("`{}` belongs to others, and only its own policy lets EventBridge send to it", receiver.address),
                    )
                    .help(format!(
                        "its policy needs: `{{ Effect: Allow, Principal: {{ Service: {SERVICE} }}, Action: sqs:SendMessage, Resource: ARN, \
                         Condition: {{ ArnEquals: {{ \"aws:SourceArn\": \"${{{}.arn}}\" }} }} }}`",
                        rule.address
                    ));
            }
            if receiver.kind == SqsQueue::NAME && has_own_key(receiver) {
                findings
                    .warning(
                        "rule::queue-key",
                        place(document, all, rule, end),
                        format!("EventBridge cannot send to `{}`: its key `alias/aws/sqs` lets no other service use it", receiver.address),
                    )
                    .help("take a key of your own, whose policy lets `events.amazonaws.com` use it, or SQS's own encryption: remove `kms_master_key_id`");
            }
        }
        let is_fifo = fifo_of(all, arn) == Some(true);
        if is_fifo && is_of(all, arn, SnsTopic::NAME, "sns") {
            let message =
                format!("`{}` is FIFO, and EventBridge publishes without a message group", target_name(all, arn));
            findings
                .error("rule::message-group", place(document, all, rule, arn), message)
                .help("name a standard topic, or a FIFO queue with `message_group_id`");
        }
        if is_fifo && is_of(all, arn, SqsQueue::NAME, "sqs") && target["sqs_parameters"].is_null() {
            let message = format!("`{}` is FIFO, and a message for it needs a group", target_name(all, arn));
            findings
                .error("rule::message-group", place(document, all, rule, arn), message)
                .help("add `message_group_id: NAME` to the target");
        }
        if fifo_of(all, dead_letter) == Some(true) {
            let name = target_name(all, dead_letter);
            let message = format!("`{name}` is FIFO, and EventBridge sends what it cannot deliver to standard queues");
            findings
                .error("rule::dead-letter-type", place(document, all, rule, dead_letter), message)
                .help("name a standard queue");
        }
    }
}

/// Finds where a rule names a resource: by reference, name or ARN.
fn place(document: &Document, all: &Resources<'_>, rule: &Resource, target: &Value) -> DocPath {
    match all.resolve(target) {
        Some(named) => document.find_text(&rule.element, &format!("{}.arn", named.element)),
        None => document.find_text(&rule.element, target.as_str().unwrap_or_default()),
    }
}
