//! The only place that formats for people, and the only one that prints.

pub mod diagnostics;
pub mod paint;
