//! A bucket's settings: one pair of calls each, in the SDK's forms and in the spec's.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BlockedEncryptionTypes, BucketLifecycleConfiguration, BucketVersioningStatus,
    ExpirationStatus, LifecycleExpiration, LifecycleRule as SdkRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
    VersioningConfiguration,
};

use super::spread::{blocked_encryption, opens_to_public, put_policy};
use super::{Bucket, Encryption, LifecycleRule, PublicAccessBlock};
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError};

/// The IAM actions of the reads; HeadBucket's is ListBucket.
pub(super) const READS: &[&str] = &[
    "s3:ListBucket",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketOwnershipControls",
    "s3:GetLifecycleConfiguration",
    "s3:GetBucketPolicy",
    "s3:GetBucketTagging",
];

/// The IAM actions of the writes.
pub(super) const WRITES: &[&str] = &[
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketOwnershipControls",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketTagging",
];

/// Returns the bucket as CreateBucket leaves it, with the opposite of the desired public access block, so that the
/// block is always written: AWS closes new buckets, and local clouds leave them open.
pub(super) fn new_bucket(want: &Bucket) -> Bucket {
    let block = want.public_access_block;
    Bucket {
        versioning: false,
        encryption: Encryption::default(),
        public_access_block: PublicAccessBlock {
            block_public_acls: !block.block_public_acls,
            ignore_public_acls: !block.ignore_public_acls,
            block_public_policy: !block.block_public_policy,
            restrict_public_buckets: !block.restrict_public_buckets,
        },
        lifecycle_rules: Vec::new(),
        policy: None,
        ..want.clone()
    }
}

/// Reads all settings at once; `None` if the bucket does not exist. A setting that the caller may not read is an error.
pub(super) async fn read(aws: &Aws, spec: &Bucket) -> Result<Option<Bucket>, AwsError> {
    let (s3, name) = (&aws.clients.s3, &spec.bucket);
    let (versioning, encryption, block, ownership, lifecycle, policy, tagging) = tokio::join!(
        setting(aws, "s3:GetBucketVersioning", &[], s3.get_bucket_versioning().bucket(name).send()),
        setting(
            aws,
            "s3:GetBucketEncryption",
            &["ServerSideEncryptionConfigurationNotFoundError"],
            s3.get_bucket_encryption().bucket(name).send()
        ),
        setting(
            aws,
            "s3:GetPublicAccessBlock",
            &["NoSuchPublicAccessBlockConfiguration"],
            s3.get_public_access_block().bucket(name).send()
        ),
        setting(
            aws,
            "s3:GetBucketOwnershipControls",
            &["OwnershipControlsNotFoundError"],
            s3.get_bucket_ownership_controls().bucket(name).send()
        ),
        setting(
            aws,
            "s3:GetBucketLifecycleConfiguration",
            &["NoSuchLifecycleConfiguration"],
            s3.get_bucket_lifecycle_configuration().bucket(name).send()
        ),
        setting(aws, "s3:GetBucketPolicy", &["NoSuchBucketPolicy"], s3.get_bucket_policy().bucket(name).send()),
        setting(aws, "s3:GetBucketTagging", &["NoSuchTagSet"], s3.get_bucket_tagging().bucket(name).send()),
    );
    let SettingRead::Bucket(versioning) = versioning? else { return Ok(None) };
    let SettingRead::Bucket(encryption) = encryption? else { return Ok(None) };
    let SettingRead::Bucket(block) = block? else { return Ok(None) };
    let SettingRead::Bucket(ownership) = ownership? else { return Ok(None) };
    let SettingRead::Bucket(lifecycle) = lifecycle? else { return Ok(None) };
    let SettingRead::Bucket(policy) = policy? else { return Ok(None) };
    let SettingRead::Bucket(tagging) = tagging? else { return Ok(None) };
    let rules = lifecycle.and_then(|l| l.rules).unwrap_or_default();
    let tags = tagging.map(|t| t.tag_set).unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
    Ok(Some(Bucket {
        bucket: name.clone(),
        versioning: versioning.and_then(|v| v.status) == Some(BucketVersioningStatus::Enabled),
        encryption: encryption
            .and_then(|e| e.server_side_encryption_configuration)
            .map(observed_encryption)
            .unwrap_or_default(),
        public_access_block: block
            .and_then(|b| b.public_access_block_configuration)
            .map(observed_block)
            .unwrap_or_default(),
        object_ownership: ownership
            .and_then(|o| o.ownership_controls?.rules.into_iter().next())
            .map_or_else(|| "ObjectWriter".to_owned(), |rule| rule.object_ownership.as_str().to_owned()),
        lifecycle_rules: observed_rules(rules),
        policy: policy.and_then(|p| p.policy).filter(|text| !text.is_empty()),
        force_destroy: spec.force_destroy,
        tags: tags::without_aws(tags),
    }))
}

