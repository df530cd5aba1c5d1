//! S3.

use std::borrow::Cow;

use super::{Service, cure};

/// S3.
pub static S3: Service = Service {
    cures: &[
        cure("s3:", "OperationAborted", "", 120, "another change of the bucket is in progress"),
        cure("s3:", "ConditionalRequestConflict", "", 60, "another write of the object is in progress"),
    ],
    action,
    ..Service::of("s3", "S3")
};

/// Calls whose action has another name.
const ACTIONS: &[(&str, &str)] = &[
    ("s3:DeleteBucketCors", "s3:PutBucketCORS"),
    ("s3:DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"),
    ("s3:DeleteObjects", "s3:DeleteObject"),
    ("s3:GetBucketCors", "s3:GetBucketCORS"),
    ("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration"),
    ("s3:GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
    ("s3:GetBucketNotificationConfiguration", "s3:GetBucketNotification"),
    ("s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
    ("s3:HeadBucket", "s3:ListBucket"),
    ("s3:ListObjectVersions", "s3:ListBucketVersions"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:PutBucketCors", "s3:PutBucketCORS"),
    ("s3:PutBucketEncryption", "s3:PutEncryptionConfiguration"),
    ("s3:PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
    ("s3:PutBucketNotificationConfiguration", "s3:PutBucketNotification"),
    ("s3:PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
];

fn action(operation: &str) -> Cow<'_, str> {
    ACTIONS.iter().find(|(call, _)| *call == operation).map_or(operation, |(_, action)| action).into()
}
