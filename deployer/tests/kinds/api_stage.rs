use deployer::aws::{Aws, digest};
use deployer::kinds::{Changes, by_name};
use serde_json::{Value, json};

use crate::api_route::{parent, route};
use crate::common::account;
use crate::contract::{Case, contract, differences, read};

fn stage(api: &str, changes: Value) -> Value {
    let mut spec = json!({
        "rest_api_id": api,
        "stage_name": "Prod",
        "definition": "POST /images",
        "variables": {},
        "metrics_enabled": false,
        "tracing_enabled": false,
        "tags": { "deployer:stack": "couch", "deployer:address": "apis.couch.stage" },
    });
    for (key, value) in changes.as_object().expect("a map").clone() {
        spec[key] = value;
    }
    spec
}

async fn deployed(aws: &Aws) -> String {
    let api = parent(aws).await;
    let kind = by_name("apigateway.route").expect("a registered kind");
    kind.create(aws, &route(&api, "POST", "/images", json!({}))).await.expect("a route");
    api
}

async fn deployments(aws: &Aws, api: &str) -> Vec<String> {
    let found = aws.clients.apigateway.get_deployments().rest_api_id(api).send().await.expect("a listing");
    found.items.unwrap_or_default().into_iter().filter_map(|d| d.description).collect()
}

#[tokio::test]
async fn a_stage_keeps_the_contract() {
    let aws = account().await;
    let api = deployed(&aws).await;
    let tags = json!({ "deployer:stack": "couch", "deployer:address": "apis.couch.stage", "team": "sofa" });
    let case = Case {
        kind: "apigateway.stage",
        create: stage(&api, json!({"throttling_rate_limit": 12.5, "variables": {"mode": "slow"}})),
        steps: vec![
            (
                "a definition",
                stage(
                    &api,
                    json!({"definition": "PUT /images", "throttling_rate_limit": 12.5, "variables": {"mode": "slow"}}),
                ),
                vec!["definition"],
            ),
            (
                "everything else",
                stage(
                    &api,
                    json!({"definition": "PUT /images", "description": "sofas", "throttling_rate_limit": 5.0,
                        "throttling_burst_limit": 7, "variables": {"mode": "fast", "size": "1024"},
                        "metrics_enabled": true, "tracing_enabled": true, "tags": tags}),
                ),
                vec![
                    "variables.mode",
                    "variables.size",
                    "metrics_enabled",
                    "tracing_enabled",
                    "tags.team",
                    "description",
                    "throttling_rate_limit",
                    "throttling_burst_limit",
                ],
            ),
            (
                "everything back",
                stage(&api, json!({})),
                vec![
                    "definition",
                    "variables.mode",
                    "variables.size",
                    "metrics_enabled",
                    "tracing_enabled",
                    "tags.team",
                    "description",
                    "throttling_rate_limit",
                    "throttling_burst_limit",
                ],
            ),
        ],
    };
    contract(&aws, case).await;
    assert_eq!(deployments(&aws, &api).await, Vec::<String>::new(), "the stage's deployments go with it");
}

#[tokio::test]
async fn a_deployment_left_by_a_crash_is_used_and_what_is_served_no_more_is_deleted() {
    let aws = account().await;
    let api = deployed(&aws).await;
    let kind = by_name("apigateway.stage").expect("a registered kind");
    let left = aws.clients.apigateway.create_deployment().rest_api_id(&api).description(digest::of("POST /images"));
    left.send().await.expect("a deployment");
    kind.create(&aws, &stage(&api, json!({}))).await.expect("create");
    assert!(!aws.calls_made().contains(&"apigateway:CreateDeployment"));

    let by_hand = aws.clients.apigateway.create_deployment().rest_api_id(&api).description("by hand");
    by_hand.send().await.expect("a deployment");
    let live = read(kind, &aws, &stage(&api, json!({}))).await.expect("present");
    let want = stage(&api, json!({"definition": "PUT /images"}));
    kind.update(&aws, &live, &want, &Changes(vec!["definition".into()])).await.expect("update");
    let mut left = deployments(&aws, &api).await;
    left.sort();
    assert_eq!(left, ["by hand".to_owned(), digest::of("PUT /images")]);
}

#[tokio::test]
async fn a_stage_deployed_by_hand_differs_and_is_brought_back() {
    let aws = account().await;
    let api = deployed(&aws).await;
    let kind = by_name("apigateway.stage").expect("a registered kind");
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
    let kind = by_name("apigateway.stage").expect("a registered kind");
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
    let kind = by_name("apigateway.stage").expect("a registered kind");
    let left = aws.clients.apigateway.create_deployment().rest_api_id(&api).description(digest::of("GET /former"));
    left.send().await.expect("a deployment");
    let want = stage(&api, json!({"definition": "PUT /images"}));
    kind.create(&aws, &want).await.expect("create");
    assert_eq!(deployments(&aws, &api).await, [digest::of("PUT /images")]);
}

#[tokio::test]
async fn a_path_that_a_killed_run_made_and_nothing_uses_is_seen_and_goes() {
    let aws = account().await;
    let api = deployed(&aws).await;
    let kind = by_name("apigateway.stage").expect("a registered kind");
    let want = stage(&api, json!({}));
    kind.create(&aws, &want).await.expect("a stage");
    let gateway = &aws.clients.apigateway;
    let tree = gateway.get_resources().rest_api_id(&api).send().await.expect("a listing");
    let root = tree.items().iter().find(|r| r.path() == Some("/")).and_then(|r| r.id()).expect("a root").to_owned();
    gateway.create_resource().rest_api_id(&api).parent_id(root).path_part("old").send().await.expect("a path");
    aws.forget(&format!("apigateway:GetResources {api}"));

    let live = read(kind, &aws, &want).await.expect("it exists");
    let paths = differences(kind, &live, &want);
    assert_eq!(paths, ["unused_paths"]);
    kind.update(&aws, &live, &want, &Changes(paths)).await.expect("an update");
    let live = read(kind, &aws, &want).await.expect("it exists");
    assert!(differences(kind, &live, &want).is_empty(), "{live:?}");
    let tree = gateway.get_resources().rest_api_id(&api).send().await.expect("a listing");
    let mut left: Vec<&str> = tree.items().iter().filter_map(|r| r.path()).collect();
    left.sort_unstable();
    assert_eq!(left, ["/", "/images"]);
}
