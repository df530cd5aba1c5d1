//! The policies that let a service send to queues and topics of the stack: EventBridge for a rule, S3 for a bucket, SNS
//! for a topic.

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

/// The service that sends events.
#[derive(Clone, Copy)]
pub struct Sender {
    pub service: &'static str,
    /// The id of the statement.
    pub sid: &'static str,
    /// Whether the condition names the account, because the ARN of the source does not.
    pub in_account: bool,
}

/// A resource that a service sends for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Its ARN as the derived statement has it: a text of names where possible, so that the receiver need not wait for it.
    pub arn: String,
    /// Its ARN as a reference, as a policy that the user wrote has it.
    pub reference: String,
}

impl Source {
    /// Returns the source for a resource of the stack.
    pub fn of(resource: &Resource, arn: String) -> Self {
        Self { arn, reference: reference(&resource.address, "arn") }
    }
}

/// The sources that send to each receiver, by the receiver's address.
pub type Sources = BTreeMap<String, BTreeSet<Source>>;

const EVENT_BRIDGE: Sender = Sender { service: SERVICE, sid: "EventBridge", in_account: false };

/// Adds to the policies of queues and topics that they take the events of the stack's rules.
pub fn derive(lowered: &mut LoweredStack) {
    let all = Resources(&lowered.resources);
    let mut senders = Sources::new();
    for resource in all.0.iter().filter(|resource| !resource.external) {
        for (receiver, sender) in list_receivers(resource) {
            let receiver = all.resolve(receiver).filter(|receiver| !receiver.external);
            if let Some(receiver) = receiver.filter(|receiver| action(receiver).is_some()) {
                senders.entry(receiver.address.clone()).or_default().insert(Source::of(resource, sender));
            }
        }
    }
    extend_policies(&mut lowered.resources, &senders, EVENT_BRIDGE);
}

/// Adds to the policies of queues and topics that they take what a service sends. A policy that the user wrote keeps its
/// statements; one that lets the service send for all sources stays as it is.
pub fn extend_policies(resources: &mut [Resource], sources: &Sources, sender: Sender) {
    for receiver in resources.iter_mut().filter(|resource| !resource.external) {
        if let (Some(sources), Some(action)) = (sources.get(&receiver.address), action(receiver)) {
            extend(receiver, action, sources, sender);
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

fn extend(receiver: &mut Resource, action: &str, sources: &BTreeSet<Source>, sender: Sender) {
    let written = receiver.spec["policy"].as_str().map(serde_json::from_str::<Value>);
    let mut policy = match written {
        // `check` reports what is no policy.
        Some(Err(_)) => return,
        Some(Ok(policy)) => policy,
        None if receiver.kind == SnsTopic::NAME => permission::document(vec![own_account(&receiver.address)]),
        None => permission::document(Vec::new()),
    };
    let mut statements: Vec<Value> = list(&policy["Statement"]).into_iter().cloned().collect();
    let may_send = |source: &Source| {
        statements.iter().any(|statement| lets_send(statement, action, sender.service) && is_for(statement, source))
    };
    let sources: Vec<&String> = sources.iter().filter(|source| !may_send(source)).map(|source| &source.arn).collect();
    if sources.is_empty() {
        return;
    }
    let sources = if let [one] = sources[..] { json!(one) } else { json!(sources) };
    let mut condition = json!({ "ArnEquals": { "aws:SourceArn": sources } });
    if sender.in_account {
        condition["StringEquals"] = json!({ "aws:SourceAccount": "${aws.account_id}" });
    }
    statements.push(json!({
        "Sid": sender.sid,
        "Effect": "Allow",
        "Principal": { "Service": sender.service },
        "Action": action,
        "Resource": reference(&receiver.address, "arn"),
        "Condition": condition,
    }));
    policy["Statement"] = json!(statements);
    receiver.spec["policy"] = Value::from(policy.to_string());
}

/// Tells whether the conditions of a statement admit a source. Only `aws:SourceArn` is looked at, and an ARN with a
/// wildcard is assumed to match.
fn is_for(statement: &Value, source: &Source) -> bool {
    let last = |arn: &str| arn.rsplit(':').next().unwrap_or_default().to_owned();
    let admits = |arn: &Value| {
        let arn = arn.as_str().unwrap_or_default();
        arn == source.reference || arn.contains(['*', '?']) || last(arn) == last(&source.arn)
    };
    let operators = statement["Condition"].as_object().into_iter().flatten();
    operators
        .filter(|(operator, _)| {
            ["ArnEquals", "ArnLike", "StringEquals", "StringLike"].iter().any(|o| operator.starts_with(o))
        })
        .flat_map(|(_, keys)| keys.as_object().into_iter().flatten())
        .filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"))
        .all(|(_, arns)| list(arns).iter().any(|arn| admits(arn)))
}

/// Tells whether a statement allows a service, or everybody, to send. Assumes that its conditions are met, but for the one
/// of a topic's default statement: services send no `AWS:SourceOwner`.
fn lets_send(statement: &Value, action: &str, service_name: &str) -> bool {
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
        && (names(principal, &["*"])
            || names(&principal["AWS"], &["*"])
            || names(&principal["Service"], &[service_name]))
        && (statement.get("NotAction").is_some() || names(&statement["Action"], &["*", action, &every, "sqs:Send*"]))
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
