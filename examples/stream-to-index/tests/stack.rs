//! The index follows the tags of an article.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use deployer_test::{Stack, until};

#[tokio::test]
async fn the_index_follows_the_tags_of_an_article() {
    let stack = Stack::of("stack.yaml").binary("index", env!("CARGO_BIN_EXE_index")).apply();
    let dynamodb = Client::new(&stack.sdk_config().await);
    let (articles, tags) = (stack.output("articles"), stack.output("tags"));
    for (given, indexed) in [(["rust", "aws"], ["aws", "rust"]), (["rust", "couch"], ["couch", "rust"])] {
        let put = dynamodb.put_item().table_name(&articles).item("id", AttributeValue::S("1".into()));
        let given = AttributeValue::Ss(given.map(str::to_owned).to_vec());
        put.item("tags", given).send().await.expect("the article is stored");
        let follows = async || (index(&dynamodb, &tags).await == indexed).then_some(());
        until(follows, async || format!("{:?} in place of {indexed:?}", index(&dynamodb, &tags).await)).await;
    }
    stack.destroy();
}

/// Returns the tags in the index.
async fn index(dynamodb: &Client, table: &str) -> Vec<String> {
    let scan = dynamodb.scan().table_name(table).send().await.expect("the index");
    let mut tags: Vec<String> = scan.items().iter().filter_map(|item| item.get("tag")?.as_s().ok().cloned()).collect();
    tags.sort();
    tags
}