/// A setting of a bucket, or a missing bucket.
enum SettingRead<T> {
    Bucket(Option<T>),
    Nothing,
}

async fn setting<T, E>(
    aws: &Aws,
    operation: &'static str,
    unset: &[&str],
    call: impl Future<Output = Result<T, SdkError<E>>> + Send,
) -> Result<SettingRead<T>, AwsError>
where
    T: Send,
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match aws.call(operation, call).await {
        Ok(value) => Ok(SettingRead::Bucket(Some(value))),
        Err(e) if e.is(unset) => Ok(SettingRead::Bucket(None)),
        Err(e) if e.is(super::ABSENT) => Ok(SettingRead::Nothing),
        Err(e) => Err(e),
    }
}

type SdkError<E> = aws_smithy_runtime_api::client::result::SdkError<E, aws_smithy_runtime_api::http::Response>;

/// Writes the settings that differ, one after another: S3 refuses some that overlap (`OperationAborted`). The public
/// access block and the ownership come before the policy, which they may forbid.
pub(super) async fn write(aws: &Aws, have: &Bucket, want: &Bucket) -> Result<(), AwsError> {
    let (s3, name) = (&aws.clients.s3, &want.bucket);
    if have.public_access_block != want.public_access_block {
        let call = s3.put_public_access_block().bucket(name);
        let call = call.public_access_block_configuration(sdk_block(want.public_access_block));
        aws.call("s3:PutPublicAccessBlock", call.send()).await?;
    }
    if have.object_ownership != want.object_ownership {
        let call = s3.put_bucket_ownership_controls().bucket(name).ownership_controls(sdk_ownership(want)?);
        aws.call("s3:PutBucketOwnershipControls", call.send()).await?;
    }
    if have.versioning != want.versioning {
        let status = if want.versioning { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
        let versioning = VersioningConfiguration::builder().status(status).build();
        let call = s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning);
        aws.call("s3:PutBucketVersioning", call.send()).await?;
    }
    let mut encryption = want.encryption.clone();
    encryption.bucket_key_enabled = encryption.bucket_key_enabled.or(have.encryption.bucket_key_enabled);
    if have.encryption != encryption {
        let blocked = blocked_encryption(aws, name).await?;
        let call = s3.put_bucket_encryption().bucket(name);
        let call = call.server_side_encryption_configuration(sdk_encryption(&encryption, blocked)?);
        aws.call("s3:PutBucketEncryption", call.send()).await?;
    }
    if have.lifecycle_rules != want.lifecycle_rules {
        write_lifecycle(aws, want).await?;
    }
    if have.policy != want.policy {
        match &want.policy {
            Some(policy) => put_policy(aws, name, policy, opens_to_public(have, want)).await?,
            None => {
                let call = s3.delete_bucket_policy().bucket(name);
                aws.call("s3:DeleteBucketPolicy", call.send()).await?;
            }
        }
    }
    if have.tags != want.tags {
        write_tags(aws, want, &others_tags(aws, want).await?).await?;
    }
    Ok(())
}

/// Returns the tags that AWS itself set, because S3 refuses a set without them, and the ignored tags of others.
async fn others_tags(aws: &Aws, want: &Bucket) -> Result<Vec<Tag>, AwsError> {
    let call = aws.clients.s3.get_bucket_tagging().bucket(&want.bucket).send();
    let found = aws.find("s3:GetBucketTagging", &["NoSuchTagSet"], call).await?;
    let all = found.map(|found| found.tag_set).unwrap_or_default();
    let stated: Vec<&str> = want.tags.keys().map(String::as_str).collect();
    let stays = |tag: &Tag| tag.key().starts_with("aws:") || aws.ignored.has(tag.key(), &stated, false);
    Ok(all.into_iter().filter(stays).collect())
}

