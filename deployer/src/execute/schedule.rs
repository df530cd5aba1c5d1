//! Who waits for whom. Each step starts the moment its own predecessors are done; there are no levels.

use std::collections::{BTreeMap, BTreeSet};

use super::step::Part;
use crate::kinds::by_name;
use crate::plan::{Action, Plan, Planned};

/// A step: the index of its planned action, and which part of it.
pub(super) type StepId = (usize, Part);

/// The steps of a plan that still wait, and those that wait for each.
pub(super) struct Schedule {
    waits_for: BTreeMap<StepId, BTreeSet<StepId>>,
}

impl Schedule {
    pub(super) fn of(plan: &Plan) -> Self {
        let actions = plan.actions();
        let index: BTreeMap<&str, usize> = actions.iter().enumerate().map(|(i, p)| (p.address.as_str(), i)).collect();
        let mut waits_for: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
        for (i, planned) in actions.iter().enumerate() {
            waits_for.entry((i, Part::Main)).or_default();
            if removes_separately(planned) {
                waits_for.entry((i, Part::Removal)).or_default().insert((i, Part::Main));
            }
        }
        let steps: BTreeSet<StepId> = waits_for.keys().copied().collect();
        let mut edge = |from: StepId, to: StepId| {
            if from != to
                && steps.contains(&to)
                && let Some(waits) = waits_for.get_mut(&from)
            {
                waits.insert(to);
            }
        };
        for (i, planned) in actions.iter().enumerate() {
            for dependency in planned.dependencies.difference(&planned.by_name).filter_map(|d| index.get(d.as_str())) {
                if builds(planned) && builds(&actions[*dependency]) {
                    edge((i, Part::Main), (*dependency, Part::Main));
                }
            }
            for dependency in planned.dependencies.union(&planned.prior_dependencies) {
                let named = planned.by_name.contains(dependency) && planned.action == Action::Delete;
                let Some(&dependency) = index.get(dependency.as_str()).filter(|_| !named) else { continue };
                // What goes along needs no call: it waits for what takes it, which waits for those who used either.
                let taker = actions[dependency].goes_with.as_ref().and_then(|taker| index.get(taker.as_str()));
                match (&planned.goes_with, taker) {
                    (Some(own), _) if *own == actions[dependency].address => {
                        edge((i, Part::Main), (dependency, Part::Main));
                    }
                    (Some(_), _) => {}
                    (None, Some(&taker)) => edge((taker, Part::Main), (i, Part::Main)),
                    (None, None) => removal_edges(actions, i, dependency, &mut edge),
                }
            }
        }
        Self { waits_for }
    }

    /// Takes the steps that nothing holds back any more.
    pub(super) fn take_ready(&mut self) -> Vec<StepId> {
        let ready: Vec<StepId> = self.waits_for.iter().filter(|(_, w)| w.is_empty()).map(|(id, _)| *id).collect();
        for id in &ready {
            self.waits_for.remove(id);
        }
        ready
    }

    /// Frees those who waited for a finished step.
    pub(super) fn finish(&mut self, id: StepId) {
        for waits in self.waits_for.values_mut() {
            waits.remove(&id);
        }
    }

    /// The steps that never started.
    pub(super) fn left(&self) -> impl Iterator<Item = StepId> {
        self.waits_for.keys().copied()
    }
}

/// A dependency goes only after those who used it have gone or moved on.
///
/// A definition (a route) is the exception: it takes effect through the deployment that depends
/// on it, so it is changed and deleted before that one.
fn removal_edges(actions: &[Planned], user: usize, dependency: usize, edge: &mut impl FnMut(StepId, StepId)) {
    let gone = &actions[dependency];
    let definition = by_name(gone.kind).is_some_and(|kind| kind.is_definition());
    if gone.action == Action::Delete {
        if definition && builds(&actions[user]) {
            edge((user, Part::Main), (dependency, Part::Main));
        } else {
            edge((dependency, Part::Main), (user, Part::Main));
            edge((dependency, Part::Main), (user, Part::Removal));
        }
    }
    if removes_separately(gone) {
        edge((dependency, Part::Removal), (user, Part::Main));
        edge((dependency, Part::Removal), (user, Part::Removal));
    }
}

fn builds(planned: &Planned) -> bool {
    !matches!(planned.action, Action::Delete | Action::Forget)
}

/// Is its predecessor deleted by a step of its own?
pub(crate) fn removes_separately(planned: &Planned) -> bool {
    builds(planned) && planned.predecessor.is_some()
}

#[cfg(test)]
mod tests;
