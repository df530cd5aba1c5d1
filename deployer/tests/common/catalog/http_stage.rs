//! `apigatewayv2.stage`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::http_api::{apis, arn, name, parent, with_tags};
use super::http_integration::integration;
use super::http_route::{made, route};
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigatewayv2.stage", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let call = aws.clients.apigatewayv2.get_stages().api_id(api.api_id().unwrap_or_default());
        for stage in sure(call.send().await).items.unwrap_or_default() {
            let own = stage.stage_name().unwrap_or_default();
            let (arn, name) = (format!("{}/stages/{own}", arn(aws, &api)), format!("{} stage {own}", name(&api)));
            things.push(Thing::new(name, async move { with_tags(aws, told(&stage), &arn).await }));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = parent(aws).await;
    let target = made(aws, "apigatewayv2.integration", integration(&api, "one", json!({}))).await;
    for key in ["GET /", "GET /images"] {
        made(aws, "apigatewayv2.route", route(&api, key, &target, json!({}))).await;
    }
    let tags = json!({ "deployer:stack": "couch", "deployer:address": "http_apis.couch.stage", "team": "sofa" });
    let limits = |rate: f64, burst: u32| json!({ "detailed_metrics_enabled": true, "throttling_rate_limit": rate, "throttling_burst_limit": burst });
    let logs = |format: &str| json!({ "destination_arn": "arn:aws:logs:eu-west-1:123456789012:log-group:requests", "format": format });
    let fullest = json!({
        "default_route_settings": limits(5.0, 7),
        "route_settings": { "GET /": limits(1.0, 2), "GET /images": limits(3.0, 4) },
        "stage_variables": { "mode": "fast", "size": "1024" },
        "access_log_settings": logs("$context.requestId"),
        "tags": tags,
    });
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: stage(&api, json!({"stage_variables": {"mode": "slow"}, "auto_deploy": false})),
        steps: vec![
            (
                "everything",
                stage(&api, fullest.clone()),
                vec![
                    "auto_deploy",
                    "default_route_settings.detailed_metrics_enabled",
                    "default_route_settings.throttling_rate_limit",
                    "default_route_settings.throttling_burst_limit",
                    "route_settings.GET /.detailed_metrics_enabled",
                    "route_settings.GET /.throttling_rate_limit",
                    "route_settings.GET /.throttling_burst_limit",
                    "route_settings.GET /images.detailed_metrics_enabled",
                    "route_settings.GET /images.throttling_rate_limit",
                    "route_settings.GET /images.throttling_burst_limit",
                    "stage_variables.mode",
                    "stage_variables.size",
                    "tags.team",
                    "access_log_settings.destination_arn",
                    "access_log_settings.format",
                ],
            ),
            (
                "less",
                stage(
                    &api,
                    with(
                        fullest,
                        &json!({
                            "route_settings": { "GET /": { "detailed_metrics_enabled": true } },
                            "stage_variables": { "size": "512" },
                            "access_log_settings": logs("$context.requestId $context.status"),
                        }),
                    ),
                ),
                vec![
                    "route_settings.GET /.throttling_burst_limit",
                    "route_settings.GET /.throttling_rate_limit",
                    "route_settings.GET /images.detailed_metrics_enabled",
                    "route_settings.GET /images.throttling_burst_limit",
                    "route_settings.GET /images.throttling_rate_limit",
                    "stage_variables.size",
                    "stage_variables.mode",
                    "access_log_settings.format",
                ],
            ),
            (
                "everything back",
                stage(&api, json!({})),
                vec![
                    "default_route_settings.detailed_metrics_enabled",
                    "default_route_settings.throttling_burst_limit",
                    "default_route_settings.throttling_rate_limit",
                    "route_settings.GET /.detailed_metrics_enabled",
                    "stage_variables.size",
                    "tags.team",
                    "access_log_settings.destination_arn",
                    "access_log_settings.format",
                ],
            ),
        ],
    }]
}

pub fn stage(api: &str, changes: Value) -> Value {
    let spec = json!({
        "api_id": api,
        "stage_name": "$default",
        "auto_deploy": true,
        "default_route_settings": { "detailed_metrics_enabled": false },
        "route_settings": {},
        "stage_variables": {},
        "tags": { "deployer:stack": "couch", "deployer:address": "http_apis.couch.stage" },
    });
    with(spec, &changes)
}
