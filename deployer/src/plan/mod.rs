//! What to do, decided before anything is done. Pure: no async, no clock, no environment, no AWS.

pub mod diff;

pub use diff::{Change, Rules};
