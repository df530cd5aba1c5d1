//! Events that arrive only if policies allow it, and schedules that fire as AWS's do.

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Target as RuleTarget};
use aws_sdk_scheduler::types::{FlexibleTimeWindow, FlexibleTimeWindowMode, Tag, Target};
use serde_json::{Value, json};

use super::scene::{Queue, Scene, until};

const EVENTS: &str = "events.amazonaws.com";

pub async fn rule_to_target(scene: &Scene) -> bool {
    let (queue, dead) = (scene.queue("paid").await, scene.queue("paid-dead").await);
    let events = &scene.clients.events;
    let put = events.put_rule().name("paid").event_pattern(json!({ "source": ["shop"] }).to_string());
    let rule = put.send().await.expect("a rule").rule_arn.expect("its ARN");
    scene.admit(&dead, EVENTS, &rule).await;
    let dead_letters = aws_sdk_eventbridge::types::DeadLetterConfig::builder().arn(&dead.arn).build();
    let target = RuleTarget::builder().id("a").arn(&queue.arn).dead_letter_config(dead_letters).build();
    let put = events.put_targets().rule("paid").targets(target.expect("a target"));
    put.send().await.expect("a target");
    send(scene).await;
    if scene.waiting(&queue).await == 1 {
        return false;
    }
    assert_eq!(scene.waiting(&dead).await, 1, "what the queue's policy does not allow goes to the dead-letter queue");
    scene.admit(&queue, EVENTS, &rule).await;
    send(scene).await;
    assert_eq!((scene.waiting(&queue).await, scene.waiting(&dead).await), (1, 1), "this rule is allowed");
    true
}

async fn send(scene: &Scene) {
    let entry = PutEventsRequestEntry::builder().source("shop").detail_type("Paid").detail("{}").build();
    scene.clients.events.put_events().entries(entry).send().await.expect("it is sent");
}

pub async fn bus_policy(scene: &Scene) -> bool {
    let events = &scene.clients.events;
    events.create_event_bus().name("orders").send().await.expect("a bus");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "others", "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::210987654321:root" }, "Action": "events:PutEvents", "Resource": "*" }] });
    let put = events.put_permission().event_bus_name("orders").policy(policy.to_string());
    put.send().await.expect("a policy");
    let found = events.describe_event_bus().name("orders").send().await.expect("the bus").policy;
    found.is_some_and(|found| serde_json::from_str::<Value>(&found).expect("JSON") == policy)
}

/// A rate fires at its creation, and a moment that was over at the creation is not made up for.
pub async fn schedule_firings(scene: &Scene) -> bool {
    let (rate, late) = (scene.queue("rate").await, scene.queue("late").await);
    let role = scene.role("clock").await;
    scene.permit("clock", &["sqs:SendMessage"]).await;
    schedule(scene, "rate(7 days)", &rate, &role).await;
    schedule(scene, "at(2020-01-01T00:00:00)", &late, &role).await;
    until(async || match (scene.waiting(&rate).await, scene.waiting(&late).await) {
        (0, 0) => None,
        (1, 0) => Some(true),
        _ => Some(false),
    })
    .await
}

/// One call takes two of three tags away.
pub async fn schedule_tags(scene: &Scene) -> bool {
    let scheduler = &scene.clients.scheduler;
    let tag = |key: &str| Tag::builder().key(key).value("1").build().expect("a tag");
    let create = scheduler.create_schedule_group().name("tagged").set_tags(Some(["a", "b", "c"].map(tag).to_vec()));
    let arn = create.send().await.expect("a group").schedule_group_arn;
    let untag = scheduler.untag_resource().resource_arn(&arn).tag_keys("a").tag_keys("c");
    untag.send().await.expect("the tags are taken away");
    let left = scheduler.list_tags_for_resource().resource_arn(arn).send().await.expect("the tags");
    left.tags() == [tag("b")]
}

async fn schedule(scene: &Scene, expression: &str, queue: &Queue, role: &str) {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().expect("a window");
    let target = Target::builder().arn(&queue.arn).role_arn(role).input("{}").build().expect("a target");
    let name = queue.arn.rsplit(':').next().expect("a name");
    let create = scene.clients.scheduler.create_schedule().name(name).schedule_expression(expression);
    create.flexible_time_window(window).target(target).send().await.expect("a schedule");
}
