//! `topics:` — SNS topics and their subscriptions.

mod address;
mod delivery;
mod endpoint;
mod lint;
mod policies;
mod uncovered;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::address::in_address;
use self::endpoint::endpoint_objection;
use super::about::{
    About, Arrow, Draw, KeyProperty, OneOf, Outsider, Part, PartPlace, PictureStyle, Refusals, Shape, Suffix, Usage,
    longest_name,
};
use super::permission::{Of, check_document};
use super::scheduling::target_arn;
use super::{Hints, LoweredStack, Resource, Resources, Scope, Section, filter, reference};
use crate::kinds::Kind;
use crate::kinds::lambda_function::LambdaFunction;
use crate::kinds::lambda_permission::{LambdaPermission, Permission, statement_id};
use crate::kinds::sns_subscription::{RedrivePolicy, SnsSubscription, Subscription};
use crate::kinds::sns_topic::{SnsTopic, Topic};
use crate::spec::document::Document;
use crate::spec::finding::Findings;

/// Longest name of a topic, in characters.
const NAME_LENGTH: usize = longest_name::<SnsTopic>();

/// The topics section.
pub struct Topics;

/// An SNS topic.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopicElement {
    /// The topic's name in AWS. Default: the stack's name and the element's. Names of FIFO topics end in `.fifo`.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[A-Za-z0-9_-]+(\.fifo)?$"))]
    pub name: Option<String>,
    /// The sender that mails and text messages show.
    #[schemars(length(max = 100))]
    pub display_name: Option<String>,
    /// Delivers messages in order and once, to queues only.
    #[serde(default)]
    pub fifo_topic: bool,
    /// FIFO only: two messages with equal bodies are duplicates.
    #[serde(default)]
    pub content_based_deduplication: bool,
    /// A resource policy: an IAM policy document. Default: AWS's own, which lets the account's alarms publish.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub policy: Option<Value>,
    /// The KMS key for encryption at rest. With `alias/aws/sns` alarms cannot publish.
    pub kms_master_key_id: Option<String>,
    /// A delivery policy of SNS: how often deliveries over HTTP are repeated.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub delivery_policy: Option<Value>,
    /// Tracing with X-Ray. `Active` samples messages; `PassThrough` follows the sender's decision.
    #[serde(default)]
    pub tracing_config: Tracing,
    /// The receivers of messages.
    #[serde(default)]
    pub subscriptions: Vec<SubscriptionElement>,
}

/// Tracing with X-Ray.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Tracing {
    #[default]
    PassThrough,
    Active,
}

/// A receiver of messages: exactly one of `email`, `email_json`, `sqs`, `lambda`, `https`, `http`, `sms`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionElement {
    /// An e-mail address. Its owner has to confirm once, and previews leave it out. Like every endpoint it may be a secret, which is shown by its
    /// variable's name.
    pub email: Option<String>,
    /// An e-mail address that receives JSON. Its owner has to confirm once, and previews leave it out.
    pub email_json: Option<String>,
    /// A queue's ARN, or the name of a queue in this stack. The queue's policy then lets the topic send.
    pub sqs: Option<String>,
    /// A function's ARN, or the name of a function in this stack. The topic then gets the permission to call it.
    pub lambda: Option<String>,
    /// A URL. The server has to confirm once.
    pub https: Option<String>,
    /// A URL without encryption. The server has to confirm once.
    pub http: Option<String>,
    /// A telephone number such as `+4712345678`.
    pub sms: Option<String>,
    /// Whether a queue or a URL receives messages without SNS's envelope.
    #[serde(default)]
    pub raw_message_delivery: bool,
    /// A filter policy: only matching messages are delivered. A change takes effect within 15 minutes.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub filter_policy: Option<Value>,
    /// The part of a message that the filter policy is compared with.
    pub filter_policy_scope: Option<FilterScope>,
    /// The queue for messages that cannot be delivered: its name in this stack, or its ARN. A queue of this stack then lets
    /// the topic send to it.
    #[schemars(length(min = 1))]
    pub dead_letter_target_arn: Option<String>,
}

