//! Tells why a function's code differs from the code in AWS.

use super::action::{Plan, PlannedResource};
use crate::kinds::Action;
use crate::origin::{CodeChange, UnknownOrigin, WholeOrigin};
use crate::state::State;

impl Plan {
    /// Adds the reason to each resource whose code differs. `packaged` has the origin of the code that was packaged for
    /// an address. Informs users and decides nothing.
    #[must_use]
    pub fn with_code_changes(mut self, prior: &State, packaged: impl Fn(&str) -> Option<WholeOrigin>) -> Self {
        for planned in &mut self.actions {
            let differs = planned.changes_artifact() && planned.action() != Action::Create;
            if differs && let Some(now) = packaged(&planned.address) {
                planned.code_change = Some(code_change(planned, prior, &now));
            }
        }
        self
    }
}

fn code_change(planned: &PlannedResource, prior: &State, now: &WholeOrigin) -> CodeChange {
    let address = planned.moved_from.as_ref().unwrap_or(&planned.address);
    let Some(record) = prior.resources.get(address) else {
        return CodeChange::unknown(UnknownOrigin::NotRecorded);
    };
    let artifact = planned.kind.artifact();
    let digest = artifact.and_then(|artifact| planned.changes().iter().find(|change| artifact.is_digest(&change.path)));
    let recorded = artifact.and_then(|artifact| record.inputs.get(artifact.name)?.get(artifact.digest));
    if digest.map(|change| change.before()) != recorded {
        return CodeChange::unknown(UnknownOrigin::OtherCode);
    }
    match prior.origin(record) {
        Some(before) => CodeChange::between(&before, now),
        None => CodeChange::unknown(UnknownOrigin::NotRecorded),
    }
}
