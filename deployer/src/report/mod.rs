//! The only place that formats for people, and the only one that prints.

pub mod diagnostics;
pub mod github;
pub mod json;
pub mod logs;
pub mod markdown;
pub mod paint;
pub mod picture;
pub mod plan;
pub mod planned;
pub mod progress;
pub mod state;
pub mod status;
pub mod terminal;
#[cfg(test)]
mod tests;