/// The part of a message that a filter policy is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum FilterScope {
    MessageAttributes,
    MessageBody,
}

impl SubscriptionElement {
    /// Tells whether a person has to confirm it. Each preview would ask again.
    fn is_by_mail(&self) -> bool {
        self.email.is_some() || self.email_json.is_some()
    }

    /// Lists the endpoints with their properties and SNS's names for the protocols.
    fn endpoints(&self) -> Vec<(&'static str, &'static str, &str)> {
        let all = [
            ("email", "email", &self.email),
            ("email_json", "email-json", &self.email_json),
            ("sqs", "sqs", &self.sqs),
            ("lambda", "lambda", &self.lambda),
            ("https", "https", &self.https),
            ("http", "http", &self.http),
            ("sms", "sms", &self.sms),
        ];
        all.into_iter()
            .filter_map(|(property, protocol, value)| Some((property, protocol, value.as_deref()?)))
            .collect()
    }
}

impl Section for Topics {
    const ABOUT: &'static About = &About {
        name: "topics",
        singular: "topic",
        example: include_str!("examples/topics.yaml"),
        synonyms: &[("function", "lambda"), ("queue", "sqs"), ("sns", "topics"), ("url", "https")],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: Some("fifo_topic") },
        picture: PictureStyle {
            icon: "M12 12 m-2 0 a2 2 0 1 0 4 0 a2 2 0 1 0 -4 0 M7.5 7.5 A6.4 6.4 0 0 0 7.5 16.5 M16.5 7.5 A6.4 6.4 0 0 1 16.5 16.5 M4.5 4.5 A10.6 10.6 0 0 0 4.5 19.5 M19.5 4.5 A10.6 10.6 0 0 1 19.5 19.5",
            shape: Shape::Stadium,
            arrows: &[Arrow { from: LambdaPermission::NAME, to: Some(LambdaFunction::NAME), draw: Draw::Nothing }],
        },
        one_of: &[OneOf {
            map: Some("SubscriptionElement"),
            names: &["email", "email_json", "http", "https", "lambda", "sms", "sqs"],
        }],
        key: Some(KeyProperty { kind: SnsTopic::NAME, pointer: "/kms_master_key_id", service: "sns" }),
        usage: Some(Usage { kind: SnsTopic::NAME, allow: &["sns:Publish"], on: "" }),
        refusals: Refusals {
            operations: &[],
            codes: &[],
            words: &[
                ("kms", &["kms_master_key_id"]),
                ("kms_key", &["kms_master_key_id"]),
                ("policy_document", &["policy"]),
                ("topic_name", &["name"]),
            ],
            parts: &[Part { name: "subscription", property: "subscriptions", place: PartPlace::Item }],
        },
    };
    type Element = TopicElement;

    fn check(topic: &TopicElement, at: &Scope<'_>, findings: &mut Findings) {
        check_fifo(topic, at, findings);
        if let Some(policy) = &topic.policy {
            check_document(policy, Of::Resource("sns"), &at.path(["policy"]), findings);
        }
        if let Some(policy) = &topic.delivery_policy {
            delivery::check(policy, &at.path(["delivery_policy"]), findings);
        }
        let mut seen = Vec::new();
        for (index, subscription) in topic.subscriptions.iter().enumerate() {
            check_subscription(subscription, topic.fifo_topic, index, at, findings);
            let endpoints = subscription.endpoints();
            if endpoints.len() == 1 && seen.contains(&endpoints) {
                findings
                    .error("topic::subscription-twice", item(at, index, endpoints[0].0), "this is subscribed twice")
                    .help("remove one of them");
            }
            seen.push(endpoints);
        }
    }

    fn lower(element: TopicElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let suffix = if element.fifo_topic { ".fifo" } else { "" };
        let text = |document: Option<Value>| document.map(|document| document.to_string());
        let topic = Topic {
            name: element.name.unwrap_or_else(|| at.default_name() + suffix),
            fifo_topic: element.fifo_topic,
            content_based_deduplication: element.content_based_deduplication,
            display_name: element.display_name.filter(|name| !name.is_empty()),
            policy: text(element.policy),
            kms_master_key_id: element.kms_master_key_id.filter(|key| !key.is_empty()),
            delivery_policy: text(element.delivery_policy),
            tracing_config: match element.tracing_config {
                Tracing::PassThrough => "PassThrough".to_owned(),
                Tracing::Active => "Active".to_owned(),
            },
            tags: at.tags(&at.element()),
        };
        out.add::<SnsTopic>(at, at.element(), &topic);
        let is_quiet = at.is_preview && at.common.only_in.is_none();
        for subscription in element.subscriptions.into_iter().filter(|one| !(is_quiet && one.is_by_mail())) {
            lower_subscription(subscription, at, out);
        }
    }

    fn complete(lowered: &mut LoweredStack) {
        policies::derive(lowered);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        if resource.kind == SnsSubscription::NAME {
            lint::queue_key(document, all, resource, findings);
            lint::fifo(document, all, resource, findings);
        }
    }

    fn outsider(kind: &str, spec: &Value) -> Option<Outsider> {
        let protocol = spec["protocol"].as_str().filter(|_| kind == SnsSubscription::NAME)?;
        let label = match protocol {
            "sms" => "SMS",
            mail if mail.starts_with("email") => "e-mail",
            _ => return None,
        };
        let name = spec["endpoint"].as_str().unwrap_or("somebody").to_owned();
        Some(Outsider { name, label, sends: false })
    }

    fn hints(hints: &mut Hints<'_>) {
        for name in ["email", "email_json"] {
            hints.inner("SubscriptionElement", name, "pattern", json!("^[^@\\s]+@[^@\\s]+$"));
        }
    }
}

