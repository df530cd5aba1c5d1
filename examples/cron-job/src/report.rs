//! Draws up a report. The schedule says which: `{ "kind": "daily" }`.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(report)).await
}

async fn report(event: LambdaEvent<Value>) -> Result<Value, Error> {
    // Scheduler repeats a call that fails, and sends it to the dead-letter queue in the end.
    let kind = event.payload["kind"].as_str().ok_or("the event names no kind of report")?;
    let report = json!({ "report": kind, "request": event.context.request_id });
    println!("{report}");
    Ok(report)
}
