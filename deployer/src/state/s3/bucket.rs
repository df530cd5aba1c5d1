//! The state's bucket, created on request.
//!
//! # Guarantees
//! A bucket of another account is never used, and a bucket that somebody else created in this account is left
//! unchanged. CreateBucket tags the bucket as unfinished; by this tag a later run recognises and finishes a bucket that
//! a killed run left incomplete.

use std::time::Duration;

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};
use serde_json::json;

use super::{S3, repeat};
use crate::aws::{AwsError, Place};
use crate::state::objects::ObjectError;

/// How long some of S3's servers may not know a bucket that was just created.
const NEW_BUCKET_WINDOW: Duration = Duration::from_secs(120);
/// Tag by which the deployer marks a bucket that it created; its value tells whether the setup is finished.
const MARK: &str = "deployer:state-bucket";
const UNFINISHED: &str = "unfinished";
const READY: &str = "ready";
/// Days for which earlier versions of an object are kept; the lock alone leaves some in every run.
const KEPT_DAYS: i32 = 90;

impl S3 {
    pub(super) async fn make_bucket(&self, place: &Place) -> Result<(), ObjectError> {
        let there = match self.head().await {
            Ok(()) => true,
            Err(error) if error.is(&["NotFound", "NoSuchBucket"]) => false,
            Err(error) => return Err(self.translate(error).await),
        };
        let fresh = !there && self.create(place).await?;
        let made = async {
            if !fresh && self.mark().await?.as_deref() != Some(UNFINISHED) {
                return Ok(());
            }
            self.young.begin();
            self.set_up(place).await?;
            // Versioning is on from here: the delay that S3 warns of begins now.
            self.young.begin();
            Ok(())
        };
        match made.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.translate(error).await),
        }
    }

    /// Checks that the bucket exists. An answer to HEAD has no body, so after an ambiguous refusal (400) a list call
    /// asks for an error with a code.
    async fn head(&self) -> Result<(), AwsError> {
        let call = self.client.head_bucket().bucket(&self.bucket).set_expected_bucket_owner(self.owner());
        let error = match call.send().await.map_err(|e| AwsError::of("s3:HeadBucket", e)) {
            Ok(_) => return Ok(()),
            Err(error) if error.status() != 400 => return Err(error),
            Err(error) => error,
        };
        let call = self.client.list_objects_v2().bucket(&self.bucket).max_keys(1);
        let call = call.set_expected_bucket_owner(self.owner()).send();
        Err(call.await.map_err(|e| AwsError::of("s3:ListObjectsV2", e)).err().unwrap_or(error))
    }

    /// Creates the bucket and returns true; false means that this account already owns it by now.
    async fn create(&self, place: &Place) -> Result<bool, ObjectError> {
        if self.owner().is_some_and(|owner| owner != place.account) {
            return Err(ObjectError::BucketMissing(self.bucket.clone()));
        }
        let region = self.region.as_deref().unwrap_or(&place.region);
        // S3 refuses the constraint for its first region and requires it for all others.
        let constraint = (region != "us-east-1").then(|| BucketLocationConstraint::from(region));
        let unfinished = match tag(MARK, UNFINISHED) {
            Ok(tag) => tag,
            Err(error) => return Err(ObjectError::Aws(error)),
        };
        let configuration = CreateBucketConfiguration::builder().set_location_constraint(constraint).tags(unfinished);
        let call = self.client.create_bucket().bucket(&self.bucket).create_bucket_configuration(configuration.build());
        match call.send().await.map_err(|e| AwsError::of("s3:CreateBucket", e)) {
            Err(error) if error.is(&["BucketAlreadyExists"]) => Err(self.of_others()),
            // Another run was faster, or this run created it and lost the answer: the tag tells.
            Err(error) if error.is(&["BucketAlreadyOwnedByYou"]) => Ok(false),
            Err(error) => Err(self.translate(error).await),
            Ok(_) => Ok(true),
        }
    }

    /// Applies all settings of a new bucket; settings already applied are applied again.
    async fn set_up(&self, place: &Place) -> Result<(), AwsError> {
        self.block_public_access().await?;
        self.encrypt().await?;
        // The local cloud has no HTTPS.
        if !place.endpoint_url.as_deref().is_some_and(|url| url.starts_with("http://")) {
            self.refuse_plain_text(place).await?;
        }
        self.expire_versions().await?;
        self.keep_versions().await?;
        self.set_mark(READY).await
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
            let call = call.set_expected_bucket_owner(self.owner());
            let call = call.public_access_block_configuration(blocked.clone()).send();
            call.await.map(|_| ()).map_err(|e| AwsError::of("s3:PutPublicAccessBlock", e))
        })
        .await
    }

    /// Sets the default encryption of the state's objects: S3-managed keys if none is configured.
    async fn encrypt(&self) -> Result<(), AwsError> {
        const OPERATION: &str = "s3:PutBucketEncryption";
        let algorithm = self.encryption.as_ref().map_or("AES256", |encryption| &encryption.sse_algorithm);
        let key = self.encryption.as_ref().and_then(|encryption| encryption.kms_master_key_id.clone());
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(algorithm))
            .set_kms_master_key_id(key)
            .build()
            .map_err(shape(OPERATION))?;
        let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default);
        let rule = rule.set_bucket_key_enabled((algorithm == "aws:kms").then_some(true)).build();
        let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(shape(OPERATION))?;
        settle(|| async {
            let call = self.client.put_bucket_encryption().bucket(&self.bucket);
            let call = call.set_expected_bucket_owner(self.owner());
            let call = call.server_side_encryption_configuration(rules.clone()).send();
            call.await.map(|_| ()).map_err(|e| AwsError::of(OPERATION, e))
        })
        .await
    }

    /// Sets a policy that accepts requests only over HTTPS; an existing policy stays.
    async fn refuse_plain_text(&self, place: &Place) -> Result<(), AwsError> {
        let policy = self.client.get_bucket_policy().bucket(&self.bucket).set_expected_bucket_owner(self.owner());
        match policy.send().await.map_err(|e| AwsError::of("s3:GetBucketPolicy", e)) {
            Err(error) if error.is(&["NoSuchBucketPolicy", "NoSuchBucket"]) => {}
            found => return found.map(|_| ()),
        }
        let arn = format!("arn:{}:s3:::{}", place.partition, self.bucket);
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Sid": "DenyWithoutHttps", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [&arn, format!("{arn}/*")], "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }] });
        settle(|| async {
            let call = self.client.put_bucket_policy().bucket(&self.bucket).policy(policy.to_string());
            let call = call.set_expected_bucket_owner(self.owner()).send();
            call.await.map(|_| ()).map_err(|e| AwsError::of("s3:PutBucketPolicy", e))
        })
        .await
    }

    /// Adds a rule that deletes earlier versions; existing rules stay.
    async fn expire_versions(&self) -> Result<(), AwsError> {
        const OPERATION: &str = "s3:PutBucketLifecycleConfiguration";
        let rules = self.client.get_bucket_lifecycle_configuration().bucket(&self.bucket);
        let rules = rules.set_expected_bucket_owner(self.owner()).send();
        match rules.await.map_err(|e| AwsError::of("s3:GetBucketLifecycleConfiguration", e)) {
            Err(error) if error.is(&["NoSuchLifecycleConfiguration", "NoSuchBucket"]) => {}
            found => return found.map(|_| ()),
        }
        let earlier = NoncurrentVersionExpiration::builder().noncurrent_days(KEPT_DAYS).build();
        let rule = LifecycleRule::builder()
            .id("deployer-earlier-versions")
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .noncurrent_version_expiration(earlier)
            .expiration(LifecycleExpiration::builder().expired_object_delete_marker(true).build())
            .build()
            .map_err(shape(OPERATION))?;
        let rules = BucketLifecycleConfiguration::builder().rules(rule).build().map_err(shape(OPERATION))?;
        settle(|| async {
            let call = self.client.put_bucket_lifecycle_configuration().bucket(&self.bucket);
            let call = call.set_expected_bucket_owner(self.owner());
            let call = call.lifecycle_configuration(rules.clone()).send();
            call.await.map(|_| ()).map_err(|e| AwsError::of(OPERATION, e))
        })
        .await
    }

    async fn keep_versions(&self) -> Result<(), AwsError> {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        settle(|| async {
            let call = self.client.put_bucket_versioning().bucket(&self.bucket);
            let call = call.set_expected_bucket_owner(self.owner());
            let call = call.versioning_configuration(on.clone()).send();
            call.await.map(|_| ()).map_err(|e| AwsError::of("s3:PutBucketVersioning", e))
        })
        .await
    }

    /// Reads how far the deployer has set up this bucket; `None` for a bucket of somebody else. A caller who may not
    /// read the tags has not created the bucket either.
    async fn mark(&self) -> Result<Option<String>, AwsError> {
        match self.tags().await {
            Ok(tags) => Ok(tags.into_iter().find(|tag| tag.key == MARK).map(|tag| tag.value)),
            Err(error) if error.is_access_denied() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn tags(&self) -> Result<Vec<Tag>, AwsError> {
        let mut ask = || async {
            let call = self.client.get_bucket_tagging().bucket(&self.bucket);
            let call = call.set_expected_bucket_owner(self.owner()).send();
            call.await.map_err(|e| AwsError::of("s3:GetBucketTagging", e))
        };
        match repeat(&["NoSuchBucket"], NEW_BUCKET_WINDOW, &mut ask).await {
            Ok(answer) => Ok(answer.tag_set),
            Err(error) if error.is(&["NoSuchTagSet"]) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn set_mark(&self, value: &str) -> Result<(), AwsError> {
        const OPERATION: &str = "s3:PutBucketTagging";
        let mut tags = self.tags().await?;
        tags.retain(|tag| tag.key != MARK);
        tags.push(tag(MARK, value)?);
        let tags = Tagging::builder().set_tag_set(Some(tags)).build().map_err(shape(OPERATION))?;
        settle(|| async {
            let call = self.client.put_bucket_tagging().bucket(&self.bucket).tagging(tags.clone());
            let call = call.set_expected_bucket_owner(self.owner()).send();
            call.await.map(|_| ()).map_err(|e| AwsError::of(OPERATION, e))
        })
        .await
    }
}

fn tag(key: &str, value: &str) -> Result<Tag, AwsError> {
    Tag::builder().key(key).value(value).build().map_err(shape("s3:PutBucketTagging"))
}

fn shape(operation: &'static str) -> impl Fn(aws_sdk_s3::error::BuildError) -> AwsError {
    move |error| AwsError::Shape { what: operation.into(), message: error.to_string() }
}

/// Repeats a call on a new bucket until all of S3's servers know the bucket.
async fn settle<F>(mut call: impl FnMut() -> F) -> Result<(), AwsError>
where
    F: Future<Output = Result<(), AwsError>>,
{
    repeat(&["NoSuchBucket", "OperationAborted"], NEW_BUCKET_WINDOW, &mut call).await
}
