//! The contract that every kind keeps, held against a real SDK client and a local AWS.

#[path = "../common/mod.rs"]
mod common;

mod contract;

mod iam_role;
mod log_group;
mod event_source_mapping;
mod lambda_function;
mod lambda_permission;
mod sqs_queue;
