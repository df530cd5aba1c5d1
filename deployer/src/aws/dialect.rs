//! Translates calls and answers that a local AWS cannot read, or writes in another form.
//!
//! CloudWatch's SDK speaks only CBOR, which not every local AWS does: a call in CBOR that is refused as unknown is
//! repeated in the older JSON form. Some answer GetBucketVersioning under the name of the operation. Calls to AWS
//! itself are never translated.

pub(crate) mod cbor;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

pub(super) const PROTOCOL: &str = "smithy-protocol";
pub(super) const CBOR: &str = "rpc-v2-cbor";

/// An HTTP client for a local AWS.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    real: SharedHttpClient,
    /// Set by the first answer.
    without_cbor: Arc<AtomicBool>,
}

impl Dialect {
    pub(super) fn new(real: SharedHttpClient) -> Self {
        Self { real, without_cbor: Arc::default() }
    }
}

impl HttpClient for Dialect {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let real = self.real.http_connector(settings, components);
        SharedHttpConnector::new(Connector { real, without_cbor: self.without_cbor.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    real: SharedHttpConnector,
    without_cbor: Arc<AtomicBool>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (real, without_cbor) = (self.real.clone(), self.without_cbor.clone());
        if request.headers().get(PROTOCOL) == Some(CBOR) {
            return HttpConnectorFuture::new(metrics(real, without_cbor, request));
        }
        if request.method() == "GET" && request.uri().ends_with("?versioning") {
            return HttpConnectorFuture::new(async move { rename_versioning(real.call(request).await?).await });
        }
        real.call(request)
    }
}

/// Makes a call of CloudWatch: in CBOR, unless the other side has shown that it does not support CBOR.
async fn metrics(
    real: SharedHttpConnector,
    without_cbor: Arc<AtomicBool>,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let plain = as_json(&request);
    let Some(plain) = plain else { return real.call(request).await };
    if !without_cbor.load(Ordering::Relaxed) {
        let answer = real.call(request).await?;
        // A refused call has had no effect, so it may be repeated.
        if !answer.status().is_client_error() || answer.headers().get(PROTOCOL) == Some(CBOR) {
            return Ok(answer);
        }
        let said = as_cbor(real.call(plain).await?).await;
        if said.is_ok() {
            without_cbor.store(true, Ordering::Relaxed);
        }
        return Ok(said.unwrap_or(answer));
    }
    match as_cbor(real.call(plain).await?).await {
        Ok(answer) | Err(answer) => Ok(answer),
    }
}

/// Converts a call to the JSON form: `POST /` with the operation in a header.
fn as_json(request: &HttpRequest) -> Option<HttpRequest> {
    let (host, path) = split(request.uri());
    let mut parts = path.strip_prefix("/service/")?.split("/operation/");
    let (service, operation) = (parts.next()?, parts.next()?);
    let body = cbor::to_json(request.body().bytes()?)?;
    let mut plain = HttpRequest::new(SdkBody::from(serde_json::to_vec(&body).ok()?));
    plain.set_method("POST").ok()?;
    plain.set_uri(format!("{host}/")).ok()?;
    let dropped = [PROTOCOL, "accept", "content-type", "content-length", "x-amzn-query-mode", "content-encoding"];
    for (name, value) in request.headers().iter().filter(|(name, _)| !dropped.contains(name)) {
        plain.headers_mut().insert(name.to_owned(), value.to_owned());
    }
    plain.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    plain.headers_mut().insert("x-amz-target", format!("{service}.{operation}"));
    Some(plain)
}

/// Splits an address into `http://host:port` and the path.
fn split(uri: &str) -> (&str, &str) {
    let start = uri.find("://").map_or(0, |at| at + 3);
    let end = uri[start..].find('/').map_or(uri.len(), |at| start + at);
    uri.split_at(end)
}

/// Converts an answer in the JSON form to CBOR. Returns it unchanged as the error if it is not JSON.
async fn as_cbor(answer: HttpResponse) -> Result<HttpResponse, HttpResponse> {
    let (answer, bytes) = take_body(answer).await;
    let text: &[u8] = if bytes.is_empty() && answer.status().is_success() { b"{}" } else { &bytes };
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(text) else { return Err(with(answer, bytes)) };
    let mut answer = with(answer, cbor::from_json(&value));
    answer.headers_mut().insert(PROTOCOL, CBOR);
    answer.headers_mut().insert("content-type", "application/cbor");
    Ok(answer)
}

/// Gives GetBucketVersioning's answer the name that AWS uses.
async fn rename_versioning(answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let (answer, bytes) = take_body(answer).await;
    let text = String::from_utf8_lossy(&bytes).replace("GetBucketVersioningResponse", "VersioningConfiguration");
    Ok(with(answer, text.into_bytes()))
}

/// Takes the whole body out of an answer. A body that broke off is empty, which its reader will notice.
async fn take_body(mut answer: HttpResponse) -> (HttpResponse, Vec<u8>) {
    let body = ByteStream::new(answer.take_body()).collect().await;
    (answer, body.map(|bytes| bytes.to_vec()).unwrap_or_default())
}

fn with(mut answer: HttpResponse, body: Vec<u8>) -> HttpResponse {
    answer.headers_mut().remove("content-length");
    *answer.body_mut() = SdkBody::from(body);
    answer
}

#[cfg(test)]
mod tests;
