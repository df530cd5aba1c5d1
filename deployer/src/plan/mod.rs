//! Decides what to do before anything is done. Pure: no async, no clock, no environment, no AWS.

pub mod action;
mod adopt;
mod change;
mod code;
pub mod diff;
pub mod drift;
mod effect;
mod effects;
mod goal;
mod pairs;
mod planner;
mod problem;
mod question;
mod reason;
mod refresh;
pub mod saved;
mod select;
mod successors;
#[cfg(test)]
pub(crate) mod tests;
mod widening;

pub use crate::graph::owner::Foreign;
pub use crate::kinds::{Action, Order};
pub use action::{ArtifactSizes, Cost, Drift, OutputChange, Plan, PlannedResource, Side, Summary};
pub use change::{Change, How};
pub use diff::PropertyRules;
pub use effect::{Deletion, DesiredSpec, Effect, Replacement, Revision};
pub use effects::{Effects, ReviewedEffect};
pub use goal::{Adoption, Goal};
pub use planner::plan;
pub use problem::{PlanError, Problem};
pub use question::Question;
pub use reason::{FixedProperty, Note, Reason, Remark};
pub use refresh::refresh_state;
pub use select::Selection;
