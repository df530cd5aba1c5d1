//! `/pictures` of the binary behind the HTTP API, as Lambda runs it: prompts that are drawn later.

use crate::support::{Answer, Function, Reply};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_generate-image");
const WORKER: &str = env!("CARGO_BIN_EXE_image-worker");
const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";
const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/image-requests-32";
const VARIABLES: [(&str, &str); 2] = [("QUEUE_URL", QUEUE), ("PICTURES_PREFIX", "32/pictures")];

fn start() -> Function {
    Function::with_env(BINARY, |_, _| Reply::Picture, &VARIABLES)
}

/// Returns the event of a REST API.
fn event(method: &str, path: &str) -> Value {
    json!({
        "resource": path, "path": path, "httpMethod": method,
        "headers": {"Content-Type": "application/json", "X-Forwarded-Proto": "https", "X-Correlation-Id": "corr-1"},
        "requestContext": {
            "requestId": "gateway-1", "stage": "Prod", "path": format!("/Prod{path}"),
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
        },
        "body": null, "isBase64Encoded": false
    })
}

fn asking(prompt: &str) -> Value {
    let mut event = event("POST", "/pictures");
    event["body"] = json!(json!({ "prompt": prompt }).to_string());
    event
}

fn asking_with_key(prompt: &str) -> Value {
    let mut event = asking(prompt);
    event["headers"]["Idempotency-Key"] = json!(KEY);
    event
}

fn showing(id: &str) -> Value {
    event("GET", &format!("/pictures/{id}"))
}

fn told(answer: &Answer) -> (u64, Value) {
    assert_eq!(answer.kind, "response", "{:?}", answer.body);
    assert_eq!(answer.body["headers"]["Cache-Control"], "no-store");
    let body = serde_json::from_str(answer.body["body"].as_str().unwrap()).unwrap();
    (answer.body["statusCode"].as_u64().unwrap(), body)
}

fn id_of(answer: &Answer) -> String {
    let (status, body) = told(answer);
    assert_eq!(status, 202, "{body}");
    body["id"].as_str().unwrap().to_owned()
}

fn record_key(id: &str) -> String {
    format!("32/pictures/requests/{id}.json")
}

#[test]
fn a_prompt_is_queued_and_its_id_can_be_asked_after() {
    let function = start();
    let answer = function.invoke(asking("a moon"));
    let id = id_of(&answer);
    let (_, body) = told(&answer);
    let url = format!("https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/Prod/pictures/{id}");
    assert_eq!(body, json!({"id": id, "status": "pending", "status_url": url}));
    assert_eq!(answer.body["headers"]["Location"], url);

    let sent = function.sent();
    assert_eq!((sent.len(), &sent[0]["MessageBody"], &sent[0]["QueueUrl"]), (1, &json!("a moon"), &json!(QUEUE)));
    let text = |value: &str| json!({"DataType": "String", "StringValue": value});
    assert_eq!(sent[0]["MessageAttributes"], json!({"picture_id": text(&id), "correlation_id": text("corr-1")}));
    assert!(function.prompts().is_empty());

    let answer = function.invoke(showing(&id));
    assert_eq!(told(&answer), (200, json!({"id": id, "status": "pending"})));
    assert_eq!(answer.body["headers"]["Retry-After"], "3");
}

#[test]
fn ids_are_random_without_a_key() {
    let function = start();
    let ids: Vec<_> = (0..2).map(|_| id_of(&function.invoke(asking("a moon")))).collect();
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");
}

#[test]
fn what_was_queued_is_drawn_by_the_worker_and_shown() {
    let front = start();
    let id = id_of(&front.invoke(asking("a moon, “fine”\n")));
    let sent = front.sent().remove(0);

    let worker = Function::with_env(WORKER, |_, _| Reply::Picture, &[("PREFIX", "32/pictures")]);
    worker.place(&record_key(&id), &front.object(&record_key(&id)).unwrap());
    let attribute =
        |name: &str| json!({"dataType": "String", "stringValue": sent["MessageAttributes"][name]["StringValue"]});
    let record = json!({
        "messageId": "m-1", "receiptHandle": "r-1", "body": sent["MessageBody"],
        "messageAttributes": {"picture_id": attribute("picture_id"), "correlation_id": attribute("correlation_id")}
    });
    let answer = worker.invoke(json!({"Records": [record]}));
    assert_eq!(answer.body["batchItemFailures"], json!([]));
    let put = worker.puts().remove(0);
    assert_eq!(put.header("x-amz-meta-correlation-id"), "corr-1");

    front.place(&record_key(&id), &worker.object(&record_key(&id)).unwrap());
    let (status, body) = told(&front.invoke(showing(&id)));
    assert_eq!((status, &body["status"]), (200, &json!("done")));
    assert_eq!(body["image_uri"], format!("s3:/{}", put.path));
    let url = body["image_url"].as_str().unwrap();
    assert!(url.contains(&format!("{}?", put.path)), "{url}");
    assert!(url.contains("X-Amz-Expires=600") && url.contains("X-Amz-Signature="), "{url}");
}

#[test]
fn a_request_that_is_sent_again_with_its_key_has_the_same_id_and_is_queued_again_while_nobody_draws_it() {
    let function = start();
    let id = id_of(&function.invoke(asking_with_key("a moon")));
    assert!(!KEY.contains(&id));
    assert_eq!(id_of(&function.invoke(asking_with_key("a moon"))), id);
    assert_eq!(function.sent().len(), 2);
    assert_eq!(function.sent()[0]["MessageAttributes"], function.sent()[1]["MessageAttributes"]);
}

