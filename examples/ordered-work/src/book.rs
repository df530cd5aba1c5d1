//! Books amounts on accounts. The message group is the account: `{ "account": "7", "number": 3, "amount": -20 }`, where
//! the account's bookings are numbered in ascending order.

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let ledger = Ledger { client: connect().await, table: std::env::var("ACCOUNTS")? };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| Ok::<_, Error>(ledger.work(&event.payload).await)))
        .await
}

/// Connects with the credentials of the function's role.
async fn connect() -> Client {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await)
}

struct Ledger {
    client: Client,
    table: String,
}

impl Ledger {
    /// Books in order. After the first failure all further messages stay in the queue: otherwise one would overtake.
    async fn work(&self, event: &Value) -> Value {
        let messages = event["Records"].as_array().cloned().unwrap_or_default();
        for (done, message) in messages.iter().enumerate() {
            if let Err(error) = self.book(message).await {
                eprintln!("{}", json!({ "failed": message["messageId"], "error": error.to_string() }));
                let left = messages[done..].iter().map(|message| json!({ "itemIdentifier": message["messageId"] }));
                return json!({ "batchItemFailures": left.collect::<Vec<_>>() });
            }
        }
        json!({ "batchItemFailures": [] })
    }

    async fn book(&self, message: &Value) -> Result<(), Error> {
        let booking: Value = serde_json::from_str(message["body"].as_str().unwrap_or_default())?;
        let account = booking["account"].as_str().ok_or("the booking has no account")?;
        let [number, amount] = ["number", "amount"].map(|name| booking[name].as_i64());
        let (Some(number), Some(amount)) = (number, amount) else { return Err("number or amount is missing".into()) };
        let update = self.client.update_item().table_name(&self.table).key("id", AttributeValue::S(account.into()));
        let update = update.update_expression("ADD balance :amount SET booked = :number");
        // A booking whose number is not above the last one was booked before.
        let update = update.condition_expression("attribute_not_exists(booked) OR booked < :number");
        let update = update.expression_attribute_values(":amount", AttributeValue::N(amount.to_string()));
        let sent = update.expression_attribute_values(":number", AttributeValue::N(number.to_string())).send().await;
        match sent.map_err(aws_sdk_dynamodb::Error::from) {
            Ok(_) => println!("{}", json!({ "account": account, "booked": number })),
            Err(aws_sdk_dynamodb::Error::ConditionalCheckFailedException(_)) => {
                println!("{}", json!({ "account": account, "again": number }));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
