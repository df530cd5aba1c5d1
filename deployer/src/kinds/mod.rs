//! The AWS kinds, one file each.
//!
//! A kind describes itself: its file has the spec, the facts about the kind ([`About`]) and its operations ([`Kind`]).
//! The rest of the program asks `kind.about()` or calls an operation, and never compares a kind's name. A new kind is
//! therefore one file and one line in [`REGISTRY`].
//!
//! A kind is typed at both edges ([`Kind`]) and JSON in the middle ([`AnyKind`]): diff, drift, masking, rendering and
//! state are written once, for all kinds.
//!
//! [`REGISTRY`] has the kinds. Code outside this module reaches a kind through [`find`] and holds
//! a `&'static dyn AnyKind`. A kind that stands for many types of resources, such as all of AWS's registry of types,
//! can therefore be made at run time: an implementation of [`AnyKind`] with an [`About`] of its own, both leaked.
//!
//! - `about`, `action`: the facts about a kind, and the actions that a plan can take
//! - `any`, `kind_ref`: a kind without its type, and one that compares and is written as its name
//! - `excess`, `fields`: a part of a spec that AWS would refuse, and the names of a spec's properties
//! - `kind`, `resource`: the operations of a kind, and a resource as it passes through them
//! - `grant`, `health`: the calls that a kind may make, and statements about a live resource
//! - `verification`: the edges that messages pass, and how to try them

mod about;
mod action;
mod any;
mod grant;

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
mod excess;
mod fields;
mod gateway;
pub mod gateway_response;
mod health;
pub mod http_api;
pub mod http_authorizer;
pub mod http_integration;
pub mod http_route;
pub mod http_stage;
pub mod iam_role;
mod kind;
mod kind_ref;
mod lambda;
pub mod lambda_function;
pub mod lambda_layer;
pub mod lambda_permission;
pub mod lambda_url;
pub mod log_group;
mod resource;
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
mod storage;
pub mod subscription_filter;
mod verification;

#[cfg(test)]
mod tests;

pub use about::{
    About, ArtifactProperty, Bound, Calls, Capability, NameProperty, Need, Ownership, Parent, Person, References, Rule,
};
pub use action::{Action, Order};
pub use any::{AnyKind, ErasedKind};
pub use excess::Excess;
pub(crate) use grant::service_role;
pub use grant::{Condition, Grant, OWN_STACK, Op};
pub use health::Sign;
pub use kind::{Kind, WatchedOperation};
pub use kind_ref::KindRef;
pub use resource::{Changes, CreatedResource, FoundResource, ObservedResource, Outputs};
use verification::use_of_key;
pub use verification::{Destination, Filter, Passage, Probe, Verification};

use crate::registry::Registry;

/// The kinds: those below, and those that the program added.
pub static REGISTRY: &Registry<&dyn AnyKind> = &OWN;

#[rustfmt::skip]
static OWN: Registry<&dyn AnyKind> = Registry::new(&[
    &ErasedKind::<api_authorizer::ApiAuthorizer>::NEW,
    &ErasedKind::<api_model::ApiModel>::NEW,
    &ErasedKind::<api_route::ApiRoute>::NEW,
    &ErasedKind::<api_stage::ApiStage>::NEW,
    &ErasedKind::<api_validator::ApiValidator>::NEW,
    &ErasedKind::<cloudwatch_alarm::CloudwatchAlarm>::NEW,
    &ErasedKind::<dynamodb_stream::DynamodbStream>::NEW,
    &ErasedKind::<dynamodb_table::DynamodbTable>::NEW,
    &ErasedKind::<event_bus::EventBusKind>::NEW,
    &ErasedKind::<event_invoke_config::EventInvokeConfigKind>::NEW,
    &ErasedKind::<event_rule::EventRuleKind>::NEW,
    &ErasedKind::<event_source_mapping::EventSourceMapping>::NEW,
    &ErasedKind::<gateway_response::GatewayResponseKind>::NEW,
    &ErasedKind::<http_api::HttpApi>::NEW,
    &ErasedKind::<http_authorizer::HttpAuthorizer>::NEW,
    &ErasedKind::<http_integration::HttpIntegration>::NEW,
    &ErasedKind::<http_route::HttpRoute>::NEW,
    &ErasedKind::<http_stage::HttpStage>::NEW,
    &ErasedKind::<iam_role::IamRole>::NEW,
    &ErasedKind::<lambda_function::LambdaFunction>::NEW,
    &ErasedKind::<lambda_layer::LambdaLayer>::NEW,
    &ErasedKind::<lambda_permission::LambdaPermission>::NEW,
    &ErasedKind::<lambda_url::LambdaUrl>::NEW,
    &ErasedKind::<log_group::LogGroupKind>::NEW,
    &ErasedKind::<rest_api::RestApi>::NEW,
    &ErasedKind::<s3_bucket::S3Bucket>::NEW,
    &ErasedKind::<s3_cors::S3Cors>::NEW,
    &ErasedKind::<s3_notification::S3Notification>::NEW,
    &ErasedKind::<s3_website::S3Website>::NEW,
    &ErasedKind::<schedule::ScheduleKind>::NEW,
    &ErasedKind::<schedule_group::ScheduleGroupKind>::NEW,
    &ErasedKind::<sns_subscription::SnsSubscription>::NEW,
    &ErasedKind::<sns_topic::SnsTopic>::NEW,
    &ErasedKind::<sqs_queue::SqsQueue>::NEW,
    &ErasedKind::<subscription_filter::SubscriptionFilterKind>::NEW,
]);

/// Finds a kind by its name, such as `sqs.queue`.
pub fn find(name: &str) -> Option<&'static dyn AnyKind> {
    REGISTRY.iter().copied().find(|kind| kind.name() == name)
}

/// Finds the kind of a resource that this program derived from `stack.yaml`.
///
/// # Panics
/// If the kind is not in [`REGISTRY`]: its resources would be missing from every plan.
pub fn find_registered(name: &str) -> &'static dyn AnyKind {
    find(name).unwrap_or_else(|| panic!("the kind {name} is not in kinds::REGISTRY"))
}
