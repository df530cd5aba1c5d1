//! Objects in S3, by conditional writes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, Region, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    VersioningConfiguration,
};
use futures::future::{BoxFuture, FutureExt};
use tokio::time::{Instant, sleep};

use super::objects::{Condition, Object, ObjectError, Objects, Version};
use crate::aws::AwsError;

/// How long a call is repeated that raced with another (409).
const RACE_WINDOW: Duration = Duration::from_secs(15);
/// How long a bucket just made may stay unknown to some of S3.
const NEW_BUCKET_WINDOW: Duration = Duration::from_secs(120);
/// How often a download is begun before it counts as failed; the SDK repeats only up to the headers.
const DOWNLOADS: u32 = 3;

/// Objects of one bucket.
pub(super) struct S3 {
    client: Client,
    bucket: String,
    region: Option<String>,
}

impl S3 {
    /// Takes the run's client; `region` is the bucket's, if it is not the client's.
    pub(super) fn new(client: &Client, bucket: String, region: Option<String>) -> Self {
        let known = client.config().region().map(ToString::to_string);
        let client = match &region {
            Some(region) if known.as_ref() != Some(region) => {
                Client::from_conf(client.config().to_builder().region(Region::new(region.clone())).build())
            }
            _ => client.clone(),
        };
        Self { client, bucket, region }
    }

    fn translate(&self, error: AwsError) -> ObjectError {
        match error.code() {
            // 404 on If-Match: what was read is gone.
            "PreconditionFailed" | "NoSuchKey" => ObjectError::Conflict,
            "NoSuchBucket" => ObjectError::BucketMissing(self.bucket.clone()),
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => ObjectError::WrongRegion(self.bucket.clone()),
            _ if error.status() == 301 => ObjectError::WrongRegion(self.bucket.clone()),
            _ => ObjectError::Aws(error),
        }
    }

    async fn download(&self, key: &str) -> Result<Option<Object>, AwsError> {
        const OPERATION: &str = "s3:GetObject";
        let mut left = DOWNLOADS;
        loop {
            let date = ServerDate::default();
            let call =
                self.client.get_object().bucket(&self.bucket).key(key).customize().interceptor(date.clone()).send();
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
        let call = match condition {
            Condition::Absent => call.if_none_match("*"),
            Condition::Matches(version) => call.if_match(&version.0),
        };
        let answer =
            call.body(ByteStream::from(bytes.to_vec())).send().await.map_err(|e| AwsError::of(OPERATION, e))?;
        answer.e_tag.map(Version).ok_or_else(|| AwsError::missing(OPERATION, "ETag"))
    }

    async fn remove(&self, key: &str, if_match: Option<&Version>) -> Result<(), AwsError> {
        let call = self.client.delete_object().bucket(&self.bucket).key(key);
        let call = call.set_if_match(if_match.map(|version| version.0.clone()));
        call.send().await.map(|_| ()).map_err(|e| AwsError::of("s3:DeleteObject", e))
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, AwsError> {
        let mut pages = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of("s3:ListObjectsV2", e))?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
    }

    async fn make_bucket(&self, region: &str) -> Result<(), AwsError> {
        let head = self.client.head_bucket().bucket(&self.bucket).send().await;
        match head.map_err(|e| AwsError::of("s3:HeadBucket", e)) {
            Ok(_) => return Ok(()),
            Err(error) if error.is(&["NotFound", "NoSuchBucket"]) => {}
            Err(error) => return Err(error),
        }
        let region = self.region.as_deref().unwrap_or(region);
        // S3 refuses the constraint for its first region and demands it everywhere else.
        let constraint = (region != "us-east-1").then(|| {
            CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
        });
        let made = self.client.create_bucket().bucket(&self.bucket).set_create_bucket_configuration(constraint).send();
        match made.await.map_err(|e| AwsError::of("s3:CreateBucket", e)) {
            Err(error) if !error.is(&["BucketAlreadyOwnedByYou"]) => return Err(error),
            _ => {}
        }
        self.block_public_access().await?;
        self.encrypt().await?;
        self.keep_versions().await
    }

    async fn block_public_access(&self) -> Result<(), AwsError> {
        let blocked = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        settle(|| async {
            let call = self.client.put_public_access_block().bucket(&self.bucket);
            let call = call.public_access_block_configuration(blocked.clone()).send();
            call.await.map(|_| ()).map_err(|e| AwsError::of("s3:PutPublicAccessBlock", e))
        })
        .await
    }

    async fn encrypt(&self) -> Result<(), AwsError> {
        const OPERATION: &str = "s3:PutBucketEncryption";
        let shape =
            |e: aws_sdk_s3::error::BuildError| AwsError::Shape { what: OPERATION.into(), message: e.to_string() };
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::Aes256)
            .build()
            .map_err(shape)?;
        let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
        let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(shape)?;
        settle(|| async {
            let call = self.client.put_bucket_encryption().bucket(&self.bucket);
            let call = call.server_side_encryption_configuration(rules.clone()).send();
            call.await.map(|_| ()).map_err(|e| AwsError::of(OPERATION, e))
        })
        .await
    }

