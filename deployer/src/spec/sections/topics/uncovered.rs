//! Words of topics and subscriptions that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

const SUBSCRIBE: &str = "write `subscriptions: [ { email: ADDRESS } ]`; the others are `sqs`, `lambda`, `https`, `http`, `sms` and `email_json`";

/// The words of a topic, and of its subscriptions.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["data_protection_policy", "archive_policy", "message_retention_period", "fifo_throughput_scope"],
        unmanaged("this setting of a topic", "set it elsewhere: the deployer leaves it as it is"),
    ),
    UncoveredWords::of(
        &["delivery_status", "delivery_status_logging", "feedback", "success_feedback_role_arn"],
        unmanaged("logs of deliveries", "give each subscription a `dead_letter_target_arn` for messages that cannot be delivered"),
    ),
    UncoveredWords::of(&["signature_version"], unmanaged("the signature's version", "set it elsewhere: the deployer leaves it as it is")),
    UncoveredWords::of(
        &["email", "emails", "sqs", "queue", "queues", "lambda", "function", "functions", "https", "http", "sms", "endpoint", "endpoints", "subscribers"],
        Otherwise(SUBSCRIBE),
    ),
    UncoveredWords::of(
        &["permissions", "access_policy", "publishers"],
        Otherwise("a function that publishes gets `permissions: [ { allow: sns:Publish, on: \"${topics.NAME.arn}\" } ]`; other publishers stand in the topic's `policy`"),
    ),
    UncoveredWords::of(&["encryption", "sse", "kms_key"], Otherwise("write `kms_master_key_id: KEY`")),

    UncoveredWords::inside(
        "subscriptions",
        &["firehose", "kinesis", "application", "push", "slack", "chatbot", "teams"],
        unmanaged("subscribers of this kind", "let a function send on: `{ lambda: FUNCTION }`"),
    ),
    UncoveredWords::inside("subscriptions", &["replay_policy"], unmanaged("replays", "leave it out")),
    UncoveredWords::inside("subscriptions", &["protocol", "endpoint", "type"], Otherwise(SUBSCRIBE)),
    UncoveredWords::inside("subscriptions", &["redrive", "redrive_policy"], Otherwise("write `dead_letter_target_arn: \"${queues.NAME.arn}\"`")),
];
