//! The facts of each kind that the suites use, one file each: how to list its resources with the SDK alone, and the steps
//! of its contract.
//!
//! A kind adds itself with its file, a `mod` and a line in [`ALL`]. A test holds that every kind of the deployer is
//! there, and the contract holds that each listing finds what the kind creates.

pub mod api_authorizer;
pub mod api_model;
pub mod api_route;
pub mod api_stage;
pub mod api_validator;
pub mod cloudwatch_alarm;
pub mod dynamodb_stream;
pub mod dynamodb_table;
pub mod event_bus;
pub mod event_invoke_config;
pub mod event_rule;
pub mod event_source_mapping;
pub mod gateway_response;
pub mod http_api;
pub mod http_authorizer;
pub mod http_integration;
pub mod http_route;
pub mod http_stage;
pub mod iam_role;
pub mod lambda_function;
pub mod lambda_layer;
pub mod lambda_permission;
pub mod lambda_url;
pub mod log_group;
pub mod rest_api;
pub mod s3_bucket;
pub mod s3_cors;
pub mod s3_notification;
pub mod s3_website;
pub mod schedule;
pub mod schedule_group;
pub mod sns_subscription;
pub mod sns_topic;
pub mod sqs_queue;
pub mod subscription_filter;
mod told;

use std::collections::BTreeSet;
use std::fmt::Debug;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use deployer::aws::Aws;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

pub use told::told;

/// The kinds. APIs come first: other resources have their random ids.
pub const ALL: &[Entry] = &[
    rest_api::ENTRY,
    api_authorizer::ENTRY,
    api_model::ENTRY,
    api_validator::ENTRY,
    api_route::ENTRY,
    api_stage::ENTRY,
    gateway_response::ENTRY,
    http_api::ENTRY,
    http_authorizer::ENTRY,
    http_integration::ENTRY,
    http_route::ENTRY,
    http_stage::ENTRY,
    cloudwatch_alarm::ENTRY,
    dynamodb_table::ENTRY,
    dynamodb_stream::ENTRY,
    lambda_layer::ENTRY,
    lambda_function::ENTRY,
    event_source_mapping::ENTRY,
    lambda_permission::ENTRY,
    lambda_url::ENTRY,
    event_invoke_config::ENTRY,
    iam_role::ENTRY,
    event_bus::ENTRY,
    event_rule::ENTRY,
    log_group::ENTRY,
    subscription_filter::ENTRY,
    s3_bucket::ENTRY,
    s3_cors::ENTRY,
    s3_notification::ENTRY,
    s3_website::ENTRY,
    schedule_group::ENTRY,
    schedule::ENTRY,
    sns_topic::ENTRY,
    sns_subscription::ENTRY,
    sqs_queue::ENTRY,
];

/// The tests' knowledge of one kind.
#[derive(Clone, Copy)]
pub struct Entry {
    pub kind: &'static str,
    /// Lists the kind's resources in an account, with the SDK alone.
    pub list: for<'a> fn(&'a Aws) -> BoxFuture<'a, Vec<Thing<'a>>>,
    /// Prepares an account, and returns the contract's cases for it.
    pub cases: for<'a> fn(&'a Aws) -> BoxFuture<'a, Vec<Case>>,
}

/// Specs of a kind to test: the first is created, the others are changes in place, applied in turn.
pub struct Case {
    pub create: Value,
    /// For each step: its name, its spec, and exactly the property paths that the plan must show.
    pub steps: Vec<(&'static str, Value, Vec<&'static str>)>,
    /// Properties that no step changes, each with the reason.
    pub left_out: &'static [(&'static str, &'static str)],
    /// Properties that the emulator loses when a resource is deleted and created again.
    pub lost: &'static [&'static str],
    /// Whether the steps change only some properties, for a variant of the kind.
    pub variant: bool,
}

/// A resource in AWS, or a part of one.
pub struct Thing<'a> {
    /// The same in every account: `queue orders`.
    pub name: String,
    /// A random id, and the text that stands for it where accounts are compared.
    pub id: Option<(String, String)>,
    /// The purpose of a thing without a name of its own, such as the function behind a route.
    pub purpose: String,
    /// Reads everything that AWS reports about it.
    pub whole: BoxFuture<'a, Value>,
}

impl<'a> Thing<'a> {
    pub fn new(name: String, whole: impl Future<Output = Value> + Send + 'a) -> Self {
        Self { name, id: None, purpose: String::new(), whole: whole.boxed() }
    }

    pub fn with_id(self, id: &str, stands_for: impl Into<String>) -> Self {
        Self { id: Some((id.to_owned(), stands_for.into())), ..self }
    }

    pub fn with_purpose(self, purpose: String) -> Self {
        Self { purpose, ..self }
    }
}

/// Lists everything in an account except the buckets named `state-…`. Further things of the same name get a number.
pub async fn things(aws: &Aws) -> Vec<Thing<'_>> {
    let mut all: Vec<Thing<'_>> = Vec::new();
    for entry in ALL {
        for mut thing in (entry.list)(aws).await {
            let twins = all.iter().filter(|other| other.name.split(" #").next() == Some(&thing.name)).count();
            if twins > 0 {
                thing.name += &format!(" #{twins}");
            }
            all.push(thing);
        }
    }
    all
}

/// Names everything in an account, with the random ids: `queue orders`, `mapping worker orders 6d1c…`.
pub async fn inventory(aws: &Aws) -> BTreeSet<String> {
    let named = |thing: Thing<'_>| match thing.id {
        Some((id, _)) => format!("{} {}", thing.name, last(&id, ':')),
        None => thing.name,
    };
    things(aws).await.into_iter().map(named).collect()
}

/// Names everything in an account by texts that are the same after every creation.
pub async fn names(aws: &Aws) -> Vec<String> {
    let named = |thing: Thing<'_>| format!("{} {}", thing.name, thing.purpose).trim_end().to_owned();
    let mut all: Vec<String> = things(aws).await.into_iter().map(named).collect();
    all.sort();
    all
}

/// Returns a response in full; null if AWS reports that the thing does not exist.
fn maybe<T: Debug, E: ProvideErrorMetadata + Debug>(answer: Result<T, E>) -> Value {
    match answer {
        Ok(answer) => told(&answer),
        Err(error) => {
            let code = error.code().unwrap_or("no answer").to_owned();
            let nothing = ["NoSuch", "NotFound"].iter().any(|word| code.contains(word));
            assert!(nothing, "an account cannot be read: {error:?}");
            Value::Null
        }
    }
}

fn sure<T, E: Debug>(answer: Result<T, E>) -> T {
    answer.unwrap_or_else(|error| panic!("an account cannot be read: {error:?}"))
}

fn last(text: &str, separator: char) -> &str {
    text.rsplit(separator).next().unwrap_or(text)
}

/// Returns `spec` with some properties changed, or removed where the change is null.
pub fn with(mut spec: Value, changes: &Value) -> Value {
    let own = spec.as_object_mut().expect("a map");
    for (key, value) in changes.as_object().expect("a map").clone() {
        match value {
            Value::Null => drop(own.remove(&key)),
            value => drop(own.insert(key, value)),
        }
    }
    spec
}
