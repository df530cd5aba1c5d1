//! The sources of a function's events, and the properties that belong to each source.

use super::EventElement;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::quoted;

/// A property that says where an event comes from, and the others that go with it.
struct Source {
    names: &'static [&'static str],
    takes: &'static [&'static str],
}

const SOURCES: &[Source] = &[
    Source {
        names: &["queue", "queue_arn"],
        takes: &[
            "batch_size",
            "maximum_batching_window",
            "maximum_concurrency",
            "filter",
            "report_batch_item_failures",
        ],
    },
    Source {
        names: &["table", "stream"],
        takes: &[
            "batch_size",
            "maximum_batching_window",
            "filter",
            "report_batch_item_failures",
            "starting_position",
            "parallelization_factor",
            "bisect_batch_on_function_error",
            "maximum_retry_attempts",
            "maximum_record_age",
            "tumbling_window",
            "on_failure",
        ],
    },
    Source {
        names: &["schedule"],
        takes: &[
            "name",
            "description",
            "timezone",
            "flexible_window",
            "start",
            "end",
            "input",
            "retries",
            "max_age",
            "dead_letter",
            "group",
            "kms_key_arn",
            "delete_after_completion",
        ],
    },
    Source {
        names: &["pattern"],
        takes: &[
            "bus",
            "name",
            "description",
            "input",
            "input_path",
            "input_transformer",
            "retries",
            "max_age",
            "dead_letter",
        ],
    },
    Source { names: &["bucket"], takes: &["events", "prefix", "suffix"] },
];

impl EventElement {
    /// Lists the properties that are written and belong to some sources alone.
    fn stated(&self) -> Vec<&'static str> {
        let all = [
            ("queue", self.queue.is_some()),
            ("queue_arn", self.queue_arn.is_some()),
            ("batch_size", self.batch_size.is_some()),
            ("maximum_batching_window", self.maximum_batching_window.is_some()),
            ("maximum_concurrency", self.maximum_concurrency.is_some()),
            ("filter", !self.filter.is_empty()),
            ("report_batch_item_failures", self.report_batch_item_failures.is_some()),
            ("table", self.table.is_some()),
            ("stream", self.stream.is_some()),
            ("starting_position", self.starting_position.is_some()),
            ("parallelization_factor", self.parallelization_factor.is_some()),
            ("bisect_batch_on_function_error", self.bisect_batch_on_function_error.is_some()),
            ("maximum_retry_attempts", self.maximum_retry_attempts.is_some()),
            ("maximum_record_age", self.maximum_record_age.is_some()),
            ("tumbling_window", self.tumbling_window.is_some()),
            ("on_failure", self.on_failure.is_some()),
            ("schedule", self.schedule.is_some()),
            ("name", self.name.is_some()),
            ("description", self.description.is_some()),
            ("timezone", self.timezone.is_some()),
            ("flexible_window", self.flexible_window.is_some()),
            ("start", self.start.is_some()),
            ("end", self.end.is_some()),
            ("input", self.input.is_some()),
            ("retries", self.retries.is_some()),
            ("max_age", self.max_age.is_some()),
            ("dead_letter", self.dead_letter.is_some()),
            ("group", self.group.is_some()),
            ("kms_key_arn", self.kms_key_arn.is_some()),
            ("delete_after_completion", self.delete_after_completion.is_some()),
            ("pattern", self.pattern.is_some()),
            ("bus", self.bus.is_some()),
            ("input_path", self.input_path.is_some()),
            ("input_transformer", self.input_transformer.is_some()),
            ("bucket", self.bucket.is_some()),
            ("events", !self.events.is_empty()),
            ("prefix", self.prefix.is_some()),
            ("suffix", self.suffix.is_some()),
        ];
        all.into_iter().filter(|(_, is_stated)| *is_stated).map(|(name, _)| name).collect()
    }
}

/// Reports an event without exactly one source, and properties that belong to another source. Returns whether it has
/// one.
pub(super) fn check(event: &EventElement, path: &DocPath, findings: &mut Findings) -> bool {
    let stated = event.stated();
    let names = || SOURCES.iter().flat_map(|source| source.names).copied();
    let given: Vec<&str> = names().filter(|name| stated.contains(name)).collect();
    let [name] = given[..] else {
        findings
            .error("function::event-source", path.clone(), format!("an event has exactly one of {}", quoted(names())))
            .help("name a queue of this stack with `queue: NAME`, a table with `table: NAME`, any other queue with `queue_arn: ARN`, any other stream with `stream: ARN`; write `schedule: rate(5 minutes)`, `pattern: { source: [NAME] }` for the events of a bus, or `bucket: NAME` for the objects of a bucket");
        return false;
    };
    let own = SOURCES.iter().find(|source| source.names.contains(&name)).map_or(&[][..], |source| source.takes);
    for property in stated.into_iter().filter(|property| *property != name && !own.contains(property)) {
        let other = SOURCES.iter().find(|source| source.takes.contains(&property));
        let other = other.and_then(|source| source.names.first()).unwrap_or(&"queue");
        findings
            .error(
                "function::event-property",
                path.then(property),
                format!("`{property}` belongs to an event with `{other}`, and this one has `{name}`"),
            )
            .at_key()
            .help(format!("remove it; with `{name}` go {}", quoted(own.iter().copied())));
    }
    true
}
