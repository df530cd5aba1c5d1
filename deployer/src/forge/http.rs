//! Sends JSON over HTTP with the client that the AWS SDK brings.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::error::display::DisplayErrorContext;
use serde_json::Value;

use super::ForgeError;

/// Time limit for one answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Number of characters of a refusal that are shown.
const SHOWN: usize = 200;

/// Calls one API with its token.
pub(super) struct Http {
    connector: Connector,
    /// The header that carries the token.
    header: &'static str,
    token: String,
}

impl Http {
    pub(super) fn new(header: &'static str, token: String) -> Self {
        let proxies = ProxyConfig::from_env();
        let connector =
            Connector::builder().proxy_config(proxies).tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build();
        Self { connector, header, token }
    }

    /// Sends a request and returns its JSON answer; `null` if the answer is empty.
    pub(super) async fn ask(&self, method: &'static str, url: &str, body: Option<&Value>) -> Result<Value, ForgeError> {
        let unreachable = |cause: String| ForgeError::Unreachable(format!("{method} {url}: {cause}"));
        let request = self.request(method, url, body).map_err(unreachable)?;
        let answered = async {
            let answer = self.connector.call(request).await.map_err(|e| DisplayErrorContext(e).to_string())?;
            let status = answer.status().as_u16();
            let bytes = ByteStream::new(answer.into_body()).collect().await.map_err(|e| e.to_string())?;
            Ok((status, bytes.into_bytes()))
        };
        let within = tokio::time::timeout(PATIENCE, answered).await;
        let (status, bytes) = within.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(unreachable)?;
        let value: Option<Value> = serde_json::from_slice(&bytes).ok();
        if !(200..300).contains(&status) {
            let message = value.as_ref().and_then(|value| value["message"].as_str().map(str::to_owned));
            let message = message.unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned());
            let message = message.chars().take(SHOWN).collect();
            return Err(ForgeError::Refused { method, url: url.to_owned(), status, message });
        }
        Ok(value.unwrap_or_default())
    }

    fn request(&self, method: &str, url: &str, body: Option<&Value>) -> Result<HttpRequest, String> {
        let bytes = body.map(|body| SdkBody::from(body.to_string()));
        let mut request = HttpRequest::new(bytes.unwrap_or_else(SdkBody::empty));
        request.set_method(method).map_err(|e| e.to_string())?;
        request.set_uri(url).map_err(|e| e.to_string())?;
        let headers = request.headers_mut();
        for (name, value) in [
            (self.header, self.token.as_str()),
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("user-agent", concat!("deployer/", env!("CARGO_PKG_VERSION"))),
        ] {
            // The SDK's own errors would quote the value, and one of these values is the token.
            headers.try_insert(name, value.to_owned()).map_err(|_| format!("the header {name} cannot be sent"))?;
        }
        Ok(request)
    }
}
