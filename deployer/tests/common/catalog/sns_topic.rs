//! `sns.topic`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, last, maybe, sure, with};

pub const ENTRY: Entry = Entry { kind: "sns.topic", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let sns = &aws.clients.sns;
    let topics = sure(sns.list_topics().send().await).topics.unwrap_or_default();
    let thing = |arn: String| {
        Thing::new(format!("topic {}", last(&arn, ':')), async move {
            let attributes = sns.get_topic_attributes().topic_arn(&arn).send().await;
            let tags = sns.list_tags_for_resource().resource_arn(&arn).send().await;
            json!({ "attributes": maybe(attributes), "tags": maybe(tags) })
        })
    };
    topics.into_iter().filter_map(|topic| topic.topic_arn).map(thing).collect()
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let mut team = owner();
    team["team"] = json!("sofa");
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "cloudwatch.amazonaws.com" },
            "Action": "sns:Publish", "Resource": aws.place.arn("sns", "32-sqs-alarm-topic") }],
    });
    let delivery = json!({ "http": { "defaultHealthyRetryPolicy": {
        "minDelayTarget": 10, "maxDelayTarget": 30, "numRetries": 10 } } });
    let first = Case {
        variant: false,
        lost: &[],
        left_out: &[("content_based_deduplication", "only FIFO topics have it: the other case")],
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
    let fifo =
        |dedupe: bool| topic(json!({"name": "a.fifo", "fifo_topic": true, "content_based_deduplication": dedupe}));
    let variant = Case {
        variant: true,
        lost: &[],
        left_out: &[],
        create: fifo(true),
        steps: vec![("no deduplication", fifo(false), vec!["content_based_deduplication"])],
    };
    vec![first, variant]
}

pub fn owner() -> Value {
    json!({ "deployer:stack": "couch", "deployer:address": "topics.alarms" })
}

pub fn topic(changes: Value) -> Value {
    let spec = json!({
        "name": "32-sqs-alarm-topic", "fifo_topic": false, "content_based_deduplication": false,
        "tracing_config": "PassThrough", "tags": owner(),
    });
    with(spec, &changes)
}
