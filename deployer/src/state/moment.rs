//! Moments on this machine's monotonic clocks.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// The clock that keeps running while the machine sleeps: a laptop that wakes must not believe that its lease is fresh.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SLEEPLESS: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SLEEPLESS: ClockId = ClockId::Monotonic;

/// A moment by two clocks: the one of timers, and the one that also counts sleep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    timer: Instant,
    sleepless: Duration,
    /// How long before both readings the moment was.
    ago: Duration,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self::ago(Duration::ZERO)
    }

    /// Returns the moment that lies `ago` in the past.
    pub(super) fn ago(ago: Duration) -> Self {
        Self { timer: Instant::now(), sleepless: sleepless(), ago }
    }

    /// Returns the time since this moment, by the clock that shows more.
    pub(super) fn elapsed(&self) -> Duration {
        let slept = sleepless().saturating_sub(self.sleepless);
        self.ago + self.timer.elapsed().max(slept)
    }

    /// Returns the timer's instant at which `after` has passed since this moment.
    pub(super) fn plus(&self, after: Duration) -> Instant {
        self.timer + after.saturating_sub(self.ago)
    }

    /// Returns the later of two moments.
    pub(super) fn later(self, other: Self) -> Self {
        if other.elapsed() < self.elapsed() { other } else { self }
    }
}

fn sleepless() -> Duration {
    Duration::try_from(clock_gettime(SLEEPLESS)).unwrap_or_default()
}
