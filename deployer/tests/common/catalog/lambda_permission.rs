//! `lambda.permission`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::lambda_function::{function, names};
use super::rest_api::{apis, mark};
use super::{Case, Entry, Thing, with};

pub const ENTRY: Entry =
    Entry { kind: "lambda.permission", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Lists the statements of the functions' policies, each with its source. API ids are random, so marks stand for them.
async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let apis = apis(aws).await;
    let marked = |source: &str| {
        apis.iter().fold(source.to_owned(), |text, api| text.replace(api.id().unwrap_or_default(), mark(api)))
    };
    let mut things = Vec::new();
    for name in names(aws).await {
        let Ok(policy) = aws.clients.lambda.get_policy().function_name(&name).send().await else { continue };
        let policy: Value = serde_json::from_str(policy.policy().unwrap_or("{}")).expect("a policy document");
        for statement in policy["Statement"].as_array().cloned().unwrap_or_default() {
            let sid = without_digest(statement["Sid"].as_str().unwrap_or_default());
            let source = statement["Condition"]["ArnLike"]["AWS:SourceArn"].as_str().map(&marked).unwrap_or_default();
            things.push(Thing::new(format!("permission {name} {sid} {source}"), async move { statement }));
        }
    }
    things
}

/// Removes the digest at the end of a statement's id. It hashes ARNs with the account and an API's id.
pub fn without_digest(sid: &str) -> &str {
    match sid.rsplit_once('-') {
        Some((kept, digest)) if digest.len() == 16 && digest.bytes().all(|c| c.is_ascii_hexdigit()) => kept,
        _ => sid,
    }
}

async fn cases(aws: &Aws) -> Vec<Case> {
    kinds::find("lambda.function").expect("it").create(aws, &function(aws, &json!({}))).await.expect("a function");
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: permission(&json!({})),
        steps: vec![
            ("a source account", permission(&json!({ "source_account": "123456789012" })), vec!["source_account"]),
            ("without it", permission(&json!({})), vec!["source_account"]),
            (
                "everything",
                permission(&json!({
                    "action": "lambda:GetFunction", "principal": "sns.amazonaws.com", "source_arn": "arn:aws:sns:eu-west-1:123456789012:t",
                })),
                vec!["action", "principal", "source_arn"],
            ),
            ("any source", permission(&json!({ "source_arn": null })), vec!["action", "principal", "source_arn"]),
            (
                "a public URL",
                permission(&json!({
                    "action": "lambda:InvokeFunctionUrl", "principal": "*", "source_arn": null,
                    "function_url_auth_type": "NONE",
                })),
                vec!["action", "principal", "function_url_auth_type"],
            ),
            (
                "calls through a URL",
                permission(&json!({ "principal": "*", "source_arn": null, "invoked_via_function_url": true })),
                vec!["action", "invoked_via_function_url", "function_url_auth_type"],
            ),
            ("the API again", permission(&json!({})), vec!["principal", "source_arn", "invoked_via_function_url"]),
        ],
    }]
}

pub fn permission(changes: &Value) -> Value {
    let spec = json!({
        "function_name": "generate-image",
        "statement_id": "apigateway-1",
        "action": "lambda:InvokeFunction",
        "principal": "apigateway.amazonaws.com",
        "source_arn": "arn:aws:execute-api:eu-west-1:123456789012:api/*/POST/generate-image",
    });
    with(spec, changes)
}
