//! The queues of a stack and the messages in them.

mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_sqs::operation::list_queue_tags::ListQueueTagsOutput;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry as Entry, Message as Received, MessageSystemAttributeName as System,
    QueueAttributeName as Attribute,
};

use crate::aws::{Aws, AwsError, Place, tags};
use crate::execute::Stop;
use crate::graph::owner::Owner;
use crate::graph::{Graph, Node, resolve};
use crate::kinds::Capability;
use crate::observe::predict;

/// A queue of the stack, with the names that AWS uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTarget {
    /// `queues.NAME`, or `queues.NAME.dead_letter` for the dead-letter queue that the element creates.
    pub address: String,
    /// `queues.NAME`.
    pub element: String,
    pub queue_name: String,
    pub url: String,
    pub arn: String,
    /// The queue belongs to somebody else, and the stack only refers to it.
    pub external: bool,
    /// The ARN of the queue that receives its failed messages.
    pub dead_letters: Option<String>,
}

impl QueueTarget {
    fn of(node: &Node, known: &resolve::KnownOutputs, place: &Place) -> Option<Self> {
        let spec = resolve::value(&node.spec, known, place);
        let dead_letters = spec["redrive_policy"]["dead_letter_target_arn"].as_str().map(resolve::readable);
        let outputs = known.get(&node.address)?;
        let output = |name: &str| outputs.get(name).cloned();
        Some(Self {
            address: node.address.clone(),
            element: node.element.clone(),
            queue_name: output("name")?,
            url: output("url")?,
            arn: output("arn")?,
            external: node.external,
            dead_letters,
        })
    }

    /// Returns the address within its section: `orders`, `orders.dead_letter`.
    pub fn name(&self) -> &str {
        self.address.split_once('.').map_or(&self.address, |(_, name)| name)
    }

    fn is_called(&self, name: &str) -> bool {
        name == self.address || name == self.name() || name == self.queue_name
    }
}

/// Why a name means no queue that the command can work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueNameError {
    /// The stack has no queue of this name.
    Unknown,
    /// The queue has no dead-letter queue, and is none itself.
    WithoutDeadLetters(Box<QueueTarget>),
    /// The dead-letter queue is not in this stack. It has this ARN.
    Elsewhere(Box<QueueTarget>, String),
}

/// The queues of a stack.
pub struct Queues(pub Vec<QueueTarget>);

impl Queues {
    /// Lists the queues, whose names are known before anything is read.
    pub fn of(graph: &Graph, place: &Place) -> Self {
        let known = predict(graph, place);
        let queues = graph.nodes().filter(|node| node.kind.about().operated == Some(Capability::Messages));
        Self(queues.filter_map(|node| QueueTarget::of(node, &known, place)).collect())
    }

    /// Finds the queue of this name itself.
    ///
    /// # Errors
    /// When the stack has none.
    pub fn find_queue(&self, name: &str) -> Result<&QueueTarget, QueueNameError> {
        self.0.iter().find(|queue| queue.is_called(name)).ok_or(QueueNameError::Unknown)
    }

    /// Finds the dead-letter queue of the queue of this name. A dead-letter queue without another one means itself.
    ///
    /// # Errors
    /// When the stack has no such queue, or it has no dead-letter queue in this stack.
    pub fn dead_letters_of(&self, name: &str) -> Result<&QueueTarget, QueueNameError> {
        let named = self.find_queue(name)?;
        match &named.dead_letters {
            Some(arn) => {
                let found = self.0.iter().find(|queue| queue.arn == *arn);
                found.ok_or_else(|| QueueNameError::Elsewhere(Box::new(named.clone()), arn.clone()))
            }
            None if self.sources_of(named).next().is_some() => Ok(named),
            None => Err(QueueNameError::WithoutDeadLetters(Box::new(named.clone()))),
        }
    }

    /// Lists the queues whose failed messages `dead` receives.
    pub fn sources_of<'a>(&'a self, dead: &'a QueueTarget) -> impl Iterator<Item = &'a QueueTarget> {
        self.0.iter().filter(|queue| queue.dead_letters.as_ref() == Some(&dead.arn))
    }
}

/// The modelled code and the code of older endpoints.
const ABSENT: &[&str] = &["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"];

/// Reads the owner of a queue, seen from `stack`: ListQueueTags. `None` if there is no such queue.
///
/// # Errors
/// A refusal by SQS.
pub async fn owner(aws: &Aws, url: &str, stack: &str) -> Result<Option<Owner>, AwsError> {
    let call = aws.clients.sqs.list_queue_tags().queue_url(url).send();
    let found = aws.find("sqs:ListQueueTags", ABSENT, call).await?;
    let tag = |found: ListQueueTagsOutput| found.tags.unwrap_or_default().remove(tags::STACK);
    Ok(found.map(|found| Owner::by_tag(stack, tag(found).as_deref(), false)))
}

