//! Estimates a run's progress and remaining time, from its plan and its pace so far.

use std::collections::BTreeMap;
use std::time::Duration;

use super::removes_separately;
use crate::kinds::KindRef;
use crate::plan::{Action, Plan, PlannedResource};

/// The expected duration of each step of a plan, and which steps have ended.
#[derive(Debug, Default)]
pub struct Estimate {
    steps: BTreeMap<String, EstimatedStep>,
    /// Seconds that the ended steps took, and those that were expected for them.
    took: f64,
    expected: f64,
}

#[derive(Debug, Default)]
struct EstimatedStep {
    expected: f64,
    after: Vec<String>,
    done: bool,
}

impl Estimate {
    pub fn of(plan: &Plan) -> Self {
        let acting = |planned: &&PlannedResource| planned.action().calls_aws();
        let mut steps = BTreeMap::new();
        for planned in plan.actions().iter().filter(acting) {
            let expected = seconds(planned.kind, planned.action());
            steps.insert(planned.address.clone(), EstimatedStep { expected, after: after(plan, planned), done: false });
            if removes_separately(planned) {
                let after = vec![planned.address.clone()];
                let expected = seconds(planned.kind, Action::Delete);
                steps.insert(step_key(&planned.address, true), EstimatedStep { expected, after, done: false });
            }
        }
        Self { steps, ..Self::default() }
    }

    /// Records that a step ended after `took` seconds.
    pub fn record_end(&mut self, key: &str, took: f64) {
        if let Some(step) = self.steps.get_mut(key)
            && !std::mem::replace(&mut step.done, true)
        {
            self.took += took;
            self.expected += step.expected;
        }
    }

    /// Returns the number of all steps and of those that have ended.
    pub fn counts(&self) -> (usize, usize) {
        (self.steps.len(), self.steps.values().filter(|step| step.done).count())
    }

    /// Returns the remaining seconds: the longest chain of steps that wait for each other. `running` returns how long a
    /// step has run.
    pub fn remaining(&self, running: impl Fn(&str) -> f64) -> f64 {
        let mut known = BTreeMap::new();
        let longest = self.steps.keys().map(|key| self.chain(key, &running, &mut known)).fold(0.0, f64::max);
        longest * self.pace()
    }

    fn chain<'s>(&'s self, key: &'s str, running: &impl Fn(&str) -> f64, known: &mut BTreeMap<&'s str, f64>) -> f64 {
        if let Some(left) = known.get(key) {
            return *left;
        }
        // Guards against circles, which no plan has: a step that is being visited counts as zero.
        known.insert(key, 0.0);
        let Some(step) = self.steps.get(key) else { return 0.0 };
        let own = if step.done { 0.0 } else { (step.expected - running(key) / self.pace()).max(step.expected * 0.1) };
        let before = step.after.iter().map(|other| self.chain(other, running, known)).fold(0.0, f64::max);
        known.insert(key, own + before);
        own + before
    }

    /// Returns how much slower the run is than expected: 1 is as expected.
    fn pace(&self) -> f64 {
        if self.expected < 2.0 { 1.0 } else { (self.took / self.expected).clamp(0.01, 10.0) }
    }

    /// Returns the expected duration of all steps, and of those that have ended.
    pub fn work(&self) -> (Duration, Duration) {
        let whole: f64 = self.steps.values().map(|step| step.expected).sum();
        (Duration::from_secs_f64(whole), Duration::from_secs_f64(self.expected))
    }
}

/// Returns the name of a step. A removal is that of a replaced resource.
pub fn step_key(address: &str, removal: bool) -> String {
    if removal { format!("{address}#predecessor") } else { address.to_owned() }
}

/// Lists the steps that a step waits for: its dependencies, or for a deletion its dependents.
fn after(plan: &Plan, planned: &PlannedResource) -> Vec<String> {
    if planned.action() != Action::Delete {
        return planned.dependencies.iter().cloned().collect();
    }
    let used = |other: &&PlannedResource| {
        other.dependencies.contains(&planned.address) || other.prior_dependencies.contains(&planned.address)
    };
    plan.actions().iter().filter(used).map(|other| other.address.clone()).collect()
}

/// Returns the usual duration of an action in AWS, in seconds.
fn seconds(kind: KindRef, action: Action) -> f64 {
    let (made, gone) = kind.about().person.seconds;
    match action {
        Action::Delete => gone,
        Action::Replace => made + gone,
        Action::Create | Action::Update | Action::Adopt | Action::Unchanged | Action::Forget => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(steps: &[(&str, f64, &[&str])]) -> Estimate {
        let step = |after: &[&str], expected| EstimatedStep {
            expected,
            after: after.iter().map(|s| (*s).to_owned()).collect(),
            done: false,
        };
        let steps = steps.iter().map(|(key, expected, after)| ((*key).to_owned(), step(after, *expected))).collect();
        Estimate { steps, ..Estimate::default() }
    }

    #[test]
    fn what_is_left_is_the_longest_chain_at_the_pace_so_far() {
        let mut estimate = estimate(&[("role", 2.0, &[]), ("queue", 1.0, &[]), ("function", 5.0, &["role"])]);
        assert_eq!(estimate.remaining(|_| 0.0), 7.0);
        assert_eq!(estimate.remaining(|key| if key == "role" { 1.0 } else { 0.0 }), 6.0);
        estimate.record_end("role", 1.0);
        assert_eq!(estimate.counts(), (3, 1));
        assert_eq!(estimate.work(), (Duration::from_secs(8), Duration::from_secs(2)));
        assert_eq!(estimate.remaining(|_| 0.0), 2.5, "half as long as expected");
        estimate.record_end("role", 1.0);
        assert_eq!(estimate.work().1, Duration::from_secs(2), "a step ends once");
    }
}
