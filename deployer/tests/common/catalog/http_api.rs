//! `apigatewayv2.api`.

use aws_sdk_apigatewayv2::types::Api;
use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, maybe, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigatewayv2.api", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let (id, mark) = (api.api_id().unwrap_or_default().to_owned(), mark(&api).to_owned());
        let thing = Thing::new(name(&api), async move { with_tags(aws, told(&api), &arn(aws, &api)).await });
        things.push(thing.with_id(&id, format!("http-api-{mark}")));
    }
    things
}

/// Lists all HTTP APIs.
pub async fn apis(aws: &Aws) -> Vec<Api> {
    sure(aws.clients.apigatewayv2.get_apis().send().await).items.unwrap_or_default()
}

/// Names an API. Two may have the same name; their ownership tags distinguish them.
pub fn name(api: &Api) -> String {
    format!("HTTP API {} {}", mark(api), api.name().unwrap_or_default())
}

fn mark(api: &Api) -> &str {
    api.tags().and_then(|tags| tags.get("deployer:address")).map_or("nobody", String::as_str)
}

pub fn arn(aws: &Aws, api: &Api) -> String {
    format!("arn:aws:apigateway:{}::/apis/{}", aws.place.region, api.api_id().unwrap_or_default())
}

/// Adds the tags of an API or a stage. The local AWS lists the tags from creation, and stores later ones separately.
pub async fn with_tags(aws: &Aws, mut whole: Value, arn: &str) -> Value {
    let later = maybe(aws.clients.apigatewayv2.get_tags().resource_arn(arn).send().await);
    if !later["tags"].is_null() {
        whole["tags"] = later["tags"].clone();
    }
    whole
}

async fn cases(_: &Aws) -> Vec<Case> {
    let tags = |extra: Value| with(api(json!({}))["tags"].clone(), &extra);
    let cors = json!({
        "allow_credentials": true, "allow_headers": ["authorization"], "allow_methods": ["GET", "POST"],
        "allow_origins": ["https://www.example.com"], "expose_headers": ["x-id"], "max_age": 300,
    });
    let fewer = json!({
        "allow_credentials": false, "allow_headers": [], "allow_methods": ["GET"],
        "allow_origins": ["https://www.example.com"], "expose_headers": [],
    });
    let all = [
        "name",
        "disable_execute_api_endpoint",
        "ip_address_type",
        "tags.team",
        "tags.tier",
        "description",
        "cors_configuration.allow_credentials",
        "cors_configuration.allow_headers",
        "cors_configuration.allow_methods",
        "cors_configuration.allow_origins",
        "cors_configuration.expose_headers",
        "cors_configuration.max_age",
    ];
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[
            ("unlisted_routes", "AWS's state alone: stack.yaml cannot state any"),
            ("unused_integrations", "AWS's state alone"),
            ("unused_authorizers", "AWS's state alone"),
            ("unlisted_stages", "AWS's state alone"),
            ("duplicates", "AWS's state alone"),
        ],
        create: api(json!({"tags": tags(json!({"tier": "free"}))})),
        steps: vec![
            (
                "everything",
                api(json!({"name": "sofa", "description": "sofas", "cors_configuration": cors,
                    "disable_execute_api_endpoint": true, "ip_address_type": "dualstack",
                    "tags": tags(json!({"team": "sofa"}))})),
                all.to_vec(),
            ),
            (
                "fewer CORS settings",
                api(json!({"name": "sofa", "description": "sofas", "cors_configuration": fewer,
                    "disable_execute_api_endpoint": true, "ip_address_type": "dualstack",
                    "tags": tags(json!({"team": "sofa"}))})),
                vec![
                    "cors_configuration.allow_credentials",
                    "cors_configuration.allow_headers",
                    "cors_configuration.allow_methods",
                    "cors_configuration.expose_headers",
                    "cors_configuration.max_age",
                ],
            ),
            (
                "everything back",
                api(json!({})),
                vec![
                    "name",
                    "disable_execute_api_endpoint",
                    "ip_address_type",
                    "tags.team",
                    "description",
                    "cors_configuration.allow_credentials",
                    "cors_configuration.allow_methods",
                    "cors_configuration.allow_origins",
                ],
            ),
        ],
    }]
}

pub fn api(changes: Value) -> Value {
    let spec = json!({
        "owner_stack": "couch",
        "owner_address": "http_apis.couch",
        "name": "couch",
        "disable_execute_api_endpoint": false,
        "ip_address_type": "ipv4",
        "tags": { "deployer:stack": "couch", "deployer:address": "http_apis.couch" },
    });
    with(spec, &changes)
}

/// Creates an API for parts, without the deployer's kinds.
pub async fn parent(aws: &Aws) -> String {
    let call = aws.clients.apigatewayv2.create_api().name("couch");
    let made = call.protocol_type(aws_sdk_apigatewayv2::types::ProtocolType::Http).send().await.expect("an API");
    made.api_id.expect("an id")
}
