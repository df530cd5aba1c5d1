use serde_json::json;

use super::*;
use crate::pipeline;
use crate::spec::secrets::Secrets;
use crate::spec::sections::Common;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

fn with_scope<T>(run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (common, tags) = (Common::default(), Default::default());
    run(&Scope {
        is_preview: false,
        stack: "couch",
        section: "topics",
        name: "alarms",
        common: &common,
        stack_tags: &tags,
        secrets: &Secrets::default(),
    })
}

fn codes(topic: Value) -> Vec<&'static str> {
    let mut findings = Findings::default();
    with_scope(|at| Topics::check(&serde_json::from_value(topic).unwrap(), at, &mut findings));
    findings.0.into_iter().map(|f| f.code).collect()
}

fn lower(topic: Value) -> LoweredStack {
    let mut out = LoweredStack::default();
    with_scope(|at| Topics::lower(serde_json::from_value(topic).unwrap(), at, &mut out));
    out
}

#[test]
fn an_endpoint_has_to_look_like_one() {
    let one = |subscription: Value| codes(json!({ "subscriptions": [subscription] }));
    for good in [
        json!({"email": "sofa@example.com"}),
        json!({"https": "https://example.com/a"}),
        json!({"lambda": "${functions.f.arn}"}),
        json!({"lambda": "f"}),
        json!({"sqs": "image-requests"}),
        json!({"sms": "+4712345678"}),
    ] {
        assert!(one(good.clone()).is_empty(), "{good}");
    }
    for bad in [
        json!({"email": "sofa"}),
        json!({"email": "sofa@example"}),
        json!({"email": "so fa@example.com"}),
        json!({"email": "a@b@example.com"}),
        json!({"https": "http://example.com"}),
        json!({"https": "https://"}),
        json!({"sms": "12345678"}),
        json!({}),
        json!({"email": "sofa@example.com", "sqs": "q"}),
    ] {
        assert_eq!(one(bad.clone()), ["topic::endpoint"], "{bad}");
    }
}

#[test]
fn what_contradicts_itself_is_found() {
    assert_eq!(codes(json!({"name": "a.fifo"})), ["topic::fifo-name"]);
    assert_eq!(codes(json!({"name": "a", "fifo_topic": true})), ["topic::fifo-name"]);
    assert_eq!(codes(json!({"content_based_deduplication": true})), ["topic::fifo-only"]);
    let mail = json!({"email": "sofa@example.com"});
    assert_eq!(codes(json!({"subscriptions": [mail, mail]})), ["topic::subscription-twice"]);
    assert_eq!(codes(json!({"fifo_topic": true, "subscriptions": [mail]})), ["topic::fifo-endpoint"]);
    let raw = json!({"email": "sofa@example.com", "raw_message_delivery": true});
    assert_eq!(codes(json!({"subscriptions": [raw]})), ["topic::raw-delivery"]);
    let scope = json!({"sqs": "q", "filter_policy_scope": "MessageBody"});
    assert_eq!(codes(json!({"subscriptions": [scope]})), ["topic::filter-scope"]);
}

#[test]
fn a_topic_is_lowered_to_itself_and_its_subscriptions() {
    let out = lower(json!({ "subscriptions": [
        { "email": "sofa@example.com" },
        { "sqs": "q", "filter_policy": { "size": [512] }, "dead_letter_target_arn": "${queues.dead.arn}" },
    ] }));
    let addresses: Vec<_> = out.resources.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(
        addresses,
        [
            "topics.alarms",
            "topics.alarms.subscription[email:sofa@example.com]",
            "topics.alarms.subscription[sqs:queues.q.arn]"
        ]
    );
    assert_eq!(out.resources[0].spec["name"], "couch-alarms");
    assert_eq!(out.resources[0].spec["tracing_config"], "PassThrough");
    let queue = &out.resources[2].spec;
    assert_eq!(queue["topic_arn"], "${topics.alarms.arn}");
    assert_eq!(queue["endpoint"], "${queues.q.arn}");
    assert_eq!(queue["filter_policy"], "{\"size\":[512]}");
    assert_eq!(queue["filter_policy_scope"], "MessageAttributes");
    assert_eq!(queue["redrive_policy"]["dead_letter_target_arn"], "${queues.dead.arn}");
}

#[test]
fn a_function_of_the_stack_is_allowed_to_be_called_before_it_is_told_to() {
    let out = lower(json!({ "subscriptions": [{ "lambda": "f" }] }));
    let [_, permission, subscription] = &out.resources[..] else { panic!("{:?}", out.resources) };
    assert_eq!(permission.address, "topics.alarms.permission[functions.f]");
    assert_eq!(permission.spec["function_name"], "${functions.f.name}");
    assert_eq!(permission.spec["source_arn"], "${topics.alarms.arn}");
    assert_eq!(subscription.spec["endpoint"], "${functions.f.arn}");
    assert!(subscription.depends_on.contains(&permission.address));
    let same = lower(json!({ "subscriptions": [{ "lambda": "${functions.f.arn}" }] }));
    assert_eq!(same.resources, out.resources);
}

#[test]
fn a_function_of_others_gets_no_permission() {
    let out = lower(json!({ "subscriptions": [{ "lambda": "arn:aws:lambda:eu-west-1:1:function:f" }] }));
    assert_eq!(out.resources.len(), 2);
}

#[test]
fn an_empty_filter_policy_is_none() {
    let out = lower(json!({ "subscriptions": [{ "sqs": "arn:q", "filter_policy": {} }] }));
    assert!(out.resources[1].spec.get("filter_policy").is_none());
    assert!(out.resources[1].spec.get("filter_policy_scope").is_none());
}

#[test]
fn queues_get_a_policy_for_the_topics_that_send_to_them() {
    let text = "stack: s\nregion: eu-west-1\nqueues: { jobs: {}, dead: {}, own: { policy: { Statement: [ { Effect: Allow, \
        Principal: { Service: sns.amazonaws.com }, Action: sqs:SendMessage, Resource: \"*\", Condition: { ArnLike: { aws:SourceArn: \
        \"${topics.a.arn}\" } } } ] } } }\ntopics:\n  a: { subscriptions: [ { sqs: jobs, dead_letter_target_arn: \
        \"${queues.dead.arn}\" }, { sqs: own } ] }\n  b: { subscriptions: [ { sqs: jobs }, { sqs: own } ] }\n";
    let loaded = pipeline::check(SourceText::new("stack.yaml", text.as_bytes()), &Inputs::default());
    let loaded = loaded.map_err(|failure| failure.findings.0).expect("no error");
    assert!(loaded.warnings.0.is_empty(), "{:?}", loaded.warnings.0);
    let resources = loaded.document.lower().0.resources;
    let statements = |address: &str| {
        let queue = resources.iter().find(|resource| resource.address == address).expect("a queue");
        let policy = queue.spec["policy"].as_str().expect("a policy");
        serde_json::from_str::<Value>(policy).expect("JSON")["Statement"].clone()
    };
    let sources = |statement: &Value| statement["Condition"]["ArnEquals"]["aws:SourceArn"].clone();
    assert_eq!(statements("queues.jobs")[0]["Principal"]["Service"], PRINCIPAL);
    assert_eq!(sources(&statements("queues.jobs")[0]).as_array().map(Vec::len), Some(2));
    assert!(sources(&statements("queues.dead")[0]).as_str().is_some_and(|arn| arn.ends_with(":s-a")));
    let own = statements("queues.own");
    assert!(
        sources(&own[1]).as_str().is_some_and(|arn| arn.ends_with(":s-b")),
        "the own statement is for another: {own}"
    );
}
