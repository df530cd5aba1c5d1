//! Objects in S3, written conditionally, in a bucket of one account and no other.
//!
//! - `bucket`: the bucket itself, created on request
//! - `young`: wrong answers of S3 about a bucket whose settings are new

mod bucket;
mod young;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, Region, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use aws_sdk_s3::types::ServerSideEncryption;
use futures::future::{BoxFuture, FutureExt};
use tokio::time::{Instant, sleep};

use super::objects::{Condition, Object, ObjectError, Objects, Version};
use super::store::{Encryption, S3Location};
use crate::aws::{AwsError, Cause, Place};
use crate::mutex::lock;
use young::Young;

/// How long to repeat a call that raced with another one (HTTP 409).
const RACE_WINDOW: Duration = Duration::from_secs(15);
/// How often to start a download before it counts as failed. The SDK retries only until it has the headers.
const DOWNLOADS: u32 = 3;

/// Objects of one bucket.
pub(super) struct S3 {
    client: Client,
    bucket: String,
    region: Option<String>,
    /// The account that must own the bucket, once it is known. S3 then refuses every call on another account's bucket.
    owner: OnceLock<String>,
    encryption: Option<Encryption>,
    young: Young,
}

impl S3 {
    /// Uses the run's client.
    pub(super) fn new(client: &Client, at: S3Location) -> Self {
        let S3Location { bucket, region, account, encryption, .. } = at;
        let known = client.config().region().map(ToString::to_string);
        let client = match &region {
            Some(region) if known.as_ref() != Some(region) => {
                Client::from_conf(client.config().to_builder().region(Region::new(region.clone())).build())
            }
            _ => client.clone(),
        };
        let owner = account.map(OnceLock::from).unwrap_or_default();
        Self { client, bucket, region, owner, encryption, young: Young::default() }
    }

    fn owner(&self) -> Option<String> {
        self.owner.get().cloned()
    }

    async fn translate(&self, error: AwsError) -> ObjectError {
        match error.code() {
            // 404 in answer to If-Match: the object that was read was deleted.
            "PreconditionFailed" | "NoSuchKey" => ObjectError::Conflict,
            "NoSuchBucket" => ObjectError::BucketMissing(self.bucket.clone()),
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => ObjectError::WrongRegion(self.bucket.clone()),
            _ if error.status() == 301 => ObjectError::WrongRegion(self.bucket.clone()),
            _ if error.is_access_denied() && self.is_of_others().await => self.of_others(),
            _ => ObjectError::Aws(error),
        }
    }

    fn of_others(&self) -> ObjectError {
        ObjectError::BucketOfOthers { bucket: self.bucket.clone(), wanted: self.owner().unwrap_or_default() }
    }

    /// Tells whether S3 refuses because the bucket belongs to another account: then the same call succeeds without the
    /// expected owner.
    async fn is_of_others(&self) -> bool {
        let Some(owner) = self.owner() else { return false };
        let head = || self.client.head_bucket().bucket(&self.bucket);
        let guarded = head().expected_bucket_owner(owner).send().await.map_err(|e| AwsError::of("s3:HeadBucket", e));
        guarded.is_err_and(|error| error.status() == 403) && head().send().await.is_ok()
    }

    async fn download(&self, key: &str) -> Result<Option<Object>, AwsError> {
        const OPERATION: &str = "s3:GetObject";
        let mut left = DOWNLOADS;
        loop {
            let date = ServerDate::default();
            let call = self.client.get_object().bucket(&self.bucket).key(key).set_expected_bucket_owner(self.owner());
            let call = call.customize().interceptor(date.clone()).send();
            let answer = match call.await.map_err(|e| AwsError::of(OPERATION, e)) {
                Ok(answer) => answer,
                Err(error) if error.is(&["NoSuchKey"]) => return Ok(None),
                Err(error) => return Err(error),
            };
            left -= 1;
            match object(answer, &date).await {
                Err(AwsError::Transport { .. }) if left > 0 => {}
                result => return result.map(Some),
            }
        }
    }

    async fn upload(&self, key: &str, bytes: &[u8], condition: &Condition) -> Result<Version, AwsError> {
        const OPERATION: &str = "s3:PutObject";
        let call = self.client.put_object().bucket(&self.bucket).key(key).content_type("application/json");
        let call = call.set_expected_bucket_owner(self.owner());
        let call = match &self.encryption {
            Some(Encryption { sse_algorithm, kms_master_key_id }) => call
                .server_side_encryption(ServerSideEncryption::from(sse_algorithm.as_str()))
                .set_ssekms_key_id(kms_master_key_id.clone()),
            None => call,
        };
        let call = match condition {
            Condition::Absent => call.if_none_match("*"),
            Condition::Matches(version) => call.if_match(&version.0),
        };
        let answer =
            call.body(ByteStream::from(bytes.to_vec())).send().await.map_err(|e| AwsError::of(OPERATION, e))?;
        answer.e_tag.map(Version).ok_or_else(|| AwsError::missing(OPERATION, "ETag"))
    }

