use serde_json::{Value, json};

use deployer::aws::Aws;
use deployer::kinds;
use futures::future::join_all;

use crate::common::account;
use crate::contract::{Case, contract, contract_of_some, read};

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
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": "*",
        "Action": "sqs:SendMessage", "Resource": aws.place.arn("sqs", "image-requests") }] });
    let case = Case {
        kind: "sqs.queue",
        lost: &[],
        left_out: &[("content_based_deduplication", "only FIFO queues have it: `a_fifo_queue_keeps_the_contract`")],
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
        lost: &[],
        left_out: &[],
        create: fifo(false),
        steps: vec![("deduplication", fifo(true), vec!["content_based_deduplication"])],
    };
    contract_of_some(&aws, case).await;
}

/// Creates `count` queues and registers them as created by the last apply. Returns their specs.
async fn many(aws: &Aws, count: usize) -> Vec<Value> {
    let kind = kinds::find("sqs.queue").expect("a kind");
    let queues: Vec<Value> = (0..count).map(|n| queue(json!({ "name": format!("queue-{n}") }))).collect();
    let made = join_all(queues.iter().map(|queue| kind.create(aws, queue))).await;
    for (made, queue) in made.into_iter().zip(&queues) {
        let made = made.expect("create");
        let tags = serde_json::from_value(queue["tags"].clone()).expect("tags");
        aws.run.record("sqs.queue", &[&made.outputs["name"]], &made.physical_id, Some(tags));
    }
    queues
}

/// Returns the tags of all queues, and the numbers of calls that read them.
async fn tags_of(aws: &Aws, queues: &[Value]) -> (Vec<Value>, usize, usize) {
    let kind = kinds::find("sqs.queue").expect("a kind");
    let before = aws.calls_made().len();
    let seen = join_all(queues.iter().map(|queue| read(kind, aws, queue))).await;
    let calls = aws.calls_made().split_off(before);
    let made = |operation: &str| calls.iter().filter(|call| **call == operation).count();
    let tags = seen.into_iter().map(|seen| seen.expect("present").spec["tags"].clone()).collect();
    (tags, made("tag:GetResources"), made("sqs:ListQueueTags"))
}

#[tokio::test]
async fn the_tags_of_many_queues_come_from_one_listing_and_those_of_a_few_from_themselves() {
    let aws = account().await;
    let queues = many(&aws, 12).await;
    let (tags, listings, single) = tags_of(&aws, &queues).await;
    assert!(tags.iter().zip(&queues).all(|(tags, queue)| *tags == queue["tags"]), "{tags:?}");
    assert_eq!((listings, single), (1, 0));
    assert_eq!(tags_of(&aws, &queues[..3]).await.2, 3);
}

#[tokio::test]
async fn a_tag_that_others_edited_is_read_from_its_queue() {
    let aws = account().await;
    let queues = many(&aws, 12).await;
    let url =
        kinds::find("sqs.queue").expect("a kind").predict(&queues[5], &aws.place).expect("outputs")["url"].clone();
    aws.clients.sqs.tag_queue().queue_url(&url).tags("deployer:stack", "shop").send().await.expect("TagQueue");
    let (tags, listings, single) = tags_of(&aws, &queues).await;
    assert_eq!(tags[5]["deployer:stack"], "shop");
    assert_eq!((listings, single), (1, 1));
}
