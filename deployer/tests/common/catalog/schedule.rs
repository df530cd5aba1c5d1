//! `scheduler.schedule`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::schedule_group::{group, names};
use super::{Case, Entry, Thing, maybe, sure, with};

pub const ENTRY: Entry =
    Entry { kind: "scheduler.schedule", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let scheduler = &aws.clients.scheduler;
    let mut things = Vec::new();
    for group in names(aws).await {
        let page = sure(scheduler.list_schedules().group_name(&group).send().await);
        for name in page.schedules.into_iter().filter_map(|listed| listed.name) {
            let group = group.clone();
            things.push(Thing::new(format!("schedule {group} {name}"), async move {
                maybe(scheduler.get_schedule().group_name(&group).name(&name).send().await)
            }));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let group = group(json!({}));
    kinds::find("scheduler.schedule_group").expect("it").create(aws, &group).await.expect("a group");
    let target = |changes: Value| with(target(aws, "sqs:jobs"), &changes);
    let own = |changes: Value| schedule(aws, &changes);
    let timed = json!({
        "schedule_expression": "cron(0 6 * * ? *)", "schedule_expression_timezone": "Europe/Oslo",
        "flexible_time_window": { "mode": "FLEXIBLE", "maximum_window_in_minutes": 15 },
        "start_date": "2030-01-01T00:00:00Z", "end_date": "2035-01-01T00:00:00Z",
    });
    let all = with(
        timed.clone(),
        &json!({
            "state": "DISABLED", "description": "The report", "action_after_completion": "DELETE",
            "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
            "target": target(json!({
                "input": "{\"kind\":\"daily\"}",
                "retry_policy": { "maximum_event_age_in_seconds": 60, "maximum_retry_attempts": 0 },
                "dead_letter_config": { "arn": aws.place.arn("sqs", "failed") },
                "sqs_parameters": { "message_group_id": "a" },
            })),
        }),
    );
    let times = vec![
        "schedule_expression",
        "schedule_expression_timezone",
        "flexible_time_window.mode",
        "flexible_time_window.maximum_window_in_minutes",
    ];
    let settings = vec![
        "state",
        "action_after_completion",
        "target.retry_policy.maximum_event_age_in_seconds",
        "target.retry_policy.maximum_retry_attempts",
        "target.input",
        "target.dead_letter_config.arn",
        "target.sqs_parameters.message_group_id",
        "description",
    ];
    let range = vec!["start_date", "end_date"];
    let event = json!({ "arn": aws.place.arn("events", "event-bus/default"),
        "event_bridge_parameters": { "detail_type": "Day", "source": "clock" } });
    let stream = json!({ "arn": aws.place.arn("kinesis", "stream/measures"),
        "kinesis_parameters": { "partition_key": "clock" } });
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: own(json!({})),
        steps: vec![
            ("other times", own(timed), [times.clone(), range.clone()].concat()),
            ("everything", own(all), [settings.clone(), vec!["kms_key_arn"]].concat()),
            ("everything back", own(json!({})), [times, settings, range, vec!["kms_key_arn"]].concat()),
            (
                "an event bus",
                own(json!({ "target": target(event) })),
                vec![
                    "target.arn",
                    "target.event_bridge_parameters.detail_type",
                    "target.event_bridge_parameters.source",
                ],
            ),
            (
                "a stream",
                own(json!({ "target": target(stream) })),
                vec![
                    "target.arn",
                    "target.kinesis_parameters.partition_key",
                    "target.event_bridge_parameters.detail_type",
                    "target.event_bridge_parameters.source",
                ],
            ),
            ("the queue", own(json!({})), vec!["target.arn", "target.kinesis_parameters.partition_key"]),
        ],
    }]
}

fn target(aws: &Aws, named: &str) -> Value {
    let (service, name) = named.split_once(':').expect("a service and a name");
    json!({
        "arn": aws.place.arn(service, name),
        "role_arn": format!("arn:aws:iam::{}:role/couch-report", aws.place.account),
        "retry_policy": { "maximum_event_age_in_seconds": 86_400, "maximum_retry_attempts": 185 },
    })
}

pub fn schedule(aws: &Aws, changes: &Value) -> Value {
    let spec = json!({
        "group_name": "couch-report",
        "name": "couch-report",
        "schedule_expression": "rate(5 minutes)",
        "schedule_expression_timezone": "UTC",
        "flexible_time_window": { "mode": "OFF" },
        "state": "ENABLED",
        "action_after_completion": "NONE",
        "target": target(aws, "sqs:jobs"),
    });
    with(spec, changes)
}
