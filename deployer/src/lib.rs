//! `deployer` makes AWS match a declarative `stack.yaml`.
//!
//! `text → Document → Graph → Observation → Plan → Outcome`

pub mod aws;
pub mod kinds;
pub mod package;
pub mod plan;
pub mod report;
pub mod spec;
