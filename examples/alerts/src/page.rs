//! Pages the people on call. A page is a log line here; call your pager in its place.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(page)).await
}

async fn page(event: LambdaEvent<Value>) -> Result<Value, Error> {
    // SNS hands over one message at a time, in a list.
    for record in event.payload["Records"].as_array().into_iter().flatten() {
        let (message, attributes) = (&record["Sns"]["Message"], &record["Sns"]["MessageAttributes"]);
        println!("{}", json!({ "page": message, "severity": attributes["severity"]["Value"] }));
    }
    Ok(Value::Null)
}
