//! `deployer verify` sends a message through every edge, and finds the edges that do not deliver.

use std::process::Stdio;

use aws_sdk_sqs::types::QueueAttributeName;
use deployer::aws::Clients;
use serde_json::Value;

use crate::bench::RunOutput;
use crate::local::Local;
use crate::operate::zip_of;

const STACK: &str = r#"
stack: post
region: eu-west-1
topics:
  news:
    subscriptions:
      - { sqs: inbox }
      - { sqs: bills, filter_policy: { kind: [bill] } }
      - { sqs: jobs, raw_message_delivery: true }
      - { lambda: reader }
      - { email: me@example.com }
queues:
  inbox: {}
  bills: {}
  jobs: { redrive: { max_receive_count: 3 } }
functions:
  web: { zip: worker.zip, timeout: 5s }
  reader: { zip: worker.zip, timeout: 5s }
  worker: { zip: worker.zip, timeout: 5s, events: [ { queue: jobs } ], permissions: [ { allow: sqs:SendMessage, on: "${queues.inbox.arn}" } ] }
apis: { shop: { routes: { "GET /orders/{id}": web, "POST /orders": web } } }
alarms:
  waiting:
    namespace: AWS/SQS
    metric_name: ApproximateNumberOfMessagesVisible
    dimensions: { QueueName: "${queues.inbox.name}" }
    statistic: Maximum
    comparison_operator: GreaterThanThreshold
    threshold: 100
    period: 60s
    evaluation_periods: 1
    treat_missing_data: notBreaching
    alarm_actions: ["${topics.news.arn}"]
"#;

/// A function that prints each event, and fails if the event has the text FAIL.
const WORKER: &str = r#"#!/usr/bin/env python3
import json, os, sys, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as event:
        text, request = event.read().decode(), event.headers["Lambda-Runtime-Aws-Request-Id"]
    print(text, flush=True)
    fails = "FAIL" in text
    path, answer = ("/error", {"errorType": "Boom"}) if fails else ("/response", {"statusCode": 201, "body": "made"})
    urllib.request.urlopen(urllib.request.Request(api + request + path, json.dumps(answer).encode(), method="POST")).read()
"#;

/// Starts a cloud with the deployed stack, whose mail subscription is confirmed.
fn deployed(stack: &str, worker: &str) -> Local {
    let local = Local::with(stack, "worker.zip", &zip_of(worker));
    local.ok(&["--local", "apply", "-y"]);
    local.ok(&["local", "confirm", "me@example.com"]);
    local
}

const VERIFY: &[&str] = &["--local", "verify", "-y", "--json"];
/// Long enough for any arrival on a busy machine.
const LONG: &[&str] = &["--timeout", "60"];

/// Runs `verify` with further arguments and returns its edges, after those that no probe passes.
fn edges(local: &Local, more: &[&str], code: i32) -> (Vec<Value>, RunOutput) {
    let ran = local.run(&[VERIFY, more].concat());
    assert_eq!(ran.code, Some(code), "{ran}");
    let object = ran.stdout.split("\n{\"type\"").next().expect("an object");
    let found: Value = serde_json::from_str(object).unwrap_or_else(|error| panic!("{error}: {ran}"));
    assert_eq!(found["delivers"], code == 0, "{found:#}");
    (found["edges"].as_array().expect("a list").clone(), ran)
}

/// Returns the result and the text of the one edge between two addresses with this probe.
#[track_caller]
fn of<'e>(edges: &'e [Value], [from, to]: [&str; 2], probe: &str) -> (&'e str, &'e str) {
    let own: Vec<&Value> =
        edges.iter().filter(|edge| edge["from"] == from && edge["to"] == to && edge["probe"] == probe).collect();
    let [edge] = own[..] else { panic!("{from} → {to} {probe}: {edges:#?}") };
    (edge["result"].as_str().expect("a word"), edge["text"].as_str().expect("a text"))
}

async fn url(clients: &Clients, name: &str) -> String {
    clients.sqs.get_queue_url().queue_name(name).send().await.expect("the queue").queue_url.expect("a URL")
}

/// Counts the messages in a queue.
async fn messages(clients: &Clients, name: &str) -> String {
    let all = clients.sqs.get_queue_attributes().queue_url(url(clients, name).await);
    let all = all.attribute_names(QueueAttributeName::All).send().await.expect("attributes").attributes.unwrap();
    let count = |name: QueueAttributeName| all[&name].clone();
    count(QueueAttributeName::ApproximateNumberOfMessages)
        + "+"
        + &count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
}

async fn alarm(clients: &Clients) -> String {
    let found = clients.cloudwatch.describe_alarms().alarm_names("post-waiting").send().await.expect("alarms");
    found.metric_alarms()[0].state_value().expect("a state").as_str().to_owned()
}

