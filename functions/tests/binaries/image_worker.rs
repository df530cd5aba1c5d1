//! The binary behind the queue, as Lambda runs it.

use crate::support::{Answer, Function, Reply, WriteFault};
use functions::prompt::Prompt;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_image-worker");

/// Returns a record as Lambda delivers it, with the prompt as its body.
fn record(id: &str, prompt: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": format!("receipt-{id}"),
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

/// Returns the ids of the records that are to be delivered again.
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
fn a_message_that_is_delivered_three_times_is_drawn_and_stored_once() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    for _ in 0..3 {
        assert_eq!(failures(&function.invoke(batch(&["a"]))), set(&[]));
    }
    assert_eq!(function.prompts().len(), 1);
    assert_eq!(function.puts().len(), 1);
    let record = function.record("m-a").unwrap();
    assert_eq!(record["status"], "done");
    assert_eq!(record["correlation_id"], "corr-m-a");
    assert_eq!(format!("/images/{}", record["picture"]["key"].as_str().unwrap()), function.puts()[0].path);
}

#[test]
fn a_page_in_place_of_s3_s_answer_stores_nothing_and_is_not_believed() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    function.fail_write("m-a.json", WriteFault::Page);
    function.fail_write("m-b.json", WriteFault::Page);
    function.fail_write(".png", WriteFault::Page);
    assert_eq!(failures(&function.invoke(batch(&["a", "b"]))), set(&[]));
    assert_eq!(function.puts().len(), 2);
    assert_eq!(function.prompts().len(), 2);
    for id in ["m-a", "m-b"] {
        assert_eq!(function.record(id).unwrap()["status"], "done", "{id}");
    }
}

#[test]
fn a_refusal_that_passes_does_not_throw_away_a_picture_that_is_paid_for() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    function.fail_write(".png", WriteFault::Refusal);
    assert_eq!(failures(&function.invoke(batch(&["a"]))), set(&[]));
    assert_eq!(function.puts().len(), 1);
    assert_eq!(function.prompts().len(), 1);
}

#[test]
fn every_call_to_the_bucket_expects_the_owner_that_is_stated() {
    for (variables, owner) in [(vec![("BUCKET_OWNER", "123456789012")], "123456789012"), (vec![], "")] {
        let function = Function::with_env(BINARY, |_, _| Reply::Picture, &variables);
        let queued = json!({"id": "m-a", "status": "queued", "changed": "2026-11-30T12:00:00Z", "correlation_id": "c",
            "prompt_sha256": Prompt::digest("a")});
        function.place("32/generated_images/requests/m-a.json", &queued);
        assert_eq!(failures(&function.invoke(batch(&["a"]))), set(&[]));
        let expected = ["GET", "HEAD", "PUT"].map(|method| (method.to_owned(), owner.to_owned()));
        assert_eq!(function.expected_owners(), BTreeSet::from(expected));
    }
}

#[test]
fn a_claim_ends_by_the_bucket_s_clock_whatever_the_clock_of_its_host_said() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    for (number, until_ms) in [1, u64::MAX / 2].into_iter().enumerate() {
        let (id, prompt) = (format!("skewed-{number}"), format!("moon {number}"));
        let claim = json!({"token": "t", "until_ms": until_ms, "lasts_ms": 115_000});
        let claimed = json!({"id": id, "status": "drawing", "changed": "2026-11-30T12:00:00Z", "correlation_id": "c",
            "prompt_sha256": Prompt::digest(&prompt), "claim": claim});
        function.place(&format!("32/generated_images/requests/{id}.json"), &claimed);
        let event = json!({"Records": [record(&id, &prompt)]});
        assert_eq!(failures(&function.invoke(event.clone())), set(&[&id]));
        assert_eq!(function.prompts().len(), number, "another process draws {prompt}");
        function.pass_in_bucket(Duration::from_secs(125));
        assert_eq!(failures(&function.invoke(event)), set(&[]));
        assert_eq!(function.prompts().len(), number + 1);
    }
    assert!(
        function.postponed().iter().all(|(_, seconds)| (110..=122).contains(seconds)),
        "{:?}",
        function.postponed()
    );
}

