use serde_json::json;

use crate::catalog::log_group::group;
use crate::common::account;
use crate::contract::read;
use deployer::kinds;

#[tokio::test]
async fn a_group_is_not_taken_for_one_whose_name_it_begins() {
    let aws = account().await;
    let kind = kinds::find("logs.log_group").expect("a registered kind");
    kind.create(&aws, &group(json!({ "name": "/couch/worker-2" }))).await.expect("create");
    assert!(read(kind, &aws, &group(json!({}))).await.is_none());
}
