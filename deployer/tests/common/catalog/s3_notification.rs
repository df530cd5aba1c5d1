//! `s3.notification`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::s3_bucket::bucket;
use super::sqs_queue::queue;
use super::{Case, Entry, Thing, sure, with};

pub const ENTRY: Entry =
    Entry { kind: "s3.notification", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Lists the buckets with a notification configuration, except those of states: `state-…`.
async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let s3 = &aws.clients.s3;
    let mut things = Vec::new();
    let buckets = sure(s3.list_buckets().send().await).buckets.unwrap_or_default();
    let names = buckets.into_iter().filter_map(|bucket| bucket.name).filter(|name| !name.starts_with("state-"));
    for bucket in names {
        let found = sure(s3.get_bucket_notification_configuration().bucket(&bucket).send().await);
        let mut entries: Vec<String> = Vec::new();
        entries.extend(found.lambda_function_configurations().iter().map(|entry| format!("{entry:?}")));
        entries.extend(found.queue_configurations().iter().map(|entry| format!("{entry:?}")));
        entries.extend(found.topic_configurations().iter().map(|entry| format!("{entry:?}")));
        entries.sort();
        let event_bridge = found.event_bridge_configuration().is_some();
        if event_bridge || !entries.is_empty() {
            let whole = json!({ "entries": entries, "event_bridge": event_bridge });
            things.push(Thing::new(format!("notifications of {bucket}"), async move { whole }));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let create = async |kind: &str, spec: Value| {
        kinds::find(kind).expect("registered").create(aws, &spec).await.expect("it is created");
    };
    create("s3.bucket", bucket(aws, json!({}))).await;
    let statement = json!({ "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    create("sqs.queue", queue(json!({ "name": "jobs", "policy": policy }))).await;
    let arn = aws.place.arn("sqs", "jobs");
    let entry = |changes: Value| with(json!({ "destination": arn, "events": ["s3:ObjectCreated:*"] }), &changes);
    let of = |changes: Value| notification(aws, changes);
    let switched = |changes: Value| of(with(json!({ "event_bridge": true, "keeps_event_bridge": false }), &changes));
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: switched(json!({ "entries": { "queue-jobs": entry(json!({})) } })),
        steps: vec![
            (
                "a filter",
                of(json!({ "entries": { "queue-jobs": entry(json!({ "prefix": "in/", "suffix": ".png" })) } })),
                vec!["entries.queue-jobs.prefix", "entries.queue-jobs.suffix"],
            ),
            (
                "another entry and event",
                switched(json!({ "entries": {
                    "queue-jobs": entry(json!({ "events": ["s3:ObjectRemoved:*"] })),
                    "queue-jobs-2": entry(json!({})),
                } })),
                vec![
                    "entries.queue-jobs.events",
                    "entries.queue-jobs.prefix",
                    "entries.queue-jobs.suffix",
                    "entries.queue-jobs-2.destination",
                    "entries.queue-jobs-2.events",
                ],
            ),
            (
                "EventBridge alone",
                switched(json!({ "entries": {} })),
                vec![
                    "entries.queue-jobs.destination",
                    "entries.queue-jobs.events",
                    "entries.queue-jobs-2.destination",
                    "entries.queue-jobs-2.events",
                ],
            ),
            (
                "no EventBridge",
                switched(json!({ "event_bridge": false, "entries": { "queue-jobs": entry(json!({})) } })),
                vec!["entries.queue-jobs.destination", "entries.queue-jobs.events", "event_bridge"],
            ),
        ],
    }]
}

/// The entries of the stack `couch` on the bucket of [`bucket`].
pub fn notification(aws: &Aws, changes: Value) -> Value {
    let bucket = format!("images-{}", aws.place.account);
    let spec = json!({ "bucket": bucket, "owner": "couch", "entries": {}, "keeps_event_bridge": true });
    with(spec, &changes)
}
