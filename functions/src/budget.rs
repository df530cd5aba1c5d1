//! The remaining time of an event.

use crate::stop::Stop;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// The end of the time for some work. Copies share the same end.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    until: Instant,
}

impl Budget {
    /// Ends `margin` before the deadline that Lambda stated, so that the answer is sent before Lambda stops the
    /// process.
    ///
    /// `deadline_ms` is in milliseconds since the Unix epoch, as the Runtime API's `Lambda-Runtime-Deadline-Ms`.
    pub fn before_deadline(deadline_ms: u64, now: SystemTime, margin: Duration) -> Self {
        let deadline = UNIX_EPOCH + Duration::from_millis(deadline_ms);
        let left = deadline.duration_since(now).unwrap_or_default();
        Self::lasting(left.saturating_sub(margin))
    }

    /// Ends `length` from now.
    pub fn lasting(length: Duration) -> Self {
        Self { until: Instant::now() + length }
    }

    /// Ends no later than `length` from now.
    pub fn at_most(self, length: Duration) -> Self {
        Self { until: self.until.min(Instant::now() + length) }
    }

    /// Ends `reserve` earlier; at once if less time remains.
    pub fn less(self, reserve: Duration) -> Self {
        Self::lasting(self.left().saturating_sub(reserve))
    }

    /// Returns the remaining time; zero once the end has passed.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// The ends of the time to draw a picture and of the time to store it.
///
/// Drawing ends first: a drawn picture is paid for, so some time is reserved to store it.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines<'a> {
    pub drawing: Budget,
    pub storing: Budget,
    /// Ends the drawing early. Storing continues.
    pub stop: Option<&'a Stop>,
}

impl<'a> Deadlines<'a> {
    /// Reserves the last `reserve` of `whole` for storing; at most a quarter if `whole` is short.
    pub fn reserving(whole: Budget, reserve: Duration) -> Self {
        Self { drawing: whole.less(reserve.min(whole.left() / 4)), storing: whole, stop: None }
    }

    /// Lets `stop` end the drawing.
    #[must_use]
    pub fn until(self, stop: Option<&'a Stop>) -> Self {
        Self { stop, ..self }
    }

    /// Tells whether drawing was stopped early.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_some_and(Stop::is_requested)
    }

    /// Waits until drawing is stopped early.
    pub async fn wait_for_stop(&self) {
        match self.stop {
            Some(stop) => stop.wait().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ends_before_the_deadline_by_the_margin() {
        let now = UNIX_EPOCH + Duration::from_secs(100);
        let budget = Budget::before_deadline(130_000, now, Duration::from_millis(500));
        assert_eq!(budget.left(), Duration::from_millis(29_500));
        assert_eq!(budget.at_most(Duration::from_secs(3)).left(), Duration::from_secs(3));
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(budget.left(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_in_the_past_leaves_nothing() {
        let now = UNIX_EPOCH + Duration::from_secs(100);
        let budget = Budget::before_deadline(0, now, Duration::from_millis(500));
        assert_eq!(budget.left(), Duration::ZERO);
    }
}
