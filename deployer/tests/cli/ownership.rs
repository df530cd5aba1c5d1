//! The owner of a resource: conflicts with foreign ones, and `protect`, `retain`, `external`.

use std::collections::BTreeSet;

use crate::bench::{Bench, changes};
use crate::catalog::inventory;

fn stack(queues: &str) -> String {
    format!("stack: shop\nregion: eu-west-1\nstate: {{ bucket: BUCKET, key: shop.json }}\nqueues:\n{queues}")
}

async fn with_foreign_queue() -> Bench {
    let bench = Bench::new(&stack("  orders: { name: orders }\n")).await;
    bench.aws.clients.sqs.create_queue().queue_name("orders").send().await.unwrap();
    bench
}

#[tokio::test]
async fn a_foreign_resource_in_the_way_stops_the_plan() {
    let bench = with_foreign_queue().await;
    for arguments in [&["plan"][..], &["apply", "-y"]] {
        let ran = bench.fails(arguments);
        assert!(ran.stderr.contains("plan::foreign"), "{ran}");
        assert!(ran.stderr.contains("--adopt 'queues.orders'"), "{ran}");
        assert!(ran.stderr.contains("stack.yaml:5:"), "{ran}");
    }
    assert_eq!(bench.state().await, None);
    bench.ok(&["destroy", "-y"]);
    assert_eq!(inventory(&bench.aws).await.len(), 1, "destroy leaves it");
}

#[tokio::test]
async fn adopt_takes_a_foreign_resource_over() {
    let bench = with_foreign_queue().await;
    let text = bench.ok(&["plan", "--adopt", "queues.orders"]);
    assert!(text.contains("← queues.orders"), "{text}");
    bench.ok(&["apply", "-y", "--adopt", "queues.orders"]);
    bench.settled();
    bench.ok(&["destroy", "-y"]);
    assert_eq!(inventory(&bench.aws).await, BTreeSet::new());
}

#[tokio::test]
async fn another_stacks_resource_is_named_by_its_owner() {
    let bench = Bench::new(&stack("  orders: { name: orders }\n")).await;
    bench.apply();
    let other =
        stack("  orders: { name: orders }\n").replace("stack: shop", "stack: cafe").replace("shop.json", "cafe.json");
    bench.write("other.yaml", &other);
    let ran = bench.fails(&["plan", "-f", "other.yaml"]);
    assert!(ran.stderr.contains("plan::foreign") && ran.stderr.contains("belongs to the stack \"shop\""), "{ran}");
    bench.ok(&["destroy", "-y", "-f", "other.yaml"]);
    assert_eq!(inventory(&bench.aws).await.len(), 1, "destroying another stack leaves it");
}

/// A subscription has no tags: only its topic shows who owns it.
#[tokio::test]
async fn a_subscription_to_a_topic_that_another_stack_has_taken_is_foreign_and_stays() {
    let topics = "topics: { news: { subscriptions: [ { sqs: \"${queues.orders.arn}\" } ] } }\n";
    let bench = Bench::new(&(stack("  orders: {}\n") + topics)).await;
    bench.apply();
    let sns = &bench.aws.clients.sns;
    let topic = bench.aws.place.arn("sns", "shop-news");
    let taken = aws_sdk_sns::types::Tag::builder().key("deployer:stack").value("cafe").build().unwrap();
    sns.tag_resource().resource_arn(&topic).tags(taken).send().await.unwrap();
    let status = bench.run(&["status", "--json"]).lines().remove(0);
    let all = status["resources"].as_array().expect("a list");
    let foreign = all.iter().filter(|row| row["status"] == "foreign").map(|row| row["address"].as_str().unwrap());
    assert_eq!(
        foreign.collect::<Vec<_>>(),
        ["topics.news", "topics.news.subscription[sqs:queues.orders.arn]"],
        "{status:#}"
    );
    bench.ok(&["destroy", "-y"]);
    let left = sns.list_subscriptions_by_topic().topic_arn(&topic).send().await.unwrap();
    assert_eq!(left.subscriptions().len(), 1, "the topic and its parts are the other stack's");
}

#[tokio::test]
async fn a_protected_resource_is_neither_deleted_nor_replaced() {
    let bench = Bench::new(&stack("  orders: { name: orders, protect: true }\n  spare: {}\n")).await;
    bench.apply();
    let destroy = bench.fails(&["destroy", "-y"]);
    assert!(destroy.stderr.contains("plan::protected"), "{destroy}");
    bench.write("stack.yaml", &stack("  orders: { name: other, protect: true }\n  spare: {}\n"));
    assert!(bench.fails(&["apply", "-y"]).stderr.contains("plan::protected"));
    bench.write("stack.yaml", &stack("  spare: {}\n"));
    assert!(bench.fails(&["apply", "-y"]).stderr.contains("plan::protected"));
    assert_eq!(inventory(&bench.aws).await.len(), 2);
}

