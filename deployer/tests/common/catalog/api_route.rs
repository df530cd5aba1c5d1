//! `apigateway.route`: paths and their methods.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::api_authorizer::{authorizer, of_pools};
use super::rest_api::{apis, name};
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigateway.route", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let id = api.id().unwrap_or_default();
        let call = aws.clients.apigateway.get_resources().rest_api_id(id).limit(500).embed("methods");
        for mut resource in sure(call.send().await).items.unwrap_or_default() {
            let (api, path) = (name(&api), resource.path().unwrap_or_default().to_owned());
            for (method, route) in resource.resource_methods.take().unwrap_or_default() {
                let uri = route.method_integration().and_then(|to| to.uri()).unwrap_or_default();
                let purpose = format!("{} {uri}", route.authorization_type().unwrap_or_default());
                let thing = Thing::new(format!("{api} route {method} {path}"), async move { told(&route) });
                things.push(thing.with_purpose(purpose));
            }
            let id = resource.id().unwrap_or_default().to_owned();
            let thing = Thing::new(format!("{api} path {path}"), async move { told(&resource) });
            things.push(thing.with_id(&id, format!("path {path}")));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = parent(aws).await;
    let users = kinds::find("apigateway.authorizer").expect("a registered kind");
    let users = users.create(aws, &authorizer(&api, "users", of_pools())).await.expect("an authorizer");
    let users = users.outputs["id"].clone();
    let validator = kinds::find("apigateway.request_validator").expect("a registered kind");
    let validator =
        validator.create(aws, &super::api_validator::validator(&api, json!({}))).await.expect("a validator");
    let validator = validator.outputs["id"].clone();
    let of = |changes| route(&api, "POST", "/v1/images/{id}", changes);
    let mock = |answer: Value| {
        of(with(
            json!({"integration_type": "MOCK", "integration_http_method": "", "uri": ""}),
            &json!({"mock": answer}),
        ))
    };
    let template = "#if($site == \"https://a.example\")yes#end";
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[("unlisted_settings", "AWS's state alone: stack.yaml cannot state any")],
        create: of(json!({})),
        steps: vec![
            ("a timeout", of(json!({"timeout_in_millis": 5_000})), vec!["timeout_in_millis"]),
            (
                "everything else",
                of(
                    json!({"authorization_type": "AWS_IAM", "api_key_required": true, "uri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:other/invocations"}),
                ),
                vec!["authorization_type", "api_key_required", "uri", "timeout_in_millis"],
            ),
            ("everything back", of(json!({})), vec!["authorization_type", "api_key_required", "uri"]),
            (
                "tokens of a user pool",
                of(
                    json!({"authorization_type": "COGNITO_USER_POOLS", "authorizer_id": users, "authorization_scopes": ["a", "b"]}),
                ),
                vec!["authorization_type", "authorizer_id", "authorization_scopes"],
            ),
            ("everybody", of(json!({})), vec!["authorization_type", "authorizer_id", "authorization_scopes"]),
            (
                "checks of requests",
                of(json!({"request_validator_id": validator, "request_models": {"application/json": "Item"},
                    "request_parameters": {"method.request.header.A": true}})),
                vec![
                    "request_validator_id",
                    "request_models.application/json",
                    "request_parameters.method.request.header.A",
                ],
            ),
            (
                "no checks",
                of(json!({})),
                vec![
                    "request_validator_id",
                    "request_models.application/json",
                    "request_parameters.method.request.header.A",
                ],
            ),
            (
                "an answer of API Gateway itself",
                mock(json!({"status_code": "204", "headers": {"Vary": "'Origin'"}, "template": template})),
                vec![
                    "integration_type",
                    "integration_http_method",
                    "uri",
                    "mock.status_code",
                    "mock.headers.Vary",
                    "mock.template",
                ],
            ),
            (
                "another answer",
                mock(json!({"status_code": "200", "headers": {"X-A": "'1'"}})),
                vec!["mock.status_code", "mock.headers.X-A", "mock.headers.Vary", "mock.template"],
            ),
            (
                "a function again",
                of(json!({})),
                vec!["integration_type", "integration_http_method", "uri", "mock.status_code", "mock.headers.X-A"],
            ),
        ],
    }]
}

/// Creates an API for the routes, without the deployer's kinds.
pub async fn parent(aws: &Aws) -> String {
    let made = aws.clients.apigateway.create_rest_api().name("couch").send().await.expect("an API");
    made.id.expect("an id")
}

pub fn route(api: &str, method: &str, path: &str, changes: Value) -> Value {
    let function = "arn:aws:lambda:eu-west-1:123456789012:function:generate-image";
    let spec = json!({
        "rest_api_id": api,
        "path": path,
        "http_method": method,
        "authorization_type": "NONE",
        "api_key_required": false,
        "integration_type": "AWS_PROXY",
        "integration_http_method": "POST",
        "uri": format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{function}/invocations"),
        "timeout_in_millis": 29_000,
    });
    with(spec, &changes)
}
