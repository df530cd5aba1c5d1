//! What to do, decided before anything is done. Pure: no async, no clock, no environment, no AWS.

pub mod action;
pub mod diff;
pub mod drift;
mod effects;
mod owner;
mod planner;
mod problem;
mod refresh;
pub mod saved;
mod select;
#[cfg(test)]
pub(crate) mod tests;

pub use crate::kinds::{Action, Order};
pub use action::{Cost, Drift, Note, OutputChange, Plan, Planned, Summary};
pub use diff::{Change, Rules};
pub use effects::{Effect, Effects};
pub use owner::stranger;
pub use planner::{Goal, plan};
pub use problem::{PlanError, Problem};
pub use refresh::{refresh_only, refreshed};
pub use select::Selection;
