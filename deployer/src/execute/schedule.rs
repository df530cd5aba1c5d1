//! The order of the steps. Each step starts as soon as the steps that it waits for are finished; there are no levels.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::step::StepPart;
use serde_json::Value;

use crate::kinds::{KindRef, ObservedResource};
use crate::plan::{Action, Effect, Plan, PlannedResource, Revision};

/// A step: the index of its planned action, and the part of it.
pub(super) type StepId = (usize, StepPart);

/// The steps of a plan that have not started yet.
///
/// Of the ready steps, the one with the longest chain of followers starts first. So the run takes no longer than
/// necessary if not all of them can start at once.
pub(super) struct Schedule {
    /// The number of unfinished steps that each step waits for.
    open: BTreeMap<StepId, usize>,
    followers: BTreeMap<StepId, Vec<StepId>>,
    /// The length of the longest chain of steps that follow each step.
    behind: BTreeMap<StepId, usize>,
    ready: BinaryHeap<(usize, Reverse<StepId>)>,
    /// For each step, the steps that may start as soon as its resource exists.
    early: BTreeMap<StepId, Vec<StepId>>,
    /// Ready steps that share their calls. Started one by one, they would make more calls.
    together: BTreeSet<StepId>,
    shares: BTreeSet<StepId>,
    yielding: Yielding,
}

/// Returns the steps that each step of a plan waits for.
fn waits(plan: &Plan) -> BTreeMap<StepId, BTreeSet<StepId>> {
    let actions = plan.actions();
    let index: BTreeMap<&str, usize> = actions.iter().enumerate().map(|(i, p)| (p.address.as_str(), i)).collect();
    let mut waits_for: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
    for (i, planned) in actions.iter().enumerate() {
        waits_for.entry((i, StepPart::Main)).or_default();
        if removes_separately(planned) || withdraws(actions, planned) {
            waits_for.entry((i, StepPart::Removal)).or_default().insert((i, StepPart::Main));
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
            if planned.action().builds() && actions[*dependency].action().builds() {
                edge((i, StepPart::Main), (*dependency, StepPart::Main));
                // The dependency may finish before the resources beside which it started.
                for beside in actions[*dependency].early.iter().filter_map(|address| index.get(address.as_str())) {
                    edge((i, StepPart::Main), (*beside, StepPart::Main));
                }
            }
        }
        for dependency in planned.dependencies.union(&planned.prior_dependencies) {
            if planned.action() == Action::Delete && planned.by_name.contains(dependency) {
                continue;
            }
            let Some(&dependency) = index.get(dependency.as_str()) else { continue };
            // A part that is deleted with its parent needs no call. It waits for the parent, which waits for the users
            // of both.
            let taker = actions[dependency].effect.goes_with().and_then(|taker| index.get(taker));
            match (planned.effect.goes_with(), taker) {
                (Some(own), _) if own == actions[dependency].address => {
                    edge((i, StepPart::Main), (dependency, StepPart::Main));
                }
                (Some(_), _) => {}
                (None, Some(&taker)) => edge((taker, StepPart::Main), (i, StepPart::Main)),
                (None, None) => removal_edges(actions, i, dependency, &mut edge),
            }
        }
    }
    for (made, gone) in in_the_way(actions) {
        edge((made, StepPart::Main), (gone, StepPart::Main));
    }
    waits_for
}

