use futures::future::join_all;
use serde_json::{Value, json};

use crate::common::account;
use crate::contract::{Case, contract, contract_of_some, read};
use deployer::kinds;

fn merged(mut spec: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().expect("a map").clone() {
        spec[key] = value;
    }
    spec
}

fn owner() -> Value {
    json!({ "deployer:stack": "couch", "deployer:address": "topics.alarms" })
}

fn topic(changes: Value) -> Value {
    let spec = json!({
        "name": "32-sqs-alarm-topic", "fifo_topic": false, "content_based_deduplication": false,
        "tracing_config": "PassThrough", "tags": owner(),
    });
    merged(spec, changes)
}

#[tokio::test]
async fn a_topic_keeps_the_contract() {
    let aws = account().await;
    let mut team = owner();
    team["team"] = json!("sofa");
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "cloudwatch.amazonaws.com" },
            "Action": "sns:Publish", "Resource": aws.place.arn("sns", "32-sqs-alarm-topic") }],
    });
    let delivery = json!({ "http": { "defaultHealthyRetryPolicy": {
        "minDelayTarget": 10, "maxDelayTarget": 30, "numRetries": 10 } } });
    let case = Case {
        kind: "sns.topic",
        lost: &[],
        left_out: &[("content_based_deduplication", "only FIFO topics have it: `a_fifo_topic_keeps_the_contract`")],
        create: topic(json!({})),
        steps: vec![
            (
                "every text",
                topic(json!({"display_name": "Couch", "kms_master_key_id": "alias/couch", "tracing_config": "Active",
                    "delivery_policy": delivery.to_string()})),
                vec!["tracing_config", "display_name", "kms_master_key_id", "delivery_policy"],
            ),
            (
                "all of them back, a policy",
                topic(json!({"policy": policy.to_string()})),
                vec!["tracing_config", "policy", "display_name", "kms_master_key_id", "delivery_policy"],
            ),
            ("the policy left to AWS, a tag", topic(json!({"tags": team})), vec!["tags.team"]),
            ("no tag", topic(json!({})), vec!["tags.team"]),
        ],
    };
    contract(&aws, case).await;
}

#[tokio::test]
async fn a_fifo_topic_keeps_the_contract() {
    let aws = account().await;
    let fifo =
        |dedupe: bool| topic(json!({"name": "a.fifo", "fifo_topic": true, "content_based_deduplication": dedupe}));
    let case = Case {
        kind: "sns.topic",
        lost: &[],
        left_out: &[],
        create: fifo(true),
        steps: vec![("no deduplication", fifo(false), vec!["content_based_deduplication"])],
    };
    contract_of_some(&aws, case).await;
}

fn subscription(topic_arn: &str, changes: Value) -> Value {
    let spec = json!({
        "topic_arn": topic_arn, "protocol": "email", "endpoint": "sofa@example.com", "raw_message_delivery": false,
    });
    merged(spec, changes)
}

#[tokio::test]
async fn a_subscription_keeps_the_contract() {
    let aws = account().await;
    let topics = kinds::find("sns.topic").expect("registered");
    let arn = topics.create(&aws, &topic(json!({}))).await.expect("a topic").physical_id;
    let queue = json!({ "protocol": "sqs", "endpoint": aws.place.arn("sqs", "told") });
    let of = |changes: Value| subscription(&arn, merged(queue.clone(), changes));
    let filter =
        |scope: &str, policy: Value| json!({ "filter_policy": policy.to_string(), "filter_policy_scope": scope });
    let body = json!({ "image": { "size": [512] } });
    let dead = json!({ "dead_letter_target_arn": aws.place.arn("sqs", "told-dlq") });
    let case = Case {
        kind: "sns.subscription",
        lost: &[],
        left_out: &[],
        create: of(json!({})),
        steps: vec![
            ("raw delivery", of(json!({"raw_message_delivery": true})), vec!["raw_message_delivery"]),
            (
                "a filter on attributes",
                of(filter("MessageAttributes", json!({"size": [512]}))),
                vec!["raw_message_delivery", "filter_policy", "filter_policy_scope"],
            ),
            (
                "a filter on the body",
                of(filter("MessageBody", body.clone())),
                vec!["filter_policy", "filter_policy_scope"],
            ),
            (
                "a dead-letter queue, no filter",
                of(json!({"redrive_policy": dead})),
                vec!["redrive_policy.dead_letter_target_arn", "filter_policy", "filter_policy_scope"],
            ),
            ("everything back", of(json!({})), vec!["redrive_policy.dead_letter_target_arn"]),
        ],
    };
    contract(&aws, case).await;
}

#[tokio::test]
async fn a_subscription_is_created_with_its_filter_in_one_call() {
    let aws = account().await;
    let topics = kinds::find("sns.topic").expect("registered");
    let arn = topics.create(&aws, &topic(json!({}))).await.expect("a topic").physical_id;
    let want = subscription(
        &arn,
        json!({ "protocol": "sqs", "endpoint": aws.place.arn("sqs", "told"), "raw_message_delivery": true,
            "filter_policy": "{\"size\":[512]}", "filter_policy_scope": "MessageBody" }),
    );
    let kind = kinds::find("sns.subscription").expect("registered");
    let before = aws.calls_made().len();
    kind.create(&aws, &want).await.expect("create");
    assert_eq!(aws.calls_made()[before..], ["sns:Subscribe"]);
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(crate::contract::differences(kind, &live, &want), [""; 0]);
}

#[tokio::test]
async fn subscriptions_of_a_topic_share_its_listing_even_over_several_pages() {
    let aws = account().await;
    let topics = kinds::find("sns.topic").expect("registered");
    let arn = topics.create(&aws, &topic(json!({}))).await.expect("a topic").physical_id;
    let kind = kinds::find("sns.subscription").expect("registered");
    let specs: Vec<Value> =
        (0..102).map(|n| subscription(&arn, json!({"endpoint": format!("sofa{n}@example.com")}))).collect();
    for spec in &specs[..101] {
        kind.create(&aws, spec).await.expect("create");
    }
    let before = aws.calls_made().len();
    let seen = join_all(specs.iter().map(|spec| read(kind, &aws, spec))).await;
    assert_eq!(seen.iter().filter(|live| live.is_some()).count(), 101);
    assert!(seen[101].is_none());
    let calls = aws.calls_made().split_off(before);
    let lists = calls.iter().filter(|op| **op == "sns:ListSubscriptionsByTopic").count();
    assert!((1..=2).contains(&lists), "one listing of at most two pages, not {lists} calls");
}
