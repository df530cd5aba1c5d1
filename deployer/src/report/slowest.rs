//! The actions that took longest.

use crate::execute::ExecutionOutcome;

/// The most actions that are named as slowest.
const SLOWEST: usize = 3;

/// Lists the actions that took longest, the slowest first.
pub(super) fn slowest(outcome: &ExecutionOutcome) -> Vec<(&str, f64)> {
    let mut all: Vec<(&str, f64)> =
        outcome.done.iter().map(|(address, _, took)| (address.as_str(), took.as_secs_f64())).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(SLOWEST);
    all
}