/// Pairs each definition that is created with the deleted definitions of its element: one of these may be in its place,
/// such as another path variable. Callers see a change only with the deployment, which waits for both.
fn in_the_way(actions: &[PlannedResource]) -> Vec<(usize, usize)> {
    let of = |action: Action| {
        let all = actions.iter().enumerate();
        all.filter(move |(_, planned)| planned.action() == action && planned.kind.about().calls.definition)
    };
    let mut going: BTreeMap<(KindRef, &str), Vec<usize>> = BTreeMap::new();
    for (i, planned) in of(Action::Delete) {
        going.entry((planned.kind, &planned.element)).or_default().push(i);
    }
    let cannot_stay = |made: &PlannedResource, gone: &PlannedResource| {
        let Some(in_the_way) = made.kind.about().calls.in_the_way else { return true };
        let specs = made.effect.desired_spec().zip(gone.live());
        specs.is_some_and(|(wanted, live)| in_the_way(&wanted.desired, &live.spec))
    };
    let pairs = of(Action::Create).flat_map(|(i, planned)| {
        let gone = going.get(&(planned.kind, planned.element.as_str()));
        let gone = gone.into_iter().flatten().filter(move |gone| cannot_stay(planned, &actions[**gone]));
        gone.map(move |gone| (i, *gone))
    });
    pairs.collect()
}

/// Deletions that yield to creations of the same kind, so that a function that moved to another element exists before
/// the old one is deleted. A preference, not a dependency: it lapses once those creations have ended, successfully or
/// not, and when no other step can start. Parts that are deleted with their parent need no call, and definitions take
/// effect by their deployment, so neither yields.
#[derive(Default)]
struct Yielding {
    /// Creations that have not ended, by kind.
    creations: BTreeMap<KindRef, BTreeSet<StepId>>,
    deletions: BTreeMap<StepId, KindRef>,
    /// The deletions that nothing else holds back.
    held: BTreeSet<StepId>,
}

/// Tells whether a deletion may wait for creations of its kind. A definition that may stay beside all others waits, too.
/// Any other one takes effect only with its deployment, and a resource that reserves a part of a quota may hold the part that a new one needs.
fn yields(planned: &PlannedResource) -> bool {
    let calls = planned.kind.about().calls;
    let reserved =
        |live: &ObservedResource<Value>| calls.reserves.is_some_and(|property| !live.spec[property].is_null());
    (!calls.definition || calls.in_the_way.is_some()) && !planned.live().is_some_and(reserved)
}

impl Yielding {
    fn of(actions: &[PlannedResource]) -> Self {
        let mut yielding = Self::default();
        for (i, planned) in actions.iter().enumerate() {
            if planned.action() == Action::Create {
                yielding.creations.entry(planned.kind).or_default().insert((i, StepPart::Main));
            }
        }
        for (i, planned) in actions.iter().enumerate() {
            let goes = planned.action() == Action::Delete && planned.effect.goes_with().is_none();
            if goes && yields(planned) && yielding.creations.contains_key(&planned.kind) {
                yielding.deletions.insert((i, StepPart::Main), planned.kind);
            }
        }
        yielding
    }

    /// Holds back a deletion that is otherwise ready, as long as creations of its kind remain.
    fn holds(&mut self, id: StepId) -> bool {
        let holds = self.deletions.get(&id).is_some_and(|kind| self.creations.contains_key(kind));
        if holds {
            self.held.insert(id);
        }
        holds
    }

    /// Records the end of a step. Returns the deletions that only this one held back.
    fn end(&mut self, id: StepId) -> Vec<StepId> {
        let Some((&kind, creations)) = self.creations.iter_mut().find(|(_, creations)| creations.contains(&id)) else {
            return Vec::new();
        };
        creations.remove(&id);
        if !creations.is_empty() {
            return Vec::new();
        }
        self.creations.remove(&kind);
        let deletions = &self.deletions;
        self.held.extract_if(.., |id| deletions.get(id) == Some(&kind)).collect()
    }
}

impl Schedule {
    pub(super) fn of(plan: &Plan) -> Self {
        let (actions, waits_for) = (plan.actions(), waits(plan));
        let shares = waits_for.keys().copied().filter(|(index, _)| shares_calls(&actions[*index])).collect();
        let mut followers: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
        for (id, waits) in &waits_for {
            waits.iter().for_each(|before| followers.entry(*before).or_default().push(*id));
        }
        let behind = behind(actions, &waits_for, &followers);
        let open = waits_for.iter().map(|(id, waits)| (*id, waits.len())).collect();
        let (ready, together) = (BinaryHeap::new(), BTreeSet::new());
        let early = early(actions);
        let yielding = Yielding::of(actions);
        let mut schedule = Self { open, followers, behind, ready, early, together, shares, yielding };
        for (id, _) in waits_for.iter().filter(|(_, waits)| waits.is_empty()) {
            schedule.free(*id);
        }
        schedule
    }

