//! Checks of a schedule against its target and its dead-letter queue.

use serde_json::Value;

use crate::kinds::Kind;
use crate::kinds::sns_topic::SnsTopic;
use crate::kinds::sqs_queue::SqsQueue;
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::fifo::{fifo_of, is_of, target_name};
use crate::spec::sections::{Resource, Resources};

/// Reports a FIFO queue that lacks a message group, and FIFO targets that Scheduler does not send to.
pub fn schedule(document: &Document, all: &Resources<'_>, schedule: &Resource, findings: &mut Findings) {
    let target = &schedule.spec["target"];
    let arn = &target["arn"];
    let is_fifo = fifo_of(all, arn) == Some(true);
    if is_fifo && is_of(all, arn, SqsQueue::NAME, "sqs") && target["sqs_parameters"].is_null() {
        let message = format!("`{}` is FIFO, and a message for it needs a group", target_name(all, arn));
        findings
            .error("schedule::message-group", place(document, all, schedule, arn), message)
            .help("add `message_group_id: NAME` to the schedule");
    }
    if is_fifo && is_of(all, arn, SnsTopic::NAME, "sns") {
        let message = format!("`{}` is FIFO, and Scheduler publishes without a message group", target_name(all, arn));
        findings.error("schedule::message-group", place(document, all, schedule, arn), message).help(
            "name a standard topic, or write the call itself: `call: sns:publish` with `MessageGroupId` under `input`",
        );
    }
    let dead_letter = &target["dead_letter_config"]["arn"];
    if fifo_of(all, dead_letter) == Some(true) {
        let message =
            format!("`{}` is FIFO, and Scheduler sends failed calls to standard queues", target_name(all, dead_letter));
        findings
            .error("schedule::dead-letter-type", place(document, all, schedule, dead_letter), message)
            .help("name a standard queue");
    }
}

/// Finds where a schedule names a resource: by reference, name or ARN.
fn place(document: &Document, all: &Resources<'_>, schedule: &Resource, target: &Value) -> DocPath {
    match all.resolve(target) {
        Some(named) => document.find_text(&schedule.element, &format!("{}.arn", named.element)),
        None => document.find_text(&schedule.element, target.as_str().unwrap_or_default()),
    }
}
