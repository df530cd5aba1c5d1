//! The target of a schedule, and the permission that follows from it.

use serde_json::{Value, json};

use super::{ScheduleElement, call};
use crate::kinds::event_bus::DEFAULT_BUS;
use crate::kinds::schedule::{EventBridgeParameters, KinesisParameters, SqsParameters, Target};
use crate::spec::sections::permission;
use crate::spec::sections::scheduling::target_arn;

/// The properties that name a target.
pub(super) const NAMES: &[&str] = &["function", "queue", "topic", "bus", "stream", "state_machine", "call"];

impl ScheduleElement {
    /// Lists the targets with their properties.
    pub(super) fn targets(&self) -> Vec<(&'static str, &str)> {
        let all = [&self.function, &self.queue, &self.topic, &self.bus, &self.stream, &self.state_machine, &self.call];
        NAMES.iter().zip(all).filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect()
    }
}

/// Returns the target without its role; `None` if the element has none or several.
pub(super) fn of(element: &ScheduleElement) -> Option<Target> {
    let [(property, named)] = element.targets()[..] else { return None };
    let arn = match property {
        "function" => target_arn("functions", named),
        "queue" => target_arn("queues", named),
        "topic" => target_arn("topics", named),
        "bus" if named == DEFAULT_BUS => {
            "arn:${aws.partition}:events:${aws.region}:${aws.account_id}:event-bus/default".to_owned()
        }
        "bus" => target_arn("buses", named),
        "call" => call::arn(named),
        _ => named.to_owned(),
    };
    let event = element.detail_type.clone().zip(element.source.clone());
    Some(Target {
        arn,
        event_bridge_parameters: event.map(|(detail_type, source)| EventBridgeParameters { detail_type, source }),
        kinesis_parameters: element.partition_key.clone().map(|partition_key| KinesisParameters { partition_key }),
        sqs_parameters: element.message_group_id.clone().map(|message_group_id| SqsParameters { message_group_id }),
        ..Target::default()
    })
}

/// Returns what the derived role allows: the permissions that are written, or else those that follow from the target; and
/// to send to the queue for calls that failed.
pub(super) fn statements(element: &ScheduleElement, target: &Target) -> Vec<Value> {
    let allow = |action: &str, resource: Value| json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    let mut statements = permission::statements(&element.permissions);
    let [(property, named)] = element.targets()[..] else { return statements };
    if statements.is_empty() {
        let arn = || json!(target.arn);
        statements.extend(match property {
            "function" => Some(allow("lambda:InvokeFunction", arn())),
            "queue" => Some(allow("sqs:SendMessage", arn())),
            "topic" => Some(allow("sns:Publish", arn())),
            "bus" => Some(allow("events:PutEvents", arn())),
            "stream" => Some(allow("kinesis:PutRecord", arn())),
            "state_machine" => Some(allow("states:StartExecution", arn())),
            _ => element.on.as_ref().map(|on| match on.list() {
                [one] => allow(&call::action(named), json!(one)),
                many => allow(&call::action(named), json!(many)),
            }),
        });
    }
    let dead_letter = element.dead_letter.as_deref().map(|queue| target_arn("queues", queue));
    statements.extend(dead_letter.map(|queue| allow("sqs:SendMessage", json!(queue))));
    statements
}
