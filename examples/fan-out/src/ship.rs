//! Ships a paid order. The rule sends the event's `detail` alone: `{ "id": "7", "total": 20 }`.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(ship)).await
}

async fn ship(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let order = event.payload["id"].as_str().ok_or("the order has no id")?;
    println!("{}", json!({ "shipped": order, "total": event.payload["total"] }));
    Ok(json!({ "shipped": order }))
}
