//! The approval prompt before a plan is carried out, as a user at a terminal sees it.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::bench::Bench;
use crate::catalog::inventory;
use crate::seat::Seat;

const STACK: &str = r#"
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
queues:
  orders: {}
alarms:
  late:
    namespace: AWS/SQS
    metric_name: ApproximateAgeOfOldestMessage
    dimensions: { QueueName: "${queues.orders.name}" }
    statistic: Maximum
    comparison_operator: GreaterThanThreshold
    threshold: 30
    period: 60s
    evaluation_periods: 1
"#;

#[tokio::test]
async fn a_yes_carries_out_what_was_shown_and_anything_else_nothing() {
    let bench = Bench::new(STACK).await;
    let mut seat = Seat::of(&bench, &["apply"]);
    let place = format!("(eu-west-1, {})", bench.aws.place.account);
    seat.until(&format!("Apply these changes to shop {place}? Type `yes` to confirm:"));
    let (code, shown) = seat.answer("y");
    assert!(code == Some(1) && shown.contains("run::not-approved"), "{shown}");
    assert!(inventory(&bench.aws).await.is_empty() && bench.lock().await.is_none());
    let mut seat = Seat::of(&bench, &["apply"]);
    seat.until("Type `yes` to confirm:");
    let (code, shown) = seat.answer("yes");
    assert!(code == Some(0) && shown.contains(&format!(" 2 changes to shop {place} in ")), "{shown}");
    bench.settled();
}

#[tokio::test]
async fn what_somebody_makes_while_the_question_stands_is_not_taken_over() {
    let bench = Bench::new(STACK).await;
    let mut seat = Seat::of(&bench, &["apply"]);
    seat.until("Type `yes` to confirm:");
    let made = bench.aws.clients.sqs.create_queue().queue_name("shop-orders").tags("owner", "bob").send().await;
    made.expect("a queue of somebody else's");
    let before = inventory(&bench.aws).await;
    let (code, shown) = seat.answer("yes");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("plan::stale") || shown.contains("plan::foreign"), "{shown}");
    assert!(shown.contains("queues.orders"), "{shown}");
    assert_eq!(inventory(&bench.aws).await, before);
    assert!(bench.lock().await.is_none(), "the lock was given back");
}

#[tokio::test]
async fn a_plan_beside_a_run_tells_who_is_changing_the_stack() {
    let bench = Bench::new(STACK).await;
    let mut seat = Seat::of(&bench, &["apply"]);
    seat.until("Type `yes` to confirm:");
    let warning = "warning: a run is changing this stack, and the plan may change: ";
    let plan = bench.run(&["plan"]);
    assert!(
        plan.code == Some(0) && plan.stderr.contains(warning) && plan.stderr.contains(" for `apply` since "),
        "{plan}"
    );
    assert_eq!(bench.plan()["running"]["operation"], "apply");
    let (code, shown) = seat.answer("no");
    assert!(code == Some(1) && shown.contains("run::not-approved"), "{shown}");
    let alone = bench.run(&["plan"]);
    assert!(alone.code == Some(0) && !alone.stderr.contains(warning), "{alone}");
    assert!(bench.plan().get("running").is_none());
}

#[tokio::test]
async fn what_another_stack_takes_while_the_question_stands_is_not_destroyed() {
    let bench = Bench::new(STACK).await;
    bench.apply();
    let mut seat = Seat::of(&bench, &["destroy"]);
    let place = format!("(eu-west-1, {})", bench.aws.place.account);
    seat.until(&format!("Destroy these resources of shop {place}? Type `yes` to confirm:"));
    let url = bench.aws.clients.sqs.get_queue_url().queue_name("shop-orders").send().await.expect("a queue");
    let url = url.queue_url.expect("an address");
    let taken = bench.aws.clients.sqs.tag_queue().queue_url(url).tags("deployer:stack", "other").send().await;
    taken.expect("another mark");
    let before = inventory(&bench.aws).await;
    let (code, shown) = seat.answer("yes");
    assert!(code == Some(1) && shown.contains("plan::stale") && shown.contains("queues.orders"), "{shown}");
    assert_eq!(inventory(&bench.aws).await, before);
}

#[tokio::test]
async fn what_its_owner_changes_while_the_question_stands_is_not_adopted() {
    let bench = Bench::new(STACK).await;
    let sqs = &bench.aws.clients.sqs;
    let made = sqs.create_queue().queue_name("shop-orders").tags("owner", "bob").send().await;
    let url = made.expect("a queue of somebody else's").queue_url.expect("an address");
    let mut seat = Seat::of(&bench, &["adopt", "queues.orders"]);
    seat.until("Type `yes` to confirm:");
    let delayed = sqs.set_queue_attributes().queue_url(&url).attributes(QueueAttributeName::DelaySeconds, "9");
    delayed.send().await.expect("a change of his");
    let (code, shown) = seat.answer("yes");
    assert!(code == Some(1) && shown.contains("plan::stale") && shown.contains("queues.orders"), "{shown}");
    assert!(bench.state().await.is_none_or(|state| state["resources"] == serde_json::json!({})));

    let mut seat = Seat::of(&bench, &["adopt", "queues.orders"]);
    seat.until("Type `yes` to confirm:");
    let (code, shown) = seat.answer("yes");
    assert!(code == Some(0) && shown.contains(" 1 change to shop "), "{shown}");
    bench.apply();
    bench.settled();
}

#[tokio::test]
async fn nothing_remains_of_a_saved_plan_that_was_applied() {
    let bench = Bench::new(STACK).await;
    bench.ok(&["plan", "--out", "saved.plan"]);
    bench.ok(&["apply", "saved.plan"]);
    let again = bench.fails(&["apply", "saved.plan"]);
    assert!(again.stderr.contains("plan::stale"), "{again}");
    assert!(again.stderr.contains("this plan was already applied: nothing remains of saved.plan"), "{again}");
    bench.settled();
}
