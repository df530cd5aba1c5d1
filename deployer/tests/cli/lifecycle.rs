//! A stack's life: created, unchanged, changed outside, renamed, forgotten, destroyed.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::QueueAttributeName;

use crate::bench::{Bench, changes};
use crate::catalog::inventory;

/// A stack with every section.
pub const SHOP: &str = include_str!("shop.yaml");

/// Two queues, one of them with an explicit name.
const QUEUES: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
queues:
  orders: { name: shop-orders, visibility_timeout: 60s }
  spare: {}
";

#[tokio::test]
async fn a_stack_is_planned_made_left_alone_and_destroyed() {
    let bench = Bench::new(SHOP).await;
    let text = bench.ok(&["plan"]);
    assert!(text.contains("+ queues.orders  sqs.queue"), "{text}");
    assert!(text.contains(" to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt."), "{text}");
    assert_eq!(inventory(&bench.aws).await, BTreeSet::new(), "a plan makes nothing");
    assert_eq!(bench.state().await, None, "a plan writes no state");
    let planned = changes(&bench.plan());
    assert!(planned.iter().all(|line| line.starts_with("create ")), "{planned:?}");
    bench.apply();
    bench.settled();
    assert!(inventory(&bench.aws).await.len() >= 12, "{:?}", inventory(&bench.aws).await);
    bench.ok(&["destroy", "-y"]);
    assert_eq!(inventory(&bench.aws).await, BTreeSet::new());
    let summary = bench.ok(&["destroy", "-y"]);
    assert!(summary.contains("No changes."), "{summary}");
}

#[tokio::test]
async fn what_was_deleted_outside_is_said_and_made_again() {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    let clients = &bench.aws.clients;
    let url = clients.sqs.get_queue_url().queue_name("shop-spare").send().await.unwrap().queue_url.unwrap();
    clients.sqs.delete_queue().queue_url(url).send().await.unwrap();
    clients.cloudwatch.delete_alarms().alarm_names("shop-age").send().await.unwrap();
    clients.logs.delete_log_group().log_group_name("shop-audit").send().await.unwrap();
    clients.lambda.delete_function().function_name("shop-worker").send().await.unwrap();
    let text = bench.ok(&["plan"]);
    for address in ["queues.spare", "alarms.age", "log_groups.audit", "functions.worker"] {
        assert!(text.contains(&format!("! {address} was deleted outside")), "{text}");
    }
    let drift = bench.run(&["drift"]);
    assert_eq!(drift.code, Some(2), "{drift}");
    bench.apply();
    bench.settled();
    assert_eq!(bench.run(&["drift"]).code, Some(0));
}

#[tokio::test]
async fn what_was_changed_outside_is_said_and_put_back() {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    set_visibility_timeout(&bench, "shop-orders", "90").await;
    bench
        .aws
        .clients
        .lambda
        .update_function_configuration()
        .function_name("shop-worker")
        .timeout(33)
        .send()
        .await
        .unwrap();
    let text = bench.ok(&["plan"]);
    assert!(
        text.contains("! changed outside: queues.orders visibility_timeout: 60 → 90 (this plan restores 60)"),
        "{text}"
    );
    assert!(text.contains("! changed outside: functions.worker timeout: 10 → 33 (this plan restores 10)"), "{text}");
    let expected = ["update functions.worker timeout", "update queues.orders visibility_timeout"];
    assert_eq!(changes(&bench.plan()).into_iter().collect::<BTreeSet<_>>(), expected.map(String::from).into());
    bench.apply();
    bench.settled();
}

#[tokio::test]
async fn a_change_outside_that_stack_yaml_takes_up_is_no_drift_after_the_next_apply() {
    let bench = Bench::new(QUEUES).await;
    bench.apply();
    set_visibility_timeout(&bench, "shop-orders", "90").await;
    bench.write("stack.yaml", &QUEUES.replace("60s", "90s"));
    bench.apply();
    assert_eq!(bench.run(&["drift"]).code, Some(0), "{}", bench.run(&["drift"]));
    bench.settled();
}

#[tokio::test]
async fn a_removed_element_is_deleted() {
    let bench = Bench::new(QUEUES).await;
    bench.apply();
    bench.write("stack.yaml", &QUEUES.replace("  spare: {}\n", ""));
    assert_eq!(changes(&bench.plan()), ["delete queues.spare"]);
    bench.apply();
    bench.settled();
    assert_eq!(inventory(&bench.aws).await, BTreeSet::from(["queue shop-orders".to_owned()]));
}

#[tokio::test]
async fn a_removed_function_takes_all_its_parts_along() {
    let bench = Bench::new(SHOP).await;
    let start = SHOP.find("functions:").unwrap();
    let end = SHOP.find("roles:").unwrap();
    let api = SHOP.find("apis:").unwrap();
    let outputs = SHOP.find("outputs:").unwrap();
    let without = format!("{}{}", &SHOP[..start], &SHOP[end..api]);
    assert!(outputs > api);
    bench.apply();
    bench.write("stack.yaml", &without);
    let planned = changes(&bench.plan());
    assert!(planned.iter().all(|line| line.starts_with("delete ")), "{planned:?}");
    bench.apply();
    bench.settled();
    let left = inventory(&bench.aws).await;
    assert!(!left.iter().any(|thing| thing.contains("worker") || thing.starts_with("api ")), "{left:?}");
}

