//! Documented rates, counted in the clock's time.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use super::super::place::{Key, Place};
use crate::mutex::lock;

/// A documented rate of one account in one region.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The service's id in AWS's model.
    pub service: &'static str,
    /// The operations that share the rate; empty for every operation of the service.
    pub operations: &'static [&'static str],
    /// The requests in one interval: 5 in "5 requests every 2 seconds".
    pub requests: f64,
    pub interval_s: f64,
    /// The requests that may arrive at once.
    pub burst: f64,
}

impl Limit {
    /// Some requests a second, as documented. One fifth more may arrive at once, and at least one: requests that are
    /// sent in time may catch up with each other on their way.
    pub const fn a_second(service: &'static str, operations: &'static [&'static str], requests: f64) -> Self {
        let spread = if requests > 5.0 { requests / 5.0 } else { 1.0 };
        Self { service, operations, requests, interval_s: 1.0, burst: requests + spread }
    }

    /// One request in some seconds, as documented.
    pub const fn one_in(service: &'static str, operations: &'static [&'static str], seconds: f64) -> Self {
        Self { service, operations, requests: 1.0, interval_s: seconds, burst: 1.0 }
    }

    fn name(&self) -> String {
        format!("{} {}", self.service, self.operations.first().unwrap_or(&""))
    }

    /// Returns how long one request takes at this rate.
    fn spacing(&self, place: Place<'_>) -> Duration {
        place.switches.delay(Duration::from_secs_f64(self.interval_s / self.requests))
    }
}

/// The rest of the rates: for each, when its requests so far will have been spaced out.
#[derive(Default)]
pub struct Counts(Mutex<HashMap<Key, Duration>>);

/// From this many rates on, those that nobody uses are dropped.
const MANY: usize = 1000;

impl Counts {
    /// Counts a request against all of `limits`. If one is exhausted, counts nothing and returns how long to wait.
    pub fn take(&self, limits: &[&Limit], place: Place<'_>) -> Option<Duration> {
        let mut counts = lock(&self.0);
        if counts.len() > MANY {
            counts.retain(|_, spaced| *spaced > place.now);
        }
        let spaced = |counts: &HashMap<Key, Duration>, limit: &Limit| {
            counts.get(&place.key(&limit.name())).map_or(place.now, |spaced| (*spaced).max(place.now))
        };
        let wait = limits.iter().filter_map(|limit| {
            let ahead = spaced(&counts, limit) - place.now;
            ahead.checked_sub(limit.spacing(place).mul_f64(limit.burst - 1.0)).filter(|wait| *wait > CLOCK_GRAIN)
        });
        let wait = wait.max();
        if wait.is_none() {
            for limit in limits {
                let spaced = spaced(&counts, limit) + limit.spacing(place);
                counts.insert(place.key(&limit.name()), spaced);
            }
        }
        wait
    }
}

/// A shorter wait is the rounding of durations.
const CLOCK_GRAIN: Duration = Duration::from_micros(1);

/// Returns the header `Retry-After`, in whole seconds.
pub fn retry_after(wait: Duration) -> u64 {
    wait.as_secs() + 1
}