fn lower_subscription(element: SubscriptionElement, at: &Scope<'_>, out: &mut LoweredStack) {
    // `check` reports an item with none or several endpoints.
    let Some((_, protocol, endpoint)) = element.endpoints().first().copied() else { return };
    let endpoint = match protocol {
        "sqs" if !is_arn_or_reference(endpoint) => reference(&format!("queues.{endpoint}"), "arn"),
        "lambda" if !is_arn_or_reference(endpoint) => reference(&format!("functions.{endpoint}"), "arn"),
        _ => endpoint.to_owned(),
    };
    let permission = (protocol == "lambda").then(|| lower_permission(&endpoint, at, out)).flatten();
    let called = in_address(&endpoint, at.secrets);
    let address = |called: &str| at.part(&format!("subscription[{protocol}:{called}]"));
    // Two encodings of one secret have the same name.
    let is_others = |address: &String| {
        out.resources.iter().any(|other| other.address == *address && other.spec["endpoint"] != endpoint)
    };
    let numbered = (2..).map(|n| address(&format!("{called}#{n}")));
    let address = std::iter::once(address(&called)).chain(numbered).find(|address| !is_others(address));
    let scope = match element.filter_policy_scope {
        Some(FilterScope::MessageBody) => "MessageBody",
        _ => "MessageAttributes",
    };
    // An empty filter policy means the same as none: every message matches.
    let filter = element.filter_policy.filter(|policy| policy.as_object().is_none_or(|rules| !rules.is_empty()));
    let subscription = Subscription {
        topic_arn: reference(&at.element(), "arn"),
        protocol: protocol.to_owned(),
        endpoint,
        raw_message_delivery: element.raw_message_delivery,
        filter_policy_scope: filter.as_ref().map(|_| scope.to_owned()),
        filter_policy: filter.map(|policy| policy.to_string()),
        redrive_policy: element
            .dead_letter_target_arn
            .map(|queue| RedrivePolicy { dead_letter_target_arn: target_arn("queues", &queue) }),
    };
    let subscription = out.add::<SnsSubscription>(at, address.unwrap_or(called), &subscription);
    subscription.depends_on.extend(permission);
}