#[test]
fn a_prompt_that_is_being_drawn_or_over_is_not_queued_again() {
    let function = start();
    let id = id_of(&function.invoke(asking_with_key("a moon")));
    let queued = function.object(&record_key(&id)).unwrap();
    let with = |fields: Value| {
        let mut record = queued.clone();
        record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        record
    };
    let picture = json!({"key": "32/pictures/titan_7.png", "uri": "s3://images/x", "seed": 7, "model_id": "m"});
    let rejection = json!({"reason": "filtered", "message": "The content filter refused the prompt or its picture."});
    for (record, status, shown, messages) in [
        (with(json!({"status": "drawing", "claim": {"token": "t", "until_ms": u64::MAX / 2}})), 202, "pending", 1),
        (with(json!({"status": "done", "picture": picture})), 200, "done", 1),
        (with(json!({"status": "rejected", "rejection": rejection})), 200, "rejected", 1),
        // A claim that has ended: its process died, and its message may be in the dead-letter queue.
        (with(json!({"status": "drawing", "claim": {"token": "t", "until_ms": 1}})), 202, "pending", 2),
    ] {
        function.place(&record_key(&id), &record);
        let (code, body) = told(&function.invoke(asking_with_key("a moon")));
        assert_eq!((code, &body["status"], &body["id"]), (status, &json!(shown), &json!(id)));
        assert_eq!(function.sent().len(), messages, "{record}");
    }
}

#[test]
fn a_key_of_another_prompt_is_422_and_queues_nothing() {
    let function = start();
    id_of(&function.invoke(asking_with_key("a moon")));
    assert_eq!(told(&function.invoke(asking_with_key("a sun"))).0, 422);
    assert_eq!(function.sent().len(), 1);
}

#[test]
fn a_prompt_that_cannot_be_drawn_or_queued_is_400_at_once_and_leaves_nothing() {
    let function = start();
    for prompt in ["", " \n", &"x".repeat(10_001), "a\u{1b}[31m moon", "a moon\0", "\u{ffff}"] {
        let (status, body) = told(&function.invoke(asking_with_key(prompt)));
        assert_eq!(status, 400, "{prompt:?}: {body}");
    }
    assert!(function.sent().is_empty());
    assert_eq!(id_of(&function.invoke(asking_with_key("a moon\twith\r\nlines å 🌙"))).len(), 32);
}

#[test]
fn a_rejected_prompt_is_shown_with_its_reason() {
    let function = start();
    let id = id_of(&function.invoke(asking("a moon")));
    let mut record = function.object(&record_key(&id)).unwrap();
    record["status"] = json!("rejected");
    record["rejection"] = json!({"reason": "too_long", "message": "The prompt has 600 characters; …"});
    function.place(&record_key(&id), &record);
    let expected =
        json!({"id": id, "status": "rejected", "reason": "too_long", "error": "The prompt has 600 characters; …"});
    assert_eq!(told(&function.invoke(showing(&id))), (200, expected));
}

#[test]
fn an_unknown_or_malformed_id_is_404_and_the_operator_reads_why() {
    let function = start();
    for id in ["0123", "..%2f..%2fsecret", "a b", &"x".repeat(129)] {
        let (status, body) = told(&function.invoke(showing(id)));
        assert_eq!(status, 404, "{id}: {body}");
        assert!(!body.to_string().contains("AccessDenied"), "{body}");
    }
    let log = function.log();
    let line = log.iter().find(|line| line["cause"].is_string()).unwrap();
    assert_eq!((&line["level"], &line["status"]), (&json!("WARN"), &json!(404)));
    assert!(line["cause"].as_str().unwrap().contains("s3:GetObject"), "{line}");
}

#[test]
fn a_record_that_cannot_be_read_is_502() {
    let function = start();
    function.place(&record_key("abc"), &json!({"status": "painted"}));
    assert_eq!(told(&function.invoke(showing("abc"))).0, 502);
}

#[test]
fn a_queue_that_refuses_is_502_and_neither_its_words_nor_the_prompt_get_about() {
    let function = start();
    let answer = function.invoke(asking("an unsendable moon over Ola's house"));
    assert_eq!(told(&answer).0, 502);
    assert!(!answer.body.to_string().contains("123456789012"));
    let log = function.log();
    let line = log.iter().find(|line| line["level"] == "ERROR").unwrap();
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("sqs:SendMessage 403 AccessDeniedException") && !error.contains("Ola"), "{error}");
}

#[test]
fn without_a_queue_prompts_for_later_are_501_and_the_log_says_why() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    assert_eq!(told(&function.invoke(asking("a moon"))).0, 501);
    let log = function.log();
    assert!(log.iter().any(|line| line["level"] == "ERROR" && line["error"] == "QUEUE_URL is not set"), "{log:?}");
}

#[test]
fn each_path_has_its_method() {
    let function = start();
    for (method, path, allowed) in [
        ("GET", "/pictures", "POST"),
        ("HEAD", "/pictures/abc", "GET"),
        ("PUT", "/pictures/abc", "GET"),
        ("POST", "/pictures/abc", "GET"),
        ("OPTIONS", "/pictures", "POST"),
        ("DELETE", "/generate-image", "POST"),
    ] {
        let answer = function.invoke(event(method, path));
        assert_eq!(told(&answer).0, 405, "{method} {path}");
        assert_eq!(answer.body["headers"]["Allow"], allowed);
    }
}
