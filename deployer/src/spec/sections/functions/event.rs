//! The events of a function, as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::yes;
use crate::spec::sections::eventing::InputTransformerElement;
use crate::spec::sections::scheduling::Payload;
use crate::spec::values::Seconds;

/// A source of calls: exactly one of `queue`, `queue_arn`, `table`, `stream`, `schedule`, `pattern` and `bucket`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventElement {
    /// A queue of this stack, by its name under `queues`.
    #[schemars(length(min = 1))]
    pub queue: Option<String>,
    /// ARN of a queue outside this stack.
    #[schemars(regex(pattern = r"^arn:"))]
    pub queue_arn: Option<String>,
    /// A table of this stack with a `stream`, by its name under `tables`. The function receives the changes of its items.
    #[schemars(length(min = 1))]
    pub table: Option<String>,
    /// ARN of another stream: of a table outside this stack, or of Kinesis.
    #[schemars(regex(pattern = r"^arn:"))]
    pub stream: Option<String>,
    /// The most messages in one invocation. More than 10 of a queue need `maximum_batching_window`. Default: 10 of a
    /// queue, 100 of a stream.
    #[schemars(range(min = 1, max = 10_000))]
    pub batch_size: Option<u32>,
    /// The longest time to wait for a batch to fill. Default: 0.
    #[schemars(range(max = 300))]
    pub maximum_batching_window: Option<Seconds>,
    /// The most concurrent invocations for this queue.
    #[schemars(range(min = 2, max = 1_000))]
    pub maximum_concurrency: Option<u32>,
    /// Filter patterns. A message that matches none of them is passed over; a queue deletes it.
    #[serde(default)]
    #[schemars(length(max = 10))]
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub filter: Vec<Value>,
    /// Whether the function receives messages or events, or the schedule fires. `false` pauses it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether the function returns the ids of failed messages, so that only those come back. Default: true.
    pub report_batch_item_failures: Option<bool>,
    /// Streams only: where a new mapping begins, at the oldest record that is kept or with the next one. Default:
    /// `TRIM_HORIZON`, which misses no record.
    pub starting_position: Option<StartingPosition>,
    /// Streams only: the batches of one shard that are handled at once. Records of one key stay in order. Default: 1.
    #[schemars(range(min = 1, max = 10))]
    pub parallelization_factor: Option<u32>,
    /// Streams only: whether a batch that failed is divided, to find the record that fails. Default: `false`.
    pub bisect_batch_on_function_error: Option<bool>,
    /// Streams only: how often a batch that failed is tried again. Default: until its records expire.
    #[schemars(range(max = 10_000))]
    pub maximum_retry_attempts: Option<u32>,
    /// Streams only: the age from which records are given up, from 1m to 7d. Default: none.
    #[schemars(range(min = 60, max = 604_800))]
    pub maximum_record_age: Option<Seconds>,
    /// Streams only: the time over which the function adds up records, at most 15m. Default: none.
    #[schemars(range(min = 1, max = 900))]
    pub tumbling_window: Option<Seconds>,
    /// Streams only: the receiver of a note on records that were given up. The name of a standard queue in this stack, or
    /// the ARN of a queue or topic.
    #[schemars(length(min = 1))]
    pub on_failure: Option<String>,
    /// When to call the function: `rate(5 minutes)`, `cron(0 6 * * ? *)` with minutes, hours, day of month, month, day of
    /// week and year, or `at(2030-01-31T06:00:00)` for once. EventBridge Scheduler calls it.
    #[schemars(length(min = 1, max = 256))]
    pub schedule: Option<String>,
    /// The name of the schedule or rule, which follows the function's in AWS. Of several schedules all but one need a name,
    /// and so of several rules.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[0-9A-Za-z_.-]+$"))]
    pub name: Option<String>,
    /// The purpose of the schedule or rule.
    #[schemars(length(max = 512))]
    pub description: Option<String>,
    /// The time zone of `cron` and `at`, by its name in IANA's database. Default: UTC.
    #[schemars(length(min = 1, max = 50))]
    pub timezone: Option<String>,
    /// The time within which AWS may choose the moment, in whole minutes. Without it the schedule fires within its
    /// minute.
    #[schemars(range(min = 60, max = 86_400))]
    pub flexible_window: Option<Seconds>,
    /// The moment before which the schedule does not fire, and from which a rate counts: `2030-01-31T06:00:00Z`.
    pub start: Option<String>,
    /// The moment after which the schedule does not fire.
    pub end: Option<String>,
    /// The event that the function gets: a map or list, or JSON as a text. A rule sends it in place of the event.
    pub input: Option<Payload>,
    /// How often a failed call is repeated. Default: 185.
    #[schemars(range(max = 185))]
    pub retries: Option<u32>,
    /// For how long a failed call is repeated. Default: a day.
    #[schemars(range(min = 60, max = 86_400))]
    pub max_age: Option<Seconds>,
    /// The queue that receives calls that failed: its name in this stack, or its ARN. It cannot be FIFO.
    #[schemars(length(min = 1))]
    pub dead_letter: Option<String>,
    /// The group of others to put the schedule into, by its name. Default: a group of the function's own.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[0-9A-Za-z_.-]+$"))]
    pub group: Option<String>,
    /// ARN of the KMS key for the schedule's data.
    #[schemars(regex(pattern = r"^arn:"))]
    pub kms_key_arn: Option<String>,
    /// Whether AWS deletes the schedule once it fires no more. The next apply creates it again. Default: false.
    pub delete_after_completion: Option<bool>,
    /// The events of a bus that call the function: `{ source: [shop], detail-type: [OrderPaid] }`.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub pattern: Option<Value>,
    /// The bus of the events: its name under `buses`, or `default` for the account's own, which gets the events of AWS.
    /// Default: `default`.
    #[schemars(length(min = 1))]
    pub bus: Option<String>,
    /// The part of the event that the function gets: `$.detail`.
    #[schemars(length(min = 1, max = 256))]
    pub input_path: Option<String>,
    /// A message made of parts of the event.
    pub input_transformer: Option<InputTransformerElement>,
    /// A bucket by its name under `buckets`, whose objects call the function.
    #[schemars(length(min = 1))]
    pub bucket: Option<String>,
    /// The events of the bucket: `s3:ObjectCreated:*`, `s3:ObjectRemoved:Delete`. Default: every new object,
    /// `s3:ObjectCreated:*`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub events: Vec<String>,
    /// The beginning of the keys of the objects, with special characters as in a URL. Default: any.
    #[schemars(length(max = 1_024))]
    pub prefix: Option<String>,
    /// The end of the keys of the objects: `.png`. Default: any.
    #[schemars(length(max = 1_024))]
    pub suffix: Option<String>,
}

