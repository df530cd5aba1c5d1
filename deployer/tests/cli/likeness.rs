//! The local cloud answers like AWS where a stack notices the difference: mail, alarms, logs, versions, processes.

mod answers;
mod apis;
mod buckets;
mod delivery;
mod destinations;
mod events;
mod http_apis;
mod notifications;
mod rules;
mod scene;
mod subscriptions;
mod tables;
mod urls;

use std::path::Path;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sqs::types::QueueAttributeName;
use deployer::aws::Clients;
use serde_json::{Value, json};

use crate::bench::RunOutput;
use crate::local::Local;
use crate::operate::zip_of;

const STACK: &str = r#"
stack: like
region: eu-west-1
topics: { alarms: { subscriptions: [{ email: me@example.com }] } }
queues: { jobs: {} }
functions: { worker: { zip: worker.zip, timeout: 60s, log_format: JSON, application_log_level: DEBUG } }
alarms:
  waiting:
    namespace: AWS/SQS
    metric_name: ApproximateNumberOfMessagesVisible
    dimensions: { QueueName: "${queues.jobs.name}" }
    statistic: Maximum
    comparison_operator: GreaterThanOrEqualToThreshold
    threshold: 1
    period: 60s
    evaluation_periods: 1
    treat_missing_data: notBreaching
    alarm_actions: ["${topics.alarms.arn}"]
  failing:
    namespace: AWS/Lambda
    metric_name: Errors
    dimensions: { FunctionName: "${functions.worker.name}" }
    statistic: Sum
    comparison_operator: GreaterThanOrEqualToThreshold
    threshold: 1
    period: 60s
    evaluation_periods: 1
    treat_missing_data: notBreaching
    alarm_actions: ["${topics.alarms.arn}"]
"#;

/// A function whose answer has its word and its logging settings. On request it fails, or creates a file and waits for
/// another one.
const WORKER: &str = r#"#!/usr/bin/env python3
import json, os, time, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as event:
        body, request = json.load(event), event.headers["Lambda-Runtime-Aws-Request-Id"]
    if "wait" in body:
        open(body["started"], "w").close()
        while not os.path.exists(body["wait"]):
            time.sleep(0.01)
    log = {name: os.environ.get(name) for name in ("AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL", "NO_COLOR")}
    path, answer = "/response", {"word": "WORD", **log}
    if body.get("fail"):
        path, answer = "/error", {"errorType": "Boom", "errorMessage": "as asked"}
    urllib.request.urlopen(urllib.request.Request(api + request + path, json.dumps(answer).encode(), method="POST")).read()
"#;

fn worker(word: &str) -> Vec<u8> {
    zip_of(&WORKER.replace("WORD", word))
}

fn deploy(local: &Local, word: &str) {
    std::fs::write(local.dir.path().join("worker.zip"), worker(word)).expect("a file");
    local.ok(&["--local", "apply", "-y"]);
}

async fn invoke(clients: &Clients, event: &Value) -> Value {
    let call = clients.lambda.invoke().function_name("like-worker").payload(Blob::new(event.to_string()));
    let answer = call.send().await.expect("the function runs").payload.expect("an answer");
    serde_json::from_slice(answer.as_ref()).expect("JSON")
}

async fn state(clients: &Clients, alarm: &str) -> String {
    let found = clients.cloudwatch.describe_alarms().alarm_names(alarm).send().await.expect("alarms");
    found.metric_alarms()[0].state_value().expect("a state").as_str().to_owned()
}

fn mail(local: &Local) -> String {
    std::fs::read_to_string(local.text("mail")).expect("mail was written")
}

