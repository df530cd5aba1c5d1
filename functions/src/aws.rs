//! The AWS clients, and what is kept of their errors.

use crate::config::Settings;
use aws_config::{BehaviorVersion, Region};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The longest a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Holds the clients of one function.
pub struct Clients {
    pub bedrock: aws_sdk_bedrockruntime::Client,
    pub s3: aws_sdk_s3::Client,
}

impl Clients {
    /// Makes both clients over one HTTP client. Retries and timeouts are [`crate::retry`]'s: it knows the time left.
    pub async fn new(settings: &Settings) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http_client())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(aws_sdk_s3::config::StalledStreamProtectionConfig::disabled());
        if let Some(region) = &settings.bucket_region {
            loader = loader.region(Region::new(region.clone()));
        }
        let shared = loader.load().await;
        let bedrock = aws_sdk_bedrockruntime::config::Builder::from(&shared)
            .region(Region::new(settings.model_region.clone()))
            .build();
        let s3 = aws_sdk_s3::config::Builder::from(&shared).force_path_style(settings.path_style).build();
        Self { bedrock: aws_sdk_bedrockruntime::Client::from_conf(bedrock), s3: aws_sdk_s3::Client::from_conf(s3) }
    }
}

/// Makes the HTTP client: one connector for every setting, so that the root certificates are read once, now, and all
/// clients share one pool of connections.
fn http_client() -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
    let connector =
        Connector::builder().connector_settings(settings).tls_provider(Provider::Rustls(CryptoMode::Ring)).build();
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

/// Keeps what an AWS error says; it is for logs alone, never for an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsFailure {
    pub operation: &'static str,
    /// Empty when no answer came or it had none.
    pub code: String,
    pub status: Option<u16>,
    pub request_id: Option<String>,
    pub message: String,
    /// Whether the request or its answer was lost on the way.
    pub transport: bool,
}

impl AwsFailure {
    /// Takes what `error` says about `operation`.
    pub fn of<E>(operation: &'static str, error: &SdkError<E, Response>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let transport = match error {
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
            SdkError::DispatchFailure(failure) => !failure.is_user(),
            _ => false,
        };
        let service = error.as_service_error();
        let raw = error.raw_response();
        Self {
            operation,
            code: service.and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned(),
            status: raw.map(|raw| raw.status().as_u16()),
            request_id: raw
                .and_then(|raw| {
                    let headers = raw.headers();
                    headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id"))
                })
                .map(ToOwned::to_owned),
            message: match service.and_then(ProvideErrorMetadata::message) {
                Some(message) => message.to_owned(),
                None => DisplayErrorContext(error).to_string(),
            },
            transport,
        }
    }

    /// Returns whether the fault is likely to pass: lost on the way, or the server's.
    pub fn is_transient(&self) -> bool {
        self.transport || self.status.is_some_and(|status| status >= 500)
    }
}

impl fmt::Display for AwsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}
