//! Operating a deployed stack: status, adopt, refresh-only, logs, invoke, trace.

use std::io::Write as _;

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;
use zip::write::SimpleFileOptions;

use crate::bench::{Bench, changes};
use crate::catalog::inventory;
use crate::lifecycle::SHOP;

/// A function that answers with its input, and fails if the input says so.
pub const ECHO: &str = r#"#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as event:
        body, request = json.load(event), event.headers["Lambda-Runtime-Aws-Request-Id"]
    path, answer = ("/error", {"errorType": "Boom", "errorMessage": "as asked"}) if body.get("fail") else ("/response", body)
    urllib.request.urlopen(urllib.request.Request(api + request + path, json.dumps(answer).encode(), method="POST")).read()
"#;

pub fn zip_of(script: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("bootstrap", SimpleFileOptions::default().unix_permissions(0o755)).expect("a new entry");
    writer.write_all(script.as_bytes()).expect("an entry's bytes");
    writer.finish().expect("a whole zip").into_inner()
}

async fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_millis()).expect("a time")
}

/// Writes lines of (milliseconds ago, text) into a function's log, as Lambda does.
pub async fn log(bench: &Bench, group: &str, lines: &[(i64, &str)]) {
    log_stream(bench, group, "s", lines).await;
}

/// Writes the log of one execution environment.
pub async fn log_stream(bench: &Bench, group: &str, stream: &str, lines: &[(i64, &str)]) {
    let logs = &bench.aws.clients.logs;
    logs.create_log_stream().log_group_name(group).log_stream_name(stream).send().await.expect("a stream");
    let now = now_ms().await;
    let event =
        |(ago, text): &(i64, &str)| InputLogEvent::builder().timestamp(now - ago).message(*text).build().unwrap();
    let events = lines.iter().map(event).collect();
    let put = logs.put_log_events().log_group_name(group).log_stream_name(stream).set_log_events(Some(events));
    put.send().await.expect("lines are kept");
}