/// Where a new mapping begins to read a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StartingPosition {
    #[default]
    TrimHorizon,
    Latest,
}

impl EventElement {
    /// Tells whether Lambda fetches the events itself, by an event source mapping.
    pub(super) fn is_mapping(&self) -> bool {
        self.schedule.is_none() && self.pattern.is_none() && self.bucket.is_none()
    }

    /// Returns the ARN of a queue that is not named as an element of this stack.
    pub(super) fn outside_queue(&self) -> Option<&str> {
        self.queue_arn.as_deref().or(self.queue.as_deref().filter(|queue| queue.starts_with("arn:")))
    }

    /// Returns the seconds to wait for a batch to fill.
    pub(super) fn maximum_batching_window(&self) -> u32 {
        self.maximum_batching_window.unwrap_or_default().0
    }

    /// Returns the name of the source, which stands in brackets in the mapping's address.
    pub(super) fn label(&self) -> String {
        let named = self.queue.as_deref().filter(|queue| !queue.starts_with("arn:"));
        if let Some(queue) = named {
            return element_name(queue, "queues").to_owned();
        }
        if let Some(table) = &self.table {
            return format!("table:{}", element_name(table, "tables"));
        }
        let arn = self.queue.as_deref().or(self.queue_arn.as_deref()).or(self.stream.as_deref()).unwrap_or_default();
        match arn.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).and_then(|rest| rest.rsplit_once('.')) {
            Some((address, _)) => address.strip_prefix("queues.").unwrap_or(address).to_owned(),
            None if self.stream.is_some() => arn.splitn(6, ':').last().unwrap_or(arn).to_owned(),
            None => arn.rsplit(':').next().unwrap_or(arn).to_owned(),
        }
    }

    /// Tells whether the source is a stream.
    pub(super) fn is_of_stream(&self) -> bool {
        self.table.is_some() || self.stream.is_some()
    }

    /// Returns the most messages in one invocation.
    pub(super) fn batch_size(&self) -> u32 {
        self.batch_size.unwrap_or(if self.is_of_stream() { 100 } else { 10 })
    }
}

/// Returns the name of an element that is written as its name, or as a reference to it: `${queues.jobs.arn}`.
pub(super) fn element_name<'t>(text: &'t str, section: &str) -> &'t str {
    let inner = || text.strip_prefix("${")?.strip_suffix('}')?.strip_prefix(section)?.strip_prefix('.');
    inner().map_or(text, |inner| inner.rsplit_once('.').map_or(inner, |(name, _)| name))
}
