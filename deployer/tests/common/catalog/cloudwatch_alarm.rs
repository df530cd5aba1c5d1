//! `cloudwatch.metric_alarm`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, maybe, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "cloudwatch.metric_alarm", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let cloudwatch = &aws.clients.cloudwatch;
    let mut things = Vec::new();
    let alarms = sure(cloudwatch.describe_alarms().max_records(100).send().await).metric_alarms;
    for alarm in alarms.unwrap_or_default() {
        let name = format!("alarm {}", alarm.alarm_name().unwrap_or_default());
        things.push(Thing::new(name, async move {
            let arn = alarm.alarm_arn().unwrap_or_default();
            let tags = cloudwatch.list_tags_for_resource().resource_arn(arn).send().await;
            json!({ "alarm": told(&alarm), "tags": maybe(tags) })
        }));
    }
    things
}

async fn cases(_: &Aws) -> Vec<Case> {
    let mut team = owner();
    team["team"] = json!("sofa");
    let topic = "arn:aws:sns:eu-west-1:123456789012:c";
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[("evaluate_low_sample_count_percentile", "the emulator does not keep it")],
        create: alarm(json!({})),
        steps: vec![
            ("the threshold", alarm(json!({"threshold": 45.5})), vec!["threshold"]),
            (
                "every number",
                alarm(json!({"threshold": 0.0, "period": 300, "evaluation_periods": 5, "datapoints_to_alarm": 3})),
                vec!["period", "evaluation_periods", "datapoints_to_alarm", "threshold"],
            ),
            (
                "every text",
                alarm(json!({
                    "threshold": 0.0, "period": 300, "evaluation_periods": 5, "datapoints_to_alarm": 3,
                    "alarm_description": "look at the queue", "namespace": "Couch", "metric_name": "Age",
                    "comparison_operator": "LessThanOrEqualToThreshold", "treat_missing_data": "notBreaching",
                    "unit": "Seconds", "dimensions": { "Sofa": "left" },
                })),
                vec![
                    "namespace",
                    "metric_name",
                    "dimensions.Sofa",
                    "dimensions.QueueName",
                    "comparison_operator",
                    "treat_missing_data",
                    "alarm_description",
                    "unit",
                ],
            ),
            (
                "everything back",
                alarm(json!({})),
                vec![
                    "namespace",
                    "metric_name",
                    "dimensions.QueueName",
                    "dimensions.Sofa",
                    "period",
                    "evaluation_periods",
                    "datapoints_to_alarm",
                    "threshold",
                    "comparison_operator",
                    "treat_missing_data",
                    "alarm_description",
                    "unit",
                ],
            ),
            (
                "other actions, none enabled",
                alarm(
                    json!({"alarm_actions": [], "ok_actions": [topic], "insufficient_data_actions": [topic], "actions_enabled": false}),
                ),
                vec!["actions_enabled", "alarm_actions", "ok_actions", "insufficient_data_actions"],
            ),
            (
                "actions back, a tag",
                alarm(json!({"tags": team})),
                vec!["actions_enabled", "alarm_actions", "ok_actions", "insufficient_data_actions", "tags.team"],
            ),
            ("no tag", alarm(json!({})), vec!["tags.team"]),
            (
                "a percentile",
                alarm(json!({"statistic": null, "extended_statistic": "p99"})),
                vec!["extended_statistic", "statistic"],
            ),
            ("a statistic again", alarm(json!({})), vec!["statistic", "extended_statistic"]),
        ],
    }]
}

pub fn alarm(changes: Value) -> Value {
    let spec = json!({
        "alarm_name": "32-sqs-ApproximateAgeOfOldestMessage-alarm",
        "namespace": "AWS/SQS",
        "metric_name": "ApproximateAgeOfOldestMessage",
        "dimensions": { "QueueName": "image-requests-32" },
        "statistic": "Maximum",
        "period": 60,
        "evaluation_periods": 1,
        "datapoints_to_alarm": 1,
        "threshold": 30.0,
        "comparison_operator": "GreaterThanThreshold",
        "treat_missing_data": "missing",
        "actions_enabled": true,
        "alarm_actions": ["arn:aws:sns:eu-west-1:123456789012:a", "arn:aws:sns:eu-west-1:123456789012:b"],
        "ok_actions": [],
        "insufficient_data_actions": [],
        "tags": owner(),
    });
    with(spec, &changes)
}

pub fn owner() -> Value {
    json!({ "deployer:stack": "couch", "deployer:address": "alarms.oldest-message" })
}