/// Approximate numbers of messages. SQS updates them within about a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that a consumer can receive now.
    pub waiting: u64,
    /// Messages that a consumer has received and not yet deleted.
    pub in_flight: u64,
    /// Messages whose delivery is delayed.
    pub delayed: u64,
}

impl Depth {
    pub fn all(self) -> u64 {
        self.waiting + self.in_flight + self.delayed
    }
}

/// Counts the messages of a queue: GetQueueAttributes.
///
/// # Errors
/// A refusal by SQS.
pub async fn depth(aws: &Aws, url: &str) -> Result<Depth, AwsError> {
    let names = [
        Attribute::ApproximateNumberOfMessages,
        Attribute::ApproximateNumberOfMessagesNotVisible,
        Attribute::ApproximateNumberOfMessagesDelayed,
    ];
    let call = aws.clients.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
    let found = aws.call("sqs:GetQueueAttributes", call.send()).await?.attributes.unwrap_or_default();
    let [waiting, in_flight, delayed] =
        names.map(|name| found.get(&name).and_then(|value| value.parse().ok()).unwrap_or(0));
    Ok(Depth { waiting, in_flight, delayed })
}

/// A message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    /// When it was sent, in milliseconds since 1970. SQS keeps this time when it moves a message to a dead-letter queue.
    pub sent_ms: Option<i64>,
    /// How often it was received, this look included.
    pub received: Option<u64>,
    /// Its attributes as text. A binary attribute is described by its size.
    pub attributes: BTreeMap<String, String>,
    pub body: String,
}

impl Message {
    fn of(received: &Received) -> Self {
        let system = |name: System| received.attributes.as_ref()?.get(&name);
        let text =
            |value: &aws_sdk_sqs::types::MessageAttributeValue| match (value.string_value(), value.binary_value()) {
                (Some(text), _) => text.to_owned(),
                (None, Some(bytes)) => format!("({} bytes)", bytes.as_ref().len()),
                (None, None) => String::new(),
            };
        let attributes = received.message_attributes.iter().flatten();
        Self {
            id: received.message_id.clone().unwrap_or_default(),
            sent_ms: system(System::SentTimestamp).and_then(|at| at.parse().ok()),
            received: system(System::ApproximateReceiveCount).and_then(|count| count.parse().ok()),
            attributes: attributes.map(|(name, value)| (name.clone(), text(value))).collect(),
            body: received.body.clone().unwrap_or_default(),
        }
    }

    /// Returns the id that connects the message with log lines, if its sender set one.
    pub fn correlation_id(&self) -> Option<&str> {
        self.attributes.get("correlation_id").map(String::as_str)
    }
}

/// For how long consumers cannot receive a message that was looked at, unless it is given back: seconds.
pub const HIDDEN_S: i32 = 30;
/// Time after which no more is received, so that messages received first are still ours when they are given back.
const LOOK: Duration = Duration::from_secs(20);
/// The most messages of one call.
const AT_ONCE: usize = 10;

/// Receives messages without deleting them, and gives them back.
#[derive(Default)]
pub struct Look {
    pub messages: Vec<Message>,
    handles: Vec<String>,
    ids: BTreeSet<String>,
}

impl Look {
    /// Receives up to `limit` messages, the oldest first: ReceiveMessage, until there is no other one or a signal arrives
    /// between two calls. End with [`Look::give_back`], also after an error.
    ///
    /// # Errors
    /// A refusal by SQS. Messages that were received before it are kept.
    pub async fn receive(&mut self, aws: &Aws, url: &str, limit: usize, stop: &Stop) -> Result<(), AwsError> {
        let began = tokio::time::Instant::now();
        // An abandoned call would leave messages hidden whose handles nobody knows.
        while self.messages.len() < limit && began.elapsed() < LOOK && *stop.borrow() == 0 {
            let wanted = AT_ONCE.min(limit - self.messages.len());
            let call = aws
                .clients
                .sqs
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(i32::try_from(wanted).unwrap_or(1))
                .visibility_timeout(HIDDEN_S)
                // A short poll asks only some of SQS's servers.
                .wait_time_seconds(1)
                .message_system_attribute_names(System::SentTimestamp)
                .message_system_attribute_names(System::ApproximateReceiveCount)
                .message_attribute_names("All");
            let found = aws.call("sqs:ReceiveMessage", call.send()).await?.messages.unwrap_or_default();
            if found.is_empty() {
                break;
            }
            for received in found {
                self.handles.extend(received.receipt_handle.clone());
                let message = Message::of(&received);
                if self.ids.insert(message.id.clone()) {
                    self.messages.push(message);
                }
            }
        }
        self.messages.sort_by_key(|message| message.sent_ms);
        Ok(())
    }