#[test]
fn a_message_that_stands_twice_in_a_batch_is_drawn_once() {
    let function = Function::start(BINARY, |_, _| Reply::Held);
    let answer = std::thread::scope(|scope| {
        let invoked = scope.spawn(|| function.invoke(batch(&["a", "a"])));
        let has_read = |(method, _): &(String, String)| method == "GET";
        function
            .until("the claim of the one is found by the other", |world| world.expected_owners().iter().any(has_read));
        function.let_go();
        invoked.join().unwrap()
    });
    assert_eq!(failures(&answer), set(&["m-a"]));
    assert_eq!(function.prompts().len(), 1);
}

#[test]
fn a_rejected_prompt_leaves_a_record_with_the_reason_and_a_metric() {
    let function = Function::start(BINARY, |_, _| Reply::Json(json!({"finish_reasons": ["Filter reason: prompt"]})));
    assert_eq!(failures(&function.invoke(batch(&["a"]))), set(&[]));
    let record = function.record("m-a").unwrap();
    assert_eq!(record["status"], "rejected");
    assert_eq!(record["rejection"]["reason"], "filtered");
    assert_eq!(record["correlation_id"], "corr-m-a");
    let log = function.log();
    let line = log.iter().find(|line| line["message"] == "rejected").unwrap();
    assert_eq!(line["PromptsRejected"], 1);
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "CouchExplorers");
}

#[test]
fn a_record_that_failed_comes_again_after_seconds_and_later_each_time() {
    let function = Function::start(BINARY, |_, _| Reply::Error(403, "AccessDeniedException", "no"));
    let mut event = batch(&["a", "b"]);
    event["Records"][1]["attributes"]["ApproximateReceiveCount"] = json!("4");
    function.invoke(event);
    let waits: std::collections::BTreeMap<_, _> = function.postponed().into_iter().collect();
    assert!((30..=45).contains(&waits["receipt-m-a"]), "{waits:?}");
    assert!((240..=360).contains(&waits["receipt-m-b"]), "{waits:?}");
}

#[test]
fn a_record_of_another_shape_fails_alone() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    let mut event = batch(&["a", "b"]);
    for body in [json!(5), json!(null)] {
        event["Records"][1]["body"] = body;
        assert_eq!(failures(&function.invoke(event.clone())), set(&["m-b"]));
    }
    assert_eq!(function.puts().len(), 1);
    assert_eq!(function.record("m-b"), None);
    assert!(function.log().iter().any(|line| line["message"] == "not an SQS record"));
}

#[test]
fn an_event_that_is_no_batch_is_logged_and_kept() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    assert_eq!(failures(&function.invoke(json!({"Records": null}))), set(&[""]));
    assert!(function.log().iter().any(|line| line["message"] == "not an SQS event"));
}

#[test]
fn the_second_model_draws_when_the_first_has_ended() {
    let variables = [("MODEL_ID", "stability.stable-image-core-v1:1,stability.stable-image-ultra-v1:1")];
    let function = Function::with_env(
        BINARY,
        |_, call| match call {
            1 => Reply::Error(404, "ResourceNotFoundException", "This model version has reached the end of its life."),
            _ => Reply::Picture,
        },
        &variables,
    );
    assert_eq!(failures(&function.invoke(batch(&["a"]))), set(&[]));
    assert_eq!(function.puts()[0].header("x-amz-meta-model-id"), "stability.stable-image-ultra-v1:1");
}

#[test]
fn no_more_pictures_are_drawn_than_the_day_allows() {
    let function = Function::with_env(BINARY, |_, _| Reply::Picture, &[("MAX_PICTURES_PER_DAY", "2")]);
    let answer = function.invoke(batch(&["a", "b", "c"]));
    assert_eq!(failures(&answer).len(), 1);
    assert_eq!(function.prompts().len(), 2);
}

#[test]
fn an_empty_batch_is_answered() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    assert_eq!(failures(&function.invoke(json!({"Records": []}))), set(&[]));
}

#[test]
fn a_probe_is_consumed_without_a_picture_and_named_in_the_log() {
    let function = Function::start(BINARY, |_, _| Reply::Picture);
    let mut event = batch(&["{\"deployer.verify\":\"0123abcd\"}", "a"]);
    event["Records"][0]["messageAttributes"]["deployer.verify"] =
        json!({"stringValue": "0123abcd", "stringListValues": [], "binaryListValues": [], "dataType": "String"});
    assert_eq!(failures(&function.invoke(event)), set(&[]));
    assert_eq!(function.prompts(), ["a"]);
    assert!(function.log().iter().any(|line| line["probe"] == "0123abcd"));
}