#[tokio::test]
async fn a_message_passes_each_edge_of_a_deployed_stack_and_none_remains() {
    let local = deployed(STACK, WORKER);
    let clients = local.clients().await;
    let before = alarm(&clients).await;
    let (found, ran) = edges(&local, LONG, 0);
    for (ends, probe, text) in [
        (["apis.shop", "functions.web"], "GET /orders/{id}", "the function answered 201"),
        (["apis.shop", "functions.web"], "POST /orders", "the function answered 201"),
        (["topics.news", "queues.inbox"], "notification", "received from the queue, and deleted"),
        (["topics.news", "queues.bills"], "notification", "received from the queue, and deleted"),
        (["topics.news", "queues.jobs"], "notification", "it went on to functions.worker, whose log names the probe"),
        (["topics.news", "functions.reader"], "notification", "its log names the probe"),
        (["queues.jobs", "functions.worker"], "message", "its log names the probe, and the queue is empty again"),
        (["alarms.waiting", "topics.news"], "alarm", "it rang, and by its history the action was carried out"),
    ] {
        assert_eq!(of(&found, ends, probe), ("ok", text), "{ran}");
    }
    let (result, text) = of(&found, ["topics.news", "me@example.com"], "notification");
    assert!(result == "ok" && text.ends_with("a mailbox cannot be looked into"), "{text}");
    let (result, text) = of(&found, ["queues.jobs", "queues.jobs.dead_letter"], "dead letters");
    assert!(result == "ok" && text.contains("after 3 receives, which was not tried"), "{text}");
    let (result, text) = of(&found, ["functions.worker", "queues.inbox"], "SendMessage");
    assert!(result == "not_tried" && text.contains("only the function itself sends here"), "{text}");
    assert_eq!(found.len(), 11, "{ran}");
    for queue in ["post-inbox", "post-bills", "post-jobs", "post-jobs-dlq"] {
        assert_eq!(messages(&clients, queue).await, "0+0", "{queue}");
    }
    assert_eq!(alarm(&clients).await, before);
    let mail = std::fs::read_to_string(local.text("mail")).expect("mail");
    assert_eq!(mail.matches("Subject: Test by deployer verify: nothing to do").count(), 1, "{mail}");
    assert!(mail.contains("nothing is to be done.") && mail.contains("Reason: This is a test of `deployer verify`"));

    let text = local.ok(&["--local", "verify", "-y", "queues.jobs", "--timeout", "60"]);
    assert!(text.stdout.ends_with("\n3 edges: 3 ok, 0 failed, 0 not tried.\n"), "{text}");
}

#[tokio::test]
async fn an_edge_that_cannot_deliver_is_found_with_its_reason_and_its_probe_is_removed() {
    let local = deployed(STACK, WORKER);
    let clients = local.clients().await;
    let subscriptions = clients.sns.list_subscriptions().send().await.expect("subscriptions").subscriptions.unwrap();
    let to_reader = subscriptions.iter().find(|one| one.endpoint().is_some_and(|to| to.ends_with(":post-reader")));
    let arn = to_reader.and_then(|one| one.subscription_arn()).expect("a subscription");
    clients.sns.unsubscribe().subscription_arn(arn).send().await.expect("it is gone");
    clients.sqs.delete_queue().queue_url(url(&clients, "post-bills").await).send().await.expect("it is gone");
    let set = clients.sqs.set_queue_attributes().queue_url(url(&clients, "post-jobs").await);
    set.attributes(QueueAttributeName::RedrivePolicy, "").send().await.expect("it is set");
    let mapping = clients.lambda.list_event_source_mappings().send().await.expect("mappings");
    let uuid = mapping.event_source_mappings()[0].uuid().expect("an id").to_owned();
    clients.lambda.update_event_source_mapping().uuid(&uuid).enabled(false).send().await.expect("it is off");
    clients.lambda.delete_function().function_name("post-web").send().await.expect("it is gone");
    let silent = clients.cloudwatch.put_metric_alarm().alarm_name("post-waiting").namespace("AWS/SQS");
    let silent = silent.metric_name("ApproximateNumberOfMessagesVisible").threshold(100.0).evaluation_periods(1);
    let silent = silent.comparison_operator("GreaterThanThreshold".into()).period(60).statistic("Maximum".into());
    silent.send().await.expect("the alarm changes");

    let (found, ran) = edges(&local, &["--timeout", "1"], 1);
    for (ends, probe, reason) in [
        (
            ["topics.news", "functions.reader"],
            "notification",
            "topics.news.subscription[lambda:functions.reader.arn] does not exist in AWS",
        ),
        (["topics.news", "queues.bills"], "notification", "queues.bills does not exist in AWS"),
        (["queues.jobs", "queues.jobs.dead_letter"], "dead letters", "the queue has no redrive policy in AWS"),
        (["queues.jobs", "functions.worker"], "message", "its log shows no call within 1 s"),
        (["apis.shop", "functions.web"], "POST /orders", "functions.web does not exist in AWS"),
        (["alarms.waiting", "topics.news"], "alarm", "the alarm's history shows no action within 1 s"),
    ] {
        let (result, text) = of(&found, ends, probe);
        assert!(result == "failed" && text.contains(reason), "{text}: {ran}");
    }
    let (_, text) = of(&found, ["queues.jobs", "functions.worker"], "message");
    assert!(text.contains("functions.worker.event[jobs] was changed outside: enabled"), "{text}");
    let (_, text) = of(&found, ["alarms.waiting", "topics.news"], "alarm");
    assert!(text.contains("alarms.waiting was changed outside: ") && text.ends_with("alarm_actions"), "{text}");
    let arrived = of(&found, ["topics.news", "queues.jobs"], "notification");
    assert_eq!(arrived, ("ok", "received from the queue, and deleted"), "no function takes it from there");
    assert!(ran.stdout.contains("verify::broken") && ran.stdout.contains(" edges do not deliver"), "{ran}");
    assert_eq!(messages(&clients, "post-jobs").await, "0+0", "the probes were removed");

    local.ok(&["--local", "apply", "-y"]);
    edges(&local, LONG, 0);
}

