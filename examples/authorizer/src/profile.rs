//! Answers with the name of the caller, whom the authorizer has found.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(answer)).await
}

/// The answer has the header for pages of other sites. API Gateway passes it on as it is.
async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let user = event.payload["requestContext"]["authorizer"]["user"].as_str();
    let body = match user {
        Some(user) => json!({ "user": user }),
        None => json!({ "status": "ok" }),
    };
    Ok(json!({
        "statusCode": 200,
        "headers": { "Content-Type": "application/json", "Access-Control-Allow-Origin": "*" },
        "body": body.to_string(),
    }))
}
