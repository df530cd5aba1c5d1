//! Notifications of buckets, which S3 checks when they are put and each time an event happens.

use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, Event, FilterRule, FilterRuleName, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
};

use super::scene::{Queue, Scene, until};

const S3: &str = "s3.amazonaws.com";

/// A queue gets events of a bucket only while its policy allows S3 to send for it.
pub async fn receivers(scene: &Scene) -> bool {
    let queue = scene.queue("stored").await;
    bucket(scene, "receivers").await;
    if put(scene, "receivers", &[(&queue, "")], false).await {
        return false;
    }
    scene.admit(&queue, S3, "arn:aws:s3:::another").await;
    assert!(!put(scene, "receivers", &[(&queue, "")], false).await, "another bucket is allowed");
    scene.admit(&queue, S3, "arn:aws:s3:::receivers").await;
    assert!(put(scene, "receivers", &[(&queue, "")], false).await, "this bucket is allowed");
    let before = scene.waiting(&queue).await;
    store(scene, "receivers").await;
    until(async || (scene.waiting(&queue).await > before).then_some(())).await;
    true
}

/// Keys that begin with `in/a/` begin with `in/`, too.
pub async fn overlaps(scene: &Scene) -> bool {
    let queue = scene.queue("overlaps").await;
    bucket(scene, "overlaps").await;
    assert!(put(scene, "overlaps", &[(&queue, "in/"), (&queue, "out/")], true).await, "no key has both beginnings");
    !put(scene, "overlaps", &[(&queue, "in/"), (&queue, "in/a/")], true).await
}

async fn bucket(scene: &Scene, name: &str) {
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1).build();
    let create = scene.clients.s3.create_bucket().bucket(name).create_bucket_configuration(place);
    create.send().await.expect("a bucket");
}

async fn store(scene: &Scene, bucket: &str) {
    scene.clients.s3.put_object().bucket(bucket).key("a").send().await.expect("an object");
}

/// Sends new objects with these prefixes to queues. Tells whether S3 accepts the configuration.
async fn put(scene: &Scene, bucket: &str, entries: &[(&Queue, &str)], unchecked: bool) -> bool {
    let entry = |(queue, prefix): &(&Queue, &str)| {
        let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(*prefix).build();
        let key = S3KeyFilter::builder().filter_rules(rule).build();
        let filter = NotificationConfigurationFilter::builder().key(key).build();
        let entry = QueueConfiguration::builder().queue_arn(&queue.arn).events(Event::S3ObjectCreated);
        entry.filter(filter).build().expect("an entry")
    };
    let entries = entries.iter().map(entry).collect();
    let configuration = NotificationConfiguration::builder().set_queue_configurations(Some(entries)).build();
    let call = scene.clients.s3.put_bucket_notification_configuration().bucket(bucket);
    let call = call.notification_configuration(configuration).skip_destination_validation(unchecked);
    call.send().await.is_ok()
}
