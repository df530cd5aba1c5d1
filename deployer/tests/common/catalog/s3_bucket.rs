//! `s3.bucket`.

use aws_sdk_s3::types::Grant;
use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, maybe, sure, with};

pub const ENTRY: Entry = Entry { kind: "s3.bucket", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Lists the buckets, except those of states: `state-…`.
async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let s3 = &aws.clients.s3;
    let thing = |bucket: String| {
        Thing::new(format!("bucket {bucket}"), async move {
            json!({
                "versioning": maybe(s3.get_bucket_versioning().bucket(&bucket).send().await),
                "encryption": maybe(s3.get_bucket_encryption().bucket(&bucket).send().await),
                "public_access_block": maybe(s3.get_public_access_block().bucket(&bucket).send().await),
                "acl": granted(sure(s3.get_bucket_acl().bucket(&bucket).send().await).grants()),
                "ownership": maybe(s3.get_bucket_ownership_controls().bucket(&bucket).send().await),
                "lifecycle": maybe(s3.get_bucket_lifecycle_configuration().bucket(&bucket).send().await),
                "policy": maybe(s3.get_bucket_policy().bucket(&bucket).send().await),
                "tags": maybe(s3.get_bucket_tagging().bucket(&bucket).send().await),
            })
        })
    };
    let buckets = sure(s3.list_buckets().send().await).buckets.unwrap_or_default();
    let names = buckets.into_iter().filter_map(|bucket| bucket.name).filter(|name| !name.starts_with("state-"));
    names.map(thing).collect()
}

/// Lists the permissions of an access list for groups. The owner's id differs from account to account.
fn granted(grants: &[Grant]) -> Vec<String> {
    let of = |grant: &Grant| Some(format!("{:?} for {}", grant.permission()?, grant.grantee()?.uri()?));
    grants.iter().filter_map(of).collect()
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let of = |changes: Value| bucket(aws, changes);
    let mut team = owner();
    team["team"] = json!("sofa");
    let rules = json!([
        { "id": "drafts", "enabled": true, "prefix": "drafts/", "expiration_days": 30 },
        { "id": "old", "enabled": false, "prefix": "", "noncurrent_version_expiration_days": 90,
          "abort_incomplete_multipart_upload_days": 7 },
    ]);
    let kms = json!({ "sse_algorithm": "aws:kms", "kms_master_key_id": "arn:aws:kms:eu-west-1:123456789012:key/k",
        "bucket_key_enabled": true });
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: of(json!({})),
        steps: vec![
            ("versioning", of(json!({"versioning": true})), vec!["versioning"]),
            (
                "every setting",
                of(json!({"encryption": kms, "public_access_block": block(false), "object_ownership": "ObjectWriter",
                    "acl": "public-read", "lifecycle_rules": rules, "policy": policy(aws, "s3:GetObject")})),
                vec![
                    "versioning",
                    "encryption.sse_algorithm",
                    "encryption.kms_master_key_id",
                    "encryption.bucket_key_enabled",
                    "public_access_block.block_public_acls",
                    "public_access_block.ignore_public_acls",
                    "public_access_block.block_public_policy",
                    "public_access_block.restrict_public_buckets",
                    "object_ownership",
                    "lifecycle_rules",
                    "acl",
                    "policy",
                ],
            ),
            (
                "everything back",
                of(json!({"tags": team})),
                vec![
                    "encryption.sse_algorithm",
                    "encryption.kms_master_key_id",
                    "public_access_block.block_public_acls",
                    "public_access_block.ignore_public_acls",
                    "public_access_block.block_public_policy",
                    "public_access_block.restrict_public_buckets",
                    "object_ownership",
                    "lifecycle_rules",
                    "tags.team",
                    "acl",
                    "policy",
                ],
            ),
            ("no tag", of(json!({})), vec!["tags.team"]),
            ("deleted with its objects", of(json!({"force_destroy": true})), vec!["force_destroy"]),
        ],
    }]
}

/// Bucket names are global, so each contains its test's account number.
pub fn bucket(aws: &Aws, changes: Value) -> Value {
    let spec = json!({
        "bucket": format!("images-{}", aws.place.account),
        "versioning": false,
        "encryption": { "sse_algorithm": "AES256" },
        "public_access_block": block(true),
        "object_ownership": "BucketOwnerEnforced",
        "lifecycle_rules": [],
        "force_destroy": false,
        "tags": owner(),
    });
    with(spec, &changes)
}

pub fn owner() -> Value {
    json!({ "deployer:stack": "couch", "deployer:address": "buckets.images" })
}

pub fn block(on: bool) -> Value {
    json!({ "block_public_acls": on, "ignore_public_acls": on, "block_public_policy": on, "restrict_public_buckets": on })
}

pub fn policy(aws: &Aws, action: &str) -> Value {
    let resource = format!("arn:aws:s3:::images-{}/*", aws.place.account);
    let statement = json!({ "Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource,
        "Condition": { "Bool": { "aws:SecureTransport": "false" } } });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string().into()
}