    /// Makes the received messages visible again: ChangeMessageVisibilityBatch. Returns how many SQS did not give back;
    /// those come back after [`HIDDEN_S`].
    ///
    /// # Errors
    /// A refusal by SQS.
    pub async fn give_back(&mut self, aws: &Aws, url: &str) -> Result<usize, AwsError> {
        let handles = std::mem::take(&mut self.handles);
        let mut kept = 0;
        for some in handles.chunks(AT_ONCE) {
            let mut call = aws.clients.sqs.change_message_visibility_batch().queue_url(url);
            for (index, handle) in some.iter().enumerate() {
                let entry = Entry::builder().id(index.to_string()).receipt_handle(handle).visibility_timeout(0).build();
                call = call.entries(entry.map_err(|error| AwsError::Shape {
                    what: "sqs:ChangeMessageVisibility".to_owned(),
                    message: error.to_string(),
                })?);
            }
            kept += aws.call("sqs:ChangeMessageVisibility", call.send()).await?.failed.len();
        }
        Ok(kept)
    }
}

/// Deletes every message of a queue: PurgeQueue. SQS takes up to 60 s for it.
///
/// # Errors
/// A refusal by SQS; [`is_purging`] tells that of a second purge within 60 s.
pub async fn purge(aws: &Aws, url: &str) -> Result<(), AwsError> {
    let call = aws.clients.sqs.purge_queue().queue_url(url).send();
    aws.call("sqs:PurgeQueue", call).await.map(drop)
}

/// Tells whether SQS refused a purge because of another one within the last 60 s.
pub fn is_purging(error: &AwsError) -> bool {
    error.is(&["PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str, dead_letters: Option<&str>) -> QueueTarget {
        let (element, address) = match name.strip_suffix(".dead_letter") {
            Some(element) => (format!("queues.{element}"), format!("queues.{name}")),
            None => (format!("queues.{name}"), format!("queues.{name}")),
        };
        QueueTarget {
            address,
            element,
            queue_name: format!("shop-{name}"),
            url: format!("https://sqs/{name}"),
            arn: format!("arn:{name}"),
            external: false,
            dead_letters: dead_letters.map(str::to_owned),
        }
    }

    fn queues() -> Queues {
        Queues(vec![
            queue("orders", Some("arn:orders.dead_letter")),
            queue("orders.dead_letter", None),
            queue("failed", None),
            queue("mails", Some("arn:failed")),
            queue("bills", Some("arn:failed")),
            queue("spare", None),
            queue("foreign", Some("arn:of-others")),
        ])
    }

    #[test]
    fn a_queue_is_named_by_its_element_its_address_or_its_name_in_aws() {
        let queues = queues();
        for name in ["orders", "queues.orders", "shop-orders"] {
            assert_eq!(queues.find_queue(name).unwrap().address, "queues.orders", "{name}");
            assert_eq!(queues.dead_letters_of(name).unwrap().address, "queues.orders.dead_letter", "{name}");
        }
        assert_eq!(queues.find_queue("order"), Err(QueueNameError::Unknown));
    }

    #[test]
    fn a_dead_letter_queue_means_itself() {
        let queues = queues();
        for name in ["orders.dead_letter", "queues.orders.dead_letter"] {
            assert_eq!(queues.dead_letters_of(name).unwrap().address, "queues.orders.dead_letter", "{name}");
        }
        assert_eq!(queues.dead_letters_of("failed").unwrap().address, "queues.failed");
        let sources: Vec<&str> =
            queues.sources_of(queues.find_queue("failed").unwrap()).map(|queue| queue.address.as_str()).collect();
        assert_eq!(sources, ["queues.mails", "queues.bills"]);
    }

    #[test]
    fn a_queue_without_a_dead_letter_queue_in_the_stack_has_none_to_work_on() {
        let queues = queues();
        assert!(matches!(queues.dead_letters_of("spare"), Err(QueueNameError::WithoutDeadLetters(_))));
        let Err(QueueNameError::Elsewhere(_, arn)) = queues.dead_letters_of("foreign") else {
            panic!("it is elsewhere")
        };
        assert_eq!(arn, "arn:of-others");
    }
}
