//! Estimates how long AWS's rate limits make a plan take, before it is carried out.

use std::time::Duration;

use super::Progress;
use crate::aws::{Place, rate};
use crate::kinds::Op;
use crate::plan::{Action, Plan, PlannedResource};

/// Shorter times are not reported.
const WORTH_SAYING: Duration = Duration::from_secs(10);

/// Reports the minimum time of the plan and the rate limit that causes it, if the time is long. The local cloud has no
/// rate limits.
pub(super) fn tell(plan: &Plan, place: &Place, progress: &dyn Progress) {
    if place.endpoint_url.is_some() || plan.is_refresh_only() {
        return;
    }
    if let Some((time, why)) = least(plan).filter(|least| least.0 >= WORTH_SAYING) {
        progress.say(&format!("applying this takes at least {} s: {why}", time.as_secs()));
    }
}

/// Returns the least time of a plan on AWS, and the rate limit that causes it.
pub(super) fn least(plan: &Plan) -> Option<(Duration, String)> {
    rate::least(plan.actions().iter().flat_map(calls))
}

/// Returns the rate-limited calls of one action.
fn calls(planned: &PlannedResource) -> Vec<&'static str> {
    let ops: &[Op] = match planned.action() {
        _ if planned.effect.goes_with().is_some() => &[],
        Action::Create => &[Op::Create],
        Action::Update => &[Op::Update],
        Action::Replace => &[Op::Create, Op::Delete],
        Action::Delete => &[Op::Delete],
        Action::Adopt | Action::Unchanged | Action::Forget => &[],
    };
    let limited = planned.kind.about().calls.limited;
    limited.iter().filter(|(op, _)| ops.contains(op)).map(|(_, call)| *call).collect()
}
