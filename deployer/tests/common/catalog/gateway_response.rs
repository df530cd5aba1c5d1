//! `apigateway.gateway_response`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::api_route::parent;
use super::rest_api::{apis, name};
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigateway.gateway_response", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let call = aws.clients.apigateway.get_gateway_responses().rest_api_id(api.id().unwrap_or_default());
        let changed = sure(call.send().await).items.unwrap_or_default().into_iter().filter(|one| !one.default_response);
        for one in changed {
            let name = format!("{} response {}", name(&api), one.response_type().map_or("", |kind| kind.as_str()));
            things.push(Thing::new(name, async move { told(&one) }));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = parent(aws).await;
    let of = |changes| response(&api, changes);
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: of(json!({})),
        steps: vec![
            ("a status", of(json!({"status_code": "418"})), vec!["status_code"]),
            (
                "everything else",
                of(json!({"headers": {"WWW-Authenticate": "'Bearer'"}, "templates": {"text/plain": "no"}})),
                vec![
                    "headers.WWW-Authenticate",
                    "headers.Access-Control-Allow-Origin",
                    "templates.text/plain",
                    "templates.application/json",
                    "status_code",
                ],
            ),
            (
                "everything back",
                of(json!({})),
                vec![
                    "headers.Access-Control-Allow-Origin",
                    "headers.WWW-Authenticate",
                    "templates.application/json",
                    "templates.text/plain",
                ],
            ),
        ],
    }]
}

pub fn response(api: &str, changes: Value) -> Value {
    let spec = json!({
        "rest_api_id": api,
        "response_type": "UNAUTHORIZED",
        "headers": { "Access-Control-Allow-Origin": "'*'" },
        "templates": { "application/json": r#"{"message":$context.error.messageString}"# },
    });
    with(spec, &changes)
}