    fn free(&mut self, id: StepId) {
        self.open.remove(&id);
        if !self.yielding.holds(id) {
            self.offer(id);
        }
    }

    fn offer(&mut self, id: StepId) {
        if self.shares.contains(&id) {
            self.together.insert(id);
        } else {
            self.ready.push((self.behind.get(&id).copied().unwrap_or(0), Reverse(id)));
        }
    }

    /// Takes a ready step.
    pub(super) fn take(&mut self) -> Option<StepId> {
        self.ready.pop().map(|(_, Reverse(id))| id)
    }

    /// Takes a ready step that shares its call with others.
    pub(super) fn take_along(&mut self) -> Option<StepId> {
        self.together.pop_first()
    }

    /// Puts back a step that was taken and made no call.
    pub(super) fn put_back(&mut self, id: StepId) {
        self.free(id);
    }

    /// Tells whether a step shares its call with others, and so takes no place of its own.
    pub(super) fn shares(&self, id: StepId) -> bool {
        self.shares.contains(&id)
    }

    /// Releases the deletions that only yield to creations, once no other step can start.
    pub(super) fn relent(&mut self) -> bool {
        let held = std::mem::take(&mut self.yielding.held);
        self.yielding.creations.clear();
        held.iter().for_each(|id| self.offer(*id));
        !held.is_empty()
    }

    /// Records that a step failed. The steps that wait for it never start.
    pub(super) fn fail(&mut self, id: StepId) {
        self.yielding.end(id).into_iter().for_each(|id| self.offer(id));
    }

    /// Records that a step finished, and frees the steps that waited for it.
    pub(super) fn finish(&mut self, id: StepId) {
        self.yielding.end(id).into_iter().for_each(|id| self.offer(id));
        for follower in self.followers.remove(&id).unwrap_or_default() {
            self.free_of_one(follower);
        }
    }

    /// Frees the steps that waited for the resource of a step to exist. The others wait for the step's end.
    pub(super) fn exists(&mut self, id: StepId) {
        for follower in self.early.remove(&id).unwrap_or_default() {
            let followers = self.followers.get_mut(&id);
            let waits = followers.and_then(|followers| {
                let at = followers.iter().position(|other| *other == follower)?;
                Some(followers.swap_remove(at))
            });
            waits.into_iter().for_each(|follower| self.free_of_one(follower));
        }
    }

    fn free_of_one(&mut self, follower: StepId) {
        let Some(open) = self.open.get_mut(&follower) else { return };
        *open -= 1;
        if *open == 0 {
            self.free(follower);
        }
    }

    /// Iterates over the steps that were not taken.
    pub(super) fn not_taken(&self) -> impl Iterator<Item = StepId> {
        let ready = self.ready.iter().map(|(_, Reverse(id))| *id);
        ready.chain(self.together.iter().chain(&self.yielding.held).chain(self.open.keys()).copied())
    }
}

/// For each step, the steps that may start as soon as its resource exists. Only creations do: an existing resource must
/// not switch to an unfinished one, and the outputs of a replacement are known only once it is finished.
fn early(actions: &[PlannedResource]) -> BTreeMap<StepId, Vec<StepId>> {
    let index: BTreeMap<&str, usize> = actions.iter().enumerate().map(|(i, p)| (p.address.as_str(), i)).collect();
    let mut early: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
    for (i, planned) in actions.iter().enumerate().filter(|(_, p)| p.action() == Action::Create) {
        let made = |dependency: &&usize| actions[**dependency].action() == Action::Create;
        for &dependency in planned.early.iter().filter_map(|address| index.get(address.as_str())).filter(made) {
            early.entry((dependency, StepPart::Main)).or_default().push((i, StepPart::Main));
        }
    }
    early
}

