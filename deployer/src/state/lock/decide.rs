//! The rules of lock and state: what an answer means and what may follow. They use no clock, storage or task, so the
//! model beside this file checks the very rules that runs follow.

use std::time::Duration;

/// Server timestamps are whole seconds, so the real gap between two may be this much longer.
const CLOCK_GRAIN: Duration = Duration::from_secs(1);

/// Duration of a lease after its last renewal, and the deadlines derived from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    lease_s: u64,
}

impl Terms {
    /// A shorter lease leaves no time between a renewal and its end, since the server's clock has whole seconds.
    pub const SHORTEST_S: u64 = 3;
    pub const LONGEST_S: u64 = 3600;

    /// Returns the terms for a lease in whole seconds, from [`Self::SHORTEST_S`] to [`Self::LONGEST_S`].
    pub fn new(lease_s: u64) -> Option<Self> {
        (Self::SHORTEST_S..=Self::LONGEST_S).contains(&lease_s).then_some(Self { lease_s })
    }

    pub(in crate::state) fn lease_s(self) -> u64 {
        self.lease_s
    }

    fn lease(self) -> Duration {
        Duration::from_secs(self.lease_s)
    }

    pub(in crate::state) fn renew_every(self) -> Duration {
        self.lease() / 3
    }

    /// Returns the time without a renewal after which a lease counts as lost. The last third remains for calls in
    /// flight.
    pub(in crate::state) fn lost_after(self) -> Duration {
        self.lease() * 2 / 3
    }

    /// Returns the time for calls that are on their way to AWS when a run stops: the last third.
    pub(in crate::state) fn in_flight(self) -> Duration {
        self.lease() - self.lost_after()
    }

    /// Tells whether a lease that was last renewed this long ago must no longer be acted on.
    pub(in crate::state) fn is_lapsed(self, unrenewed: Duration) -> bool {
        unrenewed >= self.lost_after()
    }

    /// Returns the pause before the next try for a lock held by another run; `None` means to give up. `left` is the
    /// remaining time, `silent` the time since the holder's last renewal was seen. The last try happens when the time
    /// is over. A holder that stopped renewing is waited for until its lease ends, so a dead run never requires a
    /// second try.
    pub(in crate::state) fn pause(self, poll: Duration, left: Duration, silent: Duration) -> Option<Duration> {
        match left {
            Duration::ZERO => (silent >= self.lease() / 2).then_some(poll),
            left => Some(poll.min(left)),
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self { lease_s: 30 }
    }
}

/// A lock as it was read.
#[derive(Debug, Clone, Copy)]
pub(in crate::state) struct SeenLock<'a> {
    pub id: &'a str,
    /// Duration of the lease as its holder wrote it: each lease is judged by its own terms.
    pub lease: Duration,
    /// Time since it was last written, by the server's clock alone.
    pub age: Duration,
    /// Set if the holder has certainly ended.
    pub ended: Option<EndedHolder>,
}

/// What is known about a holder that has ended.
#[derive(Debug, Clone, Copy)]
pub(in crate::state) struct EndedHolder {
    /// Time for which this run has known it.
    pub known_for: Duration,
    /// The time that the holder's last calls get to arrive.
    pub in_flight: Duration,
}

impl SeenLock<'_> {
    /// Returns the remaining time of the lease; `None` once it has expired.
    ///
    /// A holder that has ended sends nothing more, so nobody has to wait for its lease. Only its last calls may still be
    /// on their way. They get the time that a lapsed lease leaves for them, too.
    pub(in crate::state) fn remaining(&self) -> Option<Duration> {
        let lease = (self.lease + CLOCK_GRAIN).checked_sub(self.age).filter(|left| !left.is_zero())?;
        let Some(EndedHolder { known_for, in_flight }) = self.ended else { return Some(lease) };
        in_flight.checked_sub(known_for).filter(|left| !left.is_zero()).map(|left| left.min(lease))
    }
}

/// Returns the longest time since the write of an object whose age by the server's clock is `age`.
pub(in crate::state) fn written_at_most(age: Duration) -> Duration {
    age + CLOCK_GRAIN
}

/// Why a write did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::state) enum Refusal {
    /// The condition does not hold, or this is the echo of a write whose answer was lost.
    Conflict,
    /// No answer: the write may have happened.
    Silence,
}

