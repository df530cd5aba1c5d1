//! What to do, decided before anything is done. Pure: no async, no clock, no environment, no AWS.

pub mod action;
mod change;
pub mod diff;
pub mod drift;
mod effect;
mod effects;
mod pairs;
mod planner;
mod problem;
mod reason;
mod refresh;
pub mod saved;
mod select;
#[cfg(test)]
pub(crate) mod tests;

pub use crate::graph::owner::Foreign;
pub use crate::kinds::{Action, Order};
pub use action::{ArtifactSizes, Cost, Drift, OutputChange, Plan, Planned, Summary};
pub use change::{Change, How};
pub use diff::Rules;
pub use effect::{Deletion, Effect, Replacement, Revision, Wanted};
pub use effects::{Effects, ReviewedEffect};
pub use planner::{Goal, plan};
pub use problem::{PlanError, Problem};
pub use reason::{Fixed, Note, Reason, Remark};
pub use refresh::{refresh_only, refreshed};
pub use select::Selection;
