//! Signs an address to which a page may send one picture.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Map, Value, json};

/// The types of pictures, and the ends of their keys.
const TYPES: &[(&str, &str)] = &[("image/jpeg", "jpg"), ("image/png", "png"), ("image/webp", "webp")];
/// The size of the largest picture.
const LARGEST_BYTES: i64 = 10 * 1024 * 1024;
/// The time in which an address counts.
const LASTS: Duration = Duration::from_secs(300);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let signer = Signer { client: connect().await, bucket: std::env::var("UPLOADS")? };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| signer.answer(&event).await)).await
}

/// Connects with the credentials of the function's role.
async fn connect() -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await)
}

struct Signer {
    client: Client,
    bucket: String,
}

impl Signer {
    /// Answers a request in the form of HTTP APIs (payload 2.0). Its body states the type and the size of a picture.
    async fn answer(&self, event: &LambdaEvent<Value>) -> Result<Value, Error> {
        let asked: Value = serde_json::from_slice(&body(&event.payload)).unwrap_or_default();
        let known = TYPES.iter().find(|(name, _)| asked["type"] == *name);
        let (Some((content_type, end)), Some(size)) = (known, asked["size"].as_i64()) else {
            return Ok(refusal("state the type and the size of a JPEG, PNG or WebP"));
        };
        if !(1..=LARGEST_BYTES).contains(&size) {
            return Ok(refusal("a picture has 1 byte to 10 MiB"));
        }
        // The id of the request is unique, and nobody can guess the key of another picture.
        let key = format!("pictures/{}.{end}", event.context.request_id);
        let put = self.client.put_object().bucket(&self.bucket).key(&key).content_type(*content_type);
        let signed = put.content_length(size).presigned(PresigningConfig::expires_in(LASTS)?).await?;
        // Browsers send the host and the length by themselves.
        let stated = signed.headers().filter(|(name, _)| !matches!(*name, "host" | "content-length"));
        let headers: Map<String, Value> = stated.map(|(name, value)| (name.to_owned(), value.into())).collect();
        Ok(response(200, &json!({ "address": signed.uri(), "headers": headers, "key": key })))
    }
}

/// Returns the body. HTTP APIs hand over each body in base64 whose content type is not a text, also that of `curl -d`.
fn body(request: &Value) -> Vec<u8> {
    let body = request["body"].as_str().unwrap_or_default();
    match request["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(body).unwrap_or_default(),
        _ => body.as_bytes().to_vec(),
    }
}

fn refusal(why: &str) -> Value {
    response(400, &json!({ "message": why }))
}

fn response(status: u16, body: &Value) -> Value {
    json!({ "statusCode": status, "headers": { "content-type": "application/json" }, "body": body.to_string() })
}
