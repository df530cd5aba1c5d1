use deployer::aws::Aws;
use deployer::kinds;
use serde_json::{Value, json};

use crate::common::account;
use crate::contract::{Case, contract, read};
use crate::lambda_function::function;

async fn with_function_and_queue() -> Aws {
    let aws = account().await;
    kinds::find("lambda.function").expect("it").create(&aws, &function(&aws, &json!({}))).await.expect("a function");
    aws.clients.sqs.create_queue().queue_name("image-requests").send().await.expect("a queue");
    aws
}

fn mapping(aws: &Aws, changes: &Value) -> Value {
    let mut spec = json!({
        "event_source_arn": aws.place.arn("sqs", "image-requests"),
        "function_name": "generate-image",
        "batch_size": 10,
        "maximum_batching_window_in_seconds": 0,
        "enabled": true,
        "function_response_types": ["ReportBatchItemFailures"],
        "filter_patterns": [],
        "tags": { "deployer:stack": "couch", "deployer:address": "functions.generate-image.event[image-requests]" },
    });
    for (key, value) in changes.as_object().expect("a map").clone() {
        spec[key] = value;
    }
    spec
}

#[tokio::test]
async fn a_mapping_keeps_the_contract() {
    let aws = with_function_and_queue().await;
    let everything = json!({
        "batch_size": 50,
        "maximum_batching_window_in_seconds": 5,
        "enabled": false,
        "function_response_types": [],
        "maximum_concurrency": 2,
        "filter_patterns": [r#"{"body":["a"]}"#, r#"{"body":["b"]}"#],
        "tags": { "deployer:stack": "couch", "deployer:address": "functions.generate-image.event[image-requests]", "team": "sofa" },
    });
    let paths = vec![
        "batch_size",
        "maximum_batching_window_in_seconds",
        "enabled",
        "function_response_types",
        "filter_patterns",
        "tags.team",
        "maximum_concurrency",
    ];
    let case = Case {
        kind: "lambda.event_source_mapping",
        lost: &[],
        left_out: &[("provisioned_poller_config", "the emulator does not serve it")],
        create: mapping(&aws, &json!({})),
        steps: vec![
            ("smaller batches", mapping(&aws, &json!({ "batch_size": 5 })), vec!["batch_size"]),
            ("disabled", mapping(&aws, &json!({ "batch_size": 5, "enabled": false })), vec!["enabled"]),
            ("the defaults", mapping(&aws, &json!({})), vec!["batch_size", "enabled"]),
            ("everything", mapping(&aws, &everything), paths.clone()),
            ("everything back", mapping(&aws, &json!({})), paths),
        ],
    };
    contract(&aws, case).await;
}

#[tokio::test]
async fn a_mapping_made_twice_is_told_and_its_delete_removes_both() {
    let aws = with_function_and_queue().await;
    let kind = kinds::find("lambda.event_source_mapping").expect("it");
    let spec = mapping(&aws, &json!({}));
    for _ in 0..2 {
        kind.create(&aws, &spec).await.expect("the local AWS takes a second mapping");
    }
    let live = read(kind, &aws, &spec).await.expect("present");
    assert_eq!(live.notes, ["1 more mapping(s) of this function and source: a destroy removes all"]);
    kind.delete(&aws, &live).await.expect("deleted");
    assert!(read(kind, &aws, &spec).await.is_none());
}

#[tokio::test]
async fn a_mapping_outlives_its_function_and_is_still_found() {
    let aws = with_function_and_queue().await;
    let kind = kinds::find("lambda.event_source_mapping").expect("it");
    let spec = mapping(&aws, &json!({}));
    kind.create(&aws, &spec).await.expect("created");
    aws.clients.lambda.delete_function().function_name("generate-image").send().await.expect("deleted");
    let live = read(kind, &aws, &spec).await.expect("still present");
    kind.delete(&aws, &live).await.expect("deleted");
    assert!(read(kind, &aws, &spec).await.is_none());
}

#[tokio::test]
async fn a_destroy_asks_for_the_tags_of_those_mappings_alone_that_it_did_not_leave() {
    let aws = with_function_and_queue().await;
    let kind = kinds::find("lambda.event_source_mapping").expect("it");
    let spec = mapping(&aws, &json!({}));
    let made = kind.create(&aws, &spec).await.expect("a mapping");
    let recorded = mapping(&aws, &json!({ "tags": { "deployer:stack": "couch", "team": "as it was left" } }));
    let identity = ["generate-image", &aws.place.arn("sqs", "image-requests")];
    for (id, asked, tags) in [(made.physical_id.as_str(), 1, &recorded["tags"]), ("another", 2, &spec["tags"])] {
        let left = serde_json::from_value(recorded["tags"].clone()).expect("tags");
        aws.run.record(kind.name(), &identity, id, Some(left));
        let before = aws.calls().0;
        let found = kind.present(&aws, &recorded).await.expect("a look").expect("it is there");
        assert_eq!((found.physical_id.as_str(), &found.spec["tags"]), (made.physical_id.as_str(), tags));
        assert_eq!(aws.calls().0 - before, asked);
    }
}
