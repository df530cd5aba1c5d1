//! Counts the visits of a page.

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let visits = Visits { client: connect().await, table: std::env::var("TABLE")? };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| visits.answer(&event.payload).await)).await
}

/// Connects with the credentials of the function's role.
async fn connect() -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await)
}

struct Visits {
    client: Client,
    table: String,
}

impl Visits {
    /// Answers a request to the function's URL (payload 2.0). Lambda answers the browser's question before it.
    async fn answer(&self, request: &Value) -> Result<Value, Error> {
        if request["requestContext"]["http"]["method"] != "POST" {
            return Ok(response(405, &json!({ "message": "a visit is a POST" })));
        }
        let page = AttributeValue::S(request["rawPath"].as_str().unwrap_or("/").to_owned());
        let count = self.client.update_item().table_name(&self.table).key("page", page);
        let count = count.update_expression("ADD visits :one");
        let count = count.expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        let counted = count.return_values(ReturnValue::UpdatedNew).send().await?;
        let visits = counted.attributes.as_ref().and_then(|attributes| attributes.get("visits")?.as_n().ok());
        let visits: u64 = visits.ok_or("an item without a number of visits")?.parse()?;
        Ok(response(200, &json!({ "visits": visits })))
    }
}

fn response(status: u16, body: &Value) -> Value {
    json!({ "statusCode": status, "headers": { "content-type": "application/json" }, "body": body.to_string() })
}
