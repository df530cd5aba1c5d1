use deployer::aws::Aws;
use deployer::kinds;
use serde_json::{Value, json};

use crate::catalog::lambda_function::function;
use crate::catalog::lambda_permission::permission;
use crate::common::account;
use crate::contract::{differences, read};

async fn with_function() -> Aws {
    let aws = account().await;
    kinds::find("lambda.function").expect("it").create(&aws, &function(&aws, &json!({}))).await.expect("a function");
    aws
}

#[tokio::test]
async fn a_permission_of_a_missing_function_is_absent_and_its_delete_succeeds() {
    let aws = with_function().await;
    let kind = kinds::find("lambda.permission").expect("it");
    kind.create(&aws, &permission(&json!({}))).await.expect("created");
    let live = read(kind, &aws, &permission(&json!({}))).await.expect("present");
    let function_kind = kinds::find("lambda.function").expect("it");
    let function_live = read(function_kind, &aws, &function(&aws, &json!({}))).await.expect("present");
    function_kind.delete(&aws, &function_live).await.expect("deleted");
    assert!(read(kind, &aws, &permission(&json!({}))).await.is_none());
    kind.delete(&aws, &live).await.expect("already gone is success");
}

#[tokio::test]
async fn permissions_added_and_removed_at_once_are_all_kept_apart() {
    let aws = with_function().await;
    let kind = kinds::find("lambda.permission").expect("it");
    let specs: Vec<Value> = (0..8).map(|n| permission(&json!({ "statement_id": format!("s-{n}") }))).collect();
    futures::future::join_all(specs.iter().map(|spec| kind.create(&aws, spec))).await.into_iter().for_each(|made| {
        made.expect("created");
    });
    for spec in &specs {
        let live = read(kind, &aws, spec).await.expect("present");
        assert_eq!(differences(kind, &live, spec), Vec::<String>::new());
    }
}
