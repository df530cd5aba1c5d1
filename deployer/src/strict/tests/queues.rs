//! The minute after a change of a queue.

use super::mappings::let_queue;
use super::*;

const URL: &str = "http://127.0.0.1:9/123456789012/orders";

fn sqs(operation: &str, body: &Value) -> Sent {
    target("sqs", &format!("AmazonSQS.{operation}"), body)
}

fn read() -> Sent {
    sqs("GetQueueAttributes", &json!({"QueueUrl": URL, "AttributeNames": ["All"]}))
}

fn gone() -> Value {
    json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist"})
}

async fn deleted() -> Trial {
    let trial = Trial::new();
    let_queue(&trial, &json!({"VisibilityTimeout": "30"}));
    assert_eq!(trial.send(&sqs("DeleteQueue", &json!({"QueueUrl": URL})), &json!({})).await.0, 200);
    trial
}

#[tokio::test]
async fn the_name_of_a_deleted_queue_is_taken_for_a_minute() {
    let trial = deleted().await;
    let create = sqs("CreateQueue", &json!({"QueueName": "orders"}));
    let answer = trial.send_raw(&create, "{}".into()).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.headers["x-amzn-query-error"], "AWS.SimpleQueueService.QueueDeletedRecently;Sender");
    assert_eq!(answer.json()["__type"], "QueueDeletedRecently");
    assert_eq!(trial.send(&sqs("CreateQueue", &json!({"QueueName": "other"})), &json!({})).await.0, 200);
    trial.pass(60.0);
    assert_eq!(trial.send(&create, &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_queue_that_never_was_leaves_nothing_behind() {
    let trial = Trial::new();
    trial.knows("AmazonSQS.GetQueueUrl", 400, gone());
    trial.send(&sqs("DeleteQueue", &json!({"QueueUrl": URL})), &json!({})).await;
    assert_eq!(trial.send(&sqs("CreateQueue", &json!({"QueueName": "orders"})), &json!({})).await.0, 200);
}

#[tokio::test]
async fn changed_attributes_are_read_as_they_were_every_second_time_for_a_minute() {
    let trial = Trial::new();
    let_queue(&trial, &json!({"VisibilityTimeout": "30", "DelaySeconds": "0"}));
    let change =
        json!({"QueueUrl": URL, "Attributes": {"VisibilityTimeout": "90", "Policy": "{}", "DelaySeconds": "0"}});
    trial.send(&sqs("SetQueueAttributes", &change), &json!({})).await;
    let now = json!({"Attributes": {"VisibilityTimeout": "90", "DelaySeconds": "0", "Policy": "{}"}});
    let then = json!({"Attributes": {"VisibilityTimeout": "30", "DelaySeconds": "0"}});
    for expected in [&then, &now, &then, &now] {
        assert_eq!(trial.send(&read(), &now).await.1, *expected);
    }
    trial.pass(60.0);
    for _ in 0..2 {
        assert_eq!(trial.send(&read(), &now).await.1, now);
    }
}