#[tokio::test]
async fn protection_that_is_added_later_holds_when_the_element_is_removed() {
    let bench = Bench::new(&stack("  orders: { name: orders }\n  spare: {}\n")).await;
    bench.apply();
    bench.write("stack.yaml", &stack("  orders: { name: orders, protect: true }\n  spare: {}\n"));
    bench.apply();
    bench.write("stack.yaml", &stack("  spare: {}\n"));
    let ran = bench.fails(&["apply", "-y"]);
    assert!(ran.stderr.contains("plan::protected"), "{ran}");
    bench.write("stack.yaml", &stack("  orders: { name: orders }\n  spare: {}\n"));
    bench.apply();
    bench.write("stack.yaml", &stack("  spare: {}\n"));
    bench.apply();
    assert_eq!(inventory(&bench.aws).await.len(), 1);
}

#[tokio::test]
async fn a_retained_resource_stays_in_aws() {
    let bench = Bench::new(&stack("  orders: { name: orders }\n  spare: {}\n")).await;
    bench.apply();
    bench.write("stack.yaml", &stack("  orders: { name: orders, retain: true }\n  spare: {}\n"));
    bench.apply();
    bench.write("stack.yaml", &stack("  spare: {}\n"));
    assert_eq!(changes(&bench.plan()), ["forget queues.orders"]);
    bench.apply();
    bench.settled();
    assert_eq!(inventory(&bench.aws).await.len(), 2);
    bench.write("stack.yaml", &stack("  orders: { name: orders, retain: true }\n  spare: {}\n"));
    assert_eq!(changes(&bench.plan()), ["adopt queues.orders"]);
    bench.apply();
    bench.ok(&["destroy", "-y"]);
    assert_eq!(inventory(&bench.aws).await, BTreeSet::from(["queue orders".to_owned()]));
}

#[tokio::test]
async fn an_external_resource_is_only_referred_to() {
    let text = stack("  orders: { name: orders, external: true }\n")
        + "outputs: { arn: \"${queues.orders.arn}\", url: \"${queues.orders.url}\" }\n";
    let bench = Bench::new(&text).await;
    let ran = bench.fails(&["plan"]);
    assert!(ran.stderr.contains("plan::external-missing"), "{ran}");
    bench.aws.clients.sqs.create_queue().queue_name("orders").send().await.unwrap();
    let text = bench.ok(&["plan"]);
    assert!(text.contains("\n\nNo changes. "), "{text}");
    bench.apply();
    let arn = format!("arn:aws:sqs:eu-west-1:{}:orders\n", bench.aws.place.account);
    assert_eq!(bench.ok(&["output", "arn"]), arn);
    bench.ok(&["destroy", "-y"]);
    assert_eq!(inventory(&bench.aws).await.len(), 1);
}

/// Returns a stack with a function that receives from a queue, and with its own state.
fn fed(stack: &str, queue: &str, function: &str) -> String {
    format!(
        "stack: {stack}\nregion: eu-west-1\nstate: {{ bucket: BUCKET, key: {stack}.json }}\n\
         queues:\n  orders: {{ name: orders, {queue} }}\n{function}"
    )
}

#[tokio::test]
async fn what_was_handed_over_to_another_stack_keeps_its_mapping() {
    let function = |name: &str| {
        format!(
            "functions:\n  draw:\n    name: {name}\n    zip: worker.zip\n    timeout: 5s\n    events: [ {{ queue: orders }} ]\n"
        )
    };
    let ours = |function: &str| fed("shop", "visibility_timeout: 60s", function);
    let left: [(&str, &[&str], String); 3] = [
        ("renamed", &[], function("drawing")),
        ("forgotten", &["state", "forget", "functions.draw", "-y"], String::new()),
        ("external", &[], "functions:\n  draw: { name: draw, external: true }\n".to_owned()),
    ];
    for (how, first, function_left) in left {
        let bench = Bench::new(&ours(&function("draw"))).await;
        bench.apply();
        bench.write("other.yaml", &fed("cafe", "external: true", &function("draw")));
        bench.ok(&["apply", "-y", "-f", "other.yaml", "--adopt", "functions.draw"]);
        if !first.is_empty() {
            bench.ok(first);
        }
        bench.write("stack.yaml", &ours(&function_left));
        bench.ok(&["destroy", "-y"]);
        let lambda = &bench.aws.clients.lambda;
        let mappings = lambda.list_event_source_mappings().send().await.unwrap().event_source_mappings.unwrap();
        assert_eq!(mappings.len(), 1, "{how}: the mapping is the other stack's");
        assert!(lambda.get_function().function_name("draw").send().await.is_ok(), "{how}");
        bench.ok(&["destroy", "-y", "-f", "other.yaml"]);
        assert_eq!(inventory(&bench.aws).await, BTreeSet::new(), "{how}");
    }
}
