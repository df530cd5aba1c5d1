//! Old uploads are deleted, and others stay.

use deployer_test::{Stack, until};
use serde_json::json;

#[tokio::test]
async fn old_uploads_are_deleted_and_others_stay() {
    let stack = Stack::of("stack.yaml").binary("cleanup", env!("CARGO_BIN_EXE_cleanup")).apply();
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&stack.sdk_config().await).force_path_style(true).build(),
    );
    let bucket = stack.output("bucket");
    for key in ["tmp/a.png", "tmp/b.png", "kept/c.png"] {
        let put = s3.put_object().bucket(&bucket).key(key).body(b"picture".to_vec().into());
        put.send().await.expect("it is stored");
    }
    let young = stack.invoke("cleanup", &json!({ "older_than": 86_400 }));
    assert_eq!(young, json!({ "seen": 2, "deleted": 0, "dry_run": false }));
    // A file of this very second is not yet older than this second.
    let old = async || {
        let looked = stack.invoke("cleanup", &json!({ "older_than": 0, "dry_run": true }));
        (looked["deleted"] == 2).then_some(())
    };
    until(old, async || "the files are never old".to_owned()).await;
    let cleaned = stack.invoke("cleanup", &json!({ "older_than": 0 }));
    assert_eq!(cleaned, json!({ "seen": 2, "deleted": 2, "dry_run": false }));
    let left = s3.list_objects_v2().bucket(&bucket).send().await.expect("a list");
    let left: Vec<_> = left.contents().iter().filter_map(|file| file.key()).collect();
    assert_eq!(left, ["kept/c.png"]);
    stack.destroy();
}