#[tokio::test]
async fn an_alarm_rings_and_its_mail_reaches_an_address_once_that_is_confirmed() {
    let local = Local::with(STACK, "worker.zip", &worker("one"));
    let waits = "`deployer local confirm me@example.com`";
    let applied = local.ok(&["--local", "apply", "-y"]);
    assert!(applied.stderr.contains(waits), "{applied}");
    let planned = local.ok(&["--local", "plan"]);
    assert!(planned.stderr.contains(waits), "{planned}");
    let plan = planned.stdout;
    assert!(plan.contains("No changes.") && plan.contains("confirm the e-mail subscription"), "{plan}");
    let status = local.ok(&["local", "status"]).stdout;
    assert!(status.contains(local.text("mail")), "{status}");
    let asked = mail(&local);
    assert!(asked.contains("To: me@example.com") && asked.contains("deployer local confirm me@example.com"), "{asked}");
    let list = local.ok(&["local", "confirm"]).stdout;
    assert_eq!(list.trim(), "me@example.com  arn:aws:sns:eu-west-1:000000000000:like-alarms");

    let clients = local.clients().await;
    assert_eq!(
        (state(&clients, "like-failing").await, state(&clients, "like-waiting").await),
        ("OK".into(), "OK".into())
    );
    assert_eq!(invoke(&clients, &json!({ "fail": true })).await["errorType"], "Boom");
    assert_eq!(state(&clients, "like-failing").await, "ALARM");
    assert_eq!(mail(&local), asked, "nothing is sent to an address that nobody confirmed");

    let other = local.run(&["local", "confirm", "you@example.com"]);
    assert!(other.code == Some(1) && other.stderr.contains("local::not-pending"), "{other}");
    local.ok(&["local", "confirm", "me@example.com"]);
    assert_eq!(local.ok(&["local", "confirm", "--json"]).stdout.trim(), "[]");
    let plan = local.ok(&["--local", "plan"]);
    assert!(plan.stdout.contains("No changes.") && !plan.to_string().contains("confirm"), "{plan}");

    let url = clients.sqs.get_queue_url().queue_name("like-jobs").send().await.expect("the queue").queue_url;
    clients.sqs.send_message().set_queue_url(url).message_body("a job").send().await.expect("it is sent");
    assert_eq!(state(&clients, "like-waiting").await, "ALARM");
    assert_eq!(state(&clients, "like-waiting").await, "ALARM");
    let sent = mail(&local);
    let rang = &sent[asked.len()..];
    assert_eq!(rang.matches("To: me@example.com").count(), 1, "{rang}");
    assert!(rang.contains("The alarm like-waiting is in ALARM; it was in OK."), "{rang}");
    assert!(rang.contains("QueueName like-jobs"), "{rang}");
    let seen = local.ok(&["--local", "status"]).stdout;
    assert!(seen.contains("attention"), "{seen}");
}

#[tokio::test]
async fn a_function_logs_as_planned_keeps_its_versions_and_finishes_its_requests() {
    let local = Local::with(STACK, "worker.zip", &worker("one"));
    local.ok(&["--local", "apply", "-y"]);
    let clients = local.clients().await;
    let answer = invoke(&clients, &json!({})).await;
    let expected =
        json!({ "word": "one", "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG", "NO_COLOR": "1" });
    assert_eq!(answer, expected);

    let file = |name: &str| local.dir.path().join(name);
    let (started, go) = (file("started"), file("go"));
    let event = json!({ "started": started, "wait": go });
    let changes = async {
        appears(&started).await;
        deploy(&local, "two");
        assert_eq!(invoke(&clients, &json!({})).await["word"], "two");
        std::fs::write(&go, "").expect("a file");
    };
    let (in_progress, ()) = tokio::join!(invoke(&clients, &event), changes);
    assert_eq!(in_progress["word"], "one", "a request in progress ends in the process that took it: {in_progress}");

    let back = local.ok(&["--local", "rollback", "-y"]);
    assert!(back.stdout.contains("version 2 → version 1"), "{back}");
    assert_eq!(invoke(&clients, &json!({})).await["word"], "one");
}

#[tokio::test]
async fn permissions_are_enough_for_a_plan_by_its_printed_policy_and_no_less_is() {
    let local = Local::with(STACK, "worker.zip", &worker("one"));
    local.ok(&["--local", "apply", "-y"]);
    let policy = local.ok(&["--local", "iam", "plan"]).stdout;
    let clients = local.clients().await;
    clients.iam.create_user().user_name("planner").send().await.expect("a user");
    let made = clients.iam.create_access_key().user_name("planner").send().await.expect("a key");
    let key = made.access_key.expect("a key");
    let endpoint = format!("--endpoint-url={}", local.text("endpoint_url"));
    for (document, code) in [(policy.replace("sns:ListTagsForResource", "sns:Publish"), 1), (policy, 0)] {
        let put = clients.iam.put_user_policy().user_name("planner").policy_name("plan").policy_document(document);
        put.send().await.expect("a policy");
        let mut plan = local.command(&[&endpoint, "plan"]);
        plan.env("AWS_ACCESS_KEY_ID", &key.access_key_id).env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
        let ran = RunOutput::of(plan.output().expect("the binary runs"));
        assert_eq!(ran.code, Some(code), "{ran}");
        assert_eq!(ran.stderr.contains("aws::access-denied"), code == 1, "{ran}");
    }
}

