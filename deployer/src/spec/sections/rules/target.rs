//! The targets of a rule, as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kinds::event_bus::DEFAULT_BUS;
use crate::kinds::event_rule::{KinesisParameters, SqsParameters, Target};
use crate::spec::sections::eventing::{Delivery, InputTransformerElement, target_id};
use crate::spec::sections::scheduling::{Payload, target_arn};
use crate::spec::values::Seconds;

/// The properties that name a target.
pub(super) const NAMES: &[&str] = &["function", "queue", "topic", "bus", "stream", "state_machine"];

/// A receiver of a rule's events: exactly one of `function`, `queue`, `topic`, `bus`, `stream` and `state_machine`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetElement {
    /// The target's id in the rule. Default: its type and its name.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[._A-Za-z0-9-]+$"))]
    pub id: Option<String>,
    /// A function to call: its name in this stack, which gets the permission, or its ARN.
    #[schemars(length(min = 1))]
    pub function: Option<String>,
    /// A queue to send to: its name in this stack, whose policy is extended, or its ARN.
    #[schemars(length(min = 1))]
    pub queue: Option<String>,
    /// A topic to publish to: its name in this stack, whose policy is extended, or its ARN.
    #[schemars(length(min = 1))]
    pub topic: Option<String>,
    /// Another bus to send the event on to: its name under `buses`, `default`, or its ARN.
    #[schemars(length(min = 1))]
    pub bus: Option<String>,
    /// ARN of a Kinesis stream to write to.
    #[schemars(regex(pattern = r"^arn:"))]
    pub stream: Option<String>,
    /// ARN of a state machine to start.
    #[schemars(regex(pattern = r"^arn:"))]
    pub state_machine: Option<String>,
    /// A role to use for a bus, a stream or a state machine: its name under `roles`, or its ARN. Without it the rule gets a role of its own.
    #[schemars(length(min = 1))]
    pub role: Option<String>,
    /// A message in place of the event: a map or list, or JSON as a text.
    pub input: Option<Payload>,
    /// The part of the event that is sent: `$.detail`.
    #[schemars(length(min = 1, max = 256))]
    pub input_path: Option<String>,
    /// A message made of parts of the event.
    pub input_transformer: Option<InputTransformerElement>,
    /// The message group, for a FIFO queue.
    #[schemars(length(min = 1, max = 100))]
    pub message_group_id: Option<String>,
    /// The part of the event that is the partition key, for a stream: `$.detail.order`. Default: the event's id.
    #[schemars(length(min = 1, max = 256))]
    pub partition_key_path: Option<String>,
    /// How often a failed delivery is repeated. Default: 185.
    #[schemars(range(max = 185))]
    pub retries: Option<u32>,
    /// For how long a failed delivery is repeated. Default: a day.
    #[schemars(range(min = 60, max = 86_400))]
    pub max_age: Option<Seconds>,
    /// The queue that receives events which could not be delivered: its name in this stack, or its ARN. It cannot be
    /// FIFO.
    #[schemars(length(min = 1))]
    pub dead_letter: Option<String>,
}

impl TargetElement {
    /// Lists what the target names, with the properties.
    pub(super) fn named(&self) -> Vec<(&'static str, &str)> {
        let all = [&self.function, &self.queue, &self.topic, &self.bus, &self.stream, &self.state_machine];
        NAMES.iter().zip(all).filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect()
    }

    pub(super) fn delivery(&self) -> Delivery<'_> {
        Delivery {
            input: self.input.as_ref(),
            input_path: self.input_path.as_deref(),
            input_transformer: self.input_transformer.as_ref(),
            retries: self.retries,
            max_age: self.max_age,
            dead_letter: self.dead_letter.as_deref(),
        }
    }

    /// Returns the id in the rule; `None` if the target names nothing, or several things.
    pub(super) fn id(&self) -> Option<String> {
        let [(property, named)] = self.named()[..] else { return None };
        Some(self.id.clone().unwrap_or_else(|| target_id(property, named)))
    }

    fn arn(&self) -> Option<String> {
        let [(property, named)] = self.named()[..] else { return None };
        Some(match property {
            "function" => target_arn("functions", named),
            "queue" => target_arn("queues", named),
            "topic" => target_arn("topics", named),
            "bus" if named == DEFAULT_BUS => {
                "arn:${aws.partition}:events:${aws.region}:${aws.account_id}:event-bus/default".to_owned()
            }
            "bus" => target_arn("buses", named),
            _ => named.to_owned(),
        })
    }

    /// Returns the action that a role needs for the target, and the ARN that it is about. Functions, queues and topics
    /// take events by their own policies.
    pub(super) fn action(&self) -> Option<(&'static str, String)> {
        let [(property, _)] = self.named()[..] else { return None };
        let action = match property {
            "bus" => "events:PutEvents",
            "stream" => "kinesis:PutRecord",
            "state_machine" => "states:StartExecution",
            _ => return None,
        };
        Some((action, self.arn()?))
    }

    /// Returns the target with its id. `role` is the ARN of the rule's own role.
    pub(super) fn lower(&self, role: &str) -> Option<(String, Target)> {
        let own = self.role.as_deref().map(|role| target_arn("roles", role));
        let role_arn = self.action().map(|_| own.unwrap_or_else(|| role.to_owned()));
        let target = Target {
            arn: self.arn()?,
            role_arn,
            sqs_parameters: self.message_group_id.clone().map(|message_group_id| SqsParameters { message_group_id }),
            kinesis_parameters: self
                .partition_key_path
                .clone()
                .map(|partition_key_path| KinesisParameters { partition_key_path }),
            ..Target::default()
        };
        Some((self.id()?, self.delivery().apply(target)))
    }
}
