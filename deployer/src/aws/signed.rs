//! Requests to services whose SDKs the deployer does not link, signed here.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::error::chain;
use super::{Aws, AwsError, Cause};

const PATIENCE: Duration = Duration::from_secs(60);

/// A request to a service, without its signature.
pub(super) struct SignedRequest<'a> {
    /// The service's name in signatures and addresses: `ec2`.
    pub(super) service: &'static str,
    pub(super) headers: &'a [(&'static str, &'static str)],
    pub(super) body: String,
}

/// The status and the body of an answer.
pub(super) struct SignedAnswer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Aws {
    /// Sends a request and counts it as `operation`.
    ///
    /// # Errors
    /// `Transport` if no answer arrives.
    pub(super) async fn send_signed(
        &self,
        operation: &'static str,
        request: SignedRequest<'_>,
    ) -> Result<SignedAnswer, AwsError> {
        let _turn = self.admit(operation).await?;
        let answer = tokio::time::timeout(PATIENCE, self.exchange(request)).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        answer.map_err(|message| AwsError::Transport { operation, message, cause: Cause::Network })
    }

    async fn exchange(
        &self,
        SignedRequest { service, headers, body }: SignedRequest<'_>,
    ) -> Result<SignedAnswer, String> {
        let Some((credentials, endpoint)) = self.clients.for_signing() else { return Err("no credentials".to_owned()) };
        let (region, suffix) = (&self.place.region, self.place.suffix());
        let url = endpoint.unwrap_or_else(|| format!("https://{service}.{region}.{suffix}/"));
        let identity = credentials.provide_credentials().await.map_err(|e| chain(&e))?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| e.to_string())?;
        let signable =
            SignableRequest::new("POST", &url, headers.iter().copied(), SignableBody::Bytes(body.as_bytes()));
        let signed = sign(signable.map_err(|e| chain(&e))?, &params.into()).map_err(|e| chain(&e))?;
        let mut request = HttpRequest::new(SdkBody::from(body.clone()));
        request.set_method("POST").map_err(|e| e.to_string())?;
        request.set_uri(url.as_str()).map_err(|e| e.to_string())?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, *value);
        }
        for (name, value) in signed.output().headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        let answer = self.clients.network.connector().call(request).await.map_err(|e| chain(&e))?;
        let status = answer.status().as_u16();
        let body = ByteStream::new(answer.into_body()).collect().await.map_err(|e| chain(&e))?;
        Ok(SignedAnswer { status, body: String::from_utf8_lossy(&body.to_vec()).into_owned() })
    }
}
