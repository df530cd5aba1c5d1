//! One event reaches each receiver in the form that it needs.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use deployer_test::{Stack, until};
use serde_json::{Value, json};

#[tokio::test]
async fn a_paid_order_reaches_each_receiver_in_the_form_that_it_needs() {
    let stack = Stack::of("stack.yaml").binary("ship", env!("CARGO_BIN_EXE_ship")).apply();
    let config = stack.sdk_config().await;
    let (events, sqs) = (aws_sdk_eventbridge::Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let order = json!({ "id": "7", "total": 2000 });
    let entry = PutEventsRequestEntry::builder().event_bus_name(stack.output("bus"));
    let entry = entry.source("shop").detail_type("OrderPaid").detail(order.to_string()).build();
    let put = events.put_events().entries(entry).send().await.expect("an answer");
    assert_eq!(put.failed_entry_count(), 0, "{put:?}");
    stack.logged("ship", r#"{"shipped":"7","total":2000}"#).await;
    let whole: Value = serde_json::from_str(&receive(&sqs, &stack.output("books")).await).expect("JSON");
    assert_eq!((&whole["detail-type"], &whole["detail"]), (&json!("OrderPaid"), &order));
    let review: Value = serde_json::from_str(&receive(&sqs, &stack.output("reviews")).await).expect("JSON");
    assert_eq!(review, order);
    stack.destroy();
}

/// Takes a message out of a queue and returns its body.
async fn receive(sqs: &aws_sdk_sqs::Client, url: &str) -> String {
    let take = async || {
        let asked = sqs.receive_message().queue_url(url).wait_time_seconds(1).send().await.expect("an answer");
        let message = asked.messages.unwrap_or_default().pop()?;
        let delete = sqs.delete_message().queue_url(url).set_receipt_handle(message.receipt_handle);
        delete.send().await.expect("the message is deleted");
        message.body
    };
    until(take, async || format!("nothing arrived in {url}")).await
}
