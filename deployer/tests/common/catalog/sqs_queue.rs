//! `sqs.queue`.

use aws_sdk_sqs::types::QueueAttributeName;
use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, last, maybe, sure, with};

pub const ENTRY: Entry = Entry { kind: "sqs.queue", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let sqs = &aws.clients.sqs;
    let mut urls = Vec::new();
    let mut token = None;
    loop {
        let page = sure(sqs.list_queues().max_results(1000).set_next_token(token).send().await);
        urls.extend(page.queue_urls.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    let thing = |url: String| {
        Thing::new(format!("queue {}", last(&url, '/')), async move {
            let every = QueueAttributeName::All;
            let attributes = sqs.get_queue_attributes().queue_url(&url).attribute_names(every).send().await;
            let tags = sqs.list_queue_tags().queue_url(&url).send().await;
            json!({ "attributes": maybe(attributes), "tags": maybe(tags) })
        })
    };
    urls.into_iter().map(thing).collect()
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let arn = aws.place.arn("sqs", "image-requests-dlq");
    let dead_letter = aws.clients.sqs.create_queue().queue_name("image-requests-dlq");
    dead_letter.send().await.expect("a dead-letter queue to point at");
    let owner = json!({ "deployer:stack": "couch", "deployer:address": "queues.image-requests" });
    let mut team = owner.clone();
    team["team"] = json!("sofa");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": "*",
        "Action": "sqs:SendMessage", "Resource": aws.place.arn("sqs", "image-requests") }] });
    let first = Case {
        variant: false,
        lost: &[],
        left_out: &[("content_based_deduplication", "only FIFO queues have it: the other case")],
        create: queue(json!({})),
        steps: vec![
            ("a longer timeout", queue(json!({"visibility_timeout": 900})), vec!["visibility_timeout"]),
            (
                "every number",
                queue(
                    json!({"visibility_timeout": 30, "delay_seconds": 5, "message_retention_period": 60, "receive_message_wait_time_seconds": 20}),
                ),
                vec![
                    "visibility_timeout",
                    "delay_seconds",
                    "message_retention_period",
                    "receive_message_wait_time_seconds",
                ],
            ),
            (
                "a dead-letter queue",
                queue(
                    json!({"visibility_timeout": 30, "delay_seconds": 5, "message_retention_period": 60, "receive_message_wait_time_seconds": 20,
                "redrive_policy": {"dead_letter_target_arn": arn, "max_receive_count": 3}}),
                ),
                vec!["redrive_policy.dead_letter_target_arn", "redrive_policy.max_receive_count"],
            ),
            (
                "a policy, a size and a key",
                queue(
                    json!({"visibility_timeout": 30, "delay_seconds": 5, "message_retention_period": 60, "receive_message_wait_time_seconds": 20,
                "redrive_policy": {"dead_letter_target_arn": arn, "max_receive_count": 3},
                "maximum_message_size": 2_048, "kms_master_key_id": "alias/couch", "policy": policy.to_string()}),
                ),
                vec!["maximum_message_size", "kms_master_key_id", "policy"],
            ),
            (
                "everything back",
                queue(json!({"tags": team})),
                vec![
                    "visibility_timeout",
                    "delay_seconds",
                    "message_retention_period",
                    "receive_message_wait_time_seconds",
                    "tags.team",
                    "redrive_policy.dead_letter_target_arn",
                    "redrive_policy.max_receive_count",
                    "policy",
                    "kms_master_key_id",
                ],
            ),
            ("a tag removed", queue(json!({"tags": owner})), vec!["tags.team"]),
            (
                "no encryption",
                queue(json!({"tags": owner, "sqs_managed_sse_enabled": false})),
                vec!["sqs_managed_sse_enabled"],
            ),
            ("encryption left to SQS", queue(json!({"tags": owner})), vec![]),
        ],
    };
    let fifo = |deduplication: bool| {
        queue(json!({"name": "orders.fifo", "fifo_queue": true, "content_based_deduplication": deduplication}))
    };
    let variant = Case {
        variant: true,
        lost: &[],
        left_out: &[],
        create: fifo(false),
        steps: vec![("deduplication", fifo(true), vec!["content_based_deduplication"])],
    };
    vec![first, variant]
}

pub fn queue(changes: Value) -> Value {
    let spec = json!({
        "name": "image-requests",
        "fifo_queue": false,
        "visibility_timeout": 720,
        "delay_seconds": 0,
        "message_retention_period": 345_600,
        "receive_message_wait_time_seconds": 0,
        "content_based_deduplication": false,
        "tags": { "deployer:stack": "couch", "deployer:address": "queues.image-requests" },
    });
    with(spec, &changes)
}
