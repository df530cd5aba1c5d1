//! Works off the calls of the webhook. Those that fail stay in the queue; the others of the batch are done.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let messages = event.payload["Records"].as_array().cloned().unwrap_or_default();
    let mut failures = Vec::new();
    for message in &messages {
        if let Err(error) = work(message) {
            eprintln!("{}", json!({ "failed": message["messageId"], "error": error.to_string() }));
            failures.push(json!({ "itemIdentifier": message["messageId"] }));
        }
    }
    Ok(json!({ "batchItemFailures": failures }))
}

fn work(message: &Value) -> Result<(), Error> {
    let call: Value = serde_json::from_str(message["body"].as_str().unwrap_or_default())?;
    let body: Value = serde_json::from_str(call["body"].as_str().unwrap_or_default())?;
    // The work itself goes here. SQS may deliver a message twice: use the id to notice it.
    let id = body["id"].as_str().ok_or("the call has no id")?;
    println!("{}", json!({ "handled": id, "source": call["source"] }));
    Ok(())
}
