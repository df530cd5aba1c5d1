//! Who waits for whom. Each step starts the moment its own predecessors are done; there are no levels.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::step::Part;
use serde_json::Value;

use crate::kinds::{KindRef, Observed};
use crate::plan::{Action, Effect, Plan, Planned, Revision};

/// A step: the index of its planned action, and which part of it.
pub(super) type StepId = (usize, Part);

/// The steps of a plan that did not start yet.
///
/// Of those that nothing holds back, the one with the longest way behind it comes first: where not all can start at
/// once, the whole takes no longer than it must.
pub(super) struct Schedule {
    /// How many unfinished steps each waits for.
    open: BTreeMap<StepId, usize>,
    followers: BTreeMap<StepId, Vec<StepId>>,
    /// Steps on the longest way from here to an end.
    behind: BTreeMap<StepId, usize>,
    ready: BinaryHeap<(usize, Reverse<StepId>)>,
    /// Who waits for a step no longer than until what it makes is there.
    early: BTreeMap<StepId, Vec<StepId>>,
    /// Ready steps that share their calls, so that starting one by one would make more of them.
    together: BTreeSet<StepId>,
    shares: BTreeSet<StepId>,
    courtesy: Courtesy,
}

/// What each step of a plan waits for.
fn waits(plan: &Plan) -> BTreeMap<StepId, BTreeSet<StepId>> {
    let actions = plan.actions();
    let index: BTreeMap<&str, usize> = actions.iter().enumerate().map(|(i, p)| (p.address.as_str(), i)).collect();
    let mut waits_for: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
    for (i, planned) in actions.iter().enumerate() {
        waits_for.entry((i, Part::Main)).or_default();
        if removes_separately(planned) || withdraws(actions, planned) {
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
            if planned.action().builds() && actions[*dependency].action().builds() {
                edge((i, Part::Main), (*dependency, Part::Main));
                // It may be done before what it began beside.
                for beside in actions[*dependency].early.iter().filter_map(|address| index.get(address.as_str())) {
                    edge((i, Part::Main), (*beside, Part::Main));
                }
            }
        }
        for dependency in planned.dependencies.union(&planned.prior_dependencies) {
            let named = planned.by_name.contains(dependency) && planned.action() == Action::Delete;
            let Some(&dependency) = index.get(dependency.as_str()).filter(|_| !named) else { continue };
            // What goes along needs no call: it waits for what takes it, which waits for those who used either.
            let taker = actions[dependency].effect.goes_with().and_then(|taker| index.get(taker));
            match (planned.effect.goes_with(), taker) {
                (Some(own), _) if own == actions[dependency].address => {
                    edge((i, Part::Main), (dependency, Part::Main));
                }
                (Some(_), _) => {}
                (None, Some(&taker)) => edge((taker, Part::Main), (i, Part::Main)),
                (None, None) => removal_edges(actions, i, dependency, &mut edge),
            }
        }
    }
    for (made, gone) in in_the_way(actions) {
        edge((made, Part::Main), (gone, Part::Main));
    }
    waits_for
}

/// Definitions that are made, each with those of its element that go: these may be where it is to be, as another path
/// variable is. What callers see changes with the deployment alone, which waits for both.
fn in_the_way(actions: &[Planned]) -> Vec<(usize, usize)> {
    let of = |action: Action| {
        let all = actions.iter().enumerate();
        all.filter(move |(_, planned)| planned.action() == action && planned.kind.about().calls.definition)
    };
    let mut going: BTreeMap<(KindRef, &str), Vec<usize>> = BTreeMap::new();
    for (i, planned) in of(Action::Delete) {
        going.entry((planned.kind, &planned.element)).or_default().push(i);
    }
    let pairs = of(Action::Create).flat_map(|(i, planned)| {
        let gone = going.get(&(planned.kind, planned.element.as_str()));
        gone.into_iter().flatten().map(move |gone| (i, *gone))
    });
    pairs.collect()
}