/// Adds the permission to call a function of this stack, which exists before the subscription. Returns the permission's
/// address.
fn lower_permission(endpoint: &str, at: &Scope<'_>, out: &mut LoweredStack) -> Option<String> {
    let function =
        endpoint.strip_prefix("${")?.strip_suffix(".arn}").filter(|address| address.starts_with("functions."))?;
    let (function_name, topic) = (reference(function, "name"), reference(&at.element(), "arn"));
    let permission = Permission {
        statement_id: statement_id(&function_name, PRINCIPAL, &topic),
        function_name,
        action: "lambda:InvokeFunction".to_owned(),
        principal: PRINCIPAL.to_owned(),
        source_arn: Some(topic),
        ..Permission::default()
    };
    let address = at.part(&format!("permission[{function}]"));
    out.add::<LambdaPermission>(at, address.clone(), &permission);
    Some(address)
}

const PRINCIPAL: &str = "sns.amazonaws.com";

fn is_arn_or_reference(text: &str) -> bool {
    text.starts_with("arn:") || text.contains("${")
}

fn item(at: &Scope<'_>, index: usize, property: &str) -> crate::spec::finding::DocPath {
    at.path(["subscriptions".to_owned(), index.to_string(), property.to_owned()])
}

fn check_fifo(topic: &TopicElement, at: &Scope<'_>, findings: &mut Findings) {
    if let Some(name) = &topic.name
        && !name.ends_with('}')
        && name.ends_with(".fifo") != topic.fifo_topic
    {
        let (message, help) = if topic.fifo_topic {
            ("the name of a FIFO topic ends in `.fifo`", format!("write `name: {name}.fifo`"))
        } else {
            ("only a FIFO topic's name ends in `.fifo`", "add `fifo_topic: true` or drop the ending".to_owned())
        };
        findings.error("topic::fifo-name", at.path(["name"]), message).help(help);
    }
    if topic.content_based_deduplication && !topic.fifo_topic {
        findings
            .error("topic::fifo-only", at.path(["content_based_deduplication"]), "only FIFO topics remove duplicates")
            .help("add `fifo_topic: true` or remove this property");
    }
}

fn check_subscription(
    subscription: &SubscriptionElement,
    fifo_topic: bool,
    index: usize,
    at: &Scope<'_>,
    findings: &mut Findings,
) {
    let [(property, protocol, endpoint)] = subscription.endpoints()[..] else {
        findings
            .error(
                "topic::endpoint",
                at.path(["subscriptions".to_owned(), index.to_string()]),
                "a subscription has exactly one endpoint",
            )
            .help("write one of `email`, `email_json`, `sqs`, `lambda`, `https`, `http`, `sms`; one item for each");
        return;
    };
    if let Some((message, help)) = endpoint_objection(protocol, endpoint) {
        findings.error("topic::endpoint", item(at, index, property), message).help(help);
    }
    if fifo_topic && protocol != "sqs" {
        findings
            .error("topic::fifo-endpoint", item(at, index, property), "a FIFO topic tells queues alone")
            .help("subscribe a queue, and let it be read from there");
    }
    if subscription.raw_message_delivery && !["sqs", "https", "http"].contains(&protocol) {
        findings
            .error(
                "topic::raw-delivery",
                item(at, index, "raw_message_delivery"),
                "only queues and URLs take the bare message",
            )
            .help("remove `raw_message_delivery`");
    }
    if let Some(policy) = &subscription.filter_policy {
        let body = subscription.filter_policy_scope == Some(FilterScope::MessageBody);
        let of = if body { filter::Of::Body } else { filter::Of::Attributes };
        filter::check(policy, of, &item(at, index, "filter_policy"), findings);
    }
    if subscription.filter_policy_scope.is_some() && subscription.filter_policy.is_none() {
        findings
            .error("topic::filter-scope", item(at, index, "filter_policy_scope"), "there is no filter policy to apply")
            .help("add `filter_policy` or remove `filter_policy_scope`");
    }
}

#[cfg(test)]
mod tests;
