//! `lambda.event_invoke_config`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::lambda_function::{function, names};
use super::{Case, Entry, Thing, maybe, with};

pub const ENTRY: Entry =
    Entry { kind: "lambda.event_invoke_config", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for name in names(aws).await {
        let call = aws.clients.lambda.get_function_event_invoke_config().function_name(&name).send();
        let mut found = maybe(call.await);
        if found.is_null() {
            continue;
        }
        found.as_object_mut().expect("a map").remove("last_modified");
        things.push(Thing::new(format!("asynchronous calls of {name}"), async move { found }));
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    kinds::find("lambda.function").expect("it").create(aws, &function(aws, &json!({}))).await.expect("a function");
    let queue = aws.place.arn("sqs", "failed");
    let all = json!({
        "maximum_retry_attempts": 0,
        "maximum_event_age_in_seconds": 60,
        "on_success": aws.place.arn("sns", "results"),
        "on_failure": queue,
    });
    let every = vec!["maximum_retry_attempts", "maximum_event_age_in_seconds", "on_success", "on_failure"];
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: config(&json!({})),
        steps: vec![
            ("a receiver", config(&json!({ "on_failure": queue })), vec!["on_failure"]),
            ("no receiver", config(&json!({})), vec!["on_failure"]),
            ("everything", config(&all), every.clone()),
            ("everything back", config(&json!({})), every),
        ],
    }]
}

pub fn config(changes: &Value) -> Value {
    let spec = json!({
        "function_name": "generate-image",
        "maximum_retry_attempts": 2,
        "maximum_event_age_in_seconds": 21_600,
    });
    with(spec, changes)
}
