//! The binary behind the queue, as Lambda runs it.

use crate::support::{Answer, Function, Reply};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_image-worker");

/// A record as Lambda hands it out, with the prompt as its body.
fn record(id: &str, prompt: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
        "body": prompt,
        "attributes": {
            "ApproximateReceiveCount": "1", "SentTimestamp": "1732289999000", "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1732289999001"
        },
        "messageAttributes": {
            "correlation_id": {
                "stringValue": format!("corr-{id}"), "stringListValues": [], "binaryListValues": [], "dataType": "String"
            }
        },
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:image-requests-32",
        "awsRegion": "eu-west-1"
    })
}

fn batch(prompts: &[&str]) -> Value {
    let records = prompts.iter().map(|prompt| record(&format!("m-{prompt}"), prompt));
    json!({"Records": records.collect::<Vec<_>>()})
}

/// Returns the ids of the records that are to come again.
fn failures(answer: &Answer) -> BTreeSet<String> {
    assert_eq!(answer.kind, "response", "{:?}", answer.body);
    let failures = answer.body["batchItemFailures"].as_array().unwrap();
    let ids = failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned());
    ids.collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[test]
fn every_record_becomes_a_picture_with_its_own_correlation_id() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    let answer = function.invoke(batch(&["a", "b", "c", "d", "e"]));
    assert_eq!(failures(&answer), set(&[]));
    let puts = function.puts();
    let ids: BTreeSet<_> = puts.iter().map(|put| put.header("x-amz-meta-correlation-id").to_owned()).collect();
    assert_eq!(ids, set(&["corr-m-a", "corr-m-b", "corr-m-c", "corr-m-d", "corr-m-e"]));
}

#[test]
fn only_what_another_delivery_can_help_comes_again() {
    let function = Function::start(BINARY, |prompt, _| match prompt {
        "filtered" => Reply::Json(json!({"finish_reasons": ["Filter reason: output image"]})),
        "invalid" => Reply::Error(400, "ValidationException", "#/prompt: expected maxLength: 10000"),
        "denied" => Reply::Error(403, "AccessDeniedException", "no"),
        "jpeg" => Reply::Json(json!({"images": ["/9j/4AAQSkZJRg=="]})),
        "garbled" => Reply::Json(json!({"images": ["%"]})),
        "faulty" => Reply::Error(424, "ModelErrorException", "oops"),
        _ => Reply::Picture,
    });
    let prompts = ["good", "filtered", "invalid", "denied", "jpeg", "garbled", "faulty", " ", "fine"];
    let answer = function.invoke(batch(&prompts));
    assert_eq!(failures(&answer), set(&["m-denied", "m-jpeg", "m-garbled", "m-faulty"]));
    assert_eq!(function.puts().len(), 2);
    let asked = function.prompts();
    assert_eq!(asked.iter().filter(|prompt| *prompt == "faulty").count(), 2);
    assert!(!asked.contains(&" ".to_owned()));

    let log = function.log();
    let rejected = log.iter().filter(|line| line["message"] == "rejected");
    let ids: BTreeSet<_> = rejected.map(|line| line["message_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, set(&["m-filtered", "m-invalid", "m- "]));
}

#[test]
fn a_wrong_model_id_is_not_held_against_the_prompts() {
    let function = Function::start(BINARY, |_, _| {
        Reply::Error(400, "ValidationException", "The provided model identifier is invalid.")
    });
    assert_eq!(failures(&function.invoke(batch(&["a"]))), set(&["m-a"]));
}

#[test]
fn a_record_that_hangs_comes_again_and_does_not_hold_the_others() {
    let function = Function::start(BINARY, |prompt, _| match prompt {
        "slow" => Reply::Hang,
        _ => Reply::Picture,
    });
    let answer = function.invoke_within(Duration::from_millis(2_000), batch(&["a", "slow", "b"]));
    assert_eq!(failures(&answer), set(&["m-slow"]));
    assert_eq!(function.puts().len(), 2);
}

#[test]
fn a_message_without_attributes_is_known_by_its_id() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    let mut event = batch(&["a"]);
    event["Records"][0]["messageAttributes"] = json!({});
    function.invoke(event);
    assert_eq!(function.puts()[0].header("x-amz-meta-correlation-id"), "m-a");
}

#[test]
fn a_correlation_id_that_could_forge_a_header_is_not_taken() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    let mut event = batch(&["a"]);
    event["Records"][0]["messageAttributes"]["correlation_id"]["stringValue"] = json!("x\r\nx-amz-acl: public-read");
    assert_eq!(failures(&function.invoke(event)), set(&[]));
    assert_eq!(function.puts()[0].header("x-amz-meta-correlation-id"), "m-a");
    assert_eq!(function.puts()[0].header("x-amz-acl"), "");
}

#[test]
fn a_failing_record_without_an_id_returns_the_whole_batch() {
    let function = Function::start(BINARY, |_, _| Reply::Error(403, "AccessDeniedException", "no"));
    let answer = function.invoke(json!({"Records": [{"body": "a moon"}]}));
    assert_eq!(failures(&answer), set(&[""]));
}

#[test]
fn an_empty_batch_is_answered() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    assert_eq!(failures(&function.invoke(json!({"Records": []}))), set(&[]));
}
