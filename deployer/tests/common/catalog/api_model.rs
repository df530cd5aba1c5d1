//! `apigateway.model`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::api_route::parent;
use super::rest_api::{apis, name};
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigateway.model", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Every model, without those that AWS itself adds to an API.
async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let call = aws.clients.apigateway.get_models().rest_api_id(api.id().unwrap_or_default()).limit(500);
        for one in sure(call.send().await).items.unwrap_or_default() {
            let own = one.name().unwrap_or_default();
            if !["Empty", "Error"].contains(&own) {
                let (id, name) = (one.id().unwrap_or_default().to_owned(), format!("{} model {own}", name(&api)));
                let stands_for = format!("model-{own}");
                things.push(Thing::new(name, async move { told(&one) }).with_id(&id, stands_for));
            }
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = parent(aws).await;
    let other = json!({"type": "array"}).to_string();
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: model(&api, json!({})),
        steps: vec![("another schema", model(&api, json!({"schema": other})), vec!["schema"])],
    }]
}

pub fn model(api: &str, changes: Value) -> Value {
    let schema = json!({"type": "object", "required": ["name"]}).to_string();
    with(json!({ "rest_api_id": api, "name": "Item", "content_type": "application/json", "schema": schema }), &changes)
}
