//! Checks the contract of every kind with a real SDK client and a local AWS.

#[path = "../common/mod.rs"]
mod common;

mod contract;

mod api_route;
mod api_stage;
mod cloudwatch_alarm;
mod event_source_mapping;
mod iam_role;
mod lambda_function;
mod lambda_permission;
mod log_group;
mod rest_api;
mod s3_bucket;
mod sns;
mod sqs_queue;
