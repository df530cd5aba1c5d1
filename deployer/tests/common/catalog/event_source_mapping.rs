//! `lambda.event_source_mapping`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::dynamodb_table::table;
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
        let name = format!("mapping {} {}", last(function, ':'), source_name(source));
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

/// Returns the name of a queue, or of the table or Kinesis stream. The ARN of a table's stream holds a moment.
fn source_name(source: &str) -> &str {
    let resource = source.splitn(6, ':').last().unwrap_or(source);
    resource.split("/stream/").next().unwrap_or(resource)
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
    let of_queue = Case {
        variant: false,
        lost: &[],
        left_out: &[
            ("provisioned_poller_config", "the emulator does not serve it"),
            ("stream", "only a stream has it: the other case"),
        ],
        create: mapping(aws, &json!({})),
        steps: vec![
            ("smaller batches", mapping(aws, &json!({ "batch_size": 5 })), vec!["batch_size"]),
            ("disabled", mapping(aws, &json!({ "batch_size": 5, "enabled": false })), vec!["enabled"]),
            ("the defaults", mapping(aws, &json!({})), vec!["batch_size", "enabled"]),
            ("everything", mapping(aws, &everything), paths.clone()),
            ("everything back", mapping(aws, &json!({})), paths),
        ],
    };
    let stream = create_stream(aws).await;
    let settings = |changes: &Value| {
        let settings = json!({ "starting_position": "TRIM_HORIZON", "parallelization_factor": 1,
            "bisect_batch_on_function_error": false, "tumbling_window_in_seconds": 0 });
        mapping(aws, &json!({ "event_source_arn": stream, "batch_size": 100, "stream": with(settings, changes) }))
    };
    let all = json!({ "parallelization_factor": 3, "bisect_batch_on_function_error": true,
        "tumbling_window_in_seconds": 60, "maximum_retry_attempts": 0, "maximum_record_age_in_seconds": 600,
        "on_failure": aws.place.arn("sqs", "image-requests") });
    let paths = vec![
        "stream.parallelization_factor",
        "stream.bisect_batch_on_function_error",
        "stream.tumbling_window_in_seconds",
        "stream.maximum_retry_attempts",
        "stream.maximum_record_age_in_seconds",
        "stream.on_failure",
    ];
    let of_stream = Case {
        variant: true,
        lost: &[],
        left_out: &[],
        create: settings(&json!({})),
        steps: vec![
            ("every setting of a stream", settings(&all), paths.clone()),
            ("none of them", settings(&json!({})), paths),
        ],
    };
    vec![of_queue, of_stream]
}

/// Creates a table with a stream, and returns the stream's ARN.
async fn create_stream(aws: &Aws) -> String {
    kinds::find("dynamodb.table").expect("it").create(aws, &table(&json!({}))).await.expect("a table");
    let stream = json!({ "table_name": "orders", "stream_view_type": "NEW_IMAGE" });
    kinds::find("dynamodb.stream").expect("it").create(aws, &stream).await.expect("a stream").physical_id
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
    let read = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": actions, "Resource": aws.place.arn("sqs", "image-requests") },
        { "Effect": "Allow", "Action": read, "Resource": aws.place.arn("dynamodb", "table/orders/stream/*") } ] });
    let role = role(json!({ "name": "generate-image", "path": "/", "inline_policies": { "queue": policy } }));
    kinds::find("iam.role").expect("it").create(aws, &role).await.expect("a role");
    kinds::find("lambda.function").expect("it").create(aws, &function(aws, &json!({}))).await.expect("a function");
    aws.clients.sqs.create_queue().queue_name("image-requests").send().await.expect("a queue");
}
