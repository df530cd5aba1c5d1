use deployer::aws::{Aws, digest};
use deployer::kinds::api_stage::Definition;
use deployer::kinds::{self, Changes};
use serde_json::{Value, json};

use crate::api_route::{parent, route};
use crate::common::account;
use crate::contract::{Case, contract, differences, read};

/// Returns the definition that a deployment of the routes is a snapshot of. `name` distinguishes definitions of the
/// same routes.
fn definition(name: &str) -> String {
    let definition = Definition {
        routes: vec![serde_json::from_value(route("", "POST", "/images", json!({}))).expect("a route")],
        binary_media_types: vec![name.to_owned()],
        ..Definition::default()
    };
    definition.text()
}

fn stage(api: &str, changes: Value) -> Value {
    let mut spec = json!({
        "rest_api_id": api,
        "stage_name": "Prod",
        "definition": definition("a/first"),
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
    let kind = kinds::find("apigateway.route").expect("a registered kind");
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
        lost: &["tags"],
        left_out: &[("unused_deployments", "AWS's state alone: stack.yaml cannot state any")],
        create: stage(&api, json!({"throttling_rate_limit": 12.5, "variables": {"mode": "slow"}})),
        steps: vec![
            (
                "a definition",
                stage(
                    &api,
                    json!({"definition": definition("a/second"), "throttling_rate_limit": 12.5, "variables": {"mode": "slow"}}),
                ),
                vec!["definition"],
            ),
            (
                "everything else",
                stage(
                    &api,
                    json!({"definition": definition("a/second"), "description": "sofas", "throttling_rate_limit": 5.0,
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
