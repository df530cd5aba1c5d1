//! AWS's own constraints on requests: required members, lengths, ranges, enumerations and patterns of each operation that
//! the deployer calls, as AWS's service models state them.
//!
//! `cargo xtask constraints` writes the table from botocore, which carries the models. A model is never complete: AWS
//! refuses more than it states. And it is dated: a value that it does not list may be newer.

mod check;
mod form;
mod identify;
mod member;
mod request;
mod rest;
mod table;
mod tree;
mod wire;
mod xml;

pub use check::{Rule, Violation};
pub use identify::{Identified, identify};
pub use member::Constraint;
pub use request::{Body, Request, pairs};

/// Lists the constraints that a request breaks. Empty for an operation that the table does not have, and for a body in
/// a form that cannot be read.
///
/// `service` is the id in AWS's model, such as `API Gateway`; the SDK has it in the metadata of each call.
pub fn broken(service: &str, operation: &str, request: &Request) -> Vec<Violation> {
    let Some(service) = table::service(service) else { return Vec::new() };
    let Some(operation) = service.operations.get(operation) else { return Vec::new() };
    let Some(input) = wire::read(service, operation, request) else { return Vec::new() };
    check::input(service, operation, &input)
}

#[cfg(test)]
pub use member::of_member;
#[cfg(test)]
pub use table::source;

#[cfg(test)]
mod tests;
