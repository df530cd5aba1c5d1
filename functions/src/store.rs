//! Where pictures are kept: the port, and S3.

use crate::aws::AwsFailure;
use crate::picture::Picture;
use crate::retry::{Again, Retryable};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use std::future::Future;
use std::time::Duration;
use thiserror::Error;

/// Says what is written down beside a picture. All values are ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub seed: u32,
    pub prompt_sha256: String,
    pub correlation_id: String,
    pub request_id: String,
    pub model_id: String,
}

/// Keeps pictures.
pub trait Store {
    /// Returns the URI of `key`.
    fn uri(&self, key: &str) -> String;
    /// Writes `picture` at `key` once; writing the same again is harmless.
    fn put(&self, key: &str, picture: &Picture, metadata: &Metadata) -> impl Future<Output = Result<(), StoreError>>;
}

/// Says why a picture was not kept.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    #[error("the bucket cannot be reached: {0}")]
    Unavailable(AwsFailure),
    #[error("the bucket asks for fewer requests: {0}")]
    Throttled(AwsFailure),
    #[error("the bucket refuses this function: {0}")]
    Refused(AwsFailure),
    #[error("the bucket gave no answer for {} s", .0.as_secs())]
    Stalled(Duration),
}

impl Retryable for StoreError {
    fn again(&self) -> Again {
        match self {
            Self::Unavailable(_) | Self::Stalled(_) => Again::Soon,
            Self::Throttled(_) => Again::Later,
            Self::Refused(_) => Again::Never,
        }
    }

    fn stalled(limit: Duration) -> Self {
        Self::Stalled(limit)
    }
}

/// Keeps pictures in one S3 bucket.
pub struct S3Store {
    client: Client,
    bucket: String,
}

impl S3Store {
    /// Keeps pictures in `bucket` through `client`.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }
}

impl Store for S3Store {
    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Calls PutObject once; retries are the caller's.
    async fn put(&self, key: &str, picture: &Picture, metadata: &Metadata) -> Result<(), StoreError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type("image/png")
            .metadata("seed", metadata.seed.to_string())
            .metadata("prompt-sha256", &metadata.prompt_sha256)
            .metadata("correlation-id", &metadata.correlation_id)
            .metadata("request-id", &metadata.request_id)
            .metadata("model-id", &metadata.model_id)
            .body(ByteStream::new(SdkBody::from(picture.bytes())));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(classify(AwsFailure::of("s3:PutObject", &error))),
        }
    }
}

/// Sorts PutObject's failures. `RequestTimeout` has status 400 and `OperationAborted` 409, yet both pass.
fn classify(failure: AwsFailure) -> StoreError {
    match failure.code.as_str() {
        "SlowDown" | "Throttling" | "ThrottlingException" => StoreError::Throttled(failure),
        "RequestTimeout" | "OperationAborted" | "ConditionalRequestConflict" => StoreError::Unavailable(failure),
        _ if failure.is_transient() => StoreError::Unavailable(failure),
        _ => StoreError::Refused(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_sorted_by_code_and_status() {
        for (status, code, again) in [
            (503, "SlowDown", Again::Later),
            (500, "InternalError", Again::Soon),
            (400, "RequestTimeout", Again::Soon),
            (409, "OperationAborted", Again::Soon),
            (403, "AccessDenied", Again::Never),
            (404, "NoSuchBucket", Again::Never),
        ] {
            let error = classify(AwsFailure { status: Some(status), code: code.into(), ..AwsFailure::default() });
            assert_eq!(error.again(), again, "{code}");
        }
    }
}
