//! `apigateway.request_validator`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::api_route::parent;
use super::rest_api::{apis, name};
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigateway.request_validator", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let call = aws.clients.apigateway.get_request_validators().rest_api_id(api.id().unwrap_or_default()).limit(500);
        for one in sure(call.send().await).items.unwrap_or_default() {
            let (id, own) = (one.id().unwrap_or_default().to_owned(), one.name().unwrap_or_default());
            let (name, stands_for) = (format!("{} validator {own}", name(&api)), format!("validator-{own}"));
            things.push(Thing::new(name, async move { told(&one) }).with_id(&id, stands_for));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = parent(aws).await;
    let of = |changes| validator(&api, changes);
    let parameters = json!({"validate_request_body": false, "validate_request_parameters": true});
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: of(json!({})),
        steps: vec![(
            "parameters in place of the body",
            of(parameters),
            vec!["validate_request_body", "validate_request_parameters"],
        )],
    }]
}

pub fn validator(api: &str, changes: Value) -> Value {
    let spec = json!({
        "rest_api_id": api,
        "name": "body",
        "validate_request_body": true,
        "validate_request_parameters": false,
    });
    with(spec, &changes)
}
