//! Checks of a topic against the queues that it sends to.

use serde_json::Value;

use crate::kinds::Kind;
use crate::kinds::sqs_queue::SqsQueue;
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::fifo::{fifo_of, is_fifo, target_name};
use crate::spec::sections::keys::has_own_key;
use crate::spec::sections::{Resource, Resources};

/// Reports a topic that cannot send to an encrypted queue: SNS needs the key policy's permission, and nobody can change
/// the policy of `alias/aws/sqs`.
pub(super) fn queue_key(document: &Document, all: &Resources<'_>, subscription: &Resource, findings: &mut Findings) {
    let endpoint = subscription.spec.get("endpoint");
    let dead_letter = subscription.spec.get("redrive_policy").and_then(|redrive| redrive.get("dead_letter_target_arn"));
    for queue in endpoint.into_iter().chain(dead_letter).filter_map(|arn| all.resolve(arn)) {
        if queue.kind != SqsQueue::NAME || !has_own_key(queue) {
            continue;
        }
        let element = queue.element.clone();
        findings
            .warning(
                "topic::queue-key",
                document.find_text(&subscription.element, &format!("{element}.arn")),
                format!("SNS cannot send to `{}`: its key `alias/aws/sqs` lets no other service use it", queue.address),
            )
            .help("take a key of your own, whose policy lets `sns.amazonaws.com` use it, or SQS's own encryption: remove `kms_master_key_id`");
    }
}

/// Reports a subscription between a topic and a queue of incompatible types. A standard topic delivers to standard
/// queues only; a FIFO topic delivers to both since September 2023. Undeliverable messages go to a queue of the topic's
/// own type (SNS developer guide, "Amazon SNS dead-letter queues").
pub(super) fn fifo(document: &Document, all: &Resources<'_>, told: &Resource, findings: &mut Findings) {
    let Some(topic) = all.resolve(&told.spec["topic_arn"]).filter(|topic| !topic.external) else { return };
    let endpoint = &told.spec["endpoint"];
    if told.spec["protocol"] == "sqs" && !is_fifo(topic) && fifo_of(all, endpoint) == Some(true) {
        let message = format!(
            "the standard topic `{}` cannot deliver to the FIFO queue `{}`",
            topic.address,
            target_name(all, endpoint)
        );
        findings
            .error("topic::fifo-endpoint", place(document, all, told, endpoint), message)
            .help("subscribe a standard queue, or make the topic `fifo_topic: true`");
    }
    let Some(target) = told.spec.get("redrive_policy").and_then(|r| r.get("dead_letter_target_arn")) else { return };
    if fifo_of(all, target).is_some_and(|fifo| fifo != is_fifo(topic)) {
        let message = format!(
            "what `{}` cannot deliver would go to `{}`, and they are not both FIFO or both standard",
            topic.address,
            target_name(all, target)
        );
        findings
            .error("topic::dead-letter-type", place(document, all, told, target), message)
            .help("name a queue of the topic's type");
    }
}

/// Finds where a subscription names a queue: by reference, name or ARN.
fn place(document: &Document, all: &Resources<'_>, told: &Resource, target: &Value) -> DocPath {
    let text = target.as_str().unwrap_or_default();
    match all.resolve(target) {
        Some(queue) => {
            let written = queue.element.clone();
            document.find_text(&told.element, &format!("{written}.arn"))
        }
        None => document.find_text(&told.element, text),
    }
}
