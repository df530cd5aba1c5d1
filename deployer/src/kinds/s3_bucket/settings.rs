//! A bucket's settings: one pair of calls each, in the SDK's forms and in the spec's.

use aws_sdk_s3::types::{
    BlockedEncryptionTypes, BucketVersioningStatus, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};

use super::setting::{SettingRead, setting, shape};
use super::spread::{blocked_encryption, opens_to_lists, opens_to_public, put_policy};
use super::{Bucket, Encryption, PublicAccessBlock, acl, lifecycle};
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
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketWebsite",
];

/// The IAM actions of the writes.
pub(super) const WRITES: &[&str] = &[
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketOwnershipControls",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketTagging",
    "s3:PutBucketAcl",
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
        acl: None,
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
        acl::read(aws, name),
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
    let Some((object_ownership, acl)) = ownership? else { return Ok(None) };
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
        object_ownership,
        acl,
        lifecycle_rules: lifecycle::observed_rules(rules),
        policy: policy.and_then(|p| p.policy).filter(|text| !text.is_empty()),
        force_destroy: spec.force_destroy,
        parts: spec.parts.clone(),
        tags: tags::without_aws(tags),
    }))
}

/// Writes the settings that differ, one after another: S3 refuses some that overlap (`OperationAborted`). The public
/// access block and the ownership come before the access list and the policy, which they may forbid.
pub(super) async fn write(aws: &Aws, have: &Bucket, want: &Bucket) -> Result<(), AwsError> {
    let (s3, name) = (&aws.clients.s3, &want.bucket);
    if have.public_access_block != want.public_access_block {
        let call = s3.put_public_access_block().bucket(name);
        let call = call.public_access_block_configuration(sdk_block(want.public_access_block));
        aws.call("s3:PutPublicAccessBlock", call.send()).await?;
    }
    let has_lists = want.object_ownership != acl::WITHOUT_LISTS;
    if have.acl.is_some() && !has_lists {
        // S3 switches access lists off only once the bucket's lets in nobody but its owner.
        acl::put(aws, name, None, false).await?;
    }
    if have.object_ownership != want.object_ownership {
        let call = s3.put_bucket_ownership_controls().bucket(name).ownership_controls(sdk_ownership(want)?);
        aws.call("s3:PutBucketOwnershipControls", call.send()).await?;
    }
    if has_lists && have.acl != want.acl {
        acl::put(aws, name, want.acl.as_deref(), opens_to_lists(have, want)).await?;
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
        lifecycle::write(aws, want).await?;
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