/// Returns the length of the longest chain of steps that follow each step. Work that AWS finishes on its own counts as
/// one more step, so that the longer of two steps that hold back the same one starts first.
fn behind(
    actions: &[PlannedResource],
    waits_for: &BTreeMap<StepId, BTreeSet<StepId>>,
    followers: &BTreeMap<StepId, Vec<StepId>>,
) -> BTreeMap<StepId, usize> {
    let follow = |id: &StepId| followers.get(id).map_or(0, Vec::len);
    let mut open: BTreeMap<StepId, usize> = waits_for.keys().map(|id| (*id, follow(id))).collect();
    let mut behind: BTreeMap<StepId, usize> = BTreeMap::new();
    let mut ends: Vec<StepId> = open.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id).collect();
    while let Some(id) = ends.pop() {
        let watched = actions[id.0].kind.about().calls.watched;
        let own = usize::from(watched && actions[id.0].action() != Action::Delete);
        let longest = *behind.entry(id).and_modify(|longest| *longest += own).or_insert(own);
        for before in waits_for.get(&id).into_iter().flatten() {
            let known = behind.entry(*before).or_default();
            *known = (*known).max(longest + 1);
            if let Some(open) = open.get_mut(before) {
                *open -= 1;
                if *open == 0 {
                    ends.push(*before);
                }
            }
        }
    }
    behind
}

/// Lets a dependency be deleted only after its users are deleted or use another resource.
///
/// A definition (a route) is the exception: it takes effect through the deployment that depends on it, so it is changed
/// and deleted before that deployment.
fn removal_edges(actions: &[PlannedResource], user: usize, dependency: usize, edge: &mut impl FnMut(StepId, StepId)) {
    let gone = &actions[dependency];
    let definition = gone.kind.about().calls.definition;
    if gone.action() == Action::Delete {
        if definition && actions[user].action().builds() {
            edge((user, StepPart::Main), (dependency, StepPart::Main));
        } else {
            edge((dependency, StepPart::Main), (user, StepPart::Main));
            edge((dependency, StepPart::Main), (user, StepPart::Removal));
        }
    }
    if removes_separately(gone) || withdraws(actions, gone) {
        edge((dependency, StepPart::Removal), (user, StepPart::Main));
        edge((dependency, StepPart::Removal), (user, StepPart::Removal));
    }
}

/// Tells whether one call deletes the resource together with others.
fn shares_calls(planned: &PlannedResource) -> bool {
    planned.action() == Action::Delete && planned.predecessor().is_none() && planned.kind.about().calls.deleted_together
}

/// Tells whether the update takes something away in a step of its own, because a user of the resource changes in the
/// same plan.
pub(super) fn withdraws(actions: &[PlannedResource], planned: &PlannedResource) -> bool {
    let changes = |user: &PlannedResource| {
        let uses = user.dependencies.contains(&planned.address) || user.prior_dependencies.contains(&planned.address);
        uses && !matches!(user.action(), Action::Unchanged | Action::Forget | Action::Create)
    };
    meanwhile(planned).is_some() && actions.iter().any(changes)
}

/// Returns the spec of a resource between the two steps of its update, if it has two.
pub(super) fn meanwhile(planned: &PlannedResource) -> Option<Value> {
    match &planned.effect {
        Effect::Update(Revision { wanted, live, leftover: None, .. }) => {
            planned.kind.meanwhile(&live.spec, &wanted.desired)
        }
        _ => None,
    }
}

/// Tells whether the predecessor is deleted by a step of its own.
pub(crate) fn removes_separately(planned: &PlannedResource) -> bool {
    planned.effect.removed_later().is_some()
}

#[cfg(test)]
mod tests;
