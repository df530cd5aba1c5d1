//! The policies that let EventBridge send a rule's events to queues and topics of the stack.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{SERVICE, rule_arn};
use crate::kinds::Kind;
use crate::kinds::event_bus::EventBusKind;
use crate::kinds::event_rule::EventRuleKind;
use crate::kinds::sns_topic::SnsTopic;
use crate::kinds::sqs_queue::SqsQueue;
use crate::spec::sections::keys::list;
use crate::spec::sections::{LoweredStack, Resource, Resources, permission, reference};

/// The id of the statement.
const SID: &str = "EventBridge";

/// Adds to the policies of queues and topics that they take the events of the stack's rules. A policy that the user wrote
/// keeps its statements; one that lets EventBridge send already stays as it is.
pub fn derive(lowered: &mut LoweredStack) {
    let all = Resources(&lowered.resources);
    let mut senders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for resource in all.0.iter().filter(|resource| !resource.external) {
        for (receiver, sender) in list_receivers(resource) {
            let receiver = all.resolve(receiver).filter(|receiver| !receiver.external);
            if let Some(receiver) = receiver.filter(|receiver| action(receiver).is_some()) {
                senders.entry(receiver.address.clone()).or_default().insert(sender);
            }
        }
    }
    for receiver in &mut lowered.resources {
        if let (Some(senders), Some(action)) = (senders.get(&receiver.address), action(receiver)) {
            extend(receiver, action, senders);
        }
    }
}

/// Lists the receivers of a resource's events and dead letters, each with the ARN of the sender.
fn list_receivers(resource: &Resource) -> Vec<(&Value, String)> {
    let text = |name: &str| resource.spec[name].as_str().unwrap_or_default();
    match resource.kind {
        EventRuleKind::NAME => {
            let sender = rule_arn(text("event_bus_name"), text("name"));
            let targets = resource.spec["targets"].as_object().into_iter().flatten();
            let ends = targets.flat_map(|(_, target)| [&target["arn"], &target["dead_letter_config"]["arn"]]);
            ends.map(|end| (end, sender.clone())).collect()
        }
        EventBusKind::NAME => {
            vec![(&resource.spec["dead_letter_config"]["arn"], reference(&resource.address, "arn"))]
        }
        _ => Vec::new(),
    }
}

/// Returns the action that puts an event into a resource.
fn action(receiver: &Resource) -> Option<&'static str> {
    match receiver.kind {
        SqsQueue::NAME => Some("sqs:SendMessage"),
        SnsTopic::NAME => Some("sns:Publish"),
        _ => None,
    }
}

fn extend(receiver: &mut Resource, action: &str, senders: &BTreeSet<String>) {
    let written = receiver.spec["policy"].as_str().map(serde_json::from_str::<Value>);
    let mut policy = match written {
        // `check` reports what is no policy.
        Some(Err(_)) => return,
        Some(Ok(policy)) => policy,
        None if receiver.kind == SnsTopic::NAME => permission::document(vec![own_account(&receiver.address)]),
        None => permission::document(Vec::new()),
    };
    let mut statements: Vec<Value> = list(&policy["Statement"]).into_iter().cloned().collect();
    if statements.iter().any(|statement| lets_send(statement, action)) {
        return;
    }
    let senders: Vec<&String> = senders.iter().collect();
    let senders = if let [one] = senders[..] { json!(one) } else { json!(senders) };
    statements.push(json!({
        "Sid": SID,
        "Effect": "Allow",
        "Principal": { "Service": SERVICE },
        "Action": action,
        "Resource": reference(&receiver.address, "arn"),
        "Condition": { "ArnEquals": { "aws:SourceArn": senders } },
    }));
    policy["Statement"] = json!(statements);
    receiver.spec["policy"] = Value::from(policy.to_string());
}

/// Tells whether a statement allows EventBridge, or everybody, to send. Assumes that its conditions are met, but for the
/// one of a topic's default statement: EventBridge sends no `AWS:SourceOwner`.
fn lets_send(statement: &Value, action: &str) -> bool {
    let names = |value: &Value, words: &[&str]| {
        list(value)
            .iter()
            .filter_map(|text| text.as_str())
            .any(|text| words.iter().any(|w| text.eq_ignore_ascii_case(w)))
    };
    let service = action.split_once(':').map_or(action, |(service, _)| service);
    let every = format!("{service}:*");
    let principal = &statement["Principal"];
    let is_for_owner = statement["Condition"].to_string().to_ascii_lowercase().contains("\"aws:sourceowner\"");
    !is_for_owner
        && statement["Effect"] == "Allow"
        && (names(principal, &["*"]) || names(&principal["AWS"], &["*"]) || names(&principal["Service"], &[SERVICE]))
        && names(&statement["Action"], &["*", action, &every])
}

/// Returns the statement that SNS gives a new topic. A policy of the topic's own replaces it, and without it the account's
/// alarms could no longer publish.
fn own_account(topic: &str) -> Value {
    const ACTIONS: &[&str] = &[
        "SNS:GetTopicAttributes",
        "SNS:SetTopicAttributes",
        "SNS:AddPermission",
        "SNS:RemovePermission",
        "SNS:DeleteTopic",
        "SNS:Subscribe",
        "SNS:ListSubscriptionsByTopic",
        "SNS:Publish",
    ];
    json!({
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": { "AWS": "*" },
        "Action": ACTIONS,
        "Resource": reference(topic, "arn"),
        "Condition": { "StringEquals": { "AWS:SourceOwner": "${aws.account_id}" } },
    })
}
