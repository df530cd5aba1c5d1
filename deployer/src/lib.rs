//! `deployer` makes AWS match a declarative `stack.yaml`.
//!
//! `text → Document → Graph → Observation → Plan → Outcome`

pub mod aws;
pub mod graph;
pub mod kinds;
pub mod local;
pub mod package;
pub mod plan;
pub mod report;
pub mod spec;