#[tokio::test]
async fn a_permission_that_somebody_removed_is_found_at_the_edge_that_needs_it() {
    let local = deployed(STACK, WORKER);
    let clients = local.clients().await;
    let set = clients.sqs.set_queue_attributes().queue_url(url(&clients, "post-inbox").await);
    set.attributes(QueueAttributeName::Policy, "").send().await.expect("it is set");
    for function in ["post-web", "post-reader"] {
        let policy = clients.lambda.get_policy().function_name(function).send().await.expect("a policy");
        let policy: Value = serde_json::from_str(policy.policy().expect("a text")).expect("JSON");
        for statement in policy["Statement"].as_array().expect("statements") {
            let remove = clients.lambda.remove_permission().function_name(function);
            remove.statement_id(statement["Sid"].as_str().expect("an id")).send().await.expect("it is gone");
        }
    }
    let (found, ran) = edges(&local, &["--timeout", "1"], 1);
    for (ends, probe, reason, cause) in [
        (
            ["topics.news", "queues.inbox"],
            "notification",
            "no message could be received",
            "queues.inbox was changed outside: policy",
        ),
        (
            ["topics.news", "functions.reader"],
            "notification",
            "its log shows no call",
            "topics.news.permission[functions.reader] does not exist in AWS any more",
        ),
        (
            ["apis.shop", "functions.web"],
            "POST /orders",
            "the answer was 500",
            "apis.shop.permission[POST /orders] does not exist in AWS any more",
        ),
    ] {
        let (result, text) = of(&found, ends, probe);
        assert!(result == "failed" && text.contains(reason) && text.contains(cause), "{text}: {ran}");
    }
    assert_eq!(of(&found, ["queues.jobs", "functions.worker"], "message").0, "ok", "{ran}");
}

/// A function that fails whenever it is called.
const BROKEN: &str = "#!/bin/sh\necho no; exit 1\n";

#[tokio::test]
async fn a_function_that_fails_on_the_probe_is_a_failed_edge_with_its_log() {
    let local = deployed(STACK, BROKEN);
    let (found, ran) = edges(&local, &["--timeout", "2", "functions.worker", "functions.web"], 1);
    let (result, text) = of(&found, ["apis.shop", "functions.web"], "POST /orders");
    assert!(result == "failed" && text.starts_with("the answer was 502"), "{ran}");
    let (result, text) = of(&found, ["queues.jobs", "functions.worker"], "message");
    assert!(result == "failed" && text.starts_with("the function was called"), "{ran}");
    let edge = found.iter().find(|edge| edge["probe"] == "message").expect("the edge");
    assert!(edge["help"].as_str().expect("a help").contains("`deployer logs worker`"), "{ran}");
}

