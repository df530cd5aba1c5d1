//! Settings that S3 spreads over some seconds, and settings that it accepts only as a whole.

use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_s3::types::BlockedEncryptionTypes;
use serde_json::Value;

use super::{Bucket, Encryption};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError, policy};
use crate::kinds::Changes;
use crate::mutex::{into_inner, lock};

/// Tells whether the change opens the bucket to public policies.
pub(super) fn opens_to_public(have: &Bucket, want: &Bucket) -> bool {
    let closed = |bucket: &Bucket| {
        let block = bucket.public_access_block;
        block.block_public_policy || block.restrict_public_buckets
    };
    closed(have) && !want.public_access_block.block_public_policy
}

/// Tells whether the change opens the bucket to public access lists.
pub(super) fn opens_to_lists(have: &Bucket, want: &Bucket) -> bool {
    have.public_access_block.block_public_acls && !want.public_access_block.block_public_acls
}

/// Calls PutBucketPolicy.
pub(super) async fn put_policy(aws: &Aws, bucket: &str, policy: &str, opened: bool) -> Result<(), AwsError> {
    let send = || {
        let call = aws.clients.s3.put_bucket_policy().bucket(bucket).policy(policy);
        async move { aws.call("s3:PutBucketPolicy", call.send()).await.map(drop) }
    };
    send_to_open(aws, opened, send).await
}

/// Sends a call that S3 refuses while the bucket is closed to the public. Just after the bucket was `opened`, S3 may
/// still refuse it.
pub(super) async fn send_to_open<F>(aws: &Aws, opened: bool, send: impl Fn() -> F) -> Result<(), AwsError>
where
    F: Future<Output = Result<(), AwsError>>,
{
    if !opened {
        return send().await;
    }
    let last = Mutex::new(None);
    let sent = aws.until("S3 to open the bucket to the public", OPEN_WITHIN, || async {
        match send().await {
            Err(refused) if refused.is_access_denied() => {
                let seen = refused.to_string();
                *lock(&last) = Some(refused);
                Ok(Poll::Pending(seen))
            }
            sent => sent.map(Poll::Ready),
        }
    });
    match (sent.await, into_inner(last)) {
        (Err(AwsError::Deadline { .. }), Some(refused)) => Err(refused),
        (sent, _) => sent,
    }
}

const OPEN_WITHIN: Duration = Duration::from_secs(60);

/// Returns the kinds of encryption that S3 blocks for the bucket, such as `SSE-C`, for which the spec has no property.
/// They are sent back unchanged, because S3 accepts the encryption rule only as a whole.
pub(super) async fn blocked_encryption(aws: &Aws, bucket: &str) -> Result<Option<BlockedEncryptionTypes>, AwsError> {
    let call = aws.clients.s3.get_bucket_encryption().bucket(bucket).send();
    let found = aws.find("s3:GetBucketEncryption", &["ServerSideEncryptionConfigurationNotFoundError"], call).await?;
    let rules = found.and_then(|found| found.server_side_encryption_configuration).map(|all| all.rules);
    Ok(rules.unwrap_or_default().into_iter().find_map(|rule| rule.blocked_encryption_types))
}

/// Tells whether S3 reports the properties in `changes` as they were written.
pub(super) fn tells(told: &Bucket, want: &Bucket, changes: &Changes) -> bool {
    let document = |bucket: &Bucket| bucket.policy.clone().map_or(Value::Null, Value::from);
    let encryption = |bucket: &Bucket| Encryption { bucket_key_enabled: None, ..bucket.encryption.clone() };
    [
        ("versioning", told.versioning == want.versioning),
        ("encryption", encryption(told) == encryption(want)),
        ("public_access_block", told.public_access_block == want.public_access_block),
        ("object_ownership", told.object_ownership == want.object_ownership),
        ("acl", told.acl == want.acl),
        ("lifecycle_rules", told.lifecycle_rules == want.lifecycle_rules),
        ("policy", policy::same(&document(told), &document(want))),
        ("tags", told.tags == want.tags),
    ]
    .into_iter()
    .all(|(property, is_told)| is_told || !changes.touch(property))
}