#[tokio::test]
async fn a_renamed_element_keeps_its_resource() {
    let bench = Bench::new(QUEUES).await;
    bench.apply();
    bench.write("stack.yaml", &QUEUES.replace("  orders:", "  requests:"));
    let text = bench.ok(&["plan"]);
    assert!(text.contains("~ queues.requests  sqs.queue  renamed from queues.orders"), "{text}");
    assert_eq!(changes(&bench.plan()), ["update queues.requests tags.deployer:address"]);
    bench.apply();
    bench.settled();
    let state = bench.state().await.unwrap();
    let addresses: Vec<&String> = state["resources"].as_object().unwrap().keys().collect();
    assert_eq!(addresses, ["queues.requests", "queues.spare"]);
}

#[tokio::test]
async fn two_elements_that_swap_their_names_keep_their_resources() {
    let stack = QUEUES.replace("spare: {}", "spare: { name: shop-spare }");
    let bench = Bench::new(&stack).await;
    bench.apply();
    bench.write(
        "stack.yaml",
        &stack.replace("  orders:", "  x:").replace("  spare:", "  orders:").replace("  x:", "  spare:"),
    );
    let planned = changes(&bench.plan());
    assert!(planned.iter().all(|line| line.starts_with("update ")), "{planned:?}");
    bench.apply();
    bench.settled();
    assert_eq!(inventory(&bench.aws).await.len(), 2);
}

