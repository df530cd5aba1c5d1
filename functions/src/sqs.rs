//! The port to the queue, and SQS.

mod deliveries;
mod send;

pub use deliveries::{Deliveries, Delivery, LONG_POLL, MOST, QueueError, ReceiveParameters};
pub use send::{Outbox, OutgoingMessage, unsendable};

use crate::aws::AwsFailure;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use std::future::Future;
use std::time::Duration;

/// The longest time for which a message is held back. SQS allows 12 hours from its delivery.
pub const LONGEST_WAIT: Duration = Duration::from_secs(11 * 3600);
/// The most entries of a batch request.
const BATCH: usize = 10;

/// A message that is to be delivered again, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postponement {
    pub receipt_handle: String,
    /// Whole seconds; [`LONGEST_WAIT`] at most.
    pub wait: Duration,
}

/// A queue that can hold messages back.
pub trait Queue {
    /// Lets each message of the queue at `url` be delivered again after its wait.
    fn postpone(&self, url: &str, messages: &[Postponement]) -> impl Future<Output = Result<(), AwsFailure>>;
}

/// SQS. Each method makes one call a batch. The caller handles retries.
pub struct Sqs {
    pub client: Client,
}

impl Queue for Sqs {
    /// Calls ChangeMessageVisibilityBatch for ten messages at a time. Reports the last failure.
    async fn postpone(&self, url: &str, messages: &[Postponement]) -> Result<(), AwsFailure> {
        let mut result = Ok(());
        for batch in messages.chunks(BATCH) {
            let entries = batch.iter().enumerate().filter_map(|(number, message)| {
                let seconds = message.wait.min(LONGEST_WAIT).as_secs();
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(&message.receipt_handle)
                    .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX));
                entry.build().ok()
            });
            let request = self.client.change_message_visibility_batch().queue_url(url);
            match request.set_entries(Some(entries.collect())).send().await {
                Ok(answer) => {
                    if let Some(failed) = answer.failed.into_iter().next() {
                        result = Err(AwsFailure {
                            operation: "sqs:ChangeMessageVisibility",
                            code: failed.code,
                            message: failed.message.unwrap_or_default(),
                            ..AwsFailure::default()
                        });
                    }
                }
                Err(error) => result = Err(AwsFailure::of("sqs:ChangeMessageVisibility", &error)),
            }
        }
        result
    }
}

/// Returns the URL of the queue that `arn` names, as AWS builds it: `arn:aws:sqs:REGION:ACCOUNT:NAME`.
pub fn url_of(arn: &str) -> Option<String> {
    let mut parts = arn.split(':');
    let (partition, service) = (parts.nth(1)?, parts.next()?);
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    (service == "sqs").then(|| format!("https://sqs.{region}.{suffix}/{account}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_addressed_by_the_url_of_its_arn() {
        let url = url_of("arn:aws:sqs:eu-west-1:000000000000:image-requests-32").unwrap();
        assert_eq!(url, "https://sqs.eu-west-1.amazonaws.com/000000000000/image-requests-32");
        let url = url_of("arn:aws-cn:sqs:cn-north-1:000000000000:q").unwrap();
        assert_eq!(url, "https://sqs.cn-north-1.amazonaws.com.cn/000000000000/q");
        for bad in ["", "arn:aws:sqs:eu-west-1", "arn:aws:sns:eu-west-1:000000000000:t"] {
            assert_eq!(url_of(bad), None, "{bad}");
        }
    }
}
