//! Words of queues that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of a queue.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["fifo_throughput_limit", "deduplication_scope", "high_throughput"],
        unmanaged("high throughput of FIFO queues", "leave it out: 300 calls a second, with up to 10 messages each, are AWS's default"),
    ),
    UncoveredWords::of(
        &["redrive_allow_policy", "redrive_permission"],
        unmanaged("the list of queues that may use a dead-letter queue", "leave it out: each queue of the account may"),
    ),
    UncoveredWords::of(
        &["kms_data_key_reuse_period_seconds", "kms_data_key_reuse_period"],
        unmanaged("the reuse of data keys", "leave it out: AWS's default is 5 minutes"),
    ),
    UncoveredWords::of(
        &["consumer", "consumers", "subscriber", "lambda", "function", "functions", "trigger", "triggers", "events", "batch_size"],
        Otherwise("name the queue in the function that receives its messages: `functions: { NAME: { events: [ { queue: QUEUE } ] } }`"),
    ),
    UncoveredWords::of(
        &["subscription", "subscriptions", "topic", "topics", "sns"],
        Otherwise("write it in the topic, `topics: { NAME: { subscriptions: [ { sqs: QUEUE } ] } }`, and let the queue's `policy` admit the topic"),
    ),
    UncoveredWords::of(
        &["max_receive_count", "dead_letter_target_arn", "dead_letter"],
        Otherwise("write `redrive: { max_receive_count: 3 }` for a dead-letter queue of its own, or add `dead_letter_target_arn: ARN` there"),
    ),
    UncoveredWords::of(
        &["encryption", "encrypted", "sse", "kms_key"],
        Otherwise("write `kms_master_key_id: KEY`, or `sqs_managed_sse_enabled: true` for SQS's own key"),
    ),
    UncoveredWords::of(
        &["permissions", "access_policy", "queue_policy"],
        Otherwise("a function that sends gets `permissions: [ { allow: sqs:SendMessage, on: \"${queues.NAME.arn}\" } ]`; other senders stand in the queue's `policy`"),
    ),
    UncoveredWords::of(
        &["alarm", "alarms"],
        Otherwise("write it under `alarms:`, with `namespace: AWS/SQS` and `dimensions: { QueueName: \"${queues.NAME.name}\" }`"),
    ),
];