/// Deletions that let what comes of their kind go first: a function under another element's name is there before the old
/// one is gone. That is a courtesy, no dependency: it ends with whatever becomes of what comes, and when nothing else is
/// left to do. What goes along with something else needs no call, and a definition takes effect by its deployment.
#[derive(Default)]
struct Courtesy {
    /// Creations that have not ended, by kind.
    coming: BTreeMap<KindRef, BTreeSet<StepId>>,
    going: BTreeMap<StepId, KindRef>,
    /// Those that nothing else holds back.
    held: BTreeSet<StepId>,
}

/// Tells whether a deletion may wait for creations of its kind: a definition takes effect only by its deployment, and
/// the share of a quota that a resource reserves may be the share that a new one needs.
fn yields(planned: &Planned) -> bool {
    let calls = planned.kind.about().calls;
    let reserved = |live: &Observed<Value>| calls.reserves.is_some_and(|property| !live.spec[property].is_null());
    !calls.definition && !planned.live().is_some_and(reserved)
}

impl Courtesy {
    fn of(actions: &[Planned]) -> Self {
        let mut courtesy = Self::default();
        for (i, planned) in actions.iter().enumerate() {
            if planned.action() == Action::Create {
                courtesy.coming.entry(planned.kind).or_default().insert((i, Part::Main));
            }
        }
        for (i, planned) in actions.iter().enumerate() {
            let goes = planned.action() == Action::Delete && planned.effect.goes_with().is_none();
            if goes && yields(planned) && courtesy.coming.contains_key(&planned.kind) {
                courtesy.going.insert((i, Part::Main), planned.kind);
            }
        }
        courtesy
    }

    /// Holds a step back that is otherwise ready, as long as something of its kind comes.
    fn holds(&mut self, id: StepId) -> bool {
        let holds = self.going.get(&id).is_some_and(|kind| self.coming.contains_key(kind));
        holds && {
            self.held.insert(id);
            true
        }
    }

    /// Takes note of an end, and gives those who were held back for it alone.
    fn ended(&mut self, id: StepId) -> Vec<StepId> {
        let Some((&kind, coming)) = self.coming.iter_mut().find(|(_, coming)| coming.contains(&id)) else {
            return Vec::new();
        };
        coming.remove(&id);
        if !coming.is_empty() {
            return Vec::new();
        }
        self.coming.remove(&kind);
        let going = &self.going;
        self.held.extract_if(.., |id| going.get(id) == Some(&kind)).collect()
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
        let courtesy = Courtesy::of(actions);
        let mut schedule = Self { open, followers, behind, ready, early, together, shares, courtesy };
        for (id, _) in waits_for.iter().filter(|(_, waits)| waits.is_empty()) {
            schedule.free(*id);
        }
        schedule
    }

