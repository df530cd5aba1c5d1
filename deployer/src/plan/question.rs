//! All that a plan is made from.

use super::goal::Goal;
use super::select::Selection;
use crate::aws::Place;
use crate::graph::Graph;
use crate::observe::Observation;
use crate::spec::secrets::Secrets;

/// The question that a plan answers.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub graph: &'a Graph,
    pub seen: &'a Observation,
    /// The stack's name in ownership tags.
    pub stack: &'a str,
    pub place: &'a Place,
    pub goal: &'a Goal,
    pub selection: &'a Selection,
    pub secrets: &'a Secrets,
}
