use serde_json::{Value, json};

use crate::common::account;
use crate::contract::{Case, contract};

fn queue(changes: Value) -> Value {
    let mut spec = json!({
        "name": "image-requests",
        "fifo_queue": false,
        "visibility_timeout": 720,
        "delay_seconds": 0,
        "message_retention_period": 345_600,
        "receive_message_wait_time_seconds": 0,
        "content_based_deduplication": false,
        "tags": { "deployer:stack": "couch", "deployer:address": "queues.image-requests" },
    });
    for (key, value) in changes.as_object().expect("a map").clone() {
        spec[key] = value;
    }
    spec
}

#[tokio::test]
async fn a_standard_queue_keeps_the_contract() {
    let aws = account().await;
    let arn = aws.place.arn("sqs", "image-requests-dlq");
    let dead_letter = aws.clients.sqs.create_queue().queue_name("image-requests-dlq");
    dead_letter.send().await.expect("a dead-letter queue to point at");
    let owner = json!({ "deployer:stack": "couch", "deployer:address": "queues.image-requests" });
    let mut team = owner.clone();
    team["team"] = json!("sofa");
    let case = Case {
        kind: "sqs.queue",
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
                ],
            ),
            ("a tag removed", queue(json!({"tags": owner})), vec!["tags.team"]),
        ],
    };
    contract(&aws, case).await;
}

#[tokio::test]
async fn a_fifo_queue_keeps_the_contract() {
    let aws = account().await;
    let fifo = |deduplication: bool| {
        queue(json!({"name": "orders.fifo", "fifo_queue": true, "content_based_deduplication": deduplication}))
    };
    let case = Case {
        kind: "sqs.queue",
        create: fifo(false),
        steps: vec![("deduplication", fifo(true), vec!["content_based_deduplication"])],
    };
    contract(&aws, case).await;
}