    async fn remove(&self, key: &str, if_match: Option<&Version>) -> Result<(), AwsError> {
        let call = self.client.delete_object().bucket(&self.bucket).key(key).set_expected_bucket_owner(self.owner());
        let call = call.set_if_match(if_match.map(|version| version.0.clone()));
        call.send().await.map(|_| ()).map_err(|e| AwsError::of("s3:DeleteObject", e))
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, AwsError> {
        let call = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let mut pages = call.set_expected_bucket_owner(self.owner()).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of("s3:ListObjectsV2", e))?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
    }
}

/// Repeats a call that raced with another write of the same key, as S3 requires after a 409.
async fn racing<T, F>(mut call: impl FnMut() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    repeat(&["ConditionalRequestConflict", "OperationAborted"], RACE_WINDOW, &mut call).await
}

async fn repeat<T, F>(codes: &[&str], window: Duration, call: &mut impl FnMut() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    let began = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        match call().await {
            Err(error) if error.is(codes) && began.elapsed() + pause < window => {
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(3));
            }
            result => return result,
        }
    }
}

impl Objects for S3 {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Object>, ObjectError>> {
        async move {
            let get = || self.download(key);
            match self.young.repeat_until_settled(key, get, |found| matches!(found, Ok(None))).await {
                Ok(found) => Ok(found),
                Err(error) => Err(self.translate(error).await),
            }
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        condition: &'a Condition,
    ) -> BoxFuture<'a, Result<Version, ObjectError>> {
        async move {
            let put = || racing(|| self.upload(key, &bytes, condition));
            match self.young.repeat_until_settled(key, put, is_gone).await {
                Ok(version) => {
                    self.young.wrote(key);
                    Ok(version)
                }
                Err(error) => Err(self.translate(error).await),
            }
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a str, if_match: Option<&'a Version>) -> BoxFuture<'a, Result<(), ObjectError>> {
        async move {
            let delete = || racing(|| self.remove(key, if_match));
            match self.young.repeat_until_settled(key, delete, is_gone).await {
                Ok(()) => {
                    self.young.note_deleted(key);
                    Ok(())
                }
                Err(error) => Err(self.translate(error).await),
            }
        }
        .boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, ObjectError>> {
        async move {
            match self.young.repeat_until_settled(prefix, || self.keys(prefix), |_| false).await {
                Ok(keys) => Ok(keys),
                Err(error) => Err(self.translate(error).await),
            }
        }
        .boxed()
    }

    fn create_place<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), ObjectError>> {
        self.make_bucket(place).boxed()
    }

    fn belongs_to(&self, account: &str) {
        // An account that `stack.yaml` states takes precedence.
        let _ = self.owner.set(account.to_owned());
    }

    fn is_guarded(&self) -> bool {
        self.owner.get().is_some()
    }

    fn describe(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}

/// Tells whether the object of the call does not exist.
fn is_gone<T>(answer: &Result<T, AwsError>) -> bool {
    matches!(answer, Err(error) if error.is(&["NoSuchKey"]))
}

async fn object(answer: GetObjectOutput, date: &ServerDate) -> Result<Object, AwsError> {
    const OPERATION: &str = "s3:GetObject";
    let version = answer.e_tag.map(Version).ok_or_else(|| AwsError::missing(OPERATION, "ETag"))?;
    let modified = answer.last_modified.and_then(|time| SystemTime::try_from(time).ok());
    let modified = modified.ok_or_else(|| AwsError::missing(OPERATION, "Last-Modified"))?;
    let body = answer.body.collect().await;
    let body =
        body.map_err(|e| AwsError::Transport { operation: OPERATION, message: e.to_string(), cause: Cause::Network })?;
    // Without the server's clock, treat the object as fresh: holding a lock too long is better than breaking one.
    let server_now = date.get().unwrap_or(modified);
    Ok(Object { bytes: body.to_vec(), version, modified, server_now })
}

/// Keeps an answer's `Date` header, S3's own clock, which the SDK drops.
#[derive(Debug, Clone, Default)]
struct ServerDate(Arc<Mutex<Option<SystemTime>>>);

impl ServerDate {
    fn get(&self) -> Option<SystemTime> {
        *lock(&self.0)
    }
}

impl Intercept for ServerDate {
    fn name(&self) -> &'static str {
        "ServerDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok());
        *lock(&self.0) = date.and_then(|time| SystemTime::try_from(time).ok());
        Ok(())
    }
}
