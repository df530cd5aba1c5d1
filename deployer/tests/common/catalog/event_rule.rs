//! `events.rule`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::event_bus::names;
use super::{Case, Entry, Thing, maybe, sure, with};

pub const ENTRY: Entry = Entry { kind: "events.rule", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let events = &aws.clients.events;
    let mut things = Vec::new();
    for bus in names(aws).await {
        let page = sure(events.list_rules().event_bus_name(&bus).send().await);
        for (name, arn) in page.rules.unwrap_or_default().into_iter().filter_map(|rule| Some((rule.name?, rule.arn?))) {
            let bus = bus.clone();
            things.push(Thing::new(format!("rule {bus} {name}"), async move {
                let rule = events.describe_rule().event_bus_name(&bus).name(&name).send().await;
                let targets = events.list_targets_by_rule().event_bus_name(&bus).rule(&name).send().await;
                let tags = events.list_tags_for_resource().resource_arn(arn).send().await;
                json!({ "rule": maybe(rule), "targets": maybe(targets), "tags": maybe(tags) })
            }));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let queue = |changes: Value| with(target(aws.place.arn("sqs", "jobs")), &changes);
    let of = |targets: Value| rule(&json!({ "targets": targets }));
    let full = queue(json!({
        "retry_policy": { "maximum_event_age_in_seconds": 60, "maximum_retry_attempts": 0 },
        "input_transformer": { "input_paths_map": { "id": "$.detail.id" }, "input_template": "{\"order\":<id>}" },
        "dead_letter_config": { "arn": aws.place.arn("sqs", "failed") },
        "sqs_parameters": { "message_group_id": "a" },
    }));
    let role = format!("arn:aws:iam::{}:role/couch-orders-rule", aws.place.account);
    let stream = with(
        target(aws.place.arn("kinesis", "stream/measures")),
        &json!({ "role_arn": role, "input_path": "$.detail", "kinesis_parameters": { "partition_key_path": "$.id" } }),
    );
    let first = of(json!({ "a": queue(json!({})) }));
    let changed = with(
        first.clone(),
        &json!({ "event_pattern": "{\"source\":[\"bank\"]}", "state": "DISABLED", "description": "Paid orders",
            "tags": { "deployer:stack": "couch", "deployer:address": "rules.orders", "team": "sofa" } }),
    );
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: first.clone(),
        steps: vec![
            ("another pattern", changed, vec!["event_pattern", "state", "tags.team", "description"]),
            ("everything back", first.clone(), vec!["event_pattern", "state", "tags.team", "description"]),
            (
                "all of a target",
                of(json!({ "a": full })),
                vec![
                    "targets.a.retry_policy.maximum_event_age_in_seconds",
                    "targets.a.retry_policy.maximum_retry_attempts",
                    "targets.a.input_transformer.input_paths_map.id",
                    "targets.a.input_transformer.input_template",
                    "targets.a.dead_letter_config.arn",
                    "targets.a.sqs_parameters.message_group_id",
                ],
            ),
            (
                "another target",
                of(json!({ "b": stream })),
                vec![
                    "targets.b.arn",
                    "targets.b.retry_policy.maximum_event_age_in_seconds",
                    "targets.b.retry_policy.maximum_retry_attempts",
                    "targets.b.role_arn",
                    "targets.b.input_path",
                    "targets.b.kinesis_parameters.partition_key_path",
                    "targets.a.arn",
                    "targets.a.input_transformer.input_paths_map.id",
                    "targets.a.input_transformer.input_template",
                    "targets.a.retry_policy.maximum_event_age_in_seconds",
                    "targets.a.retry_policy.maximum_retry_attempts",
                    "targets.a.dead_letter_config.arn",
                    "targets.a.sqs_parameters.message_group_id",
                ],
            ),
            (
                "a fixed input",
                of(json!({ "a": queue(json!({ "input": "{\"job\":1}" })) })),
                vec![
                    "targets.a.arn",
                    "targets.a.retry_policy.maximum_event_age_in_seconds",
                    "targets.a.retry_policy.maximum_retry_attempts",
                    "targets.a.input",
                    "targets.b.arn",
                    "targets.b.role_arn",
                    "targets.b.input_path",
                    "targets.b.retry_policy.maximum_event_age_in_seconds",
                    "targets.b.retry_policy.maximum_retry_attempts",
                    "targets.b.kinesis_parameters.partition_key_path",
                ],
            ),
            (
                "no target",
                of(json!({})),
                vec![
                    "targets.a.arn",
                    "targets.a.input",
                    "targets.a.retry_policy.maximum_event_age_in_seconds",
                    "targets.a.retry_policy.maximum_retry_attempts",
                ],
            ),
            (
                "the first target",
                first,
                vec![
                    "targets.a.arn",
                    "targets.a.retry_policy.maximum_event_age_in_seconds",
                    "targets.a.retry_policy.maximum_retry_attempts",
                ],
            ),
        ],
    }]
}

fn target(arn: String) -> Value {
    json!({
        "arn": arn,
        "retry_policy": { "maximum_event_age_in_seconds": 86_400, "maximum_retry_attempts": 185 },
    })
}

pub fn rule(changes: &Value) -> Value {
    let spec = json!({
        "event_bus_name": "default",
        "name": "couch-orders",
        "event_pattern": "{\"source\":[\"shop\"]}",
        "state": "ENABLED",
        "targets": {},
        "tags": { "deployer:stack": "couch", "deployer:address": "rules.orders" },
    });
    with(spec, changes)
}
