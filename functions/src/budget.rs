//! The time an event may still use.

use crate::stop::Stop;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Says until when work may go on; copies share the same end.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    until: Instant,
}

impl Budget {
    /// Ends `margin` before the deadline Lambda stated, so that the answer is out before the process is stopped.
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

    /// Ends `reserve` earlier; at once when less is left.
    pub fn less(self, reserve: Duration) -> Self {
        Self::lasting(self.left().saturating_sub(reserve))
    }

    /// Returns the time left; zero when it is used up.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// Says until when a picture may be drawn, and until when it may be stored.
///
/// Drawing ends first: a picture that was drawn is paid for, so time to store it is kept back.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines<'a> {
    pub drawing: Budget,
    pub storing: Budget,
    /// Ends the drawing before its time; storing goes on.
    pub stop: Option<&'a Stop>,
}

impl<'a> Deadlines<'a> {
    /// Keeps the last `reserve` of `whole` back for storing; a quarter of it when `whole` is short.
    pub fn reserving(whole: Budget, reserve: Duration) -> Self {
        Self { drawing: whole.less(reserve.min(whole.left() / 4)), storing: whole, stop: None }
    }

    /// Lets `stop` end the drawing.
    #[must_use]
    pub fn until(self, stop: Option<&'a Stop>) -> Self {
        Self { stop, ..self }
    }

    /// Returns whether nothing is to be drawn any more.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_some_and(Stop::is_requested)
    }

    /// Waits until nothing is to be drawn any more.
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
