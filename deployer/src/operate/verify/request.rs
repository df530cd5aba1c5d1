//! Sends a request to a deployed API, and tells the function's answers from those of API Gateway.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::error::display::DisplayErrorContext;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::probe::Word;
use super::{HEADER, Means};

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpReply {
    pub status: u16,
    /// API Gateway answered by itself, with this text, or the status says that something behind it failed.
    pub of_gateway: Option<String>,
    /// The answer has the probe's word.
    pub is_recognised: bool,
}

/// A REST API says so in each answer of API Gateway's own.
const ERROR_TYPE: &str = "x-amzn-errortype";
/// Each answer of an HTTP API has this header, and API Gateway's own have nothing but one of these messages.
const HTTP_API: &str = "apigw-requestid";
const OF_HTTP_API: &[(u16, &str)] = &[
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (429, "Too Many Requests"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
];
/// The status of a request over the stage's rate.
const THROTTLED: u16 = 429;
const BAD_GATEWAY: u16 = 502;
const GATEWAY_TIMEOUT: u16 = 504;
/// Characters of an answer that are shown.
const SHOWN: usize = 120;

/// Sends a request with a method, a path and the URL of a stage, and again while the stage refuses it for its rate.
///
/// # Errors
/// The reason why there is no answer.
pub async fn request(means: Means<'_>, [method, path, url]: [&str; 3], word: &Word) -> Result<HttpReply, String> {
    let until = Instant::now() + means.timeout;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let reply = ask(means, [method, path, url], word, left).await?;
        if reply.status != THROTTLED || reply.of_gateway.is_none() || left.is_zero() || means.is_stopped() {
            return Ok(reply);
        }
        means.pause().await;
    }
}

async fn ask(
    means: Means<'_>,
    [method, path, url]: [&str; 3],
    word: &Word,
    patience: Duration,
) -> Result<HttpReply, String> {
    let method = if method == "ANY" { "GET" } else { method };
    let has_body = ["POST", "PUT", "PATCH"].contains(&method);
    let body = if has_body { SdkBody::from(word.body(Map::new())) } else { SdkBody::empty() };
    let address = format!("{}{}", url.trim_end_matches('/'), filled(path, word));
    let mut request = HttpRequest::new(body);
    request.set_method(method).map_err(|e| e.to_string())?;
    request.set_uri(address).map_err(|e| e.to_string())?;
    let headers = request.headers_mut();
    headers.insert(HEADER, word.text().to_owned());
    headers.insert("user-agent", concat!("deployer/", env!("CARGO_PKG_VERSION")));
    if has_body {
        headers.insert("content-type", "application/json");
    }
    let connector = means.aws.clients.connector();
    let answered = async {
        let answer = connector.call(request).await.map_err(|e| DisplayErrorContext(e).to_string())?;
        let status = answer.status().as_u16();
        let has_type = answer.headers().get(ERROR_TYPE).is_some();
        let is_http_api = answer.headers().get(HTTP_API).is_some();
        let bytes = ByteStream::new(answer.into_body()).collect().await.map_err(|e| e.to_string())?.to_vec();
        let text = String::from_utf8_lossy(&bytes);
        Ok(reply(status, has_type || (is_http_api && is_of_http_api(status, &text)), &text, word))
    };
    let within = tokio::time::timeout(patience, answered).await;
    within.unwrap_or_else(|_| Err(format!("no answer within {} s", patience.as_secs())))
}

/// Tells whether an answer of an HTTP API is API Gateway's own.
fn is_of_http_api(status: u16, body: &str) -> bool {
    let parsed: Value = serde_json::from_str(body).unwrap_or_default();
    let is_alone = parsed.as_object().is_some_and(|answer| answer.len() == 1);
    is_alone && OF_HTTP_API.iter().any(|(known, message)| *known == status && parsed["message"] == *message)
}

fn reply(status: u16, is_of_gateway: bool, body: &str, word: &Word) -> HttpReply {
    let message = || {
        let parsed: Value = serde_json::from_str(body).unwrap_or_default();
        let text = parsed["message"].as_str().or(parsed["Message"].as_str()).unwrap_or(body);
        text.trim().chars().take(SHOWN).collect::<String>()
    };
    // Not every emulator sends the header.
    let is_of_gateway = is_of_gateway
        || [BAD_GATEWAY, GATEWAY_TIMEOUT].contains(&status)
        || (status >= 500 && message() == "Internal server error");
    HttpReply { status, of_gateway: is_of_gateway.then(message), is_recognised: body.contains(word.text()) }
}

/// Fills the variables of a path, such as `/pictures/{id}` and `/{rest+}`.
fn filled(path: &str, word: &Word) -> String {
    let part = |part: &str| if part.starts_with('{') { word.name() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_path_get_the_probes_name() {
        let word = Word::random();
        assert_eq!(filled("/pictures/{id}/{rest+}", &word), format!("/pictures/{0}/{0}", word.name()));
        assert_eq!(filled("/", &word), "/");
    }

    #[test]
    fn an_answer_of_the_gateway_is_told_from_the_functions() {
        let word = Word::random();
        let missing = reply(403, true, "{\"message\":\"Missing Authentication Token\"}", &word);
        assert_eq!(missing.of_gateway.as_deref(), Some("Missing Authentication Token"));
        let bare = reply(502, false, "{\"message\": \"Internal server error\"}", &word);
        assert_eq!(bare.of_gateway.as_deref(), Some("Internal server error"));
        let own = reply(500, false, "{\"message\": \"no picture\"}", &word);
        assert_eq!((own.of_gateway, own.is_recognised), (None, false));
        assert!(reply(200, false, &word.body(Map::new()), &word).is_recognised);
        assert!(is_of_http_api(404, "{\"message\":\"Not Found\"}"));
        for (status, own) in [(404, "{\"message\":\"no such item\"}"), (500, "{\"message\":\"Not Found\"}"), (404, "")]
        {
            assert!(!is_of_http_api(status, own), "{own}");
        }
    }
}
