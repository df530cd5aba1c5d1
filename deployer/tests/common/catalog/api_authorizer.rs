//! `apigateway.authorizer`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::api_route::parent;
use super::rest_api::{apis, name};
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigateway.authorizer", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let call = aws.clients.apigateway.get_authorizers().rest_api_id(api.id().unwrap_or_default()).limit(500);
        for one in sure(call.send().await).items.unwrap_or_default() {
            let (id, own) = (one.id().unwrap_or_default().to_owned(), one.name().unwrap_or_default());
            let (name, stands_for) = (format!("{} authorizer {own}", name(&api)), format!("authorizer-{own}"));
            things.push(Thing::new(name, async move { told(&one) }).with_id(&id, stands_for));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = parent(aws).await;
    let guard = |changes: Value| with(authorizer(&api, "guard", of_function()), &changes);
    let pools = |changes: Value| with(authorizer(&api, "guard", of_pools()), &changes);
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: guard(json!({})),
        steps: vec![
            (
                "a kept answer and a pattern",
                guard(json!({"authorizer_result_ttl_in_seconds": 60, "identity_validation_expression": "^B"})),
                vec!["authorizer_result_ttl_in_seconds", "identity_validation_expression"],
            ),
            (
                "another function, asked about the whole request",
                guard(json!({"authorizer_type": "REQUEST", "authorizer_uri": uri("other"),
                    "identity_source": ["method.request.header.A", "method.request.querystring.b"]})),
                vec![
                    "identity_source",
                    "authorizer_type",
                    "authorizer_uri",
                    "authorizer_result_ttl_in_seconds",
                    "identity_validation_expression",
                ],
            ),
            (
                "tokens in place of a function",
                pools(json!({})),
                vec![
                    "identity_source",
                    "authorizer_type",
                    "provider_arns",
                    "authorizer_uri",
                    "authorizer_result_ttl_in_seconds",
                ],
            ),
            ("another pool", pools(json!({"provider_arns": [pool("b"), pool("c")]})), vec!["provider_arns"]),
            (
                "a function again",
                guard(json!({})),
                vec!["authorizer_type", "authorizer_uri", "authorizer_result_ttl_in_seconds", "provider_arns"],
            ),
        ],
    }]
}

fn uri(function: &str) -> String {
    let arn = format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}");
    format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{arn}/invocations")
}

fn pool(name: &str) -> String {
    format!("arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_{name}")
}

pub fn of_function() -> Value {
    json!({ "authorizer_type": "TOKEN", "authorizer_uri": uri("guard"), "authorizer_result_ttl_in_seconds": 0 })
}

pub fn of_pools() -> Value {
    json!({ "authorizer_type": "COGNITO_USER_POOLS", "provider_arns": [pool("a"), pool("b")] })
}

pub fn authorizer(api: &str, name: &str, changes: Value) -> Value {
    let spec = json!({
        "rest_api_id": api,
        "name": name,
        "identity_source": ["method.request.header.Authorization"],
    });
    with(spec, &changes)
}
