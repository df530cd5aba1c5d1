//! Repeats calls within the remaining time.

use crate::budget::Budget;
use crate::random::Random;
use std::time::Duration;

/// Whether, and how soon, to try again after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Another attempt would fail the same way.
    Never,
    /// One more attempt, soon.
    Once,
    /// A passing fault: try soon, then at growing intervals.
    Soon,
    /// A rate limit: wait longer.
    Later,
}

/// An error that states whether another attempt is worthwhile.
pub trait Retryable {
    /// Returns whether another attempt could succeed.
    fn retry(&self) -> Retry;
    /// Builds the error of an attempt that had no answer within `limit`.
    fn stalled(limit: Duration) -> Self;
}

/// The limits of the attempts at one call.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most attempts, the first included.
    pub attempts: u32,
    /// The longest time of one attempt; the remaining time limits it as well.
    pub attempt_timeout: Duration,
    /// The least time that an attempt needs. With less time remaining none is begun, because it would be paid for and
    /// lost.
    pub least: Duration,
    /// Whether attempts continue to the end of the time, with shorter waits if the usual wait does not fit. No attempt
    /// then uses the time of the next one. A refusal is tried again, too. For work whose failure costs money.
    pub to_the_end: bool,
}

/// The attempts at work that costs money and is refused. Permissions that were just changed do not count everywhere at
/// once, so the same call may be refused and then allowed.
const REFUSED_ATTEMPTS: u32 = 3;
/// A wait is shortened only if at least this much time remains.
const SHORTEST: Duration = Duration::from_millis(50);
/// The time that is reserved for a further attempt if attempts continue to the end.
const FURTHER: Duration = Duration::from_secs(2);

impl Limits {
    /// Returns the longest time of an attempt with `left` remaining, after `silences` attempts without an answer.
    ///
    /// Work that costs money gets twice the time after each silence: over a slow line a picture may need more than the
    /// usual time.
    fn attempt_limit(&self, left: Duration, silences: u32) -> Duration {
        if !self.to_the_end {
            return left.min(self.attempt_timeout);
        }
        let own = if left >= 2 * FURTHER { left - FURTHER } else { left };
        own.min(self.attempt_timeout.saturating_mul(1 << silences.min(16)))
    }

    /// Returns the wait before the next attempt: `usual` if it fits, or a shorter one; `None` if neither fits.
    fn wait(&self, usual: Duration, left: Duration) -> Option<Duration> {
        let fits = usual < left && left - usual >= self.least;
        match (fits, self.to_the_end && left >= SHORTEST) {
            (true, _) => Some(usual),
            (false, true) => Some(left / 2),
            (false, false) => None,
        }
    }
}

/// The end of attempts without success.
#[derive(Debug, PartialEq, Eq)]
pub enum RetryError<E> {
    /// The last attempt's failure, after `attempts`.
    Failed { cause: E, attempts: u32 },
    /// The time ended during attempt `attempts`, or too little remained for the next one (0: before the first). `cause`
    /// is the last failure, if any.
    OutOfTime { cause: Option<E>, attempts: u32 },
}

/// Runs `attempt` until it succeeds, fails permanently, or no further attempt fits into the limits and the remaining
/// time.
///
/// Does not begin a wait that would leave too little time for the next attempt: the cause is returned at once, unless
/// the limits continue to the end.
pub async fn retry_within<T, E: Retryable>(
    budget: Budget,
    limits: Limits,
    random: &impl Random,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, RetryError<E>> {
    let mut last = None;
    let mut number = 0;
    let mut silences = 0;
    loop {
        number += 1;
        let left = budget.left();
        if left.is_zero() || left < limits.least {
            let attempts = number - 1;
            return Err(RetryError::OutOfTime { cause: last, attempts });
        }
        let limit = limits.attempt_limit(left, silences);
        let cause = match tokio::time::timeout(limit, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(cause)) => cause,
            Err(_) if budget.left().is_zero() => {
                return Err(RetryError::OutOfTime { cause: last, attempts: number });
            }
            Err(_) => {
                silences += 1;
                E::stalled(limit)
            }
        };
        let most = match cause.retry() {
            Retry::Never if limits.to_the_end => limits.attempts.min(REFUSED_ATTEMPTS),
            Retry::Never => 1,
            Retry::Once => limits.attempts.min(2),
            Retry::Soon | Retry::Later => limits.attempts,
        };
        let wait = jittered(backoff(cause.retry(), number), random);
        let Some(wait) = limits.wait(wait, budget.left()).filter(|_| number < most) else {
            return Err(RetryError::Failed { cause, attempts: number });
        };
        last = Some(cause);
        tokio::time::sleep(wait).await;
    }
}

