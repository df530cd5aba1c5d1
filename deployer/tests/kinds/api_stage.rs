use deployer::aws::{Aws, digest};
use deployer::kinds::{self, Changes};
use serde_json::json;

use crate::catalog::api_route::route;
use crate::catalog::api_stage::{definition, deployed, stage};
use crate::common::account;
use crate::contract::{differences, read};

async fn deployments(aws: &Aws, api: &str) -> Vec<String> {
    let found = aws.clients.apigateway.get_deployments().rest_api_id(api).send().await.expect("a listing");
    found.items.unwrap_or_default().into_iter().filter_map(|d| d.description).collect()
}

#[tokio::test]
async fn a_deployment_left_by_a_crash_is_used_and_what_is_served_no_more_is_deleted() {
    let aws = account().await;
    let api = deployed(&aws).await;
    let kind = kinds::find("apigateway.stage").expect("a registered kind");
    let left =
        aws.clients.apigateway.create_deployment().rest_api_id(&api).description(digest::of(&definition("a/first")));
    left.send().await.expect("a deployment");
    kind.create(&aws, &stage(&api, json!({}))).await.expect("create");
    assert!(!aws.calls_made().contains(&"apigateway:CreateDeployment"));

    let by_hand = aws.clients.apigateway.create_deployment().rest_api_id(&api).description("by hand");
    by_hand.send().await.expect("a deployment");
    let live = read(kind, &aws, &stage(&api, json!({}))).await.expect("present");
    let want = stage(&api, json!({"definition": definition("a/second")}));
    kind.update(&aws, &live, &want, &Changes(vec!["definition".into()])).await.expect("update");
    let mut left = deployments(&aws, &api).await;
    left.sort();
    assert_eq!(left, ["by hand".to_owned(), digest::of(&definition("a/second"))]);
}

#[tokio::test]
async fn a_stage_deployed_by_hand_differs_and_is_brought_back() {
    let aws = account().await;
    let api = deployed(&aws).await;
    let kind = kinds::find("apigateway.stage").expect("a registered kind");
    let want = stage(&api, json!({}));
    kind.create(&aws, &want).await.expect("create");
    aws.clients.apigateway.create_deployment().rest_api_id(&api).stage_name("Prod").send().await.expect("by hand");
    let live = read(kind, &aws, &want).await.expect("present");
    let changes = differences(kind, &live, &want);
    assert_eq!(changes, ["definition"]);
    kind.update(&aws, &live, &want, &Changes(changes)).await.expect("update");
    let live = read(kind, &aws, &want).await.expect("present");
    assert_eq!(differences(kind, &live, &want), Vec::<String>::new());
}

#[tokio::test]
async fn a_deployment_that_a_killed_run_left_is_seen_and_goes() {
    let aws = account().await;
    let api = deployed(&aws).await;
    let kind = kinds::find("apigateway.stage").expect("a registered kind");
    let want = stage(&api, json!({}));
    kind.create(&aws, &want).await.expect("create");
    let made = deployments(&aws, &api).await;
    let left = aws.clients.apigateway.create_deployment().rest_api_id(&api).description(digest::of("GET /former"));
    left.send().await.expect("a deployment");

    let live = read(kind, &aws, &want).await.expect("it exists");
    let changes = differences(kind, &live, &want);
    assert_eq!(changes, ["unused_deployments"]);
    kind.update(&aws, &live, &want, &Changes(changes)).await.expect("update");
    let live = read(kind, &aws, &want).await.expect("it exists");
    assert_eq!(differences(kind, &live, &want), Vec::<String>::new());
    assert_eq!(deployments(&aws, &api).await, made);
}

#[tokio::test]
async fn a_new_stage_does_away_with_the_deployment_that_a_killed_run_left() {
    let aws = account().await;
    let api = deployed(&aws).await;
    let kind = kinds::find("apigateway.stage").expect("a registered kind");
    let left = aws.clients.apigateway.create_deployment().rest_api_id(&api).description(digest::of("GET /former"));
    left.send().await.expect("a deployment");
    let want = stage(&api, json!({"definition": definition("a/second")}));
    kind.create(&aws, &want).await.expect("create");
    assert_eq!(deployments(&aws, &api).await, [digest::of(&definition("a/second"))]);
}

#[tokio::test]
async fn nothing_is_deployed_that_the_definition_does_not_have() {
    let aws = account().await;
    let api = deployed(&aws).await;
    let kind = kinds::find("apigateway.stage").expect("a registered kind");
    kind.create(&aws, &stage(&api, json!({}))).await.expect("create");
    let made = deployments(&aws, &api).await;
    // Somebody without permission to deploy adds a method after the plan was made.
    let admin = kinds::find("apigateway.route").expect("a registered kind");
    admin.create(&aws, &route(&api, "ANY", "/admin", json!({}))).await.expect("a method");
    let want = stage(&api, json!({"definition": definition("a/second")}));
    let live = read(kind, &aws, &want).await.expect("present");
    let refused = kind.update(&aws, &live, &want, &Changes(vec!["definition".into()])).await.expect_err("refused");
    assert!(refused.to_string().contains("`ANY /admin`"), "{refused}");
    assert_eq!(deployments(&aws, &api).await, made);
}
