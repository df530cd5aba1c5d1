//! Pictures and records in one S3 bucket.

use super::age::ServerDate;
use super::{Condition, Metadata, Store, StoreError, StoredRecord, Version};
use crate::aws::AwsFailure;
use crate::picture::Picture;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use std::time::Duration;

/// The most bytes of a record. A larger one was not written by this program.
const MAX_RECORD_BYTES: i64 = 64 * 1024;
const PICTURE_ID: &str = "picture-id";
const GET_OBJECT: &str = "s3:GetObject";
const PUT_OBJECT: &str = "s3:PutObject";

/// Pictures and records in one S3 bucket. Each method makes one call. The caller handles retries.
pub struct S3Store {
    client: Client,
    bucket: String,
    owner: Option<String>,
}

impl S3Store {
    /// Uses `bucket` through `client`. S3 refuses every call if the bucket's account is not `owner`.
    pub fn new(client: Client, bucket: String, owner: Option<String>) -> Self {
        Self { client, bucket, owner }
    }
}

impl Store for S3Store {
    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Calls PutObject with `If-None-Match: *`.
    async fn put(&self, key: &str, picture: &Picture, metadata: &Metadata) -> Result<bool, StoreError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .set_expected_bucket_owner(self.owner.clone())
            .if_none_match("*")
            .content_type("image/png")
            .metadata(PICTURE_ID, &metadata.picture_id)
            .metadata("seed", metadata.seed.to_string())
            .metadata("prompt-sha256", &metadata.prompt_sha256)
            .metadata("correlation-id", &metadata.correlation_id)
            .metadata("request-id", &metadata.request_id)
            .metadata("model-id", &metadata.model_id)
            .body(ByteStream::new(SdkBody::from(picture.bytes())));
        match request.send().await {
            Ok(stored) => version(PUT_OBJECT, stored.e_tag).map(|_| true),
            Err(error) => not_held(AwsFailure::of(PUT_OBJECT, &error)).map(|()| false),
        }
    }

    /// Calls HeadObject. S3 answers 403 in place of 404 to a caller without `s3:ListBucket`, so both count as "no
    /// picture". If the bucket refuses every call, the next write reports it.
    async fn owner(&self, key: &str) -> Result<Option<String>, StoreError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key);
        match request.set_expected_bucket_owner(self.owner.clone()).send().await {
            Ok(head) => {
                version("s3:HeadObject", head.e_tag)?;
                let id = head.metadata.and_then(|mut metadata| metadata.remove(PICTURE_ID));
                Ok(Some(id.unwrap_or_default()))
            }
            Err(error) => match AwsFailure::of("s3:HeadObject", &error) {
                failure if matches!(failure.status, Some(403 | 404)) => Ok(None),
                failure => Err(classify(failure)),
            },
        }
    }

    /// Calls GetObject.
    async fn read(&self, key: &str) -> Result<Option<StoredRecord>, StoreError> {
        let date = ServerDate::default();
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let request = request.set_expected_bucket_owner(self.owner.clone()).customize().interceptor(date.clone());
        let object = match request.send().await {
            Ok(object) => object,
            Err(error) => {
                return match AwsFailure::of(GET_OBJECT, &error) {
                    failure if failure.status == Some(404) && failure.code != "NoSuchBucket" => Ok(None),
                    failure => Err(classify(failure)),
                };
            }
        };
        let version = version(GET_OBJECT, object.e_tag)?;
        if object.content_length.is_some_and(|length| length > MAX_RECORD_BYTES) {
            return Err(StoreError::Unreadable(key.to_owned()));
        }
        let age = date.age(object.last_modified);
        let body = object.body.collect().await.map_err(|error| lost(GET_OBJECT, error.to_string()))?;
        Ok(Some(StoredRecord { body: body.into_bytes(), version, age }))
    }

    /// Calls PutObject with `If-None-Match: *` or `If-Match`.
    async fn write(&self, key: &str, body: Vec<u8>, condition: &Condition) -> Result<Option<Version>, StoreError> {
        let request = self.client.put_object().bucket(&self.bucket).key(key).content_type("application/json");
        let request = request.set_expected_bucket_owner(self.owner.clone());
        let request = match condition {
            Condition::Absent => request.if_none_match("*"),
            Condition::Unchanged(version) => request.if_match(&version.0),
        };
        match request.body(ByteStream::from(body)).send().await {
            Ok(written) => version(PUT_OBJECT, written.e_tag).map(Some),
            Err(error) => match AwsFailure::of(PUT_OBJECT, &error) {
                // The object of `If-Match` was deleted meanwhile.
                failure if failure.code == "NoSuchKey" => Ok(None),
                failure => not_held(failure).map(|()| None),
            },
        }
    }

    /// Signs a GetObject request without a call. The URL does not name the bucket's owner: whoever opens it would have
    /// to send a header for that.
    async fn url(&self, key: &str, ttl: Duration) -> Result<String, StoreError> {
        let failed = |message: String| {
            StoreError::Refused(AwsFailure { operation: GET_OBJECT, message, ..AwsFailure::default() })
        };
        let config = PresigningConfig::expires_in(ttl).map_err(|error| failed(error.to_string()))?;
        let request = self.client.get_object().bucket(&self.bucket).key(key).presigned(config).await;
        let request = request.map_err(|error| classify(AwsFailure::of(GET_OBJECT, &error)))?;
        Ok(request.uri().to_owned())
    }
}

/// Returns the version in an answer of S3, which every successful answer has. An answer without one comes from somebody
/// on the way, such as a proxy that shows a page of its own, and proves neither that an object is stored nor that it
/// exists.
fn version(operation: &'static str, tag: Option<String>) -> Result<Version, StoreError> {
    tag.map(Version).ok_or_else(|| lost(operation, "the answer has no ETag, so it is not S3's".to_owned()))
}

/// Returns the failure of an answer that did not arrive.
fn lost(operation: &'static str, message: String) -> StoreError {
    StoreError::Unavailable(AwsFailure { operation, message, transport: true, ..AwsFailure::default() })
}

/// Treats the failure of a condition as success.
fn not_held(failure: AwsFailure) -> Result<(), StoreError> {
    match failure.status {
        Some(412) => Ok(()),
        _ => Err(classify(failure)),
    }
}

/// Sorts S3's failures. `RequestTimeout` has status 400 and two conflicts have 409, yet all three pass:
/// `ConditionalRequestConflict` means that another conditional write was in progress.
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
    use crate::retry::{Retry, Retryable};

    fn failure(status: u16, code: &str) -> AwsFailure {
        AwsFailure { status: Some(status), code: code.into(), ..AwsFailure::default() }
    }

    #[test]
    fn failures_are_sorted_by_code_and_status() {
        for (status, code, again) in [
            (503, "SlowDown", Retry::Later),
            (500, "InternalError", Retry::Soon),
            (400, "RequestTimeout", Retry::Soon),
            (409, "OperationAborted", Retry::Soon),
            (409, "ConditionalRequestConflict", Retry::Soon),
            (403, "AccessDenied", Retry::Never),
            (404, "NoSuchBucket", Retry::Never),
        ] {
            assert_eq!(classify(failure(status, code)).retry(), again, "{code}");
        }
    }

    #[test]
    fn a_condition_that_does_not_hold_is_no_failure() {
        assert_eq!(not_held(failure(412, "PreconditionFailed")), Ok(()));
        assert!(not_held(failure(403, "AccessDenied")).is_err());
    }
}
