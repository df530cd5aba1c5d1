//! Decides when messages may be received: more slowly while all of them fail for the same reason.
//!
//! Every delivery counts towards the dead-letter queue. If a model refuses the account, a worker at full speed would
//! have moved the whole queue there before a user notices.

use crate::events::queue::Sign;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The number of consecutive failures after which one message at a time is tried.
const IN_A_ROW: u32 = 3;
/// The time from one trial to the next.
const TRIAL: Duration = Duration::from_secs(60);
/// The longest time without a trial. A user may raise the limit before the day ends.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// A gate that lets all messages through, or one a minute while no picture can be drawn.
#[derive(Debug, Default)]
pub(super) struct Gate {
    failures: u32,
    /// The time of the next trial, while the gate is closed.
    trial: Option<Instant>,
}

/// A change of the gate, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GateChange {
    /// Receiving slowed down, after this many failures in a row.
    Closed {
        failures: u32,
    },
    /// The day's limit of pictures is reached.
    Spent {
        until: SystemTime,
    },
    Opened,
}

impl Gate {
    /// Returns the time of the next trial; `None` if the gate is open.
    pub(super) fn trial(&self) -> Option<Instant> {
        self.trial
    }

    /// Records that a message was received.
    pub(super) fn note_receipt(&mut self, now: Instant) {
        if let Some(trial) = &mut self.trial {
            *trial = (*trial).max(now + TRIAL);
        }
    }

    /// Records the end of the work on a message. `wall` is the time of the wall clock, for limits that end at midnight.
    pub(super) fn note_end(&mut self, sign: Sign, now: Instant, wall: SystemTime) -> Option<GateChange> {
        match sign {
            Sign::None => None,
            Sign::Drawn => {
                self.failures = 0;
                self.trial.take().map(|_| GateChange::Opened)
            }
            Sign::Failing => {
                self.failures = self.failures.saturating_add(1);
                if self.failures < IN_A_ROW || self.trial.is_some() {
                    return None;
                }
                self.trial = Some(now + TRIAL);
                Some(GateChange::Closed { failures: self.failures })
            }
            Sign::LimitReached { until } => {
                let left = until.duration_since(wall).unwrap_or_default() + Duration::from_secs(1);
                let closed = self.trial.replace(now + left.min(LONGEST));
                closed.is_none().then_some(GateChange::Spent { until })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall() -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_close_the_gate_and_a_picture_opens_it() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let mut heard = |sign| gate.note_end(sign, now, wall());
        assert_eq!([heard(Sign::Failing), heard(Sign::Failing), heard(Sign::Drawn)], [None; 3]);
        assert_eq!([heard(Sign::Failing), heard(Sign::None), heard(Sign::Failing)], [None; 3]);
        assert_eq!(heard(Sign::Failing), Some(GateChange::Closed { failures: 3 }));
        assert_eq!(heard(Sign::Failing), None);
        assert_eq!(heard(Sign::Drawn), Some(GateChange::Opened));
        assert_eq!(gate.trial(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_gate_lets_one_message_through_a_minute() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        for _ in 0..3 {
            gate.note_end(Sign::Failing, now, wall());
        }
        assert_eq!(gate.trial(), Some(now + TRIAL));
        gate.note_receipt(now + TRIAL);
        assert_eq!(gate.trial(), Some(now + 2 * TRIAL));
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_day_s_limit_nothing_is_received_for_a_quarter_of_an_hour() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let until = wall() + Duration::from_secs(3_600);
        let sign = Sign::LimitReached { until };
        assert_eq!(gate.note_end(sign, now, wall()), Some(GateChange::Spent { until }));
        assert_eq!(gate.trial(), Some(now + LONGEST));
        assert_eq!(gate.note_end(sign, now, wall()), None);
        let near = Sign::LimitReached { until: wall() + Duration::from_secs(9) };
        gate.note_end(near, now, wall());
        assert_eq!(gate.trial(), Some(now + Duration::from_secs(10)));
    }
}
