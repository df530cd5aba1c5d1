use futures::future::join_all;
use serde_json::{Value, json};

use crate::catalog::sns_subscription::subscription;
use crate::catalog::sns_topic::topic;
use crate::common::account;
use crate::contract::read;
use deployer::kinds;

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
