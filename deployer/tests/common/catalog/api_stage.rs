//! `apigateway.stage`: stages and their deployments.

use deployer::aws::Aws;
use deployer::kinds;
use deployer::kinds::api_stage::Definition;
use futures::FutureExt;
use serde_json::{Value, json};

use super::api_route::{parent, route};
use super::rest_api::{apis, arn, name, with_tags};
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigateway.stage", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let apigateway = &aws.clients.apigateway;
    let mut things = Vec::new();
    for api in apis(aws).await {
        let id = api.id().unwrap_or_default();
        let deployments = sure(apigateway.get_deployments().rest_api_id(id).limit(500).send().await);
        for deployment in deployments.items() {
            let thing = Thing::new(format!("{} deployment", name(&api)), async { Value::Null });
            things.push(thing.with_id(deployment.id().unwrap_or_default(), "DEPLOYMENT"));
        }
        for stage in sure(apigateway.get_stages().rest_api_id(id).send().await).item.unwrap_or_default() {
            let served = deployments.items().iter().find(|deployment| deployment.id() == stage.deployment_id());
            let served = served.and_then(|deployment| deployment.description()).unwrap_or_default();
            let purpose = if served.starts_with("sha256:") { "as defined" } else { "otherwise" };
            let arn = format!("{}/stages/{}", arn(aws, &api), stage.stage_name().unwrap_or_default());
            let name = format!("{} stage {}", name(&api), stage.stage_name().unwrap_or_default());
            let whole = async move { with_tags(aws, told(&stage), &arn).await };
            things.push(Thing::new(name, whole).with_purpose(purpose.to_owned()));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = deployed(aws).await;
    let tags = json!({ "deployer:stack": "couch", "deployer:address": "apis.couch.stage", "team": "sofa" });
    vec![Case {
        variant: false,
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
                        "metrics_enabled": true, "tracing_enabled": true, "tags": tags,
                        "access_log_settings": {"destination_arn": "arn:aws:logs:eu-west-1:123456789012:log-group:a", "format": "$context.requestId"}}),
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
                    "access_log_settings.destination_arn",
                    "access_log_settings.format",
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
                    "access_log_settings.destination_arn",
                    "access_log_settings.format",
                ],
            ),
        ],
    }]
}

/// Returns the definition that a deployment of the routes is a snapshot of. `name` distinguishes definitions of the
/// same routes.
pub fn definition(name: &str) -> String {
    let definition = Definition {
        routes: vec![serde_json::from_value(route("", "POST", "/images", json!({}))).expect("a route")],
        binary_media_types: vec![name.to_owned()],
        ..Definition::default()
    };
    definition.text()
}

pub fn stage(api: &str, changes: Value) -> Value {
    let spec = json!({
        "rest_api_id": api,
        "stage_name": "Prod",
        "definition": definition("a/first"),
        "variables": {},
        "metrics_enabled": false,
        "tracing_enabled": false,
        "tags": { "deployer:stack": "couch", "deployer:address": "apis.couch.stage" },
    });
    with(spec, &changes)
}

pub async fn deployed(aws: &Aws) -> String {
    let api = parent(aws).await;
    let kind = kinds::find("apigateway.route").expect("a registered kind");
    kind.create(aws, &route(&api, "POST", "/images", json!({}))).await.expect("a route");
    api
}
