//! Mappings of queues to functions.

use super::roles::{READ_QUEUE, create_mapping, let_function, let_role};
use super::*;

const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:orders";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:draw";
const UUID: &str = "14e0db71-a25d-4d1c-8f40-1a5a3b6e9a10";

pub fn let_queue(trial: &Trial, attributes: &Value) {
    trial.knows("AmazonSQS.GetQueueUrl", 200, json!({"QueueUrl": "http://127.0.0.1:9/123456789012/orders"}));
    trial.knows("AmazonSQS.GetQueueAttributes", 200, json!({"Attributes": attributes}));
}

fn described(state: &str) -> Value {
    json!({"UUID": UUID, "FunctionArn": FUNCTION, "EventSourceArn": QUEUE, "BatchSize": 10, "State": state})
}

/// A function of 60 s, a queue and permissions; no mapping.
fn ready() -> Trial {
    let trial = Trial::new();
    let_function(&trial, 60);
    let_role(&trial, READ_QUEUE);
    let_queue(&trial, &json!({"VisibilityTimeout": "360"}));
    trial.knows("GET http://127.0.0.1:9/2015-03-31/event-source-mappings?", 200, json!({"EventSourceMappings": []}));
    trial
}

fn one(method: &'static str, body: &Value) -> Sent {
    rest("lambda", method, &format!("/2015-03-31/event-source-mappings/{UUID}"), body)
}

async fn refusal(trial: &Trial, sent: &Sent) -> (u16, String) {
    let (status, body) = trial.send(sent, &described("Enabled")).await;
    (status, body["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_mapping_needs_a_function_and_a_queue_that_exist() {
    let trial = ready();
    trial.knows("AmazonSQS.GetQueueUrl", 400, json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist"}));
    let (status, message) = refusal(&trial, &create_mapping()).await;
    assert_eq!(status, 400);
    assert!(message.contains("SQS Error Code: AWS.SimpleQueueService.NonExistentQueue"), "{message}");
    trial.knows("/functions/draw/configuration", 404, json!({"__type": "ResourceNotFoundException"}));
    assert_eq!(refusal(&trial, &create_mapping()).await, (404, format!("Function not found: {FUNCTION}")));
    assert_eq!(refusal(&ready(), &create_mapping()).await.0, 200);
}

#[tokio::test]
async fn the_role_of_a_mapped_function_may_read_the_queue() {
    let trial = ready();
    let_role(&trial, &["sqs:ReceiveMessage"]);
    let message = "The function execution role does not have permissions to call DeleteMessage on SQS";
    assert_eq!(refusal(&trial, &create_mapping()).await, (400, message.to_owned()));
}

#[tokio::test]
async fn messages_stay_hidden_at_least_for_the_time_of_the_function() {
    let trial = ready();
    let_queue(&trial, &json!({"VisibilityTimeout": "30"}));
    let message = "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds";
    assert_eq!(refusal(&trial, &create_mapping()).await, (400, message.to_owned()));
    trial.knows(&format!("GET http://127.0.0.1:9/2015-03-31/event-source-mappings/{UUID}"), 200, described("Enabled"));
    let update = one("PUT", &json!({"BatchSize": 5}));
    assert_eq!(refusal(&trial, &update).await, (400, message.to_owned()));
    let_queue(&trial, &json!({"VisibilityTimeout": "60"}));
    assert_eq!(refusal(&trial, &update).await.0, 200);
}

#[tokio::test]
async fn a_batch_of_more_than_ten_needs_a_window_and_a_fifo_queue_has_none() {
    let trial = ready();
    let create = |source: &str, size: u32, window_s: u32| {
        let body = json!({"FunctionName": "draw", "EventSourceArn": source, "BatchSize": size,
            "MaximumBatchingWindowInSeconds": window_s});
        rest("lambda", "POST", "/2015-03-31/event-source-mappings", &body)
    };
    let too_many = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
    assert_eq!(refusal(&trial, &create(QUEUE, 11, 0)).await, (400, too_many.to_owned()));
    assert_eq!(refusal(&trial, &create(QUEUE, 11, 1)).await.0, 200);
    let fifo = format!("{QUEUE}.fifo");
    let no_window = "Batching window is not supported for FIFO queues";
    assert_eq!(refusal(&trial, &create(&fifo, 10, 1)).await, (400, no_window.to_owned()));
    trial.knows(&format!("GET http://127.0.0.1:9/2015-03-31/event-source-mappings/{UUID}"), 200, described("Enabled"));
    trial.pass(60.0);
    assert_eq!(refusal(&trial, &one("PUT", &json!({"BatchSize": 11}))).await, (400, too_many.to_owned()));
}

#[tokio::test]
async fn a_function_has_one_mapping_of_a_queue() {
    let trial = ready();
    let listed = json!({"EventSourceMappings": [described("Enabled")]});
    trial.knows("GET http://127.0.0.1:9/2015-03-31/event-source-mappings?", 200, listed);
    let message = format!(
        "An event source mapping with SQS arn (\" {QUEUE} \") and function (\" draw \") already exists. Please update or \
         delete the existing mapping with UUID {UUID}"
    );
    assert_eq!(refusal(&trial, &create_mapping()).await, (409, message));
    let other = json!({"FunctionName": "draw:live", "EventSourceArn": QUEUE});
    let other = rest("lambda", "POST", "/2015-03-31/event-source-mappings", &other);
    assert_eq!(refusal(&trial, &other).await.0, 200, "an alias is another function");
}
