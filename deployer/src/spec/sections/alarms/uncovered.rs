//! Words of alarms that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of an alarm.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["metrics", "metric_math", "expression", "metric_query", "metric_queries", "metric_data_queries", "return_data"],
        unmanaged("alarms on metric math", "write one alarm for each metric, or let a function publish what it computes as a metric of your own"),
    ),
    UncoveredWords::of(
        &["anomaly_detection", "anomaly_detector", "threshold_metric_id", "band"],
        unmanaged("anomaly detection", "write a fixed `threshold`"),
    ),
    UncoveredWords::of(
        &["alarm_rule", "composite", "children", "actions_suppressor"],
        unmanaged("composite alarms", "let each alarm publish to the same topic"),
    ),
    UncoveredWords::of(
        &["pattern", "filter_pattern", "metric_filter", "log_group", "log_pattern"],
        unmanaged("metric filters of logs", "create the filter elsewhere, for `${functions.NAME.log_group}`, and write an alarm on its metric"),
    ),
    UncoveredWords::of(&["metric"], Otherwise("write `namespace: AWS/SQS` and `metric_name: ApproximateAgeOfOldestMessage`")),
    UncoveredWords::of(
        &["queue", "function", "topic", "bucket", "api", "resource"],
        Otherwise("write the metric's dimensions: `dimensions: { QueueName: \"${queues.NAME.name}\" }`, or `{ FunctionName: \"${functions.NAME.name}\" }`"),
    ),
    UncoveredWords::of(
        &["actions", "notify", "notifications", "email", "sns", "topics"],
        Otherwise("write `alarm_actions: [ \"${topics.NAME.arn}\" ]`; the topic's `subscriptions` mail a person"),
    ),
];