    fn free(&mut self, id: StepId) {
        self.open.remove(&id);
        if !self.courtesy.holds(id) {
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

    /// Takes a step that nothing holds back any more.
    pub(super) fn take(&mut self) -> Option<StepId> {
        self.ready.pop().map(|(_, Reverse(id))| id)
    }

    /// Takes a step that nothing holds back and that costs no call of its own beside the others like it.
    pub(super) fn take_along(&mut self) -> Option<StepId> {
        self.together.pop_first()
    }

    /// Takes back a step that was taken and did nothing.
    pub(super) fn put_back(&mut self, id: StepId) {
        self.free(id);
    }

    /// Does a step share its call with others, so that it does not count among those at work?
    pub(super) fn shares(&self, id: StepId) -> bool {
        self.shares.contains(&id)
    }

    /// Lets the deletions go that were held back by nothing but what comes of their kind, when all else is done or stuck.
    pub(super) fn relent(&mut self) -> bool {
        let held = std::mem::take(&mut self.courtesy.held);
        self.courtesy.coming.clear();
        held.iter().for_each(|id| self.offer(*id));
        !held.is_empty()
    }

    /// A step failed: who waits for it never starts.
    pub(super) fn fail(&mut self, id: StepId) {
        self.courtesy.ended(id).into_iter().for_each(|id| self.offer(id));
    }

    /// Frees those who waited for a finished step.
    pub(super) fn finish(&mut self, id: StepId) {
        self.courtesy.ended(id).into_iter().for_each(|id| self.offer(id));
        for follower in self.followers.remove(&id).unwrap_or_default() {
            self.freed_of_one(follower);
        }
    }

    /// Frees those who waited for what a step makes to be there; the others wait for its end.
    pub(super) fn there(&mut self, id: StepId) {
        for follower in self.early.remove(&id).unwrap_or_default() {
            let followers = self.followers.get_mut(&id);
            let waits = followers.and_then(|followers| {
                let at = followers.iter().position(|other| *other == follower)?;
                Some(followers.swap_remove(at))
            });
            waits.into_iter().for_each(|follower| self.freed_of_one(follower));
        }
    }

    fn freed_of_one(&mut self, follower: StepId) {
        let Some(open) = self.open.get_mut(&follower) else { return };
        *open -= 1;
        if *open == 0 {
            self.free(follower);
        }
    }

    /// The steps that were not taken.
    pub(super) fn left(&self) -> impl Iterator<Item = StepId> {
        let ready = self.ready.iter().map(|(_, Reverse(id))| *id);
        ready.chain(self.together.iter().chain(&self.courtesy.held).chain(self.open.keys()).copied())
    }
}

/// Who is made as soon as what it depends on is there, by what it depends on. What exists already goes over to nothing
/// unfinished, and what is made anew is known by its outputs only when it is done.
fn early(actions: &[Planned]) -> BTreeMap<StepId, Vec<StepId>> {
    let index: BTreeMap<&str, usize> = actions.iter().enumerate().map(|(i, p)| (p.address.as_str(), i)).collect();
    let mut early: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
    for (i, planned) in actions.iter().enumerate().filter(|(_, p)| p.action() == Action::Create) {
        let made = |dependency: &&usize| actions[**dependency].action() == Action::Create;
        for &dependency in planned.early.iter().filter_map(|address| index.get(address.as_str())).filter(made) {
            early.entry((dependency, Part::Main)).or_default().push((i, Part::Main));
        }
    }
    early
}

/// How many steps follow each on its longest way; what AWS finishes by itself afterwards counts as one more, so that of
/// two that hold back the same step the longer one comes first.
fn behind(
    actions: &[Planned],
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

/// A dependency goes only after those who used it have gone or moved on.
///
/// A definition (a route) is the exception: it takes effect through the deployment that depends
/// on it, so it is changed and deleted before that one.
fn removal_edges(actions: &[Planned], user: usize, dependency: usize, edge: &mut impl FnMut(StepId, StepId)) {
    let gone = &actions[dependency];
    let definition = gone.kind.about().calls.definition;
    if gone.action() == Action::Delete {
        if definition && actions[user].action().builds() {
            edge((user, Part::Main), (dependency, Part::Main));
        } else {
            edge((dependency, Part::Main), (user, Part::Main));
            edge((dependency, Part::Main), (user, Part::Removal));
        }
    }
    if removes_separately(gone) || withdraws(actions, gone) {
        edge((dependency, Part::Removal), (user, Part::Main));
        edge((dependency, Part::Removal), (user, Part::Removal));
    }
}

/// Is it done by a call that does the same for others?
fn shares_calls(planned: &Planned) -> bool {
    planned.action() == Action::Delete && planned.predecessor().is_none() && planned.kind.about().calls.deleted_together
}

/// Is what it allowed taken away by a step of its own, for somebody who used it changes in the same plan?
pub(super) fn withdraws(actions: &[Planned], planned: &Planned) -> bool {
    let changes = |user: &Planned| {
        let uses = user.dependencies.contains(&planned.address) || user.prior_dependencies.contains(&planned.address);
        uses && !matches!(user.action(), Action::Unchanged | Action::Forget | Action::Create)
    };
    meanwhile(planned).is_some() && actions.iter().any(changes)
}

/// Returns the spec of a resource between the two steps of its update, if it has two.
pub(super) fn meanwhile(planned: &Planned) -> Option<Value> {
    match &planned.effect {
        Effect::Update(Revision { wanted, live, leftover: None, .. }) => {
            planned.kind.meanwhile(&live.spec, &wanted.desired)
        }
        _ => None,
    }
}

/// Tells whether the predecessor is deleted by a step of its own.
pub(crate) fn removes_separately(planned: &Planned) -> bool {
    planned.effect.removed_later().is_some()
}

#[cfg(test)]
mod tests;
