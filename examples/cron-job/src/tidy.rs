//! Tidies up for each message of the queue, and reports the messages that failed.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(tidy)).await
}

async fn tidy(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let messages = event.payload["Records"].as_array().cloned().unwrap_or_default();
    let failed = messages.iter().filter(|message| !is_job(message));
    let failures: Vec<Value> = failed.map(|message| json!({ "itemIdentifier": message["messageId"] })).collect();
    println!("{}", json!({ "jobs": messages.len(), "failed": failures.len() }));
    Ok(json!({ "batchItemFailures": failures }))
}

/// Tells whether a message is `{ "job": "tidy" }`.
fn is_job(message: &Value) -> bool {
    let body: Option<Value> = message["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
    body.is_some_and(|body| body["job"] == "tidy")
}
