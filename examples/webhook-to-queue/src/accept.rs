//! Takes a call of the webhook: checks its signature and keeps it in the queue.

use aws_config::BehaviorVersion;
use aws_sdk_sqs::Client;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use sha2::Sha256;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let [secret, queue_url] = ["SECRET", "QUEUE_URL"].map(std::env::var);
    let webhook = Webhook { client: connect().await, queue_url: queue_url?, secret: secret? };
    lambda_runtime::run(service_fn(async |event| webhook.accept(event).await)).await
}

/// Connects with the credentials of the function's role.
async fn connect() -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await)
}

struct Webhook {
    client: Client,
    queue_url: String,
    secret: String,
}

impl Webhook {
    async fn accept(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let request = event.payload;
        let (Some(body), Some(signature)) = (body(&request), request["headers"]["x-signature"].as_str()) else {
            return Ok(response(400, "a text and the header x-signature are needed"));
        };
        if !self.is_signed(&body, signature) {
            return Ok(response(403, "the signature does not belong to this body"));
        }
        let message = json!({ "source": request["pathParameters"]["source"], "body": body });
        self.client.send_message().queue_url(&self.queue_url).message_body(message.to_string()).send().await?;
        Ok(response(202, "accepted"))
    }

    /// Tells whether `sha256=HEX` is the HMAC of the body. The comparison takes the same time for any wrong signature.
    fn is_signed(&self, body: &str, signature: &str) -> bool {
        let Some(given) = signature.strip_prefix("sha256=").and_then(bytes) else { return false };
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(body.as_bytes());
        mac.verify_slice(&given).is_ok()
    }
}

/// Returns the body. HTTP APIs hand over each body in base64 whose content type is not a text, also that of `curl -d`.
fn body(request: &Value) -> Option<String> {
    let body = request["body"].as_str().unwrap_or_default();
    match request["isBase64Encoded"].as_bool() {
        Some(true) => String::from_utf8(STANDARD.decode(body).ok()?).ok(),
        _ => Some(body.to_owned()),
    }
}

/// Reads hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

fn response(status: u16, message: &str) -> Value {
    let headers = json!({ "content-type": "application/json" });
    json!({ "statusCode": status, "headers": headers, "body": json!({ "message": message }).to_string() })
}
