//! Faults of the queue itself: how long to wait, and which ones to log.

use crate::random::Random;
use std::time::Duration;

const FIRST_MS: u32 = 1_000;
const LONGEST_MS: u32 = 30_000;

/// The consecutive faults.
#[derive(Debug, Default)]
pub(super) struct Faults {
    in_a_row: u32,
    state: Option<String>,
}

impl Faults {
    /// Records a fault by its name. Returns the wait before the next call, and whether the name differs from the last
    /// one.
    pub(super) fn note_fault(&mut self, state: String, random: &impl Random) -> (Duration, bool) {
        let doubled = FIRST_MS << self.in_a_row.min(5);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let half = doubled.min(LONGEST_MS) / 2;
        let wait = Duration::from_millis(u64::from(half + random.up_to(half)));
        let changed = self.state.as_ref() != Some(&state);
        self.state = Some(state);
        (wait, changed)
    }

    /// Records an answer. Returns the number of faults that it ends.
    pub(super) fn note_answer(&mut self) -> Option<u32> {
        self.state.take().map(|_| std::mem::take(&mut self.in_a_row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Highest;

    impl Random for Highest {
        fn up_to(&self, most: u32) -> u32 {
            most
        }
    }

    #[test]
    fn waits_double_to_half_a_minute_and_begin_anew() {
        let mut faults = Faults::default();
        let waits: Vec<_> = (0..8).map(|_| faults.note_fault("500".into(), &Highest).0.as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(faults.note_answer(), Some(8));
        assert_eq!(faults.note_answer(), None);
        assert_eq!(faults.note_fault("500".into(), &Highest).0.as_secs(), 1);
    }

    #[test]
    fn a_fault_that_lasts_is_told_once() {
        let mut faults = Faults::default();
        let states = ["no connection", "no connection", "AccessDenied", "AccessDenied", "no connection"];
        let told: Vec<_> = states.iter().map(|state| faults.note_fault((*state).into(), &Highest).1).collect();
        assert_eq!(told, [true, false, true, false, true]);
    }
}