/// Returns the longest wait after attempt `number`: 0.2 s doubling to 3 s; after rate limits 1 s doubling to 10 s.
fn backoff(again: Retry, number: u32) -> Duration {
    let (first_ms, cap_ms) = match again {
        Retry::Later => (1_000, 10_000),
        Retry::Never | Retry::Once | Retry::Soon => (200, 3_000),
    };
    let doubled = 1_u64.checked_shl(number.saturating_sub(1)).unwrap_or(u64::MAX).saturating_mul(first_ms);
    Duration::from_millis(doubled.min(cap_ms))
}

/// Returns a random time in the second half of `longest`, so that records of one batch do not return in step.
fn jittered(longest: Duration, random: &impl Random) -> Duration {
    let half_ms = u32::try_from(longest.as_millis() / 2).unwrap_or(u32::MAX);
    Duration::from_millis(u64::from(half_ms) + u64::from(random.up_to(half_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Fault(Retry);

    impl Retryable for Fault {
        fn retry(&self) -> Retry {
            self.0
        }
        fn stalled(_: Duration) -> Self {
            Self(Retry::Soon)
        }
    }

    /// A source whose random numbers are always the highest, so that waits are the longest.
    struct Highest;

    impl Random for Highest {
        fn up_to(&self, most: u32) -> u32 {
            most
        }
    }

    const LIMITS: Limits =
        Limits { attempts: 4, attempt_timeout: Duration::from_secs(60), least: Duration::ZERO, to_the_end: false };

    /// Runs an attempt that fails with `faults` in turn, then succeeds. Returns the number of the attempt and the time.
    async fn run(budget_s: u64, faults: &[Retry], limits: Limits) -> (Result<u32, RetryError<Fault>>, Duration) {
        let begun = Instant::now();
        let mut made = 0;
        let budget = Budget::lasting(Duration::from_secs(budget_s));
        let result = retry_within(budget, limits, &Highest, async || {
            made += 1;
            match faults.get(made as usize - 1) {
                Some(again) => Err(Fault(*again)),
                None => Ok(made),
            }
        })
        .await;
        (result, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_passing_fault_is_tried_again_with_doubling_waits() {
        let (result, took) = run(100, &[Retry::Soon, Retry::Soon], LIMITS).await;
        assert_eq!(result, Ok(3));
        assert_eq!(took, Duration::from_millis(200 + 400));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_limit_is_given_longer() {
        let (result, took) = run(100, &[Retry::Later; 3], LIMITS).await;
        assert_eq!(result, Ok(4));
        assert_eq!(took, Duration::from_secs(1 + 2 + 4));
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded_and_the_last_cause_is_kept() {
        let faults = [Retry::Soon, Retry::Soon, Retry::Soon, Retry::Later];
        let (result, _) = run(100, &faults, LIMITS).await;
        assert_eq!(result, Err(RetryError::Failed { cause: Fault(Retry::Later), attempts: 4 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_fault_is_not_tried_again_and_a_doubtful_one_once() {
        for (again, attempts) in [(Retry::Never, 1), (Retry::Once, 2)] {
            let (result, _) = run(100, &[again; 4], LIMITS).await;
            let cause = Fault(again);
            assert_eq!(result, Err(RetryError::Failed { cause, attempts }));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_does_not_fit_is_not_begun() {
        let (result, took) = run(1, &[Retry::Later], LIMITS).await;
        assert_eq!(result, Err(RetryError::Failed { cause: Fault(Retry::Later), attempts: 1 }));
        assert_eq!(took, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_paid_for_is_tried_to_the_end_of_the_time() {
        let limits = Limits { to_the_end: true, attempts: u32::MAX, ..LIMITS };
        assert_eq!(run(1, &[Retry::Later; 3], limits).await.0, Ok(4));
        let (result, took) = run(1, &[Retry::Later; 99], limits).await;
        assert!(matches!(result, Err(RetryError::Failed { attempts: 5.., .. })), "{result:?}");
        assert!(took > Duration::from_millis(900), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_paid_for_is_refused_three_times_before_it_is_given_up() {
        let limits = Limits { to_the_end: true, attempts: u32::MAX, ..LIMITS };
        assert_eq!(run(100, &[Retry::Never; 2], limits).await.0, Ok(3));
        let (result, took) = run(100, &[Retry::Never; 99], limits).await;
        assert_eq!(result, Err(RetryError::Failed { cause: Fault(Retry::Never), attempts: 3 }));
        assert!(took < Duration::from_secs(1), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_does_not_take_the_whole_time_of_work_that_is_paid_for() {
        let limits = Limits { to_the_end: true, ..LIMITS };
        let mut made = 0;
        let budget = Budget::lasting(Duration::from_secs(5));
        let result = retry_within(budget, limits, &Highest, async || {
            made += 1;
            if made == 1 {
                std::future::pending::<()>().await;
            }
            Ok::<_, Fault>(made)
        })
        .await;
        assert_eq!(result, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_paid_for_has_longer_attempts_over_a_slow_line() {
        let usual = Limits { attempts: u32::MAX, attempt_timeout: Duration::from_secs(10), ..LIMITS };
        let mut outcomes = Vec::new();
        for limits in [Limits { to_the_end: true, ..usual }, usual] {
            let budget = Budget::lasting(Duration::from_secs(60));
            let slow = async || {
                tokio::time::sleep(Duration::from_secs(15)).await;
                Ok::<_, Fault>(())
            };
            outcomes.push(retry_within(budget, limits, &Highest, slow).await.is_ok());
        }
        assert_eq!(outcomes, [true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_is_cut_off_when_the_time_is_up() {
        let begun = Instant::now();
        let budget = Budget::lasting(Duration::from_secs(5));
        let result: Result<(), _> =
            retry_within(budget, LIMITS, &Highest, async || -> Result<(), Fault> { std::future::pending().await })
                .await;
        assert_eq!(result, Err(RetryError::OutOfTime { cause: None, attempts: 1 }));
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn without_time_nothing_is_tried() {
        let (result, _) = run(0, &[], LIMITS).await;
        assert_eq!(result, Err(RetryError::OutOfTime { cause: None, attempts: 0 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_attempt_is_given_up_and_tried_again() {
        let limits = Limits { attempt_timeout: Duration::from_secs(10), ..LIMITS };
        let mut made = 0;
        let budget = Budget::lasting(Duration::from_secs(60));
        let result = retry_within(budget, limits, &Highest, async || {
            made += 1;
            if made == 1 {
                std::future::pending::<()>().await;
            }
            Ok::<_, Fault>(made)
        })
        .await;
        assert_eq!(result, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_could_not_end_in_time_is_not_begun_and_paid() {
        let limits = Limits { least: Duration::from_secs(3), ..LIMITS };
        let (result, took) = run(2, &[], limits).await;
        assert_eq!(result, Err(RetryError::OutOfTime { cause: None, attempts: 0 }));
        assert_eq!(took, Duration::ZERO);
        assert_eq!(run(3, &[], limits).await.0, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_leaves_too_little_for_the_attempt_after_it_is_not_begun() {
        let limits = Limits { least: Duration::from_secs(3), ..LIMITS };
        let (result, took) = run(3, &[Retry::Later], limits).await;
        assert_eq!(result, Err(RetryError::Failed { cause: Fault(Retry::Later), attempts: 1 }));
        assert_eq!(took, Duration::ZERO);
    }
}
