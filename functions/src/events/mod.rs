//! The events the functions are invoked with, and the answers they owe.

pub mod http;
#[cfg(test)]
mod ledger;
pub mod queue;

use crate::budget::Budget;
use crate::stop::Stop;

/// Names one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    pub request_id: &'a str,
    /// X-Ray's id of the trace that the invocation belongs to.
    pub trace_id: Option<&'a str>,
    /// Ends with the time that Lambda gives.
    pub budget: Budget,
    /// Ends the drawing before its time.
    pub stop: Option<&'a Stop>,
}
