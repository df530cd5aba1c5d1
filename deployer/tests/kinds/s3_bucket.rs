use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use deployer::kinds;
use serde_json::json;

use crate::catalog::s3_bucket::{bucket, policy};
use crate::common::account;
use crate::contract::read;

#[tokio::test]
async fn a_bucket_is_created_with_everything_it_states() {
    let aws = account().await;
    let kind = kinds::find("s3.bucket").expect("registered");
    let want = bucket(
        &aws,
        json!({"versioning": true, "policy": policy(&aws, "s3:GetObject"),
            "lifecycle_rules": [{ "id": "a", "enabled": true, "prefix": "", "expiration_days": 1 }]}),
    );
    kind.create(&aws, &want).await.expect("create");
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(crate::contract::differences(kind, &live, &want), [""; 0]);
    assert_eq!(live.spec["tags"], want["tags"]);
}

#[tokio::test]
async fn one_changed_setting_is_one_call() {
    let aws = account().await;
    let kind = kinds::find("s3.bucket").expect("registered");
    kind.create(&aws, &bucket(&aws, json!({}))).await.expect("create");
    let live = read(kind, &aws, &bucket(&aws, json!({}))).await.expect("present");
    let before = aws.calls_made().len();
    let changes = deployer::kinds::Changes(vec!["versioning".into()]);
    kind.update(&aws, &live, &bucket(&aws, json!({"versioning": true})), &changes).await.expect("update");
    assert_eq!(aws.calls_made()[before..], ["s3:PutBucketVersioning"]);
}

#[tokio::test]
async fn a_bucket_with_old_versions_is_deleted_only_when_told_so() {
    let aws = account().await;
    let kind = kinds::find("s3.bucket").expect("registered");
    let want = bucket(&aws, json!({"versioning": true}));
    let name = want["bucket"].as_str().expect("a text");
    kind.create(&aws, &want).await.expect("create");
    let s3 = &aws.clients.s3;
    for body in ["first", "second"] {
        let body = ByteStream::from_static(body.as_bytes());
        s3.put_object().bucket(name).key("sofa.png").body(body).send().await.expect("put");
    }
    s3.delete_object().bucket(name).key("sofa.png").send().await.expect("a delete marker");

    let live = read(kind, &aws, &want).await.expect("present");
    let refused = kind.delete(&aws, &live).await.expect_err("it holds old versions");
    assert_eq!(refused.code(), "BucketNotEmpty");
    assert!(refused.message().contains("force_destroy: true"), "{refused}");

    let forced = bucket(&aws, json!({"versioning": true, "force_destroy": true}));
    let live = read(kind, &aws, &forced).await.expect("still there");
    kind.delete(&aws, &live).await.expect("delete");
    assert!(read(kind, &aws, &forced).await.is_none());
    kind.delete(&aws, &live).await.expect("gone is success");
}

#[tokio::test]
async fn a_suspended_bucket_equals_one_that_never_had_versions() {
    let aws = account().await;
    let kind = kinds::find("s3.bucket").expect("registered");
    let want = bucket(&aws, json!({}));
    kind.create(&aws, &want).await.expect("create");
    let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    let call = aws.clients.s3.put_bucket_versioning().bucket(want["bucket"].as_str().expect("a text"));
    call.versioning_configuration(suspended).send().await.expect("suspend");
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(crate::contract::differences(kind, &live, &want), [""; 0]);
}

#[tokio::test]
async fn of_an_external_bucket_only_its_being_there_is_asked() {
    let aws = account().await;
    let kind = kinds::find("s3.bucket").expect("registered");
    let want = bucket(&aws, json!({}));
    assert!(kind.find(&aws, &want).await.expect("an answer").is_none());
    kind.create(&aws, &want).await.expect("create");
    let before = aws.calls_made().len();
    let found = kind.find(&aws, &want).await.expect("an answer").expect("present");
    assert_eq!(aws.calls_made()[before..], ["s3:HeadBucket"]);
    assert_eq!(found.outputs["name"], want["bucket"].as_str().expect("a text"));
}
