//! The settings of a function's asynchronous calls: `async: { retries: 1, on_failure: { queue: failed } }`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::FunctionElement;
use crate::kinds::event_bus::DEFAULT_BUS;
use crate::kinds::event_invoke_config::{EventInvokeConfig, EventInvokeConfigKind, MAX_AGE_S, RETRIES};
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::sections::fifo::{fifo_of, target_name};
use crate::spec::sections::scheduling::target_arn;
use crate::spec::sections::{LoweredStack, Resource, Resources, Scope, reference};
use crate::spec::values::Seconds;

/// How Lambda treats the function's asynchronous calls: those of topics, rules, schedules and alarms, and those that a
/// program makes with the type `Event`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AsyncElement {
    /// How often Lambda calls the function again after it failed. Default: 2.
    #[schemars(range(max = 2))]
    pub retries: Option<u32>,
    /// For how long Lambda keeps an event that it cannot hand over, from 1m to 6h. Default: 6h.
    #[schemars(range(min = 60, max = 21_600))]
    pub max_age: Option<Seconds>,
    /// The receiver of a record of each call that succeeded, with the function's answer.
    pub on_success: Option<DestinationElement>,
    /// The receiver of a record of each event that was given up. `dead_letter` receives such an event, too, if it is set.
    pub on_failure: Option<DestinationElement>,
}

/// A receiver of records: exactly one of `function`, `queue`, `topic`, `bus` and `bucket`. The permission to send there
/// is derived.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationElement {
    /// A function to call: its name in this stack, or its ARN.
    #[schemars(length(min = 1))]
    pub function: Option<String>,
    /// A standard queue to send to: its name in this stack, or its ARN.
    #[schemars(length(min = 1))]
    pub queue: Option<String>,
    /// A standard topic to publish to: its name in this stack, or its ARN.
    #[schemars(length(min = 1))]
    pub topic: Option<String>,
    /// A bus to send to: its name under `buses`, `default`, or its ARN.
    #[schemars(length(min = 1))]
    pub bus: Option<String>,
    /// A bucket to write to, under `on_failure` alone: its name in this stack, or its ARN.
    #[schemars(length(min = 1))]
    pub bucket: Option<String>,
}

/// The properties that name a receiver.
pub(super) const NAMES: &[&str] = &["function", "queue", "topic", "bus", "bucket"];

impl DestinationElement {
    /// Returns the property that names the receiver, and its text. `None` if there is none, or several.
    fn named(&self) -> Option<(&'static str, &str)> {
        let all = [&self.function, &self.queue, &self.topic, &self.bus, &self.bucket];
        let mut named = NAMES.iter().zip(all).filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        named.next().filter(|_| named.next().is_none())
    }

    fn arn(&self) -> Option<String> {
        Some(match self.named()? {
            ("function", named) => target_arn("functions", named),
            ("queue", named) => target_arn("queues", named),
            ("topic", named) => target_arn("topics", named),
            ("bus", DEFAULT_BUS) => {
                "arn:${aws.partition}:events:${aws.region}:${aws.account_id}:event-bus/default".to_owned()
            }
            ("bus", named) => target_arn("buses", named),
            (_, named) => target_arn("buckets", named),
        })
    }

    /// Lists the statements that the function's role needs.
    fn statements(&self) -> Vec<Value> {
        let (Some((property, _)), Some(arn)) = (self.named(), self.arn()) else { return Vec::new() };
        let allow = |action: &str, on: String| json!({ "Effect": "Allow", "Action": [action], "Resource": on });
        match property {
            "function" => vec![allow("lambda:InvokeFunction", arn)],
            "queue" => vec![allow("sqs:SendMessage", arn)],
            "topic" => vec![allow("sns:Publish", arn)],
            "bus" => vec![allow("events:PutEvents", arn)],
            _ => vec![allow("s3:ListBucket", arn.clone()), allow("s3:PutObject", format!("{arn}/*"))],
        }
    }
}

impl AsyncElement {
    fn destinations(&self) -> impl Iterator<Item = (&'static str, &DestinationElement)> {
        let both = [("on_success", &self.on_success), ("on_failure", &self.on_failure)];
        both.into_iter().filter_map(|(name, destination)| Some((name, destination.as_ref()?)))
    }
}

/// Lists the statements that the function's role needs to send records.
pub(super) fn statements(element: &FunctionElement) -> Vec<Value> {
    let settings = element.asynchronous.iter();
    settings.flat_map(AsyncElement::destinations).flat_map(|(_, destination)| destination.statements()).collect()
}

pub(super) fn check(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    let Some(settings) = &element.asynchronous else { return };
    for (name, destination) in settings.destinations() {
        let path = at.path(["async", name]);
        let Some((property, named)) = destination.named() else {
            let help = "write one of `{ queue: NAME }`, `{ topic: NAME }`, `{ function: NAME }`, `{ bus: NAME }`, and under `on_failure` `{ bucket: NAME }`";
            findings
                .error(
                    "function::destination",
                    path,
                    "a destination is exactly one of function, queue, topic, bus and bucket",
                )
                .help(help);
            continue;
        };
        if (name, property) == ("on_success", "bucket") {
            findings
                .error(
                    "function::destination-bucket",
                    path.then("bucket"),
                    "Lambda writes records of failed events alone to a bucket",
                )
                .help("name a queue, a topic, a bus or a function; or let the function itself write to the bucket");
        }
        if property == "function" && named == at.name {
            findings
                .error(
                    "function::destination-loop",
                    path.then("function"),
                    "the function would call itself without end",
                )
                .help("name another function, or a queue");
        }
    }
}

/// Adds the settings, if the element states any.
pub(super) fn lower(element: &FunctionElement, at: &Scope<'_>, out: &mut LoweredStack) {
    let Some(settings) = &element.asynchronous else { return };
    let arn = |destination: &Option<DestinationElement>| destination.as_ref().and_then(DestinationElement::arn);
    let config = EventInvokeConfig {
        function_name: reference(&at.element(), "name"),
        maximum_retry_attempts: settings.retries.unwrap_or(RETRIES),
        maximum_event_age_in_seconds: settings.max_age.map_or(MAX_AGE_S, |age| age.0),
        on_success: arn(&settings.on_success),
        on_failure: arn(&settings.on_failure),
    };
    out.add::<EventInvokeConfigKind>(at, at.part("async"), &config);
}

/// Reports a FIFO queue or topic as a destination: Lambda has no message group for its records.
pub(super) fn lint(document: &Document, all: &Resources<'_>, config: &Resource, findings: &mut Findings) {
    for name in ["on_success", "on_failure"] {
        let target = &config.spec[name];
        if fifo_of(all, target) == Some(true) {
            let message = format!(
                "`{}` is FIFO, and Lambda sends records to standard queues and topics",
                target_name(all, target)
            );
            findings
                .error("function::fifo-destination", document.locate(&config.element).then("async").then(name), message)
                .help("name a standard queue or topic");
        }
    }
}

/// Names the arrows of the settings to a receiver.
pub(super) fn arrows(config: &Value, address: &str) -> Vec<String> {
    let about = format!("${{{address}.");
    let names = |property: &str| config[property].as_str().is_some_and(|arn| arn.contains(&about));
    let labels = [("on_success", "results"), ("on_failure", "failed events")];
    labels.into_iter().filter(|(property, _)| names(property)).map(|(_, label)| label.to_owned()).collect()
}

#[cfg(test)]
mod tests;
