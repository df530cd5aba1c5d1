//! Turns a text into a [`Document`](document::Document): YAML, positions, variables, checks against the sections'
//! schema.

mod blame;
pub mod check;
mod conditions;
pub mod document;
pub mod env;
pub mod environments;
mod find;
pub mod finding;
mod foreign;
pub mod head;
pub mod interpolate;
pub mod lint;
pub mod nearest;
mod region;
mod repair;
pub mod schema;
pub mod secrets;
pub mod sections;
pub mod source;
pub mod spans;
mod syntax;
pub mod template;
pub mod uncovered;
pub mod values;
pub mod variables;
pub mod visible;
mod written;
pub mod yaml;

pub use blame::RefusedCall;

/// Describes a pattern in words, if it is one set of characters or a known form.
pub fn describe_pattern(pattern: &str) -> Option<String> {
    check::words::pattern(pattern)
}

#[cfg(test)]
mod tests;
