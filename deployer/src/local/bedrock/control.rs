//! Faults on demand, and the log of requests.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::mutex::lock;

/// Maximum number of requests in the log; the oldest are dropped first.
const LOG_LENGTH: usize = 1000;

/// Faults to simulate. `POST /_control` replaces them all with a JSON object of these members; an omitted member takes
/// its default, so `{}` ends every fault. `GET /_control` shows the remaining faults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Milliseconds by which every answer to an invocation is delayed.
    pub delay_ms: u64,
    /// Number of next invocations that answer `ThrottlingException`.
    pub throttle_next: u32,
    /// Number of next invocations, after the throttled ones, that answer `InternalServerException`.
    pub fail_next: u32,
    /// The content filter stops prompts that contain any of these texts, in upper or lower case.
    pub filter_prompts_containing: Vec<String>,
}

/// One invocation as listed by `GET /_requests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedInvocation {
    pub model: String,
    /// The region that the request was signed for.
    pub region: Option<String>,
    /// The prompt, if the body was valid enough to contain one.
    pub prompt: Option<String>,
    pub seed: Option<u64>,
    pub status: u16,
    /// `ok`, `filtered`, or the error code.
    pub outcome: String,
}

/// The outcome chosen for an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Served,
    Throttled,
    Failed,
}

#[derive(Default)]
pub(super) struct Control {
    faults: Mutex<Faults>,
    log: Mutex<VecDeque<LoggedInvocation>>,
}

impl Control {
    pub fn faults(&self) -> Faults {
        lock(&self.faults).clone()
    }

    pub fn replace(&self, faults: Faults) {
        *lock(&self.faults) = faults;
    }

    /// Counts one invocation down and returns its fate.
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

    /// Tells whether the content filter stops the prompt.
    pub fn filters(&self, prompt: &str) -> bool {
        let prompt = prompt.to_lowercase();
        lock(&self.faults).filter_prompts_containing.iter().any(|word| prompt.contains(&word.to_lowercase()))
    }

    pub fn record(&self, entry: LoggedInvocation) {
        let mut log = lock(&self.log);
        if log.len() == LOG_LENGTH {
            log.pop_front();
        }
        log.push_back(entry);
    }

    pub fn log(&self) -> Vec<LoggedInvocation> {
        lock(&self.log).iter().cloned().collect()
    }
}

/// Returns the fate that a prompt asks for itself. A test on a shared server can thus cause a fault without disturbing
/// other tests.
pub(super) fn marked_fate(prompt: &str) -> Fate {
    if prompt.contains("[[throttle]]") {
        Fate::Throttled
    } else if prompt.contains("[[fail]]") {
        Fate::Failed
    } else {
        Fate::Served
    }
}

/// Tells whether a prompt asks to be stopped by the content filter.
pub(super) fn marked_filtered(prompt: &str) -> bool {
    prompt.contains("[[filter]]")
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
            control.record(LoggedInvocation {
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
