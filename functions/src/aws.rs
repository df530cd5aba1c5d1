//! The AWS clients, and their errors in a form for logs.

use crate::config::Settings;
use crate::text::clip;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The longest time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest idle time after which a connection is used again. A device on the way may have dropped a connection that
/// was idle for longer, and a request over it gets no answer: a new connection costs less than that wait.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The most characters of a message that are kept, and the most that are searched for the prompt.
const MAX_MESSAGE: usize = 1_000;
const MAX_SEARCHED: usize = 16_000;

/// The clients of one function.
pub struct Clients {
    pub bedrock: aws_sdk_bedrockruntime::Client,
    pub s3: aws_sdk_s3::Client,
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Creates the clients over one HTTP client. [`crate::retry`] handles retries and timeouts, because it knows the
    /// remaining time.
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
        let mut sqs = aws_sdk_sqs::config::Builder::from(&shared);
        if let Some(region) = &settings.queue_region {
            sqs = sqs.region(Region::new(region.clone()));
        }
        Self {
            bedrock: aws_sdk_bedrockruntime::Client::from_conf(bedrock),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
        }
    }
}

/// Creates the HTTP client. One connector serves every setting, so that the root certificates are read once, now, and
/// all clients share one pool of connections.
pub(crate) fn http_client() -> SharedHttpClient {
    http_client_with(IDLE_TIMEOUT)
}

fn http_client_with(idle_timeout: Duration) -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .pool_idle_timeout(idle_timeout)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build();
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

/// The content of an AWS error, for logs only, never for an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsFailure {
    pub operation: &'static str,
    /// Empty if no answer came or the answer had no code.
    pub code: String,
    pub status: Option<u16>,
    pub request_id: Option<String>,
    pub message: String,
    /// Whether the request or its answer was lost on the way.
    pub transport: bool,
    /// Whether the function has no usable credentials, so that no request was made.
    pub credentials: bool,
}

impl AwsFailure {
    /// Extracts the failure of `operation` from `error`.
    pub fn of<E>(operation: &'static str, error: &SdkError<E, Response>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        Self::redacted(operation, error, |message| message.to_owned())
    }

    /// Extracts the failure of `operation` from `error`, with the message as `redact` returns it.
    pub fn redacted<E>(
        operation: &'static str,
        error: &SdkError<E, Response>,
        redact: impl FnOnce(&str) -> String,
    ) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let credentials = chain(error).any(|cause| {
            let cause = cause.downcast_ref::<CredentialsError>();
            matches!(cause, Some(CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)))
        });
        let lost = match error {
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
            SdkError::DispatchFailure(failure) => !failure.is_user(),
            _ => false,
        };
        let service = error.as_service_error();
        let raw = error.raw_response();
        // An answer without a code has its message in an inner cause.
        let deeper = || chain(error).find_map(|cause| cause.downcast_ref::<ErrorMetadata>()?.message());
        let message = match service.and_then(ProvideErrorMetadata::message).or_else(deeper) {
            Some(message) => message.to_owned(),
            None => chained(error),
        };
        Self {
            operation,
            code: clip(service.and_then(ProvideErrorMetadata::code).unwrap_or_default(), 200).into_owned(),
            status: raw.map(|raw| raw.status().as_u16()),
            request_id: raw
                .and_then(|raw| {
                    let headers = raw.headers();
                    headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id"))
                })
                .map(|id| clip(id, 200).into_owned()),
            message: clip(&redact(&clip(&message, MAX_SEARCHED)), MAX_MESSAGE).into_owned(),
            transport: lost && !credentials,
            credentials,
        }
    }

    /// Tells whether the fault is likely to pass: a lost request or answer, or a fault of the server.
    pub fn is_transient(&self) -> bool {
        self.transport || self.status.is_some_and(|status| status >= 500)
    }
}

/// Returns `error` and its causes.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