#[tokio::test]
async fn status_shows_what_is_missing_drifted_and_ill() {
    let bench = Bench::new(SHOP).await;
    let before = bench.ok(&["status"]);
    assert!(before.contains("missing") && !before.contains("\nok "), "{before}");
    bench.apply();
    let well = bench.ok(&["status"]);
    assert!(well.contains("queues.orders") && well.contains("0 waiting, 0 in flight"), "{well}");
    assert!(!well.contains("missing") && !well.contains("drifted") && well.contains(", all healthy."), "{well}");
    bench.ok(&["status", "--check"]);
    let clients = &bench.aws.clients;
    let url = |name| clients.sqs.get_queue_url().queue_name(name).send();
    let dead = url("shop-orders-dlq").await.unwrap().queue_url.unwrap();
    clients.sqs.send_message().queue_url(dead).message_body("bad").send().await.unwrap();
    let spare = url("shop-spare").await.unwrap().queue_url.unwrap();
    clients.sqs.delete_queue().queue_url(spare).send().await.unwrap();
    let orders = url("shop-orders").await.unwrap().queue_url.unwrap();
    let set = clients.sqs.set_queue_attributes().queue_url(orders);
    set.attributes(QueueAttributeName::VisibilityTimeout, "90").send().await.unwrap();
    clients
        .cloudwatch
        .set_alarm_state()
        .alarm_name("shop-age")
        .state_value("ALARM".into())
        .state_reason("old")
        .send()
        .await
        .unwrap();
    let ran = bench.run(&["status", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let status = ran.lines().remove(0);
    let of = |address: &str| {
        let all = status["resources"].as_array().expect("a list");
        all.iter().find(|row| row["address"] == address).expect("each resource is there")["status"].clone()
    };
    assert_eq!(of("queues.orders.dead_letter"), "attention", "{status:#}");
    assert_eq!(of("queues.spare"), "missing");
    assert_eq!(of("functions.worker"), "ok");
    assert_eq!(of("alarms.age"), "attention");
    assert_eq!(of("queues.orders"), "drifted");
    assert_eq!(status["healthy"], false);
    let checked = bench.run(&["status", "--check"]);
    assert_eq!(checked.code, Some(1), "{checked}");
    let dead = "1 message in the dead-letter queue: `deployer queue peek shop-orders-dlq`";
    assert!(checked.stdout.contains(dead), "{checked}");
    bench.ok(&["queue", "peek", "shop-orders-dlq"]);
}

#[tokio::test]
async fn adopt_takes_over_one_resource_and_nothing_else() {
    let stack = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
queues:
  orders: { name: orders, visibility_timeout: 45s }
  spare: {}
";
    let bench = Bench::new(stack).await;
    let absent = bench.fails(&["adopt", "queues.orders", "-y"]);
    assert!(absent.stderr.contains("adopt::absent"), "{absent}");
    bench.aws.clients.sqs.create_queue().queue_name("orders").send().await.unwrap();
    let unasked = bench.fails(&["adopt", "queues.orders"]);
    assert!(unasked.stderr.contains("--auto-approve"), "{unasked}");
    let other = bench.fails(&["adopt", "queues.orders", "jobs", "-y"]);
    assert!(other.stderr.contains("adopt::other") && other.stderr.contains("not jobs"), "{other}");
    let unknown = bench.fails(&["adopt", "queues.order", "-y"]);
    assert!(unknown.stderr.contains("did you mean `queues.orders`?"), "{unknown}");
    let text = bench.ok(&["adopt", "queues.orders", "orders", "-y"]);
    assert!(text.contains("← queues.orders") && !text.contains("queues.spare"), "{text}");
    assert_eq!(inventory(&bench.aws).await.len(), 1, "adopting makes nothing");
    assert_eq!(changes(&bench.plan()), ["create queues.spare"]);
    let again = bench.fails(&["adopt", "queues.orders", "-y"]);
    assert!(again.stderr.contains("adopt::ours"), "{again}");
}

#[tokio::test]
async fn what_carries_marks_of_its_own_is_not_left_out_of_an_adoption() {
    let bench = Bench::new(WITH_API).await;
    let clients = &bench.aws.clients;
    clients.logs.create_log_group().log_group_name("/aws/lambda/shop-worker").send().await.unwrap();
    let function = clients.lambda.create_function().function_name("shop-worker").handler("bootstrap");
    let function = function.role(format!("arn:aws:iam::{}:role/other", bench.aws.place.account));
    let code = aws_sdk_lambda::primitives::Blob::new(std::fs::read(bench.path().join("worker.zip")).unwrap());
    let code = aws_sdk_lambda::types::FunctionCode::builder().zip_file(code).build();
    function.runtime(aws_sdk_lambda::types::Runtime::Providedal2023).code(code).send().await.unwrap();
    let other = bench.fails(&["adopt", "functions.worker", "jobs", "-y"]);
    assert!(other.stderr.contains("`functions.worker` means shop-worker, not jobs"), "{other}");
    let incomplete = bench.fails(&["adopt", "functions.worker", "shop-worker", "-y"]);
    assert!(incomplete.stderr.contains("adopt::incomplete"), "{incomplete}");
}

const WITH_API: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
functions:
  worker: { zip: worker.zip }
apis:
  shop: { routes: { \"POST /orders\": worker } }
";

#[tokio::test]
async fn a_rest_api_is_adopted_by_its_id() {
    let bench = Bench::new(WITH_API).await;
    let apis = &bench.aws.clients.apigateway;
    let made = apis.create_rest_api().name("shop-shop").send().await.unwrap().id.unwrap();
    let wrong = bench.fails(&["adopt", "apis.shop", "none", "-y"]);
    assert!(wrong.stderr.contains("adopt::absent"), "{wrong}");
    bench.ok(&["adopt", "apis.shop", &made, "-y"]);
    bench.apply();
    bench.settled();
    let all = apis.get_rest_apis().send().await.unwrap().items.unwrap_or_default();
    assert_eq!(all.iter().filter_map(|api| api.id.as_deref()).collect::<Vec<_>>(), [made]);
}

#[tokio::test]
async fn a_stage_that_needs_what_does_not_exist_yet_is_adopted_by_the_next_apply() {
    let bench = Bench::new(WITH_API).await;
    bench.ok(&["apply", "-y", "--target", "functions.worker"]);
    let apis = &bench.aws.clients.apigateway;
    let made = apis.create_rest_api().name("shop-shop").send().await.unwrap().id.unwrap();
    let parts = apis.get_resources().rest_api_id(&made).send().await.unwrap().items.unwrap_or_default();
    let root = parts[0].id().expect("an id");
    let part = apis.create_resource().rest_api_id(&made).parent_id(root).path_part("orders").send().await.unwrap();
    let method = apis.put_method().rest_api_id(&made).resource_id(part.id().unwrap()).http_method("POST");
    method.authorization_type("AWS_IAM").send().await.unwrap();
    let mock = apis.put_integration().rest_api_id(&made).resource_id(part.id().unwrap()).http_method("POST");
    mock.r#type(aws_sdk_apigateway::types::IntegrationType::Mock).send().await.unwrap();
    apis.create_deployment().rest_api_id(&made).stage_name("Prod").send().await.unwrap();
    let ran = bench.run(&["adopt", "apis.shop", &made, "-y"]);
    let note = "! apis.shop.stage: needs a resource that does not exist yet; the next `deployer apply` adopts it";
    assert!(ran.stdout.contains(note), "{ran}");
    assert!(ran.stdout.contains("2 to adopt"), "its route, and not the stage that waits for a permission: {ran}");
    let text = bench.ok(&["plan"]);
    assert!(text.contains("← apis.shop.stage") && text.contains("+ apis.shop.permission[POST /orders]"), "{text}");
    bench.apply();
    let text = bench.ok(&["plan"]);
    assert!(text.contains("No changes. ") && text.contains("has deployments that stack.yaml does not have"), "{text}");
}

#[tokio::test]
async fn refresh_only_lets_the_state_learn_and_leaves_aws_alone() {
    let bench = Bench::new(SHOP).await;
    bench.apply();
    let clients = &bench.aws.clients;
    let spare = clients.sqs.get_queue_url().queue_name("shop-spare").send().await.unwrap().queue_url.unwrap();
    clients.sqs.delete_queue().queue_url(spare).send().await.unwrap();
    let function = clients.lambda.update_function_configuration().function_name("shop-worker");
    function.timeout(33).send().await.unwrap();
    let before = inventory(&bench.aws).await;
    let state = bench.state().await;
    let plan = bench.ok(&["plan", "--refresh-only"]);
    assert!(plan.contains("Refresh only: 2 drifted, 1 to forget, 0 to record. AWS is not changed."), "{plan}");
    assert!(plan.contains("functions.worker timeout: 10 → 33 (this plan records it)"), "{plan}");
    assert!(
        plan.contains("queues.spare was deleted outside deployer (this plan will remove it from the state)"),
        "{plan}"
    );
    assert_eq!(bench.run(&["plan", "--refresh-only", "--detailed-exitcode"]).code, Some(2));
    assert_eq!(bench.state().await, state, "a plan writes nothing");
    let learned = bench.run(&["apply", "--refresh-only", "-y", "--json"]);
    let summary = learned.lines().pop().expect("a summary");
    assert_eq!(summary["done"], serde_json::json!(["functions.worker", "queues.spare"]), "{learned}");
    assert_eq!((&summary["failed"], &summary["not_started"]), (&serde_json::json!([]), &serde_json::json!([])));
    let again = bench.ok(&["apply", "--refresh-only", "-y"]);
    assert!(again.contains("No changes. The state has ") && again.contains(" as AWS has them."), "{again}");
    assert_eq!(inventory(&bench.aws).await, before);
    let state = bench.state().await.expect("a state");
    assert_eq!(state["resources"]["functions.worker"]["inputs"]["timeout"], 33);
    assert_eq!(state["resources"].get("queues.spare"), None);
    assert_eq!(bench.run(&["drift"]).code, Some(0), "what the state has learned is no drift");
    assert_eq!(changes(&bench.plan()), ["update functions.worker timeout", "create queues.spare"]);
    bench.delete_object("shop.json").await;
    bench.ok(&["apply", "--refresh-only", "-y"]);
    assert_eq!(inventory(&bench.aws).await, before);
    assert_eq!(bench.run(&["drift"]).code, Some(0));
    bench.apply();
    bench.settled();
}

#[tokio::test]
async fn logs_are_merged_by_time_and_traced_by_an_id() {
    let stack = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
functions:
  first: { zip: worker.zip }
  second: { zip: worker.zip }
";
    let bench = Bench::new(stack).await;
    assert_eq!(bench.ok(&["logs"]), "", "no group yet is no line");
    bench.apply();
    let said = r#"{"level":"INFO","message":"taken","correlation_id":"c-7"}"#;
    log(&bench, "/aws/lambda/shop-first", &[(9_000, said), (3_600_000, "long ago")]).await;
    log(&bench, "/aws/lambda/shop-second", &[(8_000, "START c-7"), (1_000, "END other")]).await;
    let lines = bench.ok(&["logs"]);
    let words: Vec<Vec<&str>> = lines.lines().map(|line| line.split("  ").skip(1).map(str::trim).collect()).collect();
    assert_eq!(words[0], ["first", "INFO  taken", "correlation_id=c-7"].join("  ").split("  ").collect::<Vec<_>>());
    assert_eq!(words[1..], [vec!["second", "START c-7"], vec!["second", "END other"]]);
    assert!(bench.ok(&["logs", "--since", "2h", "first"]).contains("long ago"));
    let traced = bench.run(&["trace", "c-7"]);
    assert_eq!((traced.code, traced.stdout.lines().count()), (Some(0), 2), "{traced}");
    assert!(traced.stdout.contains("+0.000 s") && traced.stderr.contains("2 lines in "), "{traced}");
    let object = bench.run(&["trace", "c-7", "--json"]).lines().remove(0);
    assert_eq!(object["message"]["message"], json!("taken"));
    assert!(bench.fails(&["trace", "c-8"]).stderr.contains("trace::nothing"));
    let unknown = bench.fails(&["logs", "frist"]);
    assert!(unknown.stderr.contains("did you mean `first`?"), "{unknown}");
}

#[tokio::test]
async fn invoke_prints_the_answer_and_tells_a_failure_apart() {
    let stack = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
functions:
  echo: { zip: echo.zip }
";
    let bench = Bench::new(stack).await;
    std::fs::write(bench.path().join("echo.zip"), zip_of(ECHO)).expect("a file");
    bench.apply();
    assert_eq!(bench.ok(&["invoke", "echo", r#"{"a":1}"#]).trim(), r#"{"a": 1}"#);
    bench.write("event.json", r#"{"b":2}"#);
    assert_eq!(bench.ok(&["invoke", "functions.echo", "@event.json"]).trim(), r#"{"b": 2}"#);
    let failed = bench.fails(&["invoke", "shop-echo", r#"{"fail":true}"#]);
    assert!(failed.stdout.contains("as asked") && failed.stderr.contains("invoke::function-error"), "{failed}");
    let broken = bench.fails(&["invoke", "echo", "{"]);
    assert!(broken.stderr.contains("invoke::payload"), "{broken}");
}
