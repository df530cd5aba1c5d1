//! Orphans: resources with the stack's ownership tags that are neither in stack.yaml nor in the state.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bench::{Bench, changes};
use crate::catalog::inventory;
use crate::lifecycle::SHOP;

/// The part of [`SHOP`] that remains in stack.yaml.
const REST: &str = "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\ntags: { team: sofa }\nqueues:\n  orders: { name: shop-orders }\n";

/// The elements of [`SHOP`] that are not in [`REST`], except the topic.
const GONE: [&str; 7] = [
    "alarms.age",
    "apis.shop",
    "buckets.files",
    "functions.worker",
    "log_groups.audit",
    "queues.spare",
    "roles.reader",
];

/// Builds a command line that deletes these orphans.
fn pruning<'a>(command: &[&'a str], orphans: &[&'a str]) -> Vec<&'a str> {
    let targets = orphans.iter().flat_map(|orphan| ["--target", *orphan]);
    command.iter().copied().chain(["--prune"]).chain(targets).collect()
}

fn notes(plan: &Value) -> BTreeSet<String> {
    let notes = plan["notes"].as_array().expect("a list").iter();
    notes.map(|note| note["address"].as_str().expect("an address").to_owned()).collect()
}

#[tokio::test]
async fn with_the_state_lost_what_was_removed_is_listed_and_pruned_when_asked_for() {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    let whole = inventory(&bench.aws).await;
    bench.delete_object("shop.json").await;
    bench.write("stack.yaml", REST);

    let plan = bench.plan();
    assert_eq!(changes(&plan), ["adopt queues.orders"]);
    let orphans: BTreeSet<String> = [
        "alarms.age",
        "apis.shop",
        "buckets.files",
        "functions.worker",
        "functions.worker.event_orders_",
        "functions.worker.log_group",
        "functions.worker.role",
        "log_groups.audit",
        "queues.orders.dead_letter",
        "queues.spare",
        "roles.reader",
        "topics.alarms",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(notes(&plan), orphans, "{plan:#}");
    bench.ok(&["apply", "-y", "--prune"]);
    assert_eq!(inventory(&bench.aws).await, whole, "an apply leaves what is not named: some may have been retained");

    let status: Value = serde_json::from_str(&bench.ok(&["status", "--json"])).expect("JSON");
    let rows = status["resources"].as_array().expect("a list").iter().filter(|row| row["status"] == "orphan");
    let rows: BTreeSet<String> = rows.map(|row| row["address"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!((rows, &status["healthy"]), (orphans, &Value::Bool(false)));
    assert!(bench.ok(&["status"]).contains("`deployer apply --prune --target 'queues.spare'` deletes it"));

    let all = [&GONE[..], &["queues.orders.dead_letter", "topics.alarms"]].concat();
    let plan: Value = serde_json::from_str(&bench.ok(&pruning(&["plan", "--json"], &all))).expect("JSON");
    assert!(changes(&plan).contains(&"delete queues.spare".to_owned()), "{plan:#}");
    // No ARN says which region the role is of, and S3 deletes a bucket only if it is empty.
    assert_eq!(notes(&plan), BTreeSet::from(["buckets.files".to_owned(), "roles.reader".to_owned()]));
    bench.ok(&pruning(&["apply", "-y"], &all));
    let left = BTreeSet::from(["queue shop-orders".to_owned(), "role shop-reader".to_owned()]);
    assert_eq!(inventory(&bench.aws).await, left);
    bench.settled();
}

#[tokio::test]
async fn destroy_takes_orphans_along_when_asked_to() {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    bench.delete_object("shop.json").await;
    bench.write("stack.yaml", REST);
    let ran = bench.run(&["destroy", "-y", "--target", "queues.orders", "--prune"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(inventory(&bench.aws).await.contains("queue shop-spare"), "only what is named goes");
    bench.ok(&pruning(&["destroy", "-y", "--exclude", "topics.alarms"], &[&GONE[..], &["topics.alarms"]].concat()));
    let left = ["role shop-reader", "subscription shop-alarms email ops@example.com", "topic shop-alarms"];
    let found = inventory(&bench.aws).await;
    let is_left = |found: &String| left.iter().any(|left| found.starts_with(left));
    assert!(found.len() == left.len() && found.iter().all(is_left), "{found:?}");
}

#[tokio::test]
async fn what_is_another_environments_or_another_stacks_is_no_orphan() {
    let bench = Bench::new(
        "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\nqueues: { a: {}, b: {} }\n",
    )
    .await;
    bench.apply();
    bench.ok(&["--env", "pr-7", "apply", "-y"]);
    for key in ["shop.json", "shop.env.pr-7.json"] {
        bench.delete_object(key).await;
    }
    bench.write(
        "stack.yaml",
        "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\nqueues: { a: {} }\n",
    );
    assert_eq!(notes(&bench.plan()), BTreeSet::from(["queues.b".to_owned()]));
    bench.ok(&["--env", "pr-7", "apply", "-y", "--prune", "--target", "queues.b"]);
    let queues = ["queue shop-a", "queue shop-a-pr-7", "queue shop-b"].map(str::to_owned);
    assert_eq!(inventory(&bench.aws).await, queues.into());
}

#[tokio::test]
async fn what_others_tag_is_left_alone_on_request() {
    let ignoring = SHOP.replace(
        "tags: { team: sofa }\n",
        "tags: { team: sofa }\nignore_tags: { keys: [map-migrated], prefixes: [\"cost:\"] }\n",
    );
    let bench = Bench::new(&ignoring).await;
    bench.apply();
    let aws = &bench.aws.clients;
    let others = [("map-migrated", "x"), ("cost:centre", "7")];
    let queue = deployer::kinds::find("sqs.queue").expect("a kind");
    let queue = queue.predict(&serde_json::json!({"name": "shop-orders", "fifo_queue": false, "visibility_timeout": 0, "delay_seconds": 0, "message_retention_period": 60, "receive_message_wait_time_seconds": 0, "content_based_deduplication": false, "tags": {}}), &bench.aws.place);
    let url = queue.expect("outputs")["url"].clone();
    let function = bench.aws.place.arn("lambda", "function:shop-worker");
    let bucket = format!("files-of-{}", bench.bucket());
    for (key, value) in others {
        aws.sqs.tag_queue().queue_url(&url).tags(key, value).send().await.expect("TagQueue");
        aws.lambda.tag_resource().resource(&function).tags(key, value).send().await.expect("TagResource");
        if key != "map-migrated" {
            continue;
        }
        let tag = aws_sdk_iam::types::Tag::builder().key(key.to_uppercase()).value(value).build().expect("a tag");
        aws.iam.tag_role().role_name("shop-reader").tags(tag).send().await.expect("TagRole");
    }
    let tagging = async || {
        let found = aws.s3.get_bucket_tagging().bucket(&bucket).send().await.expect("GetBucketTagging");
        found.tag_set
    };
    let mut tags = tagging().await;
    tags.extend(
        others.map(|(key, value)| aws_sdk_s3::types::Tag::builder().key(key).value(value).build().expect("a tag")),
    );
    let set = aws_sdk_s3::types::Tagging::builder().set_tag_set(Some(tags)).build().expect("tags");
    aws.s3.put_bucket_tagging().bucket(&bucket).tagging(set).send().await.expect("PutBucketTagging");
    bench.settled();
    assert_eq!(bench.run(&["drift"]).code, Some(0));

    bench.write("stack.yaml", &ignoring.replace("team: sofa", "team: chair, \"cost:centre\": \"8\""));
    bench.apply();
    bench.settled();
    let tags: BTreeSet<String> = tagging().await.iter().map(|tag| format!("{}={}", tag.key(), tag.value())).collect();
    let wanted = ["map-migrated=x", "cost:centre=8", "team=chair"];
    assert!(wanted.iter().all(|tag| tags.contains(*tag)), "what is stated wins: {tags:?}");

    bench.write("stack.yaml", SHOP);
    let plan = bench.plan();
    assert!(changes(&plan).iter().any(|change| change.contains("tags.map-migrated")), "{plan:#}");
}

#[tokio::test]
async fn what_was_left_on_purpose_is_no_orphan() {
    let head = "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\nqueues:\n  a: {}\n";
    let bench = Bench::new(&format!("{head}  b: {{ retain: true }}\n  c: {{}}\n")).await;
    bench.apply();
    bench.write("stack.yaml", &format!("{head}  c: {{}}\n"));
    bench.apply();
    bench.ok(&["state", "forget", "queues.c", "-y"]);
    bench.write("stack.yaml", head);
    bench.settled();
    bench.ok(&["apply", "-y", "--prune"]);
    assert_eq!(inventory(&bench.aws).await.len(), 3);
    // The resource is adopted again and removed, and then it is deleted.
    bench.write("stack.yaml", &format!("{head}  b: {{}}\n"));
    bench.apply();
    bench.write("stack.yaml", head);
    bench.apply();
    assert_eq!(inventory(&bench.aws).await.len(), 2);
}