/// Returns the texts of `error` and its causes, never the raw answer: that may have any length, and may repeat the
/// request.
fn chained(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_credential_types::Credentials;
    use aws_credential_types::credential_fn::provide_credentials_fn;
    use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
    use aws_sdk_bedrockruntime::operation::invoke_model::InvokeModelError;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    type InvokeResult = Result<(), SdkError<InvokeModelError, Response>>;

    /// Creates a client that sends to `address`.
    pub(crate) fn bedrock(
        address: &str,
        http: SharedHttpClient,
        credentials: impl ProvideCredentials + 'static,
    ) -> aws_sdk_bedrockruntime::Client {
        let config = aws_sdk_bedrockruntime::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-west-2"))
            .endpoint_url(format!("http://{address}"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .http_client(http);
        aws_sdk_bedrockruntime::Client::from_conf(config.build())
    }

    async fn invoke(client: &aws_sdk_bedrockruntime::Client) -> InvokeResult {
        client.invoke_model().model_id("m").send().await.map(|_| ())
    }

    pub(crate) fn some_credentials() -> Credentials {
        Credentials::new("AKIDEXAMPLE", "not-a-secret", None, None, "test")
    }

    /// Reads one request.
    pub(crate) async fn request(stream: &mut TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
    }

    pub(crate) async fn answer(stream: &mut TcpStream, status: u16, body: &[u8]) {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    }

    /// Returns the failure that results from an answer of `status` with `body`.
    async fn failure_of(status: u16, body: Vec<u8>) -> AwsFailure {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = bedrock(&listener.local_addr().unwrap().to_string(), http_client(), some_credentials());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            answer(&mut stream, status, &body).await;
            stream
        };
        let (result, _stream) = tokio::join!(invoke(&client), serve);
        AwsFailure::of("bedrock:InvokeModel", &result.unwrap_err())
    }

    #[tokio::test]
    async fn missing_credentials_are_the_operators_fault_and_do_not_pass() {
        let none = provide_credentials_fn(|| async { Err(CredentialsError::not_loaded("no provider has any")) });
        let error = invoke(&bedrock("127.0.0.1:9", http_client(), none)).await.unwrap_err();
        let failure = AwsFailure::of("bedrock:InvokeModel", &error);
        assert!(failure.credentials && !failure.is_transient(), "{failure:?}");
        assert!(failure.message.contains("no provider has any"), "{failure}");
    }

    #[tokio::test]
    async fn credentials_that_are_late_are_a_passing_fault() {
        let late = provide_credentials_fn(|| async { Err(CredentialsError::provider_timed_out(CONNECT_TIMEOUT)) });
        let error = invoke(&bedrock("127.0.0.1:9", http_client(), late)).await.unwrap_err();
        let failure = AwsFailure::of("bedrock:InvokeModel", &error);
        assert!(!failure.credentials && failure.is_transient(), "{failure:?}");
    }

    #[tokio::test]
    async fn an_error_page_does_not_get_into_the_message() {
        let page = format!("<html>{}</html>", "s3cret".repeat(100_000));
        let failure = failure_of(502, page.into_bytes()).await;
        assert_eq!(failure.status, Some(502));
        assert!(failure.is_transient());
        assert!(!failure.message.contains("s3cret") && failure.message.len() < 300, "{failure}");
    }

    #[tokio::test]
    async fn a_long_message_is_cut_and_says_how_much() {
        let body = format!("{{\"message\": \"{}\"}}", "x".repeat(5_000));
        let failure = failure_of(400, body.into_bytes()).await;
        assert!(failure.message.ends_with("x… (4000 more characters)"), "{failure}");
    }

    #[tokio::test]
    async fn a_connection_that_rested_too_long_is_not_used_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        for (idle_timeout, connections) in [(Duration::ZERO, 2), (Duration::from_secs(60), 1)] {
            let client = bedrock(&address, http_client_with(idle_timeout), some_credentials());
            let twice = async {
                invoke(&client).await.unwrap();
                invoke(&client).await.unwrap();
            };
            let mut streams = Vec::new();
            tokio::pin!(twice);
            loop {
                tokio::select! {
                    () = &mut twice => break,
                    accepted = listener.accept() => streams.push(tokio::spawn(async move {
                        let (mut stream, _) = accepted.unwrap();
                        loop {
                            request(&mut stream).await;
                            answer(&mut stream, 200, b"{}").await;
                        }
                    })),
                }
            }
            assert_eq!(streams.len(), connections, "{idle_timeout:?}");
            streams.iter().for_each(tokio::task::JoinHandle::abort);
        }
    }
}
