use deployer::aws::Aws;
use deployer::kinds;
use serde_json::json;

use crate::catalog::event_source_mapping::{create_function_and_queue, mapping};
use crate::common::account;
use crate::contract::read;

async fn with_function_and_queue() -> Aws {
    let aws = account().await;
    create_function_and_queue(&aws).await;
    aws
}

#[tokio::test]
async fn a_mapping_made_twice_is_told_and_its_delete_removes_both() {
    let aws = with_function_and_queue().await;
    let kind = kinds::find("lambda.event_source_mapping").expect("it");
    let spec = mapping(&aws, &json!({}));
    for _ in 0..2 {
        kind.create(&aws, &spec).await.expect("the local AWS takes a second mapping");
    }
    let live = read(kind, &aws, &spec).await.expect("present");
    assert_eq!(live.notes, ["1 more mapping(s) of this function and source: a destroy removes all"]);
    kind.delete(&aws, &live).await.expect("deleted");
    assert!(read(kind, &aws, &spec).await.is_none());
}

#[tokio::test]
async fn a_mapping_outlives_its_function_and_is_still_found() {
    let aws = with_function_and_queue().await;
    let kind = kinds::find("lambda.event_source_mapping").expect("it");
    let spec = mapping(&aws, &json!({}));
    kind.create(&aws, &spec).await.expect("created");
    aws.clients.lambda.delete_function().function_name("generate-image").send().await.expect("deleted");
    let live = read(kind, &aws, &spec).await.expect("still present");
    kind.delete(&aws, &live).await.expect("deleted");
    assert!(read(kind, &aws, &spec).await.is_none());
}

#[tokio::test]
async fn a_destroy_asks_for_the_tags_of_those_mappings_alone_that_it_did_not_leave() {
    let aws = with_function_and_queue().await;
    let kind = kinds::find("lambda.event_source_mapping").expect("it");
    let spec = mapping(&aws, &json!({}));
    let made = kind.create(&aws, &spec).await.expect("a mapping");
    let recorded = mapping(&aws, &json!({ "tags": { "deployer:stack": "couch", "team": "as it was left" } }));
    let identity = ["generate-image", &aws.place.arn("sqs", "image-requests")];
    for (id, asked, tags) in [(made.physical_id.as_str(), 1, &recorded["tags"]), ("another", 2, &spec["tags"])] {
        let left = serde_json::from_value(recorded["tags"].clone()).expect("tags");
        aws.run.record(kind.name(), &identity, id, Some(left));
        let before = aws.calls().0;
        let found = kind.present(&aws, &recorded).await.expect("a look").expect("it is there");
        assert_eq!((found.physical_id.as_str(), &found.spec["tags"]), (made.physical_id.as_str(), tags));
        assert_eq!(aws.calls().0 - before, asked);
    }
}
