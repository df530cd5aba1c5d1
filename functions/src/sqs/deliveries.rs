//! The port for receiving messages, and SQS.

use super::{LONGEST_WAIT, Sqs};
use crate::aws::AwsFailure;
use crate::probe;
use crate::retry::{Retry, Retryable};
use aws_sdk_sqs::operation::RequestId;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;
use thiserror::Error;

/// The most messages of one answer.
pub const MOST: usize = 10;
/// The longest that SQS waits for a message.
pub const LONG_POLL: Duration = Duration::from_secs(20);

/// The attributes of a message that are read.
const ATTRIBUTES: [&str; 3] = ["correlation_id", "picture_id", probe::ATTRIBUTE];

/// The parameters of a call for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveParameters {
    /// 1 to [`MOST`].
    pub most: usize,
    /// How long the messages are hidden from other receivers, in whole seconds. The queue's own timeout does not apply.
    pub visibility: Duration,
}

/// A message as it was delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    pub message_id: String,
    /// The handle of this delivery, not of the message.
    pub receipt_handle: String,
    pub body: String,
    /// How often SQS has delivered the message.
    pub receive_count: Option<String>,
    /// The sender's attributes that are texts.
    pub attributes: BTreeMap<String, String>,
    /// AWS's id of the call that returned the message.
    pub request_id: String,
}

/// Reason why the queue did not carry out a call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueueError {
    #[error("{0}")]
    Aws(AwsFailure),
    #[error("the queue gave no answer for {} s", .0.as_secs())]
    Stalled(Duration),
    /// An answer that SQS does not give.
    #[error("the answer is not SQS's: a message has no {0}")]
    Malformed(&'static str),
}

/// A queue that delivers messages and learns their outcome. Each method makes one call. The caller handles retries.
pub trait Deliveries {
    /// Waits for messages of the queue at `url`, [`LONG_POLL`] at most. Returns an empty list if none arrives.
    fn receive(&self, url: &str, wanted: ReceiveParameters) -> impl Future<Output = Result<Vec<Delivery>, QueueError>>;
    /// Deletes the message.
    fn delete(&self, url: &str, receipt_handle: &str) -> impl Future<Output = Result<(), QueueError>>;
    /// Hides the message for `time` from now, in whole seconds; zero lets it be delivered again at once.
    fn hide(&self, url: &str, receipt_handle: &str, time: Duration) -> impl Future<Output = Result<(), QueueError>>;
}

impl Retryable for QueueError {
    fn retry(&self) -> Retry {
        match self {
            Self::Stalled(_) | Self::Malformed(_) => Retry::Soon,
            Self::Aws(failure) if is_throttled(failure) => Retry::Later,
            Self::Aws(failure) if failure.is_transient() => Retry::Soon,
            Self::Aws(_) => Retry::Never,
        }
    }

    fn stalled(limit: Duration) -> Self {
        Self::Stalled(limit)
    }
}

impl QueueError {
    /// Returns a short name of the fault: the same for the same fault, whatever the wording of its message.
    pub fn state(&self) -> String {
        match self {
            Self::Stalled(_) => "no answer".to_owned(),
            Self::Malformed(_) => "malformed".to_owned(),
            Self::Aws(failure) if failure.credentials => "no credentials".to_owned(),
            Self::Aws(failure) if failure.transport => "no connection".to_owned(),
            Self::Aws(failure) if !failure.code.is_empty() => failure.code.clone(),
            Self::Aws(failure) => failure.status.map_or_else(|| "unknown".to_owned(), |status| status.to_string()),
        }
    }
}

/// Tells whether the failure is a rate limit. SQS names it `RequestThrottled`, `ThrottlingException` or `OverLimit`,
/// the last one for too many messages in flight:
/// docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html. KMS, which an encrypted queue
/// uses, has names of its own.
fn is_throttled(failure: &AwsFailure) -> bool {
    const CODES: [&str; 6] = [
        "RequestThrottled",
        "ThrottlingException",
        "Throttling",
        "OverLimit",
        "KmsThrottled",
        "KMS.ThrottlingException",
    ];
    failure.status == Some(429) || CODES.contains(&failure.code.as_str())
}

