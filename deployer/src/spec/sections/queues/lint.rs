//! Checks of a queue against its dead-letter queue.

use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::sections::fifo::{fifo_of, is_fifo, target_name};
use crate::spec::sections::{Resource, Resources};

/// Reports a dead-letter queue whose type differs from its source's (SQS developer guide, "Using dead-letter queues").
pub(super) fn redrive(document: &Document, all: &Resources<'_>, queue: &Resource, findings: &mut Findings) {
    let Some(target) = queue.spec.get("redrive_policy").and_then(|r| r.get("dead_letter_target_arn")) else { return };
    let path = || document.locate(&queue.element).then("redrive").then("dead_letter_target_arn");
    if all.resolve(target).is_some_and(|dead_letter| dead_letter.address == queue.address) {
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
        let dead_letter = target_name(all, target);
        let message =
            format!("`{}` and its dead-letter queue `{dead_letter}` are not both FIFO or both standard", queue.address);
        findings.error("queue::dead-letter-type", path(), message).help("give both the same `fifo_queue`");
    }
}
