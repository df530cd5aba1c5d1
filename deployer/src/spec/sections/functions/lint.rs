//! Checks of functions against the queues that they consume and the targets of their failed events.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kinds::Kind;
use crate::kinds::lambda_layer::LambdaLayer;
use crate::kinds::sqs_queue::SqsQueue;
use crate::kinds::subscription_filter::SubscriptionFilterKind;
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::fifo::{fifo_of, is_fifo, target_name};
use crate::spec::sections::{Resource, Resources};

/// A queue's visibility timeout should be this many times its consumer's timeout.
const VISIBILITY_FACTOR: u64 = 6;

/// Reports layers of the stack that are for another processor or runtime than the function's.
pub(super) fn layers(document: &Document, all: &Resources<'_>, function: &Resource, findings: &mut Findings) {
    for (index, stated) in function.spec["layers"].as_array().into_iter().flatten().enumerate() {
        let Some(layer) = all.resolve(stated).filter(|layer| layer.kind == LambdaLayer::NAME) else { continue };
        let at = || document.locate(&function.element).then("layers").then(index.to_string());
        let fits = |property: &str, own: &Value| {
            let list = layer.spec[property].as_array().map(Vec::as_slice).unwrap_or_default();
            list.is_empty() || list.contains(own)
        };
        let (processor, runtime) = (&function.spec["architectures"][0], &function.spec["runtime"]);
        let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if !fits("compatible_architectures", processor) {
            let message = format!("`{}` is not for {}, on which the function runs", layer.address, of(processor));
            findings
                .error("function::layer-architecture", at(), message)
                .help("change `architecture` of the function, or `compatible_architectures` of the layer");
        }
        if !fits("compatible_runtimes", runtime) {
            let message = format!("`{}` does not name {}, the runtime of the function", layer.address, of(runtime));
            findings.warning("function::layer-runtime", at(), message).help(
                "add the runtime to `compatible_runtimes` of the layer if it is for it: Lambda does not check it",
            );
        }
    }
}

/// Reports a queue whose settings do not suit the function that consumes it.
pub(super) fn mapping(document: &Document, all: &Resources<'_>, mapping: &Resource, findings: &mut Findings) {
    let (Some(source), Some(function)) =
        (all.resolve(&mapping.spec["event_source_arn"]), all.resolve(&mapping.spec["function_name"]))
    else {
        return;
    };
    let Some(queue) = Some(source).filter(|source| source.kind == SqsQueue::NAME) else {
        return on_failure(document, all, mapping, source, findings);
    };
    if is_fifo(queue) {
        batch(document, mapping, queue, findings);
    } else {
        window(document, mapping, queue, findings);
    }
    let (Some(visible), Some(timeout)) = (queue.number("visibility_timeout"), function.number("timeout")) else {
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
    let batch = mapping.number("batch_size").unwrap_or(10);
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

/// Reports batch settings that SQS refuses for a FIFO queue: more than 10 messages, or a batching window.
fn batch(document: &Document, mapping: &Resource, queue: &Resource, findings: &mut Findings) {
    let event = event_place(document, mapping, queue);
    if mapping.number("batch_size").is_some_and(|size| size > 10) {
        findings
            .error("function::batch-size", event.then("batch_size"), "a FIFO queue gives at most 10 messages at once")
            .help("write `batch_size: 10`");
    }
    if mapping.number("maximum_batching_window_in_seconds").is_some_and(|window| window > 0) {
        findings
            .error(
                "function::batch-window",
                event.then("maximum_batching_window"),
                "Lambda does not wait for the batches of a FIFO queue to fill",
            )
            .help("remove `maximum_batching_window`");
    }
}

/// Reports a batch of a standard queue that Lambda gathers only if it is given time.
fn window(document: &Document, mapping: &Resource, queue: &Resource, findings: &mut Findings) {
    let waits = mapping.number("maximum_batching_window_in_seconds").is_some_and(|window| window > 0);
    if mapping.number("batch_size").is_some_and(|size| size > 10) && !waits {
        let at = event_place(document, mapping, queue).then("batch_size");
        findings
            .error("function::batch-window", at, "more than 10 messages at once need a window")
            .help("add `maximum_batching_window: 1s`, or write `batch_size: 10`");
    }
}

/// Reports a FIFO queue or topic that is to be told of a stream's failed records. Lambda tells standard ones only.
fn on_failure(
    document: &Document,
    all: &Resources<'_>,
    mapping: &Resource,
    source: &Resource,
    findings: &mut Findings,
) {
    let target = &mapping.spec["stream"]["on_failure"];
    if fifo_of(all, target) == Some(true) {
        let message = format!(
            "`{}` is FIFO, and Lambda tells standard queues and topics of failed records",
            target_name(all, target)
        );
        findings
            .error("function::fifo-on-failure", event_place(document, mapping, source).then("on_failure"), message)
            .help("name a standard queue or topic");
    }
}

/// Reports functions that get each other's log lines: every call leaves lines, and so causes the next one.
pub(super) fn log_loops(document: &Document, all: &Resources<'_>, findings: &mut Findings) {
    let filters = all.0.iter().filter(|resource| resource.kind == SubscriptionFilterKind::NAME);
    let edges: Vec<(&str, &str, &Resource)> = filters
        .filter_map(|filter| {
            Some((&filter.element[..], &all.resolve(&filter.spec["destination_arn"])?.element[..], filter))
        })
        .collect();
    for (from, to, filter) in &edges {
        let (mut seen, mut next) = (BTreeSet::new(), vec![*to]);
        while let Some(at) = next.pop() {
            if seen.insert(at) {
                next.extend(edges.iter().filter(|(of, ..)| *of == at).map(|(_, to, _)| *to));
            }
        }
        if from != to && seen.contains(from) {
            findings
                .error(
                    "log_group::subscription-loop",
                    document.find_text(&filter.element, &format!("{to}.arn")),
                    format!("`{from}` and `{to}` would be called for the lines of each other's calls, without end"),
                )
                .help("send the lines of one of them elsewhere");
        }
    }
}

/// Warns of a FIFO queue or topic as a function's dead-letter target. Lambda sends failed events to standard ones only:
/// it has no message group for a FIFO one.
pub(super) fn dead_letter(document: &Document, all: &Resources<'_>, function: &Resource, findings: &mut Findings) {
    let Some(target) = function.spec.get("dead_letter_target_arn") else { return };
    if fifo_of(all, target) == Some(true) {
        let message =
            format!("`{}` is FIFO, and Lambda sends failed events to standard ones", target_name(all, target));
        findings
            .warning("function::fifo-dead-letter", document.locate(&function.element).then("dead_letter"), message)
            .help("name a standard queue or topic");
    }
}
