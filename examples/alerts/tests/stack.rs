//! Alerts reach the receivers that they concern.

use aws_sdk_sns::types::MessageAttributeValue;
use deployer_test::{Stack, until};

#[tokio::test]
async fn an_alert_reaches_the_receivers_that_it_concerns() {
    let stack = Stack::of("stack.yaml").binary("page", env!("CARGO_BIN_EXE_page")).apply();
    let config = stack.sdk_config().await;
    let (sns, sqs) = (aws_sdk_sns::Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let topic = stack.output("topic");
    for (message, severity, team) in [("disk full", "9", "storage"), ("invoice missing", "3", "billing")] {
        let publish = sns.publish().topic_arn(&topic).message(message);
        let publish = publish.message_attributes("severity", attribute("Number", severity));
        publish.message_attributes("team", attribute("String", team)).send().await.expect("it is published");
    }
    stack.logged("page", r#"{"page":"disk full","severity":"9"}"#).await;
    assert_eq!(receive(&sqs, &stack.output("billing")).await, "invoice missing");
    let archive = stack.output("archive");
    let mut kept = [receive(&sqs, &archive).await, receive(&sqs, &archive).await];
    kept.sort();
    assert_eq!(kept, ["disk full", "invoice missing"]);
    assert!(!stack.log("page").contains("invoice"), "{}", stack.log("page"));
    stack.destroy();
}

fn attribute(data_type: &str, value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type(data_type).string_value(value).build().expect("an attribute")
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
