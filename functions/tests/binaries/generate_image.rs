//! The binary behind `POST /generate-image`, as Lambda runs it.

use crate::support::{Answer, Function, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_generate-image");

/// Returns the event of a REST API with Lambda proxy integration, as API Gateway documents it.
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

/// Asserts the form that API Gateway requires. Returns the status and the body's JSON.
fn proxy(answer: &Answer) -> (u64, Value) {
    assert_eq!(answer.kind, "response", "{:?}", answer.body);
    assert_eq!(answer.body["isBase64Encoded"], false);
    assert_eq!(answer.body["headers"]["Content-Type"], "application/json");
    assert_eq!(answer.body["headers"]["Cache-Control"], "no-store");
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
    assert!(seed.parse::<u32>().unwrap() <= 858_993_459);
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
    assert_eq!(line["trace_id"], "Root=1-5759e988-bd862e3fe1be46a994272793");
}

#[test]
fn the_picture_can_be_opened_for_as_long_as_the_environment_says() {
    let function = Function::with_env(BINARY, picture, &[("URL_TTL", "60"), ("BUCKET_OWNER", "123456789012")]);
    let (_, body) = proxy(&function.invoke(prompt("a moon")));
    let url = body["image_url"].as_str().unwrap();
    assert!(url.contains(&format!("{}?", function.puts()[0].path)), "{url}");
    assert!(url.contains("X-Amz-Expires=60") && url.contains("X-Amz-Signature="), "{url}");
    assert!(!url.contains("not-a-secret"));
    // Who opens the URL sends no header of S3.
    assert!(url.contains("X-Amz-SignedHeaders=host&"), "{url}");
}

#[test]
fn titan_and_nova_draw_too() {
    for (id, family) in [("amazon.titan-image-generator-v2:0", "titan"), ("amazon.nova-canvas-v1:0", "nova")] {
        let function = Function::with_env(
            BINARY,
            |_, _| Reply::Json(json!({"images": [crate::support::PNG_BASE64], "error": null})),
            &[("MODEL_ID", id), ("MODEL_FAMILY", family), ("IMAGE_WIDTH", "512"), ("IMAGE_HEIGHT", "512")],
        );
        let (status, body) = proxy(&function.invoke(prompt("a moon")));
        assert_eq!(status, 200, "{body}");
        assert_eq!(function.prompts(), ["a moon"]);
        assert_eq!(function.puts()[0].header("x-amz-meta-model-id"), id);
    }
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
fn a_model_that_stays_throttled_is_503_and_says_when_to_come_again() {
    let function = Function::start(BINARY, |_, _| Reply::Error(429, "ThrottlingException", "Too many requests"));
    let answer = function.invoke_within(Duration::from_millis(1_700), prompt("a moon"));
    assert_eq!(proxy(&answer).0, 503);
    assert_eq!(answer.body["headers"]["Retry-After"], "10");
}

#[test]
fn a_day_without_pictures_left_is_429_until_midnight() {
    let function = Function::with_env(BINARY, picture, &[("MAX_PICTURES_PER_DAY", "0")]);
    let answer = function.invoke(prompt("a moon"));
    assert_eq!(proxy(&answer).0, 429);
    let seconds: u32 = answer.body["headers"]["Retry-After"].as_str().unwrap().parse().unwrap();
    assert!((1..=86_401).contains(&seconds), "{seconds}");
}

#[test]
fn an_error_page_of_any_size_leaves_a_short_line() {
    let function = Function::start(BINARY, |_, _| Reply::Raw(400, "<html>s3cret</html>".repeat(40_000).into_bytes()));
    let answer = function.invoke(prompt("a moon"));
    assert_eq!(proxy(&answer).0, 502);
    let log = function.log();
    let line = log.iter().find(|line| line["level"] == "ERROR").unwrap().to_string();
    assert!(line.len() < 4_000 && !line.contains("s3cret"), "{line}");
}

#[test]
fn a_connection_that_goes_silent_is_given_up_and_the_next_one_draws() {
    let function = Function::with_env(
        BINARY,
        |_, call| if call == 1 { Reply::Hang } else { Reply::Picture },
        &[("MODEL_TIMEOUT", "1")],
    );
    assert_eq!(proxy(&function.invoke(prompt("a moon"))).0, 200);
    assert_eq!(function.prompts().len(), 2);
}

#[test]
fn a_gateway_that_waits_less_is_answered_sooner() {
    let function = Function::with_env(BINARY, |_, _| Reply::Hang, &[("GATEWAY_TIMEOUT", "1")]);
    assert_eq!(proxy(&function.invoke(prompt("a moon"))).0, 504);
    assert_eq!(function.prompts().len(), 1);
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
    let answer = function.invoke_within(Duration::from_millis(1_500), prompt("a moon"));
    assert_eq!(proxy(&answer).0, 504);
    assert_eq!(function.prompts().len(), 1);
}

#[test]
fn a_request_that_is_sent_again_with_its_key_is_drawn_once() {
    let function = Function::start(BINARY, picture);
    let mut event = prompt("a moon");
    event["headers"]["Idempotency-Key"] = json!("8e03978e-40d5-43e8-bc93-6894a57f9324");
    let first = proxy(&function.invoke(event.clone()));
    let second = proxy(&function.invoke(event.clone()));
    // The links differ if a second begins in between.
    assert_eq!((first.0, &first.1["image_uri"]), (200, &second.1["image_uri"]));
    assert_eq!(function.prompts().len(), 1);
    event["body"] = json!(json!({"prompt": "a sun"}).to_string());
    assert_eq!(proxy(&function.invoke(event)).0, 422);
}

#[test]
fn a_key_that_another_request_works_under_is_409_and_says_when_to_come_again() {
    let function = Function::start(BINARY, picture);
    let mut event = prompt("a moon");
    event["headers"]["Idempotency-Key"] = json!("k");
    let id = functions::id::PictureId::of_key("k");
    let prompt_sha256 = functions::prompt::Prompt::digest("a moon");
    let record = json!({
        "id": id.as_str(), "status": "drawing", "changed": "2026-11-30T00:00:00Z", "correlation_id": "c",
        "prompt_sha256": prompt_sha256, "claim": {"token": "t", "until_ms": 9_000_000_000_000_u64}
    });
    function.place(&format!("32/generated_images/requests/{id}.json"), &record);
    let answer = function.invoke(event);
    assert_eq!(proxy(&answer).0, 409);
    assert_eq!(answer.body["headers"]["Retry-After"], "5");
    assert!(function.prompts().is_empty());
}

#[test]
fn a_key_that_cannot_be_one_is_400() {
    let function = Function::start(BINARY, picture);
    for key in ["", " ", "nøkkel", "a\tb", &"x".repeat(256)] {
        let mut event = prompt("a moon");
        event["headers"]["Idempotency-Key"] = json!(key);
        assert_eq!(proxy(&function.invoke(event)).0, 400, "{key:?}");
    }
    assert!(function.prompts().is_empty());
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
