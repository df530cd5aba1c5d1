//! Adds short links, and sends visitors on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// The characters of ids: none that people take for another one.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const DAY: Duration = Duration::from_secs(86_400);
/// The longest life of a link, in days.
const LONGEST: u64 = 365;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let links = Links { client: connect().await, table: std::env::var("TABLE")? };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| links.answer(&event.payload).await)).await
}

/// Connects with the credentials of the function's role.
async fn connect() -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await)
}

struct Links {
    client: Client,
    table: String,
}

impl Links {
    /// Answers a request in the form of HTTP APIs (payload 2.0).
    async fn answer(&self, request: &Value) -> Result<Value, Error> {
        match request["routeKey"].as_str().unwrap_or_default() {
            "POST /links" => self.add(request).await,
            "GET /{id}" => self.follow(request["pathParameters"]["id"].as_str().unwrap_or_default()).await,
            other => Err(format!("no such route: {other}").into()),
        }
    }

    async fn add(&self, request: &Value) -> Result<Value, Error> {
        let link: Value = body(request).and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
        let days = link["days"].as_u64().unwrap_or(30);
        // Only these schemes: a link must not run anything in the visitor's browser.
        let is_web = |to: &&str| to.starts_with("https://") || to.starts_with("http://");
        let (Some(to), 1..=LONGEST) = (link["to"].as_str().filter(is_web), days) else {
            let message = format!("write {{\"to\": \"https://…\", \"days\": 1 to {LONGEST}}}");
            return Ok(response(400, &json!({ "message": message })));
        };
        let id = random_id()?;
        let expires = (SystemTime::now() + DAY * u32::try_from(days)?).duration_since(UNIX_EPOCH)?.as_secs();
        let put = self.client.put_item().table_name(&self.table).item("id", AttributeValue::S(id.clone()));
        let put =
            put.item("to", AttributeValue::S(to.into())).item("expires_at", AttributeValue::N(expires.to_string()));
        // An id that is taken already is an error, and the caller asks again.
        put.condition_expression("attribute_not_exists(id)").send().await?;
        Ok(response(201, &json!({ "id": id, "expires_at": expires })))
    }

    async fn follow(&self, id: &str) -> Result<Value, Error> {
        let get = self.client.get_item().table_name(&self.table).key("id", AttributeValue::S(id.into()));
        let item = get.send().await?.item.unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let expires = item.get("expires_at").and_then(|at| at.as_n().ok()?.parse::<u64>().ok());
        let to = item.get("to").and_then(|to| to.as_s().ok());
        let (Some(to), Some(true)) = (to, expires.map(|at| at > now)) else {
            return Ok(response(404, &json!({ "message": "no such link" })));
        };
        Ok(json!({ "statusCode": 302, "headers": { "location": to, "cache-control": "no-store" } }))
    }
}

/// Returns eight random characters.
fn random_id() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])).iter().collect())
}

/// Returns the body. HTTP APIs hand over each body in base64 whose content type is not a text, also that of `curl -d`.
fn body(request: &Value) -> Option<String> {
    let body = request["body"].as_str().unwrap_or_default();
    match request["isBase64Encoded"].as_bool() {
        Some(true) => String::from_utf8(STANDARD.decode(body).ok()?).ok(),
        _ => Some(body.to_owned()),
    }
}

fn response(status: u16, body: &Value) -> Value {
    json!({ "statusCode": status, "headers": { "content-type": "application/json" }, "body": body.to_string() })
}
