//! Sends prompts to the queue.

use super::{QueueError, Sqs};
use crate::aws::AwsFailure;
use crate::prompt::Prompt;
use aws_sdk_sqs::types::MessageAttributeValue;
use std::future::Future;

/// The content of a message.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingMessage<'a> {
    /// The message's body.
    pub prompt: &'a Prompt,
    pub picture_id: &'a str,
    pub correlation_id: &'a str,
}

/// A receiver of prompts that are drawn later.
pub trait Outbox {
    /// Sends `message` to the queue at `url`. Returns the message's id.
    fn send(&self, url: &str, message: OutgoingMessage<'_>) -> impl Future<Output = Result<String, QueueError>>;
}

impl Outbox for Sqs {
    /// Calls SendMessage.
    async fn send(&self, url: &str, message: OutgoingMessage<'_>) -> Result<String, QueueError> {
        let prompt = message.prompt;
        let mut request = self.client.send_message().queue_url(url).message_body(prompt.as_str());
        for (name, value) in [("picture_id", message.picture_id), ("correlation_id", message.correlation_id)] {
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            if let Ok(attribute) = attribute {
                request = request.message_attributes(name, attribute);
            }
        }
        match request.send().await {
            Ok(sent) => Ok(sent.message_id.unwrap_or_default()),
            Err(error) => {
                let failure = AwsFailure::redacted("sqs:SendMessage", &error, |message| prompt.redact(message));
                Err(QueueError::Aws(failure))
            }
        }
    }
}

/// Returns the first character of `text` that SQS accepts in no message.
///
/// A message may hold the characters of XML 1.0 only:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>.
pub fn unsendable(text: &str) -> Option<char> {
    text.chars().find(|letter| match letter {
        '\t' | '\n' | '\r' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        letter => *letter < ' ',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_outside_of_xml_are_found() {
        assert_eq!(unsendable("a\tb\r\nc å 🌙 \u{7f}\u{d7ff}\u{e000}\u{fffd}\u{1ffff}"), None);
        for letter in ['\0', '\u{1b}', '\u{b}', '\u{fffe}', '\u{ffff}'] {
            assert_eq!(unsendable(&format!("a{letter}b")), Some(letter), "{letter:?}");
        }
    }
}
