//! `dynamodb.stream`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::dynamodb_table::{names, table};
use super::{Case, Entry, Thing, sure, told};

pub const ENTRY: Entry =
    Entry { kind: "dynamodb.stream", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Lists the streams that are switched on. Their ARNs hold the moment of their creation.
async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let mut things = Vec::new();
    for name in names(aws).await {
        let described = sure(aws.clients.dynamodb.describe_table().table_name(&name).send().await);
        let Some(found) = described.table else { continue };
        let Some(stream) = found.stream_specification().filter(|stream| stream.stream_enabled()).cloned() else {
            continue;
        };
        let arn = found.latest_stream_arn().unwrap_or_default().to_owned();
        let whole = async move { json!({ "stream": told(&stream) }) };
        things.push(Thing::new(format!("stream {name}"), whole).with_id(&arn, format!("STREAM-{name}")));
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    kinds::find("dynamodb.table").expect("it").create(aws, &table(&json!({}))).await.expect("a table");
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: stream("NEW_AND_OLD_IMAGES"),
        steps: vec![("nothing", stream("NEW_AND_OLD_IMAGES"), vec![])],
    }]
}

fn stream(view: &str) -> Value {
    json!({ "table_name": "orders", "stream_view_type": view })
}
