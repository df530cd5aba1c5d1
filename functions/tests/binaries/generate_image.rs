//! The binary behind `POST /generate-image`, as Lambda runs it.

use crate::support::{Answer, Function, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_generate-image");

/// The event of a REST API with Lambda proxy integration, as API Gateway documents it.
fn event(method: &str, body: Value) -> Value {
    json!({
        "resource": "/generate-image",
        "path": "/generate-image",
        "httpMethod": method,
        "headers": {"Accept": "*/*", "Content-Type": "application/json", "x-CORRELATION-id": "corr-1"},
        "multiValueHeaders": {"Accept": ["*/*"], "Content-Type": ["application/json"]},
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "pathParameters": null,
        "stageVariables": null,
        "requestContext": {
            "accountId": "000000000000", "apiId": "a1b2c3d4e5", "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            "httpMethod": method, "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl/8.5.0", "cognitoIdentityId": null},
            "path": "/Prod/generate-image", "protocol": "HTTP/1.1", "requestId": "gateway-1",
            "requestTimeEpoch": 1732289999000_i64, "resourceId": "abc123", "resourcePath": "/generate-image", "stage": "Prod"
        },
        "body": body,
        "isBase64Encoded": false
    })
}

fn prompt(text: &str) -> Value {
    event("POST", json!(json!({ "prompt": text }).to_string()))
}

fn picture(_: &str, _: usize) -> Reply {
    Reply::Picture
}

/// Asserts the shape API Gateway demands; returns the status and the body's JSON.
fn proxy(answer: &Answer) -> (u64, Value) {
    assert_eq!(answer.kind, "response", "{:?}", answer.body);
    assert_eq!(answer.body["isBase64Encoded"], false);
    assert_eq!(answer.body["headers"]["Content-Type"], "application/json");
    let status = answer.body["statusCode"].as_u64().unwrap();
    let body = answer.body["body"].as_str().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

#[test]
fn a_prompt_becomes_a_picture_in_the_bucket() {
    let function = Function::start(BINARY, picture);
    let answer = function.invoke(prompt("a moon"));
    let (status, body) = proxy(&answer);
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["message"], "Image generated successfully");
    assert_eq!(answer.body["headers"]["X-Correlation-Id"], "corr-1");

    let puts = function.puts();
    assert_eq!(puts.len(), 1);
    let put = &puts[0];
    let seed = put.header("x-amz-meta-seed");
    assert!(seed.parse::<u32>().unwrap() <= 2_147_483_646);
    assert_eq!(put.path, format!("/images/32/generated_images/titan_{seed}.png"));
    assert_eq!(body["image_uri"], format!("s3:/{}", put.path));
    assert!(put.body.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(put.header("content-type"), "image/png");
    assert_eq!(put.header("x-amz-meta-correlation-id"), "corr-1");
    assert_eq!(put.header("x-amz-meta-request-id"), "request-1");
    assert_eq!(put.header("x-amz-meta-model-id"), "stability.stable-image-core-v1:1");
    assert_eq!(put.header("x-amz-meta-prompt-sha256"), functions::prompt::Prompt::new("a moon", 100).unwrap().sha256());

    let log = function.log();
    let line = log.iter().find(|line| line["message"] == "image stored").unwrap();
    assert_eq!(line["request_id"], "request-1");
    assert_eq!(line["correlation_id"], "corr-1");
    assert_eq!(line["image_uri"], body["image_uri"]);
}

#[test]
fn one_process_serves_one_event_after_the_other() {
    let function = Function::start(BINARY, picture);
    for text in ["first", "second", "third"] {
        assert_eq!(proxy(&function.invoke(prompt(text))).0, 200);
    }
    assert_eq!(function.prompts(), ["first", "second", "third"]);
}

#[test]
fn a_base64_body_is_understood() {
    let function = Function::start(BINARY, picture);
    let mut event = event("POST", json!("eyJwcm9tcHQiOiAiYSBtb29uIn0="));
    event["isBase64Encoded"] = json!(true);
    assert_eq!(proxy(&function.invoke(event)).0, 200);
    assert_eq!(function.prompts(), ["a moon"]);
}

#[test]
fn the_consoles_test_event_with_nulls_is_understood() {
    let function = Function::start(BINARY, picture);
    let mut event = prompt("a moon");
    event["headers"] = Value::Null;
    event["multiValueHeaders"] = Value::Null;
    let answer = function.invoke(event);
    assert_eq!(proxy(&answer).0, 200);
    assert_eq!(answer.body["headers"]["X-Correlation-Id"], "gateway-1");
}

#[test]
fn a_request_without_a_usable_prompt_is_400_and_never_reaches_the_model() {
    let function = Function::start(BINARY, picture);
    for body in [
        Value::Null,
        json!(""),
        json!("a moon"),
        json!("[1]"),
        json!("{}"),
        json!("{\"prompt\": 7}"),
        json!("{\"prompt\": \"\"}"),
        json!("{\"prompt\": \"  \\n\"}"),
        json!(json!({"prompt": "x".repeat(10_001)}).to_string()),
    ] {
        let (status, answer) = proxy(&function.invoke(event("POST", body.clone())));
        assert_eq!(status, 400, "{body}");
        assert!(!answer["error"].as_str().unwrap().is_empty());
    }
    assert!(function.prompts().is_empty());
}

#[test]
fn another_method_is_405_and_names_the_right_one() {
    let function = Function::start(BINARY, picture);
    let answer = function.invoke(event("GET", Value::Null));
    assert_eq!(proxy(&answer).0, 405);
    assert_eq!(answer.body["headers"]["Allow"], "POST");
}

#[test]
fn a_body_beyond_reason_is_413() {
    let function = Function::start(BINARY, picture);
    let body = json!({"prompt": "x".repeat(300_000)}).to_string();
    assert_eq!(proxy(&function.invoke(event("POST", json!(body)))).0, 413);
}

#[test]
fn a_filtered_prompt_is_400_and_is_not_tried_again() {
    let function = Function::start(BINARY, |_, _| Reply::Json(json!({"finish_reasons": ["Filter reason: prompt"]})));
    let (status, body) = proxy(&function.invoke(prompt("something foul")));
    assert_eq!(status, 400, "{body}");
    assert_eq!(function.prompts().len(), 1);
    assert!(function.puts().is_empty());
}

#[test]
fn a_throttled_model_is_asked_again() {
    let function = Function::start(BINARY, |_, call| match call {
        1 => Reply::Error(429, "ThrottlingException", "Too many requests"),
        2 => Reply::Error(503, "ServiceUnavailableException", "Busy"),
        _ => Reply::Picture,
    });
    assert_eq!(proxy(&function.invoke(prompt("a moon"))).0, 200);
    assert_eq!(function.prompts().len(), 3);
    assert_eq!(function.puts().len(), 1);
}

#[test]
fn a_reply_that_is_no_png_is_502() {
    let function =
        Function::start(BINARY, |_, _| Reply::Json(json!({"finish_reasons": [null], "images": ["/9j/4AAQSkZJRg=="]})));
    assert_eq!(proxy(&function.invoke(prompt("a moon"))).0, 502);
    assert!(function.puts().is_empty());
}

#[test]
fn aws_words_stay_in_the_log() {
    let secret = "arn:aws:sts::123456789012:assumed-role/x is not authorized";
    let function = Function::start(BINARY, |_, _| {
        let message = "arn:aws:sts::123456789012:assumed-role/x is not authorized";
        Reply::Error(403, "AccessDeniedException", message)
    });
    let answer = function.invoke(prompt("a moon"));
    assert_eq!(proxy(&answer).0, 502);
    assert!(!answer.body.to_string().contains("123456789012"));
    assert_eq!(function.prompts().len(), 1);
    let log = function.log();
    let line = log.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert!(line["error"].as_str().unwrap().contains(secret));
}

#[test]
fn a_bucket_that_refuses_is_502_without_its_words() {
    let function = Function::with_refusing_bucket(BINARY);
    let answer = function.invoke(prompt("a moon"));
    assert_eq!(proxy(&answer).0, 502);
    assert!(!answer.body.to_string().contains("123456789012"));
    assert!(function.puts().is_empty());
}

#[test]
fn a_model_that_hangs_is_504_before_the_deadline() {
    let function = Function::start(BINARY, |_, _| Reply::Hang);
    let answer = function.invoke_within(Duration::from_millis(1_000), prompt("a moon"));
    assert_eq!(proxy(&answer).0, 504);
}

#[test]
fn a_request_that_is_sent_again_with_its_key_is_drawn_once() {
    let function = Function::start(BINARY, picture);
    let mut event = prompt("a moon");
    event["headers"]["Idempotency-Key"] = json!("8e03978e-40d5-43e8-bc93-6894a57f9324");
    let first = proxy(&function.invoke(event.clone()));
    let second = proxy(&function.invoke(event.clone()));
    assert_eq!((first.0, &first.1), (200, &second.1));
    assert_eq!(function.prompts().len(), 1);
    event["body"] = json!(json!({"prompt": "a sun"}).to_string());
    assert_eq!(proxy(&function.invoke(event)).0, 422);
}

#[test]
fn an_incomplete_environment_ends_the_process_and_names_every_gap() {
    let mut command = crate::support::command(BINARY, "127.0.0.1:9");
    let output = command.env_remove("BUCKET").env("MODEL_ID", "gpt").output().unwrap();
    assert!(!output.status.success());
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("BUCKET") && error.contains("MODEL_ID"), "{error}");
}
