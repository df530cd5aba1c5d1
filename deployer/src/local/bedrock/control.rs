//! Faults on demand, and the log of what was asked for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// How many requests the log keeps; the oldest go first.
const LOG_LENGTH: usize = 1000;

/// What goes wrong, and when. `POST /_control` replaces all of it with a JSON object of these members; a member left out takes its
/// default, so `{}` ends every fault. `GET /_control` shows what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Milliseconds every invocation takes before it is answered.
    pub delay_ms: u64,
    /// How many of the next invocations answer `ThrottlingException`.
    pub throttle_next: u32,
    /// How many of the next invocations, after the throttled ones, answer `InternalServerException`.
    pub fail_next: u32,
    /// The content filter stops prompts that contain any of these, whatever their case.
    pub filter_prompts_containing: Vec<String>,
}

/// One invocation as `GET /_requests` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    pub model: String,
    /// The region the request was signed for.
    pub region: Option<String>,
    /// The prompt, when the body got as far as having one.
    pub prompt: Option<String>,
    pub seed: Option<u64>,
    pub status: u16,
    /// `ok`, `filtered`, or the error code.
    pub outcome: String,
}

/// What is about to happen to an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Served,
    Throttled,
    Failed,
}

#[derive(Default)]
pub(super) struct Control {
    faults: Mutex<Faults>,
    log: Mutex<VecDeque<Logged>>,
}

impl Control {
    pub fn faults(&self) -> Faults {
        lock(&self.faults).clone()
    }

    pub fn replace(&self, faults: Faults) {
        *lock(&self.faults) = faults;
    }

    /// Counts one invocation down and says its fate.
    pub fn next_fate(&self) -> Fate {
        let mut faults = lock(&self.faults);
        if faults.throttle_next > 0 {
            faults.throttle_next -= 1;
            Fate::Throttled
        } else if faults.fail_next > 0 {
            faults.fail_next -= 1;
            Fate::Failed
        } else {
            Fate::Served
        }
    }

    /// Says whether the content filter stops the prompt.
    pub fn filters(&self, prompt: &str) -> bool {
        let prompt = prompt.to_lowercase();
        lock(&self.faults).filter_prompts_containing.iter().any(|word| prompt.contains(&word.to_lowercase()))
    }

    pub fn record(&self, entry: Logged) {
        let mut log = lock(&self.log);
        if log.len() == LOG_LENGTH {
            log.pop_front();
        }
        log.push_back(entry);
    }

    pub fn log(&self) -> Vec<Logged> {
        lock(&self.log).iter().cloned().collect()
    }
}

/// The fate a prompt asks for itself, so that a test on a shared server disturbs no other.
pub(super) fn marked_fate(prompt: &str) -> Fate {
    if prompt.contains("[[throttle]]") {
        Fate::Throttled
    } else if prompt.contains("[[fail]]") {
        Fate::Failed
    } else {
        Fate::Served
    }
}

/// Says whether a prompt asks to be stopped by the content filter.
pub(super) fn marked_filtered(prompt: &str) -> bool {
    prompt.contains("[[filter]]")
}

/// A panic while holding one of these locks leaves plain data that is still whole, so poisoning is passed over.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_used_up_throttling_first() {
        let control = Control::default();
        control.replace(Faults { throttle_next: 1, fail_next: 1, ..Faults::default() });
        let fates = [control.next_fate(), control.next_fate(), control.next_fate()];
        assert_eq!(fates, [Fate::Throttled, Fate::Failed, Fate::Served]);
        assert_eq!(control.faults(), Faults::default());
    }

    #[test]
    fn the_filter_ignores_case() {
        let control = Control::default();
        control.replace(Faults { filter_prompts_containing: vec!["Sofa".into()], ..Faults::default() });
        assert!(control.filters("a red SOFA"));
        assert!(!control.filters("a red couch"));
    }

    #[test]
    fn the_log_keeps_the_newest() {
        let control = Control::default();
        for seed in 0..=LOG_LENGTH as u64 {
            control.record(Logged {
                model: String::new(),
                region: None,
                prompt: None,
                seed: Some(seed),
                status: 200,
                outcome: "ok".into(),
            });
        }
        let log = control.log();
        assert_eq!((log.len(), log[0].seed), (LOG_LENGTH, Some(1)));
    }
}
