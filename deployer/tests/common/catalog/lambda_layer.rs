//! `lambda.layer`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::lambda_function::code;
use super::{Case, Entry, Thing, sure, with};

pub const ENTRY: Entry = Entry { kind: "lambda.layer", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Lists the versions of the layers that a stack published.
async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let lambda = &aws.clients.lambda;
    let mut things = Vec::new();
    let layers = sure(lambda.list_layers().send().await).layers.unwrap_or_default();
    for name in layers.into_iter().filter_map(|layer| layer.layer_name) {
        let versions = sure(lambda.list_layer_versions().layer_name(&name).send().await).layer_versions;
        for version in versions.unwrap_or_default() {
            let number = version.version;
            if !version.description().is_some_and(|text| text.contains("(deployer:stack=")) {
                continue;
            }
            let own = name.clone();
            things.push(Thing::new(format!("layer {name}:{number}"), async move {
                let call = lambda.get_layer_version().layer_name(own).version_number(number);
                let whole = sure(call.send().await);
                json!({
                    "description": whole.description(),
                    "license": whole.license_info(),
                    "runtimes": format!("{:?}", whole.compatible_runtimes()),
                    "architectures": format!("{:?}", whole.compatible_architectures()),
                    "content": whole.content().and_then(|content| content.code_sha256()),
                })
            }));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let two = code(aws, "two");
    let all = json!({
        "content": two,
        "description": "Fonts for invoices",
        "license_info": "OFL-1.1",
        "compatible_runtimes": ["provided.al2023", "python3.13"],
        "compatible_architectures": ["arm64", "x86_64"],
    });
    let texts =
        vec!["content.sha256", "compatible_runtimes", "compatible_architectures", "description", "license_info"];
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: layer(aws, json!({})),
        steps: vec![
            ("new content", layer(aws, json!({ "content": two })), vec!["content.sha256"]),
            ("the first content again", layer(aws, json!({})), vec!["content.sha256"]),
            ("everything", layer(aws, all), texts.clone()),
            ("everything back", layer(aws, json!({})), texts),
        ],
    }]
}

fn layer(aws: &Aws, changes: Value) -> Value {
    let spec = json!({
        "layer_name": "couch-fonts",
        "owner": "couch",
        "content": code(aws, "one"),
        "compatible_runtimes": [],
        "compatible_architectures": [],
    });
    with(spec, &changes)
}
