use deployer::aws::Aws;
use deployer::kinds;
use serde_json::{Value, json};

use crate::common::account;
use crate::contract::{Case, contract, differences, read};
use crate::lambda_function::function;

fn permission(changes: &Value) -> Value {
    let mut spec = json!({
        "function_name": "generate-image",
        "statement_id": "apigateway-1",
        "action": "lambda:InvokeFunction",
        "principal": "apigateway.amazonaws.com",
        "source_arn": "arn:aws:execute-api:eu-west-1:123456789012:api/*/POST/generate-image",
    });
    for (key, value) in changes.as_object().expect("a map").clone() {
        spec[key] = value;
    }
    spec
}

async fn with_function() -> Aws {
    let aws = account().await;
    kinds::find("lambda.function").expect("it").create(&aws, &function(&aws, &json!({}))).await.expect("a function");
    aws
}

#[tokio::test]
async fn a_permission_keeps_the_contract() {
    let aws = with_function().await;
    let case = Case {
        kind: "lambda.permission",
        lost: &[],
        left_out: &[],
        create: permission(&json!({})),
        steps: vec![
            ("a source account", permission(&json!({ "source_account": "123456789012" })), vec!["source_account"]),
            ("without it", permission(&json!({})), vec!["source_account"]),
            (
                "everything",
                permission(&json!({
                    "action": "lambda:GetFunction", "principal": "sns.amazonaws.com", "source_arn": "arn:aws:sns:eu-west-1:1:t",
                })),
                vec!["action", "principal", "source_arn"],
            ),
            ("any source", permission(&json!({ "source_arn": null })), vec!["action", "principal", "source_arn"]),
        ],
    };
    contract(&aws, case).await;
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
