//! `lambda.event_source_mapping`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::iam_role::role;
use super::lambda_function::function;
use super::{Case, Entry, Thing, last, maybe, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "lambda.event_source_mapping", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let lambda = &aws.clients.lambda;
    let mut things = Vec::new();
    for mapping in sure(lambda.list_event_source_mappings().send().await).event_source_mappings.unwrap_or_default() {
        let (function, source) =
            (mapping.function_arn().unwrap_or_default(), mapping.event_source_arn().unwrap_or_default());
        let name = format!("mapping {} {}", last(function, ':'), last(source, ':'));
        let id = mapping.uuid().unwrap_or_default().to_owned();
        let arn = mapping.event_source_mapping_arn().map(str::to_owned);
        let arn = arn.unwrap_or_else(|| aws.place.arn("lambda", &format!("event-source-mapping:{id}")));
        let whole = async move {
            let tags = lambda.list_tags().resource(arn).send().await;
            json!({ "mapping": told(&mapping), "tags": maybe(tags) })
        };
        things.push(Thing::new(name, whole).with_id(&id, "MAPPING"));
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    create_function_and_queue(aws).await;
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
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[("provisioned_poller_config", "the emulator does not serve it")],
        create: mapping(aws, &json!({})),
        steps: vec![
            ("smaller batches", mapping(aws, &json!({ "batch_size": 5 })), vec!["batch_size"]),
            ("disabled", mapping(aws, &json!({ "batch_size": 5, "enabled": false })), vec!["enabled"]),
            ("the defaults", mapping(aws, &json!({})), vec!["batch_size", "enabled"]),
            ("everything", mapping(aws, &everything), paths.clone()),
            ("everything back", mapping(aws, &json!({})), paths),
        ],
    }]
}

pub fn mapping(aws: &Aws, changes: &Value) -> Value {
    let spec = json!({
        "event_source_arn": aws.place.arn("sqs", "image-requests"),
        "function_name": "generate-image",
        "batch_size": 10,
        "maximum_batching_window_in_seconds": 0,
        "enabled": true,
        "function_response_types": ["ReportBatchItemFailures"],
        "filter_patterns": [],
        "tags": { "deployer:stack": "couch", "deployer:address": "functions.generate-image.event[image-requests]" },
    });
    with(spec, changes)
}

/// Creates a function whose role may read a queue, and the queue.
pub async fn create_function_and_queue(aws: &Aws) {
    let actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": actions, "Resource": aws.place.arn("sqs", "image-requests") } ] });
    let role = role(json!({ "name": "generate-image", "path": "/", "inline_policies": { "queue": policy } }));
    kinds::find("iam.role").expect("it").create(aws, &role).await.expect("a role");
    kinds::find("lambda.function").expect("it").create(aws, &function(aws, &json!({}))).await.expect("a function");
    aws.clients.sqs.create_queue().queue_name("image-requests").send().await.expect("a queue");
}
