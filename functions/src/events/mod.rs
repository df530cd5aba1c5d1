//! The events the functions are invoked with, and the answers they owe.

pub mod http;
pub mod queue;
