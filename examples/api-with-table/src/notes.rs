//! Lists, reads, writes and deletes the notes of an owner.

use std::collections::HashMap;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// A note's longest text, in bytes.
const LONGEST: usize = 4096;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let notes = Notes { client: connect().await, table: std::env::var("TABLE")? };
    lambda_runtime::run(service_fn(async |event| notes.answer(event).await)).await
}

/// Connects with the credentials of the function's role.
async fn connect() -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await)
}

struct Notes {
    client: Client,
    table: String,
}

impl Notes {
    /// Answers a request in the form of HTTP APIs (payload 2.0).
    async fn answer(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let request = event.payload;
        let owner = text(&request["pathParameters"]["owner"]);
        let id = text(&request["pathParameters"]["id"]);
        match request["routeKey"].as_str().unwrap_or_default() {
            "GET /notes/{owner}" => self.list(owner).await,
            "GET /notes/{owner}/{id}" => self.read(owner, id).await,
            "PUT /notes/{owner}/{id}" => self.write(owner, id, body(&request)).await,
            "DELETE /notes/{owner}/{id}" => self.delete(owner, id).await,
            other => Err(format!("no such route: {other}").into()),
        }
    }

    /// Returns an owner's first notes. DynamoDB reads 1 MB at a time; `next` is where the next call would go on.
    async fn list(&self, owner: String) -> Result<Value, Error> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("#owner = :owner");
        let query = query.expression_attribute_names("#owner", "owner");
        let found = query.expression_attribute_values(":owner", AttributeValue::S(owner)).send().await?;
        let notes: Vec<Value> = found.items().iter().map(note).collect();
        let next = found.last_evaluated_key().map(|key| note(key)["id"].clone());
        Ok(response(200, &json!({ "notes": notes, "next": next })))
    }

    async fn read(&self, owner: String, id: String) -> Result<Value, Error> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(owner, id)));
        Ok(match get.consistent_read(true).send().await?.item {
            Some(item) => response(200, &note(&item)),
            None => response(404, &json!({ "message": "no such note" })),
        })
    }

    async fn write(&self, owner: String, id: String, text: Option<String>) -> Result<Value, Error> {
        let Some(text) = text.filter(|text| (1..=LONGEST).contains(&text.len())) else {
            return Ok(response(400, &json!({ "message": format!("a note is a text of 1 to {LONGEST} bytes") })));
        };
        let put = self.client.put_item().table_name(&self.table).set_item(Some(key(owner, id)));
        put.item("text", AttributeValue::S(text)).send().await?;
        Ok(response(204, &Value::Null))
    }

    async fn delete(&self, owner: String, id: String) -> Result<Value, Error> {
        self.client.delete_item().table_name(&self.table).set_key(Some(key(owner, id))).send().await?;
        Ok(response(204, &Value::Null))
    }
}

fn key(owner: String, id: String) -> HashMap<String, AttributeValue> {
    [("owner".to_owned(), AttributeValue::S(owner)), ("id".to_owned(), AttributeValue::S(id))].into()
}

/// Returns the id and the text of an item.
fn note(item: &HashMap<String, AttributeValue>) -> Value {
    let of = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    json!({ "id": of("id"), "text": of("text") })
}

/// Returns the body. HTTP APIs hand over each body in base64 whose content type is not a text, also that of `curl -d`.
fn body(request: &Value) -> Option<String> {
    let body = request["body"].as_str().unwrap_or_default();
    match request["isBase64Encoded"].as_bool() {
        Some(true) => String::from_utf8(STANDARD.decode(body).ok()?).ok(),
        _ => Some(body.to_owned()),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn response(status: u16, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    json!({ "statusCode": status, "headers": { "content-type": "application/json" }, "body": body })
}
