//! `apigatewayv2.route`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::http_api::{apis, name, parent};
use super::http_authorizer::{authorizer, of_token};
use super::http_integration::integration;
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigatewayv2.route", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let call = aws.clients.apigatewayv2.get_routes().api_id(api.api_id().unwrap_or_default());
        for one in sure(call.send().await).items.unwrap_or_default() {
            let (id, key) = (one.route_id().unwrap_or_default().to_owned(), one.route_key().unwrap_or_default());
            let (name, stands_for) = (format!("{} route {key}", name(&api)), format!("route-{key}"));
            things.push(Thing::new(name, async move { told(&one) }).with_id(&id, stands_for));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = parent(aws).await;
    let one = made(aws, "apigatewayv2.integration", integration(&api, "one", json!({}))).await;
    let other = made(aws, "apigatewayv2.integration", integration(&api, "other", json!({}))).await;
    let users = made(aws, "apigatewayv2.authorizer", authorizer(&api, "users", of_token())).await;
    let of = |changes| route(&api, "POST /images/{id}", &one, changes);
    let guarded = json!({"authorization_type": "JWT", "authorizer_id": users, "authorization_scopes": ["draw", "see"]});
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: of(json!({})),
        steps: vec![
            ("another function", of(json!({"target": format!("integrations/{other}")})), vec!["target"]),
            ("tokens", of(guarded), vec!["target", "authorization_type", "authorization_scopes", "authorizer_id"]),
            ("everybody", of(json!({})), vec!["authorization_type", "authorization_scopes", "authorizer_id"]),
            ("signed requests", of(json!({"authorization_type": "AWS_IAM"})), vec!["authorization_type"]),
        ],
    }]
}

/// Creates a part of an API, and returns its id.
pub async fn made(aws: &Aws, kind: &str, spec: Value) -> String {
    let kind = kinds::find(kind).expect("a registered kind");
    kind.create(aws, &spec).await.expect("a part").outputs["id"].clone()
}

pub fn route(api: &str, key: &str, integration: &str, changes: Value) -> Value {
    let spec = json!({
        "api_id": api,
        "route_key": key,
        "target": format!("integrations/{integration}"),
        "authorization_type": "NONE",
        "authorization_scopes": [],
    });
    with(spec, &changes)
}