    async fn keep_versions(&self) -> Result<(), AwsError> {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        settle(|| async {
            let call = self.client.put_bucket_versioning().bucket(&self.bucket);
            let call = call.versioning_configuration(on.clone()).send();
            call.await.map(|_| ()).map_err(|e| AwsError::of("s3:PutBucketVersioning", e))
        })
        .await
    }
}

/// Repeats a call that raced with another write of the same key, as S3 asks for with a 409.
async fn racing<T, F>(mut call: impl FnMut() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    repeat(&["ConditionalRequestConflict", "OperationAborted"], RACE_WINDOW, &mut call).await
}

/// Repeats a call on a bucket just made until all of S3 knows it.
async fn settle<F>(mut call: impl FnMut() -> F) -> Result<(), AwsError>
where
    F: Future<Output = Result<(), AwsError>>,
{
    repeat(&["NoSuchBucket", "OperationAborted"], NEW_BUCKET_WINDOW, &mut call).await
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
        async move { self.download(key).await.map_err(|e| self.translate(e)) }.boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        condition: &'a Condition,
    ) -> BoxFuture<'a, Result<Version, ObjectError>> {
        async move { racing(|| self.upload(key, &bytes, condition)).await.map_err(|e| self.translate(e)) }.boxed()
    }

    fn delete<'a>(&'a self, key: &'a str, if_match: Option<&'a Version>) -> BoxFuture<'a, Result<(), ObjectError>> {
        async move { racing(|| self.remove(key, if_match)).await.map_err(|e| self.translate(e)) }.boxed()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, ObjectError>> {
        async move { self.keys(prefix).await.map_err(|e| self.translate(e)) }.boxed()
    }

    fn create_place<'a>(&'a self, region: &'a str) -> BoxFuture<'a, Result<(), ObjectError>> {
        async move { self.make_bucket(region).await.map_err(|e| self.translate(e)) }.boxed()
    }

    fn describe(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}

async fn object(answer: GetObjectOutput, date: &ServerDate) -> Result<Object, AwsError> {
    const OPERATION: &str = "s3:GetObject";
    let version = answer.e_tag.map(Version).ok_or_else(|| AwsError::missing(OPERATION, "ETag"))?;
    let modified = answer.last_modified.and_then(|time| SystemTime::try_from(time).ok());
    let modified = modified.ok_or_else(|| AwsError::missing(OPERATION, "Last-Modified"))?;
    let body = answer.body.collect().await;
    let body = body.map_err(|e| AwsError::Transport { operation: OPERATION, message: e.to_string() })?;
    // Without the server's clock an object looks fresh: better a lock held too long than one broken.
    let server_now = date.get().unwrap_or(modified);
    Ok(Object { bytes: body.to_vec(), version, modified, server_now })
}

/// Keeps the `Date` header of an answer, which the SDK drops: S3's own clock.
#[derive(Debug, Clone, Default)]
struct ServerDate(Arc<Mutex<Option<SystemTime>>>);

impl ServerDate {
    fn get(&self) -> Option<SystemTime> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date.and_then(|time| SystemTime::try_from(time).ok());
        Ok(())
    }
}
