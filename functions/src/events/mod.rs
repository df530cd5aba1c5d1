//! The events that invoke the functions, and their answers.

pub mod http;
#[cfg(test)]
mod ledger;
pub mod queue;

use crate::budget::Budget;
use crate::stop::Stop;

/// The ids and the time of one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    pub request_id: &'a str,
    /// X-Ray's id of the trace that the invocation belongs to.
    pub trace_id: Option<&'a str>,
    /// The time that Lambda gives.
    pub budget: Budget,
    /// Ends the drawing early.
    pub stop: Option<&'a Stop>,
}
