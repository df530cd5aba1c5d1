//! `queues:` — SQS queues. A queue with `redrive` gets a dead-letter queue of its own.

mod lint;
mod uncovered;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::about::{
    About, Arrow, Draw, KeyProperty, Part, PartPlace, PictureStyle, Refusals, Shape, Suffix, Usage, longest_name,
};
use super::permission::{Of, check_document};
use super::scheduling::target_arn;
use super::{LoweredStack, Resource, Resources, Scope, Section, reference};
use crate::kinds::Kind;
use crate::kinds::sns_topic::SnsTopic;
use crate::kinds::sqs_queue::{Queue, RedrivePolicy, SqsQueue};
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::values::Seconds;

/// Longest name of a queue, in characters.
const NAME_LENGTH: usize = longest_name::<SqsQueue>();
/// The end of the name of a queue's own dead-letter queue.
const DEAD_LETTER: &str = "-dlq";

/// The queues section.
pub struct Queues;

/// An SQS queue.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueElement {
    /// The queue's name in AWS. Default: the stack's name and the element's. Names of FIFO queues end in `.fifo`.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[A-Za-z0-9_-]+(\.fifo)?$"))]
    pub name: Option<String>,
    /// Keeps messages in order and delivers each deduplication id once.
    #[serde(default)]
    pub fifo_queue: bool,
    /// FIFO only: two messages with equal bodies are duplicates.
    #[serde(default)]
    pub content_based_deduplication: bool,
    /// The time that a received message stays hidden: at least the consumer's timeout, better six times that.
    #[serde(default = "thirty")]
    #[schemars(range(max = 43_200))]
    pub visibility_timeout: Seconds,
    /// The time that a new message stays hidden.
    #[serde(default)]
    #[schemars(range(max = 900))]
    pub delay_seconds: Seconds,
    /// The time that a message is kept.
    #[serde(default = "four_days")]
    #[schemars(range(min = 60, max = 1_209_600))]
    pub message_retention_period: Seconds,
    /// The time that a receive call waits for a message.
    #[serde(default)]
    #[schemars(range(max = 20))]
    pub receive_message_wait_time_seconds: Seconds,
    /// The largest message in bytes. AWS gives new queues 1 MiB.
    #[schemars(range(min = 1_024, max = 1_048_576))]
    pub maximum_message_size: Option<u32>,
    /// The dead-letter queue for messages that fail repeatedly.
    pub redrive: Option<Redrive>,
    /// A resource policy: an IAM policy document.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub policy: Option<Value>,
    /// The KMS key for encryption at rest. Functions of this stack that consume the queue, or send failed events there,
    /// get the permission to use it. A topic can send only if the key's policy lets SNS use it, and never with
    /// `alias/aws/sqs`.
    pub kms_master_key_id: Option<String>,
    /// Encryption at rest with SQS's own key. AWS's default is true.
    pub sqs_managed_sse_enabled: Option<bool>,
}

/// The dead-letter queue for messages that were received too often.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redrive {
    /// How often a message is received before it moves.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_receive_count: u32,
    /// Another queue: its name in this stack, or its ARN. Without it the queue gets a dead-letter queue of its own.
    #[schemars(length(min = 1))]
    pub dead_letter_target_arn: Option<String>,
    /// The time that the dead-letter queue keeps a message. Only for a dead-letter queue of its own.
    #[serde(default = "fourteen_days")]
    #[schemars(range(min = 60, max = 1_209_600))]
    pub message_retention_period: Seconds,
}

fn thirty() -> Seconds {
    Seconds(30)
}

fn four_days() -> Seconds {
    Seconds(345_600)
}

fn fourteen_days() -> Seconds {
    Seconds(1_209_600)
}

