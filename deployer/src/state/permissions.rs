//! What the state's place needs in IAM.

use super::history::history_prefix;
use super::lock::lock_key;
use super::store::Location;
use crate::aws::Place;
use crate::kinds::Grant;

/// What a run does with the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// It takes the lock.
    pub lock: bool,
    pub write: bool,
    pub create_bucket: bool,
}

impl Location {
    /// Names what `how` may call; nothing for a directory.
    pub fn grants(&self, how: Use, place: &Place) -> Vec<Grant> {
        let Self::S3 { bucket, key, .. } = self else { return Vec::new() };
        let bucket = format!("arn:{}:s3:::{bucket}", place.partition);
        let object = |key: &str| format!("{bucket}/{key}");
        let (lock, kept) = (object(&lock_key(key)), object(&history_prefix(key)) + "*");
        let list = Grant::new(&["s3:ListBucket"], &bucket);
        let mut grants = vec![
            Grant::on(&["s3:GetObject"], [object(key), kept.clone()]),
            // S3 says that a missing state is missing only to those who may list; that question names no prefix.
            list.only("StringLikeIfExists", "s3:prefix", vec![history_prefix(key) + "*"]),
        ];
        if how.lock {
            grants.push(Grant::new(&["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], lock));
        }
        if how.write {
            grants.push(Grant::on(&["s3:GetObject", "s3:PutObject"], [object(key), kept.clone()]));
            grants.push(Grant::new(&["s3:DeleteObject"], kept));
        }
        if how.write && how.create_bucket {
            let actions = &[
                "s3:CreateBucket",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
            ];
            grants.push(Grant::new(actions, bucket));
        }
        grants
    }
}
