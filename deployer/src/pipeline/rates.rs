//! How long AWS's rates make a plan, said beforehand.

use std::time::Duration;

use super::Progress;
use crate::aws::{Place, rate};
use crate::kinds::{Op, by_name};
use crate::plan::{Action, Plan, Planned};

/// What is shorter is not worth a word.
const WORTH_SAYING: Duration = Duration::from_secs(10);

/// Says how long the plan takes at least, and because of which rate, where that is long. A local AWS has no rates.
pub(super) fn tell(plan: &Plan, place: &Place, progress: &dyn Progress) {
    if place.endpoint_url.is_some() || plan.refresh_only {
        return;
    }
    if let Some((time, why)) =
        rate::least(plan.actions().iter().flat_map(calls)).filter(|least| least.0 >= WORTH_SAYING)
    {
        progress.say(&format!("applying this takes at least {} s: {why}", time.as_secs()));
    }
}

/// The limited calls that one action makes.
fn calls(planned: &Planned) -> Vec<&'static str> {
    let ops: &[Op] = match planned.action {
        _ if planned.goes_with.is_some() => &[],
        Action::Create => &[Op::Create],
        Action::Update => &[Op::Update],
        Action::Replace => &[Op::Create, Op::Delete],
        Action::Delete => &[Op::Delete],
        Action::Adopt | Action::Unchanged | Action::Forget => &[],
    };
    let limited = by_name(planned.kind).map_or(&[][..], |kind| kind.limited());
    limited.iter().filter(|(op, _)| ops.contains(op)).map(|(_, call)| *call).collect()
}
