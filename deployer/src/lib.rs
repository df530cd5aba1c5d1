//! `deployer` makes AWS match a declarative `stack.yaml`.
//!
//! `text → Document → Graph → Observation → Plan → ExecutionOutcome`

#![cfg_attr(not(test), warn(clippy::too_many_lines))]

mod actions;
pub mod aws;
pub mod cli;
pub mod codes;
mod constraints;
pub mod execute;
pub mod failure;
mod files;
pub mod forge;
pub mod graph;
pub mod iam;
#[cfg(test)]
mod imports;
pub mod kinds;
pub mod local;
mod log;
mod models;
mod mutex;
pub mod observe;
pub mod operate;
pub mod origin;
pub mod package;
pub mod pipeline;
pub mod plan;
mod registry;
pub mod report;
#[cfg(test)]
mod sizes;
pub mod spec;
pub mod state;
pub mod strict;
mod timetable;