#[tokio::test]
async fn nothing_is_sent_before_a_yes_and_only_edges_of_the_stack_can_be_named() {
    let local = deployed(STACK, WORKER);
    let clients = local.clients().await;
    let ran = local.run(&["--local", "verify"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("run::approval-needed"), "{ran}");
    let ran = local.run(&["--local", "verify", "-y", "queues.inbx"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("verify::unknown-edge"), "{ran}");
    assert!(ran.stderr.contains("did you mean `queues.inbox`?"), "{ran}");
    let groups = clients.logs.describe_log_streams().log_group_name("/aws/lambda/post-reader").send().await;
    assert!(groups.is_ok_and(|found| found.log_streams().is_empty()), "no function was called");
    let (found, ran) = edges(&local, &["--timeout", "60", "queues.inbox"], 0);
    let ends: Vec<&Value> = found.iter().map(|edge| &edge["to"]).collect();
    assert_eq!(ends, ["queues.inbox", "queues.inbox"], "{ran}");
}

#[tokio::test]
async fn a_queue_with_messages_of_others_is_left_alone() {
    let local = deployed(STACK, WORKER);
    let clients = local.clients().await;
    let inbox = url(&clients, "post-inbox").await;
    clients.sqs.send_message().queue_url(&inbox).message_body("an order").send().await.expect("it is sent");
    let (found, ran) = edges(&local, &["--timeout", "60", "queues.inbox"], 0);
    let (result, text) = of(&found, ["topics.news", "queues.inbox"], "notification");
    assert!(result == "not_tried" && text.starts_with("about 1 other messages wait in the queue"), "{ran}");
    assert_eq!(messages(&clients, "post-inbox").await, "1+0", "the probe was removed, and the order is there");
}

#[tokio::test]
async fn the_printed_policy_is_enough_to_verify_and_no_less_is() {
    let local = deployed(STACK, WORKER);
    let policy = local.ok(&["--local", "iam", "verify"]).stdout;
    let clients = local.clients().await;
    clients.iam.create_user().user_name("tester").send().await.expect("a user");
    let key =
        clients.iam.create_access_key().user_name("tester").send().await.expect("a key").access_key.expect("a key");
    let endpoint = format!("--endpoint-url={}", local.text("endpoint_url"));
    for (document, code) in [(policy.replace("sns:Publish", "sns:Subscribe"), 1), (policy, 0)] {
        let put = clients.iam.put_user_policy().user_name("tester").policy_name("verify").policy_document(document);
        put.send().await.expect("a policy");
        let mut verify = local.command(&[&endpoint, "verify", "-y", "--timeout", "60"]);
        verify.env("AWS_ACCESS_KEY_ID", &key.access_key_id).env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
        let ran = RunOutput::of(verify.output().expect("the binary runs"));
        assert_eq!(ran.code, Some(code), "{ran}");
        assert_eq!(ran.stdout.contains("it cannot be sent"), code == 1, "{ran}");
    }
}

/// Starts a trial of some edges, interrupts it once `is_under_way`, and asserts that it says so.
async fn interrupt(local: &Local, edges: &[&str], is_under_way: impl AsyncFn() -> bool) {
    let mut command = local.command(&[&["--local", "verify", "-y", "--timeout", "600"], edges].concat());
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    while !is_under_way().await {
        tokio::task::yield_now().await;
    }
    let pid = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    let ran = RunOutput::of(running.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, Some(130), "{ran}");
    assert!(ran.stderr.contains("alarms have their former state"), "{ran}");
}

#[tokio::test]
async fn an_interrupted_trial_leaves_no_probe_in_a_queue_and_no_alarm_ringing() {
    let local = deployed(STACK, WORKER);
    let clients = local.clients().await;
    let before = alarm(&clients).await;
    // Nothing takes the message, and nothing is told of the alarm: both trials would wait for ten minutes.
    let mappings = clients.lambda.list_event_source_mappings().send().await.expect("mappings");
    let uuid = mappings.event_source_mappings()[0].uuid().expect("an id").to_owned();
    clients.lambda.update_event_source_mapping().uuid(uuid).enabled(false).send().await.expect("it is off");
    interrupt(&local, &["queues.jobs"], async || messages(&clients, "post-jobs").await == "1+0").await;
    for queue in ["post-jobs", "post-jobs-dlq", "post-inbox"] {
        assert_eq!(messages(&clients, queue).await, "0+0", "{queue}");
    }
    let silent = clients.cloudwatch.put_metric_alarm().alarm_name("post-waiting").namespace("AWS/SQS");
    let silent = silent.metric_name("ApproximateNumberOfMessagesVisible").threshold(100.0).evaluation_periods(1);
    let silent = silent.comparison_operator("GreaterThanThreshold".into()).period(60).statistic("Maximum".into());
    silent.treat_missing_data("notBreaching").send().await.expect("the alarm changes");
    interrupt(&local, &["alarms.waiting"], async || alarm(&clients).await == "ALARM").await;
    assert_eq!(alarm(&clients).await, before);
}
