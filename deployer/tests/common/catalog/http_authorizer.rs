//! `apigatewayv2.authorizer`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::http_api::{apis, name, parent};
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigatewayv2.authorizer", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let call = aws.clients.apigatewayv2.get_authorizers().api_id(api.api_id().unwrap_or_default());
        for one in sure(call.send().await).items.unwrap_or_default() {
            let (id, own) = (one.authorizer_id().unwrap_or_default().to_owned(), one.name().unwrap_or_default());
            let (name, stands_for) = (format!("{} authorizer {own}", name(&api)), format!("authorizer-{own}"));
            things.push(Thing::new(name, async move { told(&one) }).with_id(&id, stands_for));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = parent(aws).await;
    let guard = |changes: Value| with(authorizer(&api, "users", of_function()), &changes);
    let token = |changes: Value| with(authorizer(&api, "users", of_token()), &changes);
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: guard(json!({"identity_source": []})),
        steps: vec![
            (
                "a kept answer",
                guard(json!({"authorizer_result_ttl_in_seconds": 60})),
                vec!["identity_source", "authorizer_result_ttl_in_seconds"],
            ),
            (
                "another function and format",
                guard(json!({"authorizer_result_ttl_in_seconds": 60, "authorizer_uri": uri("other"),
                    "authorizer_payload_format_version": "1.0", "enable_simple_responses": false})),
                vec!["enable_simple_responses", "authorizer_uri", "authorizer_payload_format_version"],
            ),
            (
                "tokens in place of a function",
                token(json!({})),
                vec![
                    "authorizer_type",
                    "jwt_configuration.issuer",
                    "jwt_configuration.audience",
                    "authorizer_uri",
                    "authorizer_payload_format_version",
                    "authorizer_result_ttl_in_seconds",
                ],
            ),
            (
                "another issuer",
                token(json!({"jwt_configuration": {"issuer": "https://b.example", "audience": ["app", "web"]}})),
                vec!["jwt_configuration.issuer", "jwt_configuration.audience"],
            ),
            (
                "a function again",
                guard(json!({"identity_source": []})),
                vec![
                    "authorizer_type",
                    "identity_source",
                    "enable_simple_responses",
                    "authorizer_uri",
                    "authorizer_payload_format_version",
                    "authorizer_result_ttl_in_seconds",
                    "jwt_configuration.issuer",
                    "jwt_configuration.audience",
                ],
            ),
        ],
    }]
}

fn uri(function: &str) -> String {
    let arn = format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}");
    format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{arn}/invocations")
}

fn of_function() -> Value {
    json!({
        "authorizer_type": "REQUEST",
        "authorizer_uri": uri("guard"),
        "authorizer_payload_format_version": "2.0",
        "authorizer_result_ttl_in_seconds": 0,
        "enable_simple_responses": true,
    })
}

pub fn of_token() -> Value {
    json!({ "jwt_configuration": { "issuer": "https://a.example", "audience": ["app"] } })
}

pub fn authorizer(api: &str, name: &str, changes: Value) -> Value {
    let spec = json!({
        "api_id": api,
        "name": name,
        "authorizer_type": "JWT",
        "identity_source": ["$request.header.Authorization"],
        "enable_simple_responses": false,
    });
    with(spec, &changes)
}
