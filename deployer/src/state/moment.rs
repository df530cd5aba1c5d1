//! Moments on this machine's steady clocks.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// The clock that goes on while the machine sleeps: a laptop that wakes must not take its lease for fresh.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SLEEPLESS: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SLEEPLESS: ClockId = ClockId::Monotonic;

/// A moment by the clock of timers and by the one that counts sleep, too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    timer: Instant,
    sleepless: Duration,
    /// How long before both it was.
    ago: Duration,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self::ago(Duration::ZERO)
    }

    /// The moment that is `ago` past now.
    pub(super) fn ago(ago: Duration) -> Self {
        Self { timer: Instant::now(), sleepless: sleepless(), ago }
    }

    /// How long it is past, by the clock that says more.
    pub(super) fn elapsed(&self) -> Duration {
        let slept = sleepless().saturating_sub(self.sleepless);
        self.ago + self.timer.elapsed().max(slept)
    }

    /// When `after` has passed since, for timers; at once if it has.
    pub(super) fn plus(&self, after: Duration) -> Instant {
        self.timer + after.saturating_sub(self.ago)
    }

    /// The later of two moments.
    pub(super) fn later(self, other: Self) -> Self {
        if other.elapsed() < self.elapsed() { other } else { self }
    }
}

fn sleepless() -> Duration {
    Duration::try_from(clock_gettime(SLEEPLESS)).unwrap_or_default()
}