/// Calls PutBucketTagging, which replaces the whole set.
pub(super) async fn write_tags(aws: &Aws, want: &Bucket, others: &[Tag]) -> Result<(), AwsError> {
    let tags = sdk_tags(&want.tags)?.into_iter().chain(others.iter().cloned()).collect();
    let tagging = Tagging::builder().set_tag_set(Some(tags)).build();
    let call = aws.clients.s3.put_bucket_tagging().bucket(&want.bucket);
    let call = call.tagging(tagging.map_err(|e| shape("tags", &e))?);
    aws.call("s3:PutBucketTagging", call.send()).await.map(drop)
}

/// Writes the lifecycle rules. S3 refuses a configuration without rules, so that is DeleteBucketLifecycle.
async fn write_lifecycle(aws: &Aws, want: &Bucket) -> Result<(), AwsError> {
    let s3 = &aws.clients.s3;
    if want.lifecycle_rules.is_empty() {
        let call = s3.delete_bucket_lifecycle().bucket(&want.bucket);
        return aws.call("s3:DeleteBucketLifecycle", call.send()).await.map(drop);
    }
    let rules = want.lifecycle_rules.iter().map(sdk_rule).collect::<Result<Vec<_>, _>>()?;
    let lifecycle = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
    let call = s3.put_bucket_lifecycle_configuration().bucket(&want.bucket);
    let call = call.lifecycle_configuration(lifecycle.map_err(|e| shape("lifecycle rules", &e))?);
    aws.call("s3:PutBucketLifecycleConfiguration", call.send()).await.map(drop)
}

/// Returns the error for a value that the SDK refuses to send.
pub(super) fn shape(what: &str, error: &dyn std::error::Error) -> AwsError {
    AwsError::Shape { what: what.to_owned(), message: error.to_string() }
}

pub(super) fn sdk_tags(tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build().map_err(|e| shape(key, &e))).collect()
}

fn sdk_block(block: PublicAccessBlock) -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration::builder()
        .block_public_acls(block.block_public_acls)
        .ignore_public_acls(block.ignore_public_acls)
        .block_public_policy(block.block_public_policy)
        .restrict_public_buckets(block.restrict_public_buckets)
        .build()
}

fn observed_block(live: PublicAccessBlockConfiguration) -> PublicAccessBlock {
    PublicAccessBlock {
        block_public_acls: live.block_public_acls.unwrap_or(false),
        ignore_public_acls: live.ignore_public_acls.unwrap_or(false),
        block_public_policy: live.block_public_policy.unwrap_or(false),
        restrict_public_buckets: live.restrict_public_buckets.unwrap_or(false),
    }
}

fn sdk_ownership(want: &Bucket) -> Result<OwnershipControls, AwsError> {
    let rule = OwnershipControlsRule::builder()
        .object_ownership(ObjectOwnership::from(want.object_ownership.as_str()))
        .build()
        .map_err(|e| shape("object_ownership", &e))?;
    OwnershipControls::builder().rules(rule).build().map_err(|e| shape("object_ownership", &e))
}

fn sdk_encryption(
    want: &Encryption,
    blocked: Option<BlockedEncryptionTypes>,
) -> Result<ServerSideEncryptionConfiguration, AwsError> {
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::from(want.sse_algorithm.as_str()))
        .set_kms_master_key_id(want.kms_master_key_id.clone())
        .build()
        .map_err(|e| shape("encryption", &e))?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .set_bucket_key_enabled(want.bucket_key_enabled)
        .set_blocked_encryption_types(blocked)
        .build();
    ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(|e| shape("encryption", &e))
}

fn observed_encryption(live: ServerSideEncryptionConfiguration) -> Encryption {
    let Some(rule) = live.rules.into_iter().next() else { return Encryption::default() };
    let Some(default) = rule.apply_server_side_encryption_by_default else { return Encryption::default() };
    Encryption {
        sse_algorithm: default.sse_algorithm.as_str().to_owned(),
        kms_master_key_id: default.kms_master_key_id.filter(|key| !key.is_empty()),
        bucket_key_enabled: rule.bucket_key_enabled,
    }
}

fn sdk_rule(rule: &LifecycleRule) -> Result<SdkRule, AwsError> {
    let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
    let status = if rule.enabled { ExpirationStatus::Enabled } else { ExpirationStatus::Disabled };
    SdkRule::builder()
        .id(&rule.id)
        .status(status)
        .filter(LifecycleRuleFilter::builder().prefix(&rule.prefix).build())
        .set_expiration(rule.expiration_days.map(|n| LifecycleExpiration::builder().days(days(n)).build()))
        .set_noncurrent_version_expiration(
            rule.noncurrent_version_expiration_days
                .map(|n| NoncurrentVersionExpiration::builder().noncurrent_days(days(n)).build()),
        )
        .set_abort_incomplete_multipart_upload(
            rule.abort_incomplete_multipart_upload_days
                .map(|n| AbortIncompleteMultipartUpload::builder().days_after_initiation(days(n)).build()),
        )
        .build()
        .map_err(|e| shape(&rule.id, &e))
}

