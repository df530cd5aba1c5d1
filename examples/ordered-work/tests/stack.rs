//! Each booking of an account counts once, in order.

use aws_sdk_dynamodb::types::AttributeValue;
use deployer_test::{Stack, until};
use serde_json::json;

#[tokio::test]
async fn each_booking_of_an_account_counts_once_and_in_order() {
    let stack = Stack::of("stack.yaml").binary("book", env!("CARGO_BIN_EXE_book")).apply();
    let config = stack.sdk_config().await;
    let (sqs, dynamodb) = (aws_sdk_sqs::Client::new(&config), aws_sdk_dynamodb::Client::new(&config));
    let url = stack.output("bookings");
    for (at, number) in [1, 2, 2, 3].into_iter().enumerate() {
        let booking = json!({ "account": "7", "number": number, "amount": 10 });
        // Each message has an id of its own: the queue drops none.
        let send = sqs.send_message().queue_url(&url).message_body(booking.to_string());
        let send = send.message_group_id("7").message_deduplication_id(format!("message-{at}"));
        send.send().await.expect("it is sent");
    }
    stack.logged("book", r#"{"account":"7","again":2}"#).await;
    let table = stack.output("accounts");
    let balance = async || {
        let get = dynamodb.get_item().table_name(&table).key("id", AttributeValue::S("7".into()));
        let item = get.send().await.expect("an answer").item?;
        (item.get("booked")? == &AttributeValue::N("3".into())).then(|| item["balance"].clone())
    };
    let balance = until(balance, async || "the last booking is missing".to_owned()).await;
    assert_eq!(balance, AttributeValue::N("30".into()));
    stack.destroy();
}
