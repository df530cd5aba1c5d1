//! The rules of lock and state: what an answer means and what may follow. No clock, no place, no
//! task, so that the model beside this file is checked with the very rules that runs follow.

use std::time::Duration;

/// Servers tell whole seconds: two times may be this much further apart than they look.
const CLOCK_GRAIN: Duration = Duration::from_secs(1);

/// How long a lease lasts after its last renewal, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    lease_s: u64,
}

impl Terms {
    /// Shorter ones leave no time between a renewal and the end, by clocks of whole seconds.
    pub const SHORTEST_S: u64 = 3;
    pub const LONGEST_S: u64 = 3600;

    /// Terms of a lease of whole seconds, from [`Self::SHORTEST_S`] to [`Self::LONGEST_S`].
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

    /// When a lease that could not be renewed counts as lost: what is in flight has the last third.
    pub(in crate::state) fn lost_after(self) -> Duration {
        self.lease() * 2 / 3
    }

    /// Tells whether a lease that was last renewed this long ago may no longer be acted on.
    pub(in crate::state) fn lapsed(self, unrenewed: Duration) -> bool {
        unrenewed >= self.lost_after()
    }

    /// Says how long a run that has so much of its time `left` waits for a holder that was not heard for `silent` before
    /// it tries again, or that it gives up. The last try is when the time is over. A holder that fell silent is waited
    /// out to its lease's end, so that a dead run never needs a second try.
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
pub(in crate::state) struct Seen<'a> {
    pub id: &'a str,
    /// As its holder wrote it: each lease is judged by its own terms.
    pub lease: Duration,
    /// Since its last writing, by the server's clock alone.
    pub age: Duration,
}

impl Seen<'_> {
    /// How long it still holds; nothing when it has run out.
    pub(in crate::state) fn left(&self) -> Option<Duration> {
        (self.lease + CLOCK_GRAIN).checked_sub(self.age).filter(|left| !left.is_zero())
    }
}

/// How long ago at most something was written that is `age` old by the server's clock.
pub(in crate::state) fn written_at_most(age: Duration) -> Duration {
    age + CLOCK_GRAIN
}

/// Why a write did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::state) enum Refusal {
    /// Its condition does not hold, or it is the echo of a write whose answer was lost.
    Conflict,
    /// No answer: it may have happened.
    Silence,
}

/// What a run does that wanted to take the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) enum Taking {
    /// It has it: only the answer was lost.
    Held,
    /// It was released meanwhile.
    MakeAnew,
    TakeOver,
    Wait(Duration),
    /// Nothing is known; the refusal is the answer.
    GiveUp,
}

/// Decides after a write of the lock by `own` was refused and the lock was read.
pub(in crate::state) fn taking(own: &str, refusal: Refusal, seen: Option<Seen<'_>>) -> Taking {
    match (seen, refusal) {
        (Some(lock), _) if lock.id == own => Taking::Held,
        (_, Refusal::Silence) => Taking::GiveUp,
        (None, Refusal::Conflict) => Taking::MakeAnew,
        (Some(lock), Refusal::Conflict) => lock.left().map_or(Taking::TakeOver, Taking::Wait),
    }
}

/// Tells after a refused renewal or release whether the lock read is still that of `own`.
pub(in crate::state) fn is_own(own: &str, seen: Option<Seen<'_>>) -> bool {
    seen.is_some_and(|lock| lock.id == own)
}

/// Whether a run may write its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) enum Saving {
    Go,
    /// Its lease has lapsed, perhaps unnoticed by others: only if a renewal succeeds first.
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

/// The serial of what follows the stored document; a try that failed uses up none.
pub(in crate::state) fn next_serial(stored: u64) -> u64 {
    stored + 1
}

/// What lies in the place of the state after a refused write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) enum Found {
    /// This very write, whose answer was lost.
    Own,
    /// One of its earlier tries, which arrived unanswered; the write follows it.
    Earlier(usize),
    /// Somebody else's, or nothing any more.
    Others,
}

/// Decides after a write of `wanted` was refused and `found` was read in its place.
pub(in crate::state) fn conflict<T: PartialEq>(found: Option<&T>, wanted: &T, tried: &[T]) -> Found {
    match found {
        Some(found) if found == wanted => Found::Own,
        Some(found) => tried.iter().position(|one| one == found).map_or(Found::Others, Found::Earlier),
        None => Found::Others,
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
            assert!(terms.lapsed(oldest));
            // Two whole-second times may differ by one second more than what they tell.
            let seen = Seen { id: "a", lease: terms.lease(), age: oldest + CLOCK_GRAIN };
            assert!(seen.left().is_some(), "{lease_s}");
        }
        assert_eq!((Terms::new(2), Terms::new(3601)), (None, None));
    }
}