impl Section for Queues {
    const ABOUT: &'static About = &About {
        name: "queues",
        singular: "queue",
        example: include_str!("examples/queues.yaml"),
        synonyms: &[
            ("deadletterqueue", "redrive"),
            ("dlq", "redrive"),
            ("redrivepolicy", "redrive"),
            ("retention", "message_retention_period"),
            ("sqs", "queues"),
        ],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property {
            property: "name",
            longest: NAME_LENGTH - DEAD_LETTER.len(),
            fifo: Some("fifo_queue"),
        },
        picture: PictureStyle {
            icon: "M3 7 H9 V17 H3 Z M10.5 7 H14 V17 H10.5 Z M16 12 H22 M19 9 L22 12 L19 15",
            shape: Shape::Queue,
            arrows: &[
                // The queue's policy lets the topic send.
                Arrow { from: SqsQueue::NAME, to: Some(SnsTopic::NAME), draw: Draw::From("") },
            ],
        },
        one_of: &[],
        key: Some(KeyProperty { kind: SqsQueue::NAME, pointer: "/kms_master_key_id", service: "sqs" }),
        usage: Some(Usage { kind: SqsQueue::NAME, allow: &["sqs:SendMessage"], on: "" }),
        refusals: Refusals {
            operations: &[],
            codes: &[("QueueAlreadyExists", &["name"]), ("QueueNameExists", &["name"])],
            words: &[
                ("kms", &["kms_master_key_id"]),
                ("kms_key", &["kms_master_key_id"]),
                ("policy_document", &["policy"]),
                ("queue_name", &["name"]),
                ("redrive_policy", &["redrive"]),
            ],
            parts: &[Part { name: "dead_letter", property: "redrive", place: PartPlace::Inside }],
        },
    };
    type Element = QueueElement;

    fn check(queue: &QueueElement, at: &Scope<'_>, findings: &mut Findings) {
        if let Some(name) = &queue.name
            && !name.ends_with('}')
            && name.ends_with(".fifo") != queue.fifo_queue
        {
            let (message, help) = if queue.fifo_queue {
                ("the name of a FIFO queue ends in `.fifo`", format!("write `name: {name}.fifo`"))
            } else {
                ("only a FIFO queue's name ends in `.fifo`", "add `fifo_queue: true` or drop the ending".to_owned())
            };
            findings.error("queue::fifo-name", at.path(["name"]), message).help(help);
        }
        if let Some(policy) = &queue.policy {
            check_document(policy, Of::Resource("sqs"), &at.path(["policy"]), findings);
        }
        if queue.content_based_deduplication && !queue.fifo_queue {
            findings
                .error(
                    "queue::fifo-only",
                    at.path(["content_based_deduplication"]),
                    "only FIFO queues remove duplicates",
                )
                .help("add `fifo_queue: true` or remove this property");
        }
        if queue.kms_master_key_id.is_some() && queue.sqs_managed_sse_enabled == Some(true) {
            findings
                .error(
                    "queue::two-encryptions",
                    at.path(["sqs_managed_sse_enabled"]),
                    "SQS encrypts a queue with its own key or with one of KMS, not with both",
                )
                .at_key()
                .help("remove `sqs_managed_sse_enabled` or `kms_master_key_id`");
        }
        if let Some(redrive) = &queue.redrive
            && redrive.dead_letter_target_arn.is_none()
            && redrive.message_retention_period <= queue.message_retention_period
        {
            findings
                .warning(
                    "queue::dead-letter-retention",
                    at.path(["redrive"]),
                    "the dead-letter queue keeps messages no longer than the queue itself, and their age counts from the first send",
                )
                .help("give `redrive: { message_retention_period: 14d }`");
        }
    }

    fn lower(element: QueueElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let suffix = if element.fifo_queue { ".fifo" } else { "" };
        let name = element.name.unwrap_or_else(|| at.default_name() + suffix);
        let queue = Queue {
            fifo_queue: element.fifo_queue,
            content_based_deduplication: element.content_based_deduplication,
            visibility_timeout: element.visibility_timeout.0,
            delay_seconds: element.delay_seconds.0,
            message_retention_period: element.message_retention_period.0,
            receive_message_wait_time_seconds: element.receive_message_wait_time_seconds.0,
            maximum_message_size: element.maximum_message_size,
            policy: element.policy.map(|document| document.to_string()),
            kms_master_key_id: element.kms_master_key_id,
            sqs_managed_sse_enabled: element.sqs_managed_sse_enabled,
            redrive_policy: element.redrive.as_ref().map(|redrive| RedrivePolicy {
                max_receive_count: redrive.max_receive_count,
                dead_letter_target_arn: match &redrive.dead_letter_target_arn {
                    Some(queue) => target_arn("queues", queue),
                    None => reference(&at.part("dead_letter"), "arn"),
                },
            }),
            tags: at.tags(&at.element()),
            name,
        };
        if let Some(redrive) = element.redrive.filter(|r| r.dead_letter_target_arn.is_none()) {
            let address = at.part("dead_letter");
            let dead_letter = Queue {
                name: format!("{}{DEAD_LETTER}{suffix}", queue.name.trim_end_matches(".fifo")),
                redrive_policy: None,
                policy: None,
                visibility_timeout: 30,
                delay_seconds: 0,
                message_retention_period: redrive.message_retention_period.0,
                receive_message_wait_time_seconds: 0,
                tags: at.tags(&address),
                ..queue.clone()
            };
            out.add::<SqsQueue>(at, address, &dead_letter);
        }
        out.add::<SqsQueue>(at, at.element(), &queue);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        if resource.kind == SqsQueue::NAME {
            lint::redrive(document, all, resource, findings);
        }
    }
}
