use serde_json::{Value, json};

use deployer::aws::Aws;
use deployer::kinds;
use futures::future::join_all;

use crate::catalog::sqs_queue::queue;
use crate::common::account;
use crate::contract::read;

/// Creates `count` queues and registers them as created by the last apply. Returns their specs.
async fn many(aws: &Aws, count: usize) -> Vec<Value> {
    let kind = kinds::find("sqs.queue").expect("a kind");
    let queues: Vec<Value> = (0..count).map(|n| queue(json!({ "name": format!("queue-{n}") }))).collect();
    let made = join_all(queues.iter().map(|queue| kind.create(aws, queue))).await;
    for (made, queue) in made.into_iter().zip(&queues) {
        let made = made.expect("create");
        let tags = serde_json::from_value(queue["tags"].clone()).expect("tags");
        aws.run.record("sqs.queue", &[&made.outputs["name"]], &made.physical_id, Some(tags));
    }
    queues
}

/// Returns the tags of all queues, and the numbers of calls that read them.
async fn tags_of(aws: &Aws, queues: &[Value]) -> (Vec<Value>, usize, usize) {
    let kind = kinds::find("sqs.queue").expect("a kind");
    let before = aws.calls_made().len();
    let seen = join_all(queues.iter().map(|queue| read(kind, aws, queue))).await;
    let calls = aws.calls_made().split_off(before);
    let made = |operation: &str| calls.iter().filter(|call| **call == operation).count();
    let tags = seen.into_iter().map(|seen| seen.expect("present").spec["tags"].clone()).collect();
    (tags, made("tag:GetResources"), made("sqs:ListQueueTags"))
}

#[tokio::test]
async fn the_tags_of_many_queues_come_from_one_listing_and_those_of_a_few_from_themselves() {
    let aws = account().await;
    let queues = many(&aws, 12).await;
    let (tags, listings, single) = tags_of(&aws, &queues).await;
    assert!(tags.iter().zip(&queues).all(|(tags, queue)| *tags == queue["tags"]), "{tags:?}");
    assert_eq!((listings, single), (1, 0));
    assert_eq!(tags_of(&aws, &queues[..3]).await.2, 3);
}

#[tokio::test]
async fn a_tag_that_others_edited_is_read_from_its_queue() {
    let aws = account().await;
    let queues = many(&aws, 12).await;
    let url =
        kinds::find("sqs.queue").expect("a kind").predict(&queues[5], &aws.place).expect("outputs")["url"].clone();
    aws.clients.sqs.tag_queue().queue_url(&url).tags("deployer:stack", "shop").send().await.expect("TagQueue");
    let (tags, listings, single) = tags_of(&aws, &queues).await;
    assert_eq!(tags[5]["deployer:stack"], "shop");
    assert_eq!((listings, single), (1, 1));
}
