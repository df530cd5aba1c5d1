//! Formats output for people. The only module that prints.

pub mod access;
pub mod ci;
pub mod coverage;
pub mod diagnostics;
pub mod ending;
pub mod env;
pub mod explain;
pub mod github;
pub mod heading;
pub mod iam;
pub mod json;
mod live;
pub mod local;
pub mod logs;
pub mod markdown;
pub mod paint;
pub mod picture;
pub mod plan;
pub mod planned;
pub mod progress;
pub mod queues;
pub mod ready;
mod reason;
pub mod reference;
pub mod rehearsal;
pub mod rollback;
pub mod running;
pub mod shown;
mod slowest;
pub mod state;
pub mod status;
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod verify;
#[cfg(test)]
pub(crate) mod written;

/// Formats a count: "1 resource", "3 resources".
pub fn counted(count: impl Into<u64>, one: &str) -> String {
    let count = count.into();
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
