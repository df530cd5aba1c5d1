//! `apigatewayv2.integration`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::http_api::{apis, name, parent};
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "apigatewayv2.integration", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for api in apis(aws).await {
        let call = aws.clients.apigatewayv2.get_integrations().api_id(api.api_id().unwrap_or_default());
        for one in sure(call.send().await).items.unwrap_or_default() {
            let (id, key) =
                (one.integration_id().unwrap_or_default().to_owned(), one.description().unwrap_or_default());
            let (name, stands_for) = (format!("{} integration {key}", name(&api)), format!("integration-{key}"));
            things.push(Thing::new(name, async move { told(&one) }).with_id(&id, stands_for));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let api = parent(aws).await;
    let of = |changes| integration(&api, "generate-image", changes);
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[
            ("integration_type", "every integration is a proxy"),
            ("integration_method", "Lambda takes POST alone"),
            ("unlisted_settings", "AWS's state alone: stack.yaml cannot state any"),
        ],
        create: of(json!({})),
        steps: vec![
            ("a timeout", of(json!({"timeout_in_millis": 5_000})), vec!["timeout_in_millis"]),
            (
                "everything else",
                of(json!({"timeout_in_millis": 5_000, "payload_format_version": "1.0",
                    "integration_uri": "arn:aws:lambda:eu-west-1:123456789012:function:other"})),
                vec!["integration_uri", "payload_format_version"],
            ),
            ("everything back", of(json!({})), vec!["integration_uri", "payload_format_version", "timeout_in_millis"]),
        ],
    }]
}

pub fn integration(api: &str, description: &str, changes: Value) -> Value {
    let spec = json!({
        "api_id": api,
        "description": description,
        "integration_type": "AWS_PROXY",
        "integration_method": "POST",
        "integration_uri": "arn:aws:lambda:eu-west-1:123456789012:function:generate-image",
        "payload_format_version": "2.0",
        "timeout_in_millis": 30_000,
    });
    with(spec, &changes)
}
