//! Keeps the index of tags: an entry for each tag of each article.
//!
//! Lambda may hand over a change twice, and repeats a batch that failed. Both do no harm: an entry is written or deleted,
//! never counted. The changes of one article arrive in order.

use std::collections::BTreeSet;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let index = Index { client: connect().await, table: std::env::var("TAGS")? };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| index.follow(&event.payload).await)).await
}

/// Connects with the credentials of the function's role.
async fn connect() -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await)
}

struct Index {
    client: Client,
    table: String,
}

impl Index {
    async fn follow(&self, event: &Value) -> Result<Value, Error> {
        for record in event["Records"].as_array().into_iter().flatten() {
            let change = &record["dynamodb"];
            let article = change["Keys"]["id"]["S"].as_str().ok_or("the change has no key")?;
            let (before, after) = (tags(&change["OldImage"]), tags(&change["NewImage"]));
            for tag in after.difference(&before) {
                let put = self.client.put_item().table_name(&self.table).item("tag", AttributeValue::S(tag.clone()));
                put.item("article", AttributeValue::S(article.into())).send().await?;
            }
            for tag in before.difference(&after) {
                let delete = self.client.delete_item().table_name(&self.table);
                let delete = delete.key("tag", AttributeValue::S(tag.clone()));
                delete.key("article", AttributeValue::S(article.into())).send().await?;
            }
            println!("{}", json!({ "article": article, "tags": after }));
        }
        Ok(Value::Null)
    }
}

/// Returns the tags of an article: a set of texts, `{ "SS": [ … ] }`.
fn tags(image: &Value) -> BTreeSet<String> {
    image["tags"]["SS"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
