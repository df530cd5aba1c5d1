//! Checks that FIFO queues and topics are combined only with matching types, whoever owns them. The type of a resource
//! that is known only by ARN follows from its name.

use serde_json::Value;

use super::{Resources, event_place, is_fifo, number};
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::Resource;

/// Tells whether a name or an ARN belongs to a FIFO queue or topic: only these end in `.fifo`. Returns `None` if the
/// text ends in a reference.
fn by_name(text: &str) -> Option<bool> {
    (!text.ends_with('}')).then(|| text.ends_with(".fifo"))
}

/// Tells whether the target of a property, a reference or an ARN, is FIFO.
fn fifo_of(all: &Resources<'_>, target: &Value) -> Option<bool> {
    match all.referred(target) {
        Some(resource) => Some(is_fifo(resource)),
        None => by_name(target.as_str()?),
    }
}

/// Returns the name of a reference's target, as findings show it.
fn called(all: &Resources<'_>, target: &Value) -> String {
    let named = all.referred(target).map(|resource| resource.address.clone());
    named.unwrap_or_else(|| target.as_str().and_then(|arn| arn.rsplit(':').next()).unwrap_or_default().to_owned())
}

/// Reports batch settings that SQS refuses for a FIFO queue: more than 10 messages, or a batching window.
pub(super) fn batch(document: &Document, mapping: &Resource, queue: &Resource, findings: &mut Findings) {
    let event = event_place(document, mapping, queue);
    if number(mapping, "batch_size").is_some_and(|size| size > 10) {
        findings
            .error("function::batch-size", event.then("batch_size"), "a FIFO queue gives at most 10 messages at once")
            .help("write `batch_size: 10`");
    }
    if number(mapping, "maximum_batching_window_in_seconds").is_some_and(|window| window > 0) {
        findings
            .error(
                "function::batch-window",
                event.then("maximum_batching_window"),
                "Lambda does not wait for the batches of a FIFO queue to fill",
            )
            .help("remove `maximum_batching_window`");
    }
}

/// Reports a dead-letter queue whose type differs from its source's (SQS developer guide, "Using dead-letter queues").
pub(super) fn redrive(document: &Document, all: &Resources<'_>, queue: &Resource, findings: &mut Findings) {
    let Some(target) = queue.spec.get("redrive_policy").and_then(|r| r.get("dead_letter_target_arn")) else { return };
    let path = || document.locate(&queue.element).then("redrive").then("dead_letter_target_arn");
    if all.referred(target).is_some_and(|dead_letter| dead_letter.address == queue.address) {
        findings
            .error(
                "queue::dead-letter-self",
                path(),
                format!("`{}` is its own dead-letter queue: what fails would come back for ever", queue.address),
            )
            .help("remove `dead_letter_target_arn`: the queue then gets a dead-letter queue of its own");
        return;
    }
    if fifo_of(all, target).is_some_and(|fifo| fifo != is_fifo(queue)) {
        let dead_letter = called(all, target);
        let message =
            format!("`{}` and its dead-letter queue `{dead_letter}` are not both FIFO or both standard", queue.address);
        findings.error("queue::dead-letter-type", path(), message).help("give both the same `fifo_queue`");
    }
}

/// Reports a subscription between a topic and a queue of incompatible types. A standard topic delivers to standard
/// queues only; a FIFO topic delivers to both since September 2023. Undeliverable messages go to a queue of the topic's
/// own type (SNS developer guide, "Amazon SNS dead-letter queues").
pub(super) fn subscription(document: &Document, all: &Resources<'_>, told: &Resource, findings: &mut Findings) {
    let Some(topic) = all.referred(&told.spec["topic_arn"]).filter(|topic| !topic.external) else { return };
    let endpoint = &told.spec["endpoint"];
    if told.spec["protocol"] == "sqs" && !is_fifo(topic) && fifo_of(all, endpoint) == Some(true) {
        let message = format!(
            "the standard topic `{}` cannot deliver to the FIFO queue `{}`",
            topic.address,
            called(all, endpoint)
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
            called(all, target)
        );
        findings
            .error("topic::dead-letter-type", place(document, all, told, target), message)
            .help("name a queue of the topic's type");
    }
}

/// Warns of a FIFO queue or topic as a function's dead-letter target. Lambda sends failed events to standard ones only:
/// it has no message group for a FIFO one.
pub(super) fn dead_letter(document: &Document, all: &Resources<'_>, function: &Resource, findings: &mut Findings) {
    let Some(target) = function.spec.get("dead_letter_target_arn") else { return };
    if fifo_of(all, target) == Some(true) {
        let message = format!("`{}` is FIFO, and Lambda sends failed events to standard ones", called(all, target));
        findings
            .warning("function::fifo-dead-letter", document.locate(&function.element).then("dead_letter"), message)
            .help("name a standard queue or topic");
    }
}

/// Finds where a subscription names a queue: by reference, name or ARN.
fn place(document: &Document, all: &Resources<'_>, told: &Resource, target: &Value) -> DocPath {
    let text = target.as_str().unwrap_or_default();
    match all.referred(target) {
        Some(queue) => {
            let written = queue.element.clone();
            document.find_text(&told.element, &format!("{written}.arn"))
        }
        None => document.find_text(&told.element, text),
    }
}

#[cfg(test)]
mod tests {
    use super::by_name;

    #[test]
    fn the_end_of_a_name_tells_its_type_unless_a_reference_ends_it() {
        assert_eq!(by_name("arn:aws:sqs:${aws.region}:1:orders.fifo"), Some(true));
        assert_eq!(by_name("arn:aws:sqs:eu-west-1:1:orders"), Some(false));
        assert_eq!(by_name("${queues.orders.arn}"), None);
    }
}
