//! `sns.subscription`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::sns_topic::topic;
use super::{Case, Entry, Thing, last, maybe, sure, with};

pub const ENTRY: Entry =
    Entry { kind: "sns.subscription", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let sns = &aws.clients.sns;
    let mut things = Vec::new();
    for subscription in sure(sns.list_subscriptions().send().await).subscriptions.unwrap_or_default() {
        let of = |text: Option<String>| text.unwrap_or_default();
        let (arn, topic) = (of(subscription.subscription_arn), of(subscription.topic_arn));
        let (protocol, endpoint) = (of(subscription.protocol), of(subscription.endpoint));
        let name = format!("subscription {} {protocol} {endpoint}", last(&topic, ':'));
        let id = arn.clone();
        let whole = async move { maybe(sns.get_subscription_attributes().subscription_arn(&arn).send().await) };
        things.push(Thing::new(name, whole).with_id(&id, "SUBSCRIPTION"));
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let topics = kinds::find("sns.topic").expect("registered");
    let arn = topics.create(aws, &topic(json!({}))).await.expect("a topic").physical_id;
    let queue = json!({ "protocol": "sqs", "endpoint": aws.place.arn("sqs", "told") });
    let of = |changes: Value| subscription(&arn, with(queue.clone(), &changes));
    let filter =
        |scope: &str, policy: Value| json!({ "filter_policy": policy.to_string(), "filter_policy_scope": scope });
    let body = json!({ "image": { "size": [512] } });
    let dead = json!({ "dead_letter_target_arn": aws.place.arn("sqs", "told-dlq") });
    vec![Case {
        variant: false,
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
    }]
}

pub fn subscription(topic_arn: &str, changes: Value) -> Value {
    let spec = json!({
        "topic_arn": topic_arn, "protocol": "email", "endpoint": "sofa@example.com", "raw_message_delivery": false,
    });
    with(spec, &changes)
}