fn observed_rules(live: Vec<SdkRule>) -> Vec<LifecycleRule> {
    let mut rules: Vec<LifecycleRule> = live.into_iter().map(observed_rule).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

fn observed_rule(live: SdkRule) -> LifecycleRule {
    let days = |days: Option<i32>| days.and_then(|n| u32::try_from(n).ok());
    let beyond = beyond(&live);
    #[expect(deprecated, reason = "rules of old buckets still have their prefix there")]
    let prefix = live.filter.and_then(|filter| filter.prefix.or(filter.and.and_then(|and| and.prefix))).or(live.prefix);
    LifecycleRule {
        beyond,
        id: live.id.unwrap_or_default(),
        enabled: live.status == ExpirationStatus::Enabled,
        prefix: prefix.unwrap_or_default(),
        expiration_days: days(live.expiration.and_then(|e| e.days)),
        noncurrent_version_expiration_days: days(live.noncurrent_version_expiration.and_then(|e| e.noncurrent_days)),
        abort_incomplete_multipart_upload_days: days(
            live.abort_incomplete_multipart_upload.and_then(|a| a.days_after_initiation),
        ),
    }
}

/// Names the actions of a live rule that the spec cannot state.
fn beyond(live: &SdkRule) -> Vec<String> {
    let filter = live.filter.as_ref();
    let and = filter.and_then(|f| f.and.as_ref());
    let expiration = live.expiration.as_ref();
    let kept = live.noncurrent_version_expiration.as_ref().and_then(|e| e.newer_noncurrent_versions);
    [
        ("transitions", live.transitions.as_ref().is_some_and(|t| !t.is_empty())),
        ("noncurrent_version_transitions", live.noncurrent_version_transitions.as_ref().is_some_and(|t| !t.is_empty())),
        ("filter.tag", filter.is_some_and(|f| f.tag.is_some()) || and.is_some_and(|a| a.tags.is_some())),
        (
            "filter.object_size",
            filter.is_some_and(|f| f.object_size_greater_than.is_some() || f.object_size_less_than.is_some())
                || and.is_some_and(|a| a.object_size_greater_than.is_some() || a.object_size_less_than.is_some()),
        ),
        ("expiration.date", expiration.is_some_and(|e| e.date.is_some())),
        (
            "expiration.expired_object_delete_marker",
            expiration.is_some_and(|e| e.expired_object_delete_marker == Some(true)),
        ),
        ("noncurrent_version_expiration.newer_noncurrent_versions", kept.is_some()),
    ]
    .into_iter()
    .filter(|(_, is_there)| *is_there)
    .map(|(what, _)| what.to_owned())
    .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::Transition;

    use super::*;

    fn rule() -> LifecycleRule {
        LifecycleRule { id: "old".into(), enabled: true, expiration_days: Some(30), ..LifecycleRule::default() }
    }

    #[test]
    fn a_rule_reads_back_as_it_was_stated() {
        for want in [
            rule(),
            LifecycleRule { enabled: false, prefix: "32/".into(), ..rule() },
            LifecycleRule {
                expiration_days: None,
                noncurrent_version_expiration_days: Some(90),
                abort_incomplete_multipart_upload_days: Some(7),
                ..rule()
            },
        ] {
            assert_eq!(observed_rule(sdk_rule(&want).unwrap()), want);
        }
    }

    #[test]
    fn what_a_live_rule_does_beyond_the_spec_is_a_difference() {
        let mut live = sdk_rule(&rule()).unwrap();
        live.transitions = Some(vec![Transition::builder().days(10).build()]);
        assert_eq!(observed_rule(live).beyond, ["transitions"]);
    }

    #[test]
    fn rules_are_sorted_by_their_ids() {
        let named = |id: &str| sdk_rule(&LifecycleRule { id: id.into(), ..rule() }).unwrap();
        let ids: Vec<_> = observed_rules(vec![named("b"), named("a")]).into_iter().map(|r| r.id).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}