#[tokio::test]
async fn a_policy_is_compared_with_the_whole_arns_of_roles_profiles_and_new_functions() {
    for (off, is_compared) in [(&[][..], true), (&["named-resources"], false)] {
        let local = Local::without(off, "--check-permissions");
        let root = local.clients().await;
        root.iam.create_user().user_name("maker").send().await.expect("a user");
        let key =
            root.iam.create_access_key().user_name("maker").send().await.expect("a key").access_key.expect("a key");
        let arn = |resource: &str| format!("arn:aws:iam::000000000000:{resource}");
        let resources = [arn("role/team/like-role"), arn("instance-profile/team/like-profile")];
        let function = "arn:aws:lambda:eu-west-1:000000000000:function:like-*".to_owned();
        let statement = |action: &str, resources: Vec<String>| json!({ "Effect": "Allow", "Action": action, "Resource": resources });
        let pass = statement("iam:PassRole", vec!["*".to_owned()]);
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            statement("iam:*", resources.to_vec()), statement("lambda:CreateFunction", vec![function]), pass,
        ]});
        let put = root.iam.put_user_policy().user_name("maker").policy_name("p").policy_document(policy.to_string());
        put.send().await.expect("a policy");

        let clients = local.clients_of(&key.access_key_id, &key.secret_access_key).await;
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let role = clients.iam.create_role().role_name("like-role").path("/team/").assume_role_policy_document(trust);
        let role = role.send().await.is_ok() && clients.iam.get_role().role_name("like-role").send().await.is_ok();
        let profile = clients.iam.create_instance_profile().instance_profile_name("like-profile").path("/team/");
        let profile = profile.send().await.is_ok();
        let create = |name: &str| {
            let create = clients.lambda.create_function().function_name(name).role(arn("role/team/like-role"));
            let code = aws_sdk_lambda::types::FunctionCode::builder().zip_file(Blob::new(zip_of(WORKER))).build();
            create.runtime("provided.al2023".into()).handler("bootstrap").code(code).send()
        };
        let (own, other) = (create("like-own").await.is_ok(), create("other").await.is_ok());
        assert_eq!((role, profile, own, other), (is_compared, is_compared, is_compared, false), "{off:?}");
    }
}

#[tokio::test]
async fn a_sender_to_an_encrypted_queue_or_topic_needs_its_key() {
    for (off, needed) in [(&[][..], true), (&["caller-key"], false)] {
        let local = Local::without(off, "--check-permissions");
        let root = local.clients().await;
        let queue = root.sqs.create_queue().queue_name("secret");
        let queue = queue.attributes(QueueAttributeName::KmsMasterKeyId, "alias/mine").send().await.expect("a queue");
        let topic = root.sns.create_topic().name("secret").attributes("KmsMasterKeyId", "alias/mine");
        let topic = topic.send().await.expect("a topic").topic_arn.expect("its ARN");
        root.iam.create_user().user_name("sender").send().await.expect("a user");
        let key =
            root.iam.create_access_key().user_name("sender").send().await.expect("a key").access_key.expect("a key");
        let clients = local.clients_of(&key.access_key_id, &key.secret_access_key).await;
        for (actions, refused) in [(r#"["sqs:*", "sns:*"]"#, needed), (r#"["sqs:*", "sns:*", "kms:*"]"#, false)] {
            let policy = format!(
                r#"{{ "Version": "2012-10-17", "Statement": [{{ "Effect": "Allow", "Action": {actions}, "Resource": "*" }}] }}"#
            );
            let put = root.iam.put_user_policy().user_name("sender").policy_name("p").policy_document(policy);
            put.send().await.expect("a policy");
            let url = queue.queue_url().expect("a URL");
            let sent = clients.sqs.send_message().queue_url(url).message_body("x").send().await;
            let sent = sent.map_err(|error| error.into_service_error().is_kms_access_denied());
            let published = clients.sns.publish().topic_arn(&topic).message("x").send().await;
            let published = published.map_err(|error| error.into_service_error().is_kms_access_denied_exception());
            let expected = if refused { (Some(true), Some(true)) } else { (None, None) };
            assert_eq!((sent.err(), published.err()), expected, "{off:?} {actions}");
        }
    }
}

#[tokio::test]
async fn permissions_are_not_enforced_on_request_and_a_running_cloud_keeps_to_it() {
    let mut local = Local::with(STACK, "worker.zip", &worker("one"));
    let other = local.run(&["local", "start", "--no-check-permissions"]);
    assert!(other.code == Some(1) && other.stderr.contains("`deployer local stop` first"), "{other}");
    local.restart("--no-check-permissions");
    local.ok(&["local", "start"]);
    let clients = local.clients().await;
    clients.iam.create_user().user_name("nobody").send().await.expect("a user");
    let made = clients.iam.create_access_key().user_name("nobody").send().await.expect("a key");
    let key = made.access_key.expect("a key");
    let endpoint = format!("--endpoint-url={}", local.text("endpoint_url"));
    let plan = || {
        let mut plan = local.command(&[&endpoint, "plan"]);
        plan.env("AWS_ACCESS_KEY_ID", &key.access_key_id).env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
        RunOutput::of(plan.output().expect("the binary runs"))
    };
    let allowed = plan();
    assert_eq!(allowed.code, Some(0), "{allowed}");
    local.ok(&["local", "stop"]);
    local.ok(&["local", "start"]);
    let denied = plan();
    assert!(denied.code == Some(1) && denied.stderr.contains("aws::access-denied"), "{denied}");
}

async fn appears(path: &Path) {
    while !path.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