/// Decision of a run after it tried to take the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) enum TakeDecision {
    /// The run holds the lock: only the answer was lost.
    Held,
    /// The lock was released meanwhile, so it can be created.
    MakeAnew,
    TakeOver,
    Wait(Duration),
    /// The lock's state is unknown: return the refusal as the error.
    GiveUp,
}

/// Decides what to do after `own`'s write of the lock was refused and the lock was read.
pub(in crate::state) fn taking(own: &str, refusal: Refusal, seen: Option<SeenLock<'_>>) -> TakeDecision {
    match (seen, refusal) {
        (Some(lock), _) if lock.id == own => TakeDecision::Held,
        (_, Refusal::Silence) => TakeDecision::GiveUp,
        (None, Refusal::Conflict) => TakeDecision::MakeAnew,
        (Some(lock), Refusal::Conflict) => lock.remaining().map_or(TakeDecision::TakeOver, TakeDecision::Wait),
    }
}

/// Tells, after a refused renewal or release, whether the lock still belongs to `own`.
pub(in crate::state) fn is_own(own: &str, seen: Option<SeenLock<'_>>) -> bool {
    seen.is_some_and(|lock| lock.id == own)
}

/// Whether a run may write its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) enum Saving {
    Go,
    /// The lease has lapsed, but perhaps no other run noticed: write only if a renewal succeeds first.
    IfRenewed,
    Never,
}

pub(in crate::state) fn saving(taken_over: bool, lapsed: bool) -> Saving {
    match (taken_over, lapsed) {
        (true, _) => Saving::Never,
        (false, true) => Saving::IfRenewed,
        (false, false) => Saving::Go,
    }
}

/// Returns the serial that follows the stored document's. A failed write does not use up a serial.
pub(in crate::state) fn next_serial(stored: u64) -> u64 {
    stored + 1
}

/// The document found in the state's place after a refused write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) enum FoundDocument {
    /// This write's document: its answer was lost.
    Own,
    /// The document of an earlier try that was never answered; the new write follows it.
    Earlier(usize),
    /// Another run's document, or none.
    Others,
}

/// Decides whose document `found` is, after the write of `wanted` was refused.
pub(in crate::state) fn conflict<T: PartialEq>(found: Option<&T>, wanted: &T, tried: &[T]) -> FoundDocument {
    match found {
        Some(found) if found == wanted => FoundDocument::Own,
        Some(found) => tried.iter().position(|one| one == found).map_or(FoundDocument::Others, FoundDocument::Earlier),
        None => FoundDocument::Others,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_run_tries_until_its_time_is_over_and_waits_a_silent_holder_out() {
        let (terms, poll) = (Terms::default(), Duration::from_secs(1));
        let pause = |left, silent| terms.pause(poll, Duration::from_millis(left), Duration::from_secs(silent));
        assert_eq!([pause(5_000, 0), pause(1_000, 0)], [Some(poll); 2]);
        assert_eq!(pause(300, 0), Some(Duration::from_millis(300)));
        assert_eq!([pause(0, 0), pause(0, 14), pause(0, 15)], [None, None, Some(poll)]);
    }

    #[test]
    fn every_lease_leaves_time_between_the_last_act_of_its_holder_and_the_next_holder() {
        for lease_s in Terms::SHORTEST_S..=Terms::LONGEST_S {
            let terms = Terms::new(lease_s).unwrap();
            assert!(terms.renew_every() < terms.lost_after());
            let oldest = terms.lost_after();
            assert!(terms.is_lapsed(oldest));
            // The real gap between two whole-second times may be one second longer than their difference.
            let seen = SeenLock { id: "a", lease: terms.lease(), age: oldest + CLOCK_GRAIN, ended: None };
            assert!(seen.remaining().is_some(), "{lease_s}");
        }
        assert_eq!((Terms::new(2), Terms::new(3601)), (None, None));
    }

    #[test]
    fn the_lock_of_an_ended_run_waits_for_its_last_calls_alone() {
        let terms = Terms::default();
        let left = |age: u64, known_for: u64| {
            let ended = Some(EndedHolder { known_for: Duration::from_secs(known_for), in_flight: terms.in_flight() });
            SeenLock { id: "a", lease: terms.lease(), age: Duration::from_secs(age), ended }.remaining()
        };
        assert_eq!(
            [left(2, 0), left(2, 4), left(12, 10)],
            [10, 6, 0].map(|s| Some(Duration::from_secs(s)).filter(|left| !left.is_zero()))
        );
        assert_eq!([left(29, 0), left(31, 0)], [Some(Duration::from_secs(2)), None], "its lease may end sooner");
    }
}
