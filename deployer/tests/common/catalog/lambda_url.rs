//! `lambda.url`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::lambda_function::{function, names};
use super::{Case, Entry, Thing, maybe, with};

pub const ENTRY: Entry = Entry { kind: "lambda.url", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Lists the functions' URLs. Their addresses are random.
async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for name in names(aws).await {
        let call = aws.clients.lambda.get_function_url_config().function_name(&name).send();
        let mut found = maybe(call.await);
        if found.is_null() {
            continue;
        }
        let own = found.as_object_mut().expect("a map");
        for random in ["function_url", "creation_time", "last_modified_time"] {
            own.remove(random);
        }
        things.push(Thing::new(format!("url of {name}"), async move { found }));
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    kinds::find("lambda.function").expect("it").create(aws, &function(aws, &json!({}))).await.expect("a function");
    let cors = json!({
        "allow_credentials": true,
        "allow_headers": ["content-type"],
        "allow_methods": ["GET", "POST"],
        "allow_origins": ["https://a.example"],
        "expose_headers": ["x-request-id"],
        "max_age": 600,
    });
    let all = vec![
        "cors.allow_credentials",
        "cors.allow_headers",
        "cors.allow_methods",
        "cors.allow_origins",
        "cors.expose_headers",
        "cors.max_age",
    ];
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: url(&json!({})),
        steps: vec![
            ("signed requests alone", url(&json!({ "auth_type": "AWS_IAM" })), vec!["auth_type"]),
            (
                "everything",
                url(&json!({ "auth_type": "AWS_IAM", "invoke_mode": "RESPONSE_STREAM", "cors": cors })),
                [vec!["invoke_mode"], all.clone()].concat(),
            ),
            ("everything back", url(&json!({})), [vec!["auth_type", "invoke_mode"], all].concat()),
        ],
    }]
}

pub fn url(changes: &Value) -> Value {
    let spec = json!({ "function_name": "generate-image", "auth_type": "NONE", "invoke_mode": "BUFFERED" });
    with(spec, changes)
}