#[tokio::test]
async fn what_aws_deletes_with_a_function_or_a_topic_that_is_made_anew_is_made_anew_too() {
    let stack = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
functions: { worker: { zip: worker.zip } }
topics: { news: { subscriptions: [ { lambda: worker } ] } }
apis: { web: { routes: { \"GET /\": worker } } }
";
    let bench = Bench::new(stack).await;
    bench.apply();
    let anew = |address: &str| {
        let ran = bench.run(&["plan", "--json", "--replace", address]);
        let replaced = changes(&ran.lines()[0]);
        bench.ok(&["apply", "-y", "--replace", address]);
        bench.settled();
        replaced
    };
    for part in ["replace apis.web.permission[GET /]", "replace topics.news.permission[functions.worker]"] {
        assert!(anew("functions.worker").contains(&part.to_owned()), "{part}");
    }
    let ran = bench.run(&["plan", "--json", "--target", "functions.worker", "--replace", "functions.worker"]);
    let replaced = changes(&ran.lines()[0]);
    assert!(replaced.contains(&"replace apis.web.permission[GET /]".to_owned()), "{replaced:?}");
    let replaced = anew("topics.news");
    assert!(replaced.iter().any(|line| line.starts_with("replace topics.news.subscription")), "{replaced:?}");
}

/// Lambda keeps the grant for the role that was deleted.
#[tokio::test]
async fn a_function_is_told_of_a_role_that_is_made_anew_under_the_same_name() {
    let bench = Bench::new(
        "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
functions: { worker: { zip: worker.zip } }
",
    )
    .await;
    bench.apply();
    let iam = &bench.aws.clients.iam;
    let role = iam.list_roles().send().await.expect("a list").roles;
    let role =
        role.into_iter().map(|role| role.role_name).find(|name| name.starts_with("shop-worker")).expect("a role");
    for policy in iam.list_role_policies().role_name(&role).send().await.expect("a list").policy_names {
        iam.delete_role_policy().role_name(&role).policy_name(policy).send().await.expect("no policy");
    }
    iam.delete_role().role_name(&role).send().await.expect("no role");
    assert_eq!(changes(&bench.plan()), ["create functions.worker.role", "update functions.worker role"]);
    assert!(bench.ok(&["plan"]).contains("# set again"));
    bench.apply();
    bench.settled();
    let ran = bench.run(&["plan", "--json", "--replace", "functions.worker.role"]);
    assert_eq!(changes(&ran.lines()[0]), ["replace functions.worker.role", "update functions.worker role"]);
}

/// The second API depends on the first. At the same time the first loses a route and the second gets one.
#[tokio::test]
async fn a_route_that_comes_waits_for_no_route_that_goes_elsewhere() {
    let stack = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
functions: { worker: { zip: worker.zip } }
apis:
  first: { routes: { \"GET /\": worker, \"GET /old\": worker } }
  second: { depends_on: [apis.first], routes: { \"GET /\": worker } }
";
    let bench = Bench::new(stack).await;
    bench.apply();
    let old = ", \"GET /old\": worker";
    let made = "[apis.first], routes: { \"GET /\": worker, \"GET /new\": worker }";
    bench.write("stack.yaml", &stack.replace(old, "").replace("[apis.first], routes: { \"GET /\": worker }", made));
    bench.apply();
    bench.settled();
}

#[tokio::test]
async fn an_element_that_takes_a_removed_ones_name_leaves_no_orphan() {
    let both = QUEUES.replace("spare: {}", "spare: { name: shop-spare }");
    let bench = Bench::new(&both).await;
    bench.apply();
    bench.write("stack.yaml", &QUEUES.replace("  spare: {}\n", "").replace("shop-orders", "shop-spare"));
    let plan = bench.plan();
    assert_eq!((&plan["summary"]["update"], &plan["summary"]["delete"]), (&1.into(), &1.into()), "{plan:#}");
    bench.apply();
    bench.settled();
    assert_eq!(inventory(&bench.aws).await, BTreeSet::from(["queue shop-spare".to_owned()]));
}

#[tokio::test]
async fn elements_that_hand_their_names_on_leave_nothing_stale_in_the_state() {
    let stack = QUEUES.replace("spare: {}", "spare: { name: shop-spare }");
    let bench = Bench::new(&stack).await;
    bench.apply();
    bench.write("stack.yaml", &stack.replace("  spare:", "  third:").replace("  orders:", "  spare:"));
    let planned = changes(&bench.plan());
    assert!(planned.iter().all(|line| line.starts_with("update ")), "{planned:?}");
    bench.apply();
    bench.settled();
    let state = bench.state().await.unwrap();
    let addresses: Vec<&String> = state["resources"].as_object().unwrap().keys().collect();
    assert_eq!(addresses, ["queues.spare", "queues.third"]);
    assert_eq!(inventory(&bench.aws).await.len(), 2);
}

#[tokio::test]
async fn a_lost_state_is_found_again_in_aws() {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    let before = inventory(&bench.aws).await;
    bench.delete_object("shop.json").await;
    let plan = bench.plan();
    let planned = changes(&plan);
    assert!(!planned.is_empty() && planned.iter().all(|line| line.starts_with("adopt ")), "{planned:?}");
    for action in plan["actions"].as_array().unwrap() {
        assert_eq!(action["changes"], serde_json::json!([]), "{action:#}");
    }
    let summary = bench.apply();
    // A queue without a record may be in deletion. Only CreateQueue can tell, and it does not change an existing queue.
    assert!(summary.contains(", 3 writes)"), "{summary}");
    bench.settled();
    assert_eq!(inventory(&bench.aws).await, before);
}

#[tokio::test]
async fn destroy_finds_everything_without_the_state() {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    bench.delete_object("shop.json").await;
    bench.ok(&["destroy", "-y"]);
    assert_eq!(inventory(&bench.aws).await, BTreeSet::new());
}

#[tokio::test]
async fn a_changed_physical_name_makes_the_new_one_before_the_old_goes() {
    let bench = Bench::new(QUEUES).await;
    bench.apply();
    bench.write("stack.yaml", &QUEUES.replace("shop-orders", "shop-requests"));
    let text = bench.ok(&["plan"]);
    assert!(text.contains("+/- queues.orders  sqs.queue"), "{text}");
    assert!(text.contains("name: shop-orders → shop-requests"), "{text}");
    assert!(text.contains("0 to create, 0 to update, 1 to replace, 0 to delete"), "{text}");
    let ran = bench.run(&["apply", "-y", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let done: Vec<bool> = ran
        .lines()
        .iter()
        .filter(|line| line["type"] == "action_done" && line["address"] == "queues.orders")
        .map(|line| line["removal"].as_bool().unwrap())
        .collect();
    assert_eq!(done, [false, true], "made, then the predecessor deleted: {ran}");
    bench.settled();
    let left = inventory(&bench.aws).await;
    assert_eq!(left, ["queue shop-requests", "queue shop-spare"].map(String::from).into());
}

#[tokio::test]
async fn a_renamed_function_moves_everything_that_leans_on_it() {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    bench.write("stack.yaml", &SHOP.replace("    zip: worker.zip\n", "    zip: worker.zip\n    name: shop-taker\n"));
    bench.apply();
    bench.settled();
    let left = inventory(&bench.aws).await;
    assert!(left.iter().any(|thing| thing == "function shop-taker"), "{left:?}");
    assert!(!left.iter().any(|thing| thing.contains("worker")), "{left:?}");
    bench.ok(&["destroy", "-y"]);
    assert_eq!(inventory(&bench.aws).await, BTreeSet::new());
}

/// Changes a queue as a user of the console would.
async fn set_visibility_timeout(bench: &Bench, name: &str, seconds: &str) {
    let sqs = &bench.aws.clients.sqs;
    let url = sqs.get_queue_url().queue_name(name).send().await.unwrap().queue_url.unwrap();
    sqs.set_queue_attributes()
        .queue_url(url)
        .attributes(QueueAttributeName::VisibilityTimeout, seconds)
        .send()
        .await
        .unwrap();
}