impl Deliveries for Sqs {
    /// Calls ReceiveMessage. Trusts no answer in which a message lacks a part: without an id its prompt would be drawn
    /// with each delivery, and without a body it would be rejected. Such messages are delivered again.
    async fn receive(&self, url: &str, wanted: ReceiveParameters) -> Result<Vec<Delivery>, QueueError> {
        let request = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(wanted.most.clamp(1, MOST)).unwrap_or(1))
            .wait_time_seconds(seconds(LONG_POLL))
            .visibility_timeout(seconds(wanted.visibility))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .set_message_attribute_names(Some(ATTRIBUTES.map(ToOwned::to_owned).to_vec()));
        let answer = request.send().await.map_err(|error| failure("sqs:ReceiveMessage", &error))?;
        let request_id = answer.request_id().unwrap_or_default().to_owned();
        let messages = answer.messages.unwrap_or_default();
        messages.into_iter().map(|message| delivered(message, &request_id)).collect()
    }

    /// Calls DeleteMessage.
    async fn delete(&self, url: &str, receipt_handle: &str) -> Result<(), QueueError> {
        let sent = self.client.delete_message().queue_url(url).receipt_handle(receipt_handle).send().await;
        sent.map(drop).map_err(|error| failure("sqs:DeleteMessage", &error))
    }

    /// Calls ChangeMessageVisibility.
    async fn hide(&self, url: &str, receipt_handle: &str, time: Duration) -> Result<(), QueueError> {
        let request = self.client.change_message_visibility().queue_url(url).receipt_handle(receipt_handle);
        let sent = request.visibility_timeout(seconds(time.min(LONGEST_WAIT))).send().await;
        sent.map(drop).map_err(|error| failure("sqs:ChangeMessageVisibility", &error))
    }
}

fn delivered(message: Message, request_id: &str) -> Result<Delivery, QueueError> {
    let part = |name, text: Option<String>| text.filter(|text| !text.is_empty()).ok_or(QueueError::Malformed(name));
    let mut system = message.attributes.unwrap_or_default();
    let attributes = message.message_attributes.unwrap_or_default();
    let texts = attributes.into_iter().filter_map(|(name, value)| Some((name, value.string_value?)));
    Ok(Delivery {
        message_id: part("id", message.message_id)?,
        receipt_handle: part("receipt handle", message.receipt_handle)?,
        body: part("body", message.body)?,
        receive_count: system.remove(&MessageSystemAttributeName::ApproximateReceiveCount),
        attributes: texts.collect(),
        request_id: request_id.to_owned(),
    })
}

fn failure<E>(
    operation: &'static str,
    error: &aws_smithy_runtime_api::client::result::SdkError<E, aws_smithy_runtime_api::http::Response>,
) -> QueueError
where
    E: std::error::Error + aws_smithy_types::error::metadata::ProvideErrorMetadata + 'static,
{
    QueueError::Aws(AwsFailure::of(operation, error))
}

/// Returns whole seconds, rounded up: a wait that ends early would be useless.
fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_lacks_a_part_is_not_taken_for_a_prompt() {
        let whole = || Message::builder().message_id("m-1").receipt_handle("r-1").body("a moon");
        let taken = delivered(whole().build(), "request-1").unwrap();
        assert_eq!((taken.message_id.as_str(), taken.body.as_str()), ("m-1", "a moon"));
        for (message, lacking) in [
            (whole().set_message_id(None), "id"),
            (whole().message_id(""), "id"),
            (whole().set_receipt_handle(None), "receipt handle"),
            (whole().set_body(None), "body"),
        ] {
            assert_eq!(delivered(message.build(), "request-1"), Err(QueueError::Malformed(lacking)));
        }
    }
}
