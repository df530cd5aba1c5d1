use serde_json::json;

use super::*;
use crate::aws::played::{answering, answering_to};

fn bucket(changes: serde_json::Value) -> Bucket {
    let mut spec = json!({
        "bucket": "site", "versioning": false, "encryption": { "sse_algorithm": "AES256" },
        "public_access_block": {
            "block_public_acls": true, "ignore_public_acls": true, "block_public_policy": true,
            "restrict_public_buckets": true,
        },
        "object_ownership": "BucketOwnerEnforced", "lifecycle_rules": [], "force_destroy": false, "tags": {},
    });
    for (key, value) in changes.as_object().expect("a map") {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).expect("a bucket")
}

const DONE: &str = "200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const ELSEWHERE: &str =
    "301 Moved Permanently\r\nconnection: close\r\nx-amz-bucket-region: us-east-1\r\ncontent-length: 0\r\n\r\n";

fn xml(status: &str, body: &str) -> String {
    format!("{status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_bucket_of_others_may_be_in_another_region_and_its_domain_name_says_so() {
    let aws = answering(&[ELSEWHERE]).await;
    let found = S3Bucket::find(&aws, &bucket(json!({}))).await.expect("found").expect("there");
    assert_eq!(found.outputs["arn"], "arn:aws:s3:::site");
    assert_eq!(found.outputs["domain_name"], "site.s3.us-east-1.amazonaws.com");
}

#[tokio::test]
async fn a_bucket_of_the_stack_in_another_region_is_an_error() {
    let aws = answering_to((0..8).map(|_| ("", ELSEWHERE.as_bytes().to_vec())).collect()).await;
    let refused = S3Bucket::read(&aws, &bucket(json!({})), Trust::Resource).await.expect_err("in the wrong region");
    assert_eq!(refused.message(), "the bucket site is in us-east-1, the stack in eu-west-1");
}

const OPEN: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::site/*"}]}"#;

#[tokio::test]
async fn a_public_policy_is_repeated_while_s3_still_opens_the_bucket_and_no_other_refusal_is() {
    let denied = xml("403 Forbidden", "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
    let closed = bucket(json!({}));
    let open = json!({ "block_public_acls": true, "ignore_public_acls": true, "block_public_policy": false,
                       "restrict_public_buckets": false });
    let want = bucket(json!({ "public_access_block": open, "policy": OPEN }));
    let live = ObservedResource::new("site", closed, Outputs::new());
    let aws = answering(&[DONE, &denied, &denied, DONE]).await;
    S3Bucket::update(&aws, &live, &want, &Changes::default()).await.expect("open in the end");
    assert_eq!(aws.calls(), (0, 4));
    let live = ObservedResource::new("site", bucket(json!({ "public_access_block": open })), Outputs::new());
    let aws = answering(&[&denied]).await;
    let refused = S3Bucket::update(&aws, &live, &want, &Changes::default()).await.expect_err("not ours to do");
    assert_eq!((refused.code(), aws.calls()), ("AccessDenied", (0, 1)));
}

#[tokio::test]
async fn a_new_bucket_that_is_to_be_open_is_opened_though_local_clouds_leave_it_so() {
    let open = json!({ "block_public_acls": false, "ignore_public_acls": false, "block_public_policy": false,
                       "restrict_public_buckets": false });
    let want = bucket(json!({ "public_access_block": open }));
    let aws = answering_to(vec![("<BlockPublicPolicy>false", DONE.as_bytes().to_vec())]).await;
    settings::write(&aws, &settings::new_bucket(&want), &want).await.expect("opened");
    assert_eq!(aws.calls_made(), ["s3:PutPublicAccessBlock"]);
}

#[tokio::test]
async fn a_new_encryption_keeps_what_s3_blocks_besides() {
    let rule = "<Rule><BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>";
    let told = xml("200 OK", &format!("<ServerSideEncryptionConfiguration>{rule}</ServerSideEncryptionConfiguration>"));
    let aws = answering_to(vec![("<EncryptionType>SSE-C", DONE.as_bytes().to_vec()), ("", told.into_bytes())]).await;
    let want = bucket(json!({ "encryption": { "sse_algorithm": "aws:kms", "kms_master_key_id": "alias/site" } }));
    settings::write(&aws, &bucket(json!({})), &want).await.expect("encrypted");
    assert_eq!(aws.calls_made(), ["s3:GetBucketEncryption", "s3:PutBucketEncryption"]);
}

#[test]
fn settings_are_told_once_what_changed_is_as_it_was_written() {
    let (old, new) = (bucket(json!({})), bucket(json!({ "versioning": true, "policy": OPEN })));
    let changed = |path: &str| Changes(vec![path.to_owned()]);
    assert!(!spread::tells(&old, &new, &changed("versioning")) && !spread::tells(&old, &new, &changed("policy")));
    assert!(spread::tells(&old, &new, &changed("tags.team")));
    assert!(spread::tells(&new, &new, &changed("versioning")));
}
