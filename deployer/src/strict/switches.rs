//! Which rules are off, and how long AWS's delays are here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The settings of the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Switches {
    off: BTreeSet<String>,
    /// The values of rules that have one.
    values: BTreeMap<String, f64>,
    /// The length of a delay as a share of AWS's own.
    pace: f64,
    /// The concurrency of all functions of an account in a region.
    concurrency: u64,
}

/// Lambda's concurrency of an account in a region. New accounts have 10.
const CONCURRENCY: u64 = 1000;

/// Delays that one can work with: AWS's 60 s are 1.2 s.
const SHORT: f64 = 0.02;

impl Default for Switches {
    fn default() -> Self {
        Self { off: BTreeSet::new(), values: BTreeMap::new(), pace: SHORT, concurrency: CONCURRENCY }
    }
}

impl Switches {
    /// All rules, with AWS's own delays.
    pub fn as_slow_as_aws() -> Self {
        Self { pace: 1.0, ..Self::default() }
    }

    #[must_use]
    pub fn without<'a>(mut self, rules: impl IntoIterator<Item = &'a str>) -> Self {
        self.off.extend(rules.into_iter().map(str::to_owned));
        self
    }

    /// Sets the concurrency of an account, such as the 10 of a new one.
    #[must_use]
    pub fn with_concurrency(self, concurrency: u64) -> Self {
        Self { concurrency, ..self }
    }

    pub fn concurrency(&self) -> u64 {
        self.concurrency
    }

    /// Switches on a rule that is off by default, with a value such as the share of lost answers.
    #[must_use]
    pub fn with(mut self, rule: &str, value: f64) -> Self {
        self.off.remove(rule);
        self.values.insert(rule.to_owned(), value);
        self
    }

    /// Returns the value of a rule, if it was switched on with one.
    pub fn value(&self, rule: &str) -> Option<f64> {
        self.values.get(rule).copied()
    }

    /// Tells whether a rule is on. An optional one is off unless it was switched on.
    pub(super) fn is_on(&self, rule: &str, is_optional: bool) -> bool {
        !self.off.contains(rule) && (!is_optional || self.values.contains_key(rule))
    }

    /// Returns how long a delay of AWS is here.
    pub fn delay(&self, of_aws: Duration) -> Duration {
        of_aws.mul_f64(self.pace)
    }

    /// Returns the length of a delay as a share of AWS's own.
    pub fn pace(&self) -> f64 {
        self.pace
    }

    /// Returns how much faster than on AWS time passes here, for rates.
    pub fn haste(&self) -> f64 {
        1.0 / self.pace
    }
}
