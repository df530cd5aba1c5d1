//! Answers to failures: a status for the client's code, and a sentence without AWS's words.

use super::answer::HttpAnswer;
use crate::log::{Level, Log};
use crate::model::ModelError;
use crate::retry::{Retry, RetryError, Retryable};
use crate::sqs::QueueError;
use crate::store::StoreError;
use crate::studio::Failure;
use serde_json::json;
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// When the client may try again after a rate limit that states no time.
const THROTTLED: Duration = Duration::from_secs(10);
/// When the client may try again after a fault that passes.
const UNREACHABLE: Duration = Duration::from_secs(5);
/// The longest wait for another request with the same key, which usually ends long before its claim.
const BUSY: Duration = Duration::from_secs(5);

/// The answer to a client.
struct Verdict {
    status: u16,
    error: Cow<'static, str>,
    retry_after: Option<Duration>,
}

impl Verdict {
    fn new(status: u16, error: &'static str) -> Self {
        Self { status, error: error.into(), retry_after: None }
    }

    fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// Logs `cause` in full and answers.
    fn answer(self, cause: &str, log: Log<'_>) -> HttpAnswer {
        let Self { status, error, retry_after } = self;
        let level = if status < 500 { Level::Warn } else { Level::Error };
        log.line(level, "no image", json!({"status": status, "error": cause}));
        let answer = HttpAnswer::error(status, &error);
        match retry_after {
            Some(wait) => answer.retry_after(wait),
            None => answer,
        }
    }
}

/// Answers that no picture was drawn or found.
pub(super) fn answer(failure: &Failure, now: SystemTime, log: Log<'_>) -> HttpAnswer {
    verdict(failure, now).answer(&failure.to_string(), log)
}

/// Answers that the prompt did not reach the queue.
pub(super) fn not_sent(stopped: RetryError<QueueError>, log: Log<'_>) -> HttpAnswer {
    let (verdict, cause) = match stopped {
        RetryError::OutOfTime { cause, .. } => {
            let cause = cause.map(|cause| format!(", after: {cause}")).unwrap_or_default();
            (Verdict::new(504, "The prompt could not be queued in time."), format!("out of time while sending{cause}"))
        }
        RetryError::Failed { cause, attempts } => {
            let verdict = match cause.retry() {
                Retry::Later => Verdict::new(503, "The queue is asked too often. Try again later.").after(THROTTLED),
                Retry::Soon | Retry::Once => {
                    Verdict::new(503, "The queue cannot be reached. Try again later.").after(UNREACHABLE)
                }
                Retry::Never => Verdict::new(502, "The queue refused the prompt's message."),
            };
            (verdict, format!("{cause} (attempt {attempts})"))
        }
    };
    verdict.answer(&cause, log)
}

fn verdict(failure: &Failure, now: SystemTime) -> Verdict {
    let wait = failure.wait(now).unwrap_or_default();
    match failure {
        Failure::Rejected(_) => {
            let message = failure.rejection().map(|rejection| rejection.message).unwrap_or_default();
            Verdict { status: 400, error: message.into(), retry_after: None }
        }
        Failure::OtherPrompt => Verdict::new(422, "This Idempotency-Key was used for another prompt."),
        Failure::Busy { .. } => {
            Verdict::new(409, "A request with this Idempotency-Key is being worked on.").after(wait.min(BUSY))
        }
        Failure::LimitReached { .. } => Verdict::new(429, "No more pictures are drawn today.").after(wait),
        Failure::Interrupted => Verdict::new(503, "The image was not drawn. Try again.").after(wait),
        Failure::Model { cause, .. } => drawing(cause),
        Failure::Store { cause, .. } => storing(cause),
        Failure::OutOfTime { .. } => Verdict::new(504, "The image was not ready in time."),
    }
}

fn drawing(cause: &ModelError) -> Verdict {
    match cause {
        ModelError::Throttled(_) => {
            Verdict::new(503, "The image model is asked too often. Try again later.").after(THROTTLED)
        }
        ModelError::Unavailable(_) | ModelError::Stalled(_) => {
            Verdict::new(503, "The image model cannot be reached. Try again later.").after(UNREACHABLE)
        }
        ModelError::Faulty(_)
        | ModelError::Refused { .. }
        | ModelError::Unreadable(_)
        | ModelError::Filtered(_)
        | ModelError::Invalid(_) => Verdict::new(502, "The image model failed."),
    }
}

fn storing(cause: &StoreError) -> Verdict {
    match cause {
        StoreError::Throttled(_) => {
            Verdict::new(503, "The image store is asked too often. Try again later.").after(THROTTLED)
        }
        StoreError::Unavailable(_) | StoreError::Stalled(_) | StoreError::Contended(_) => {
            Verdict::new(503, "The image store cannot be reached. Try again later.").after(UNREACHABLE)
        }
        StoreError::Refused(_) | StoreError::Unreadable(_) => Verdict::new(502, "The image store failed."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsFailure;
    use crate::clock::at_millis;
    use crate::model::Why;

    /// Returns the status, and the seconds of `Retry-After` at noon.
    fn told(failure: &Failure) -> (u16, Option<u64>) {
        let Verdict { status, retry_after, .. } = verdict(failure, at_millis(43_200_000));
        (status, retry_after.map(|wait| wait.as_secs()))
    }

    #[test]
    fn the_status_tells_whether_and_when_to_come_again() {
        let aws = AwsFailure::default;
        let model = |cause| Failure::Model { cause, attempts: 1 };
        let store = |cause| Failure::Store { cause, attempts: 1 };
        let second = Duration::from_secs(1);
        for (failure, expected) in [
            (model(ModelError::Throttled(aws())), (503, Some(10))),
            (model(ModelError::Unavailable(aws())), (503, Some(5))),
            (model(ModelError::Stalled(second)), (503, Some(5))),
            (model(ModelError::Refused { why: Why::Access, failure: aws() }), (502, None)),
            (model(ModelError::Unreadable(String::new())), (502, None)),
            (model(ModelError::Faulty(String::new())), (502, None)),
            (store(StoreError::Throttled(aws())), (503, Some(10))),
            (store(StoreError::Unavailable(aws())), (503, Some(5))),
            (store(StoreError::Stalled(second)), (503, Some(5))),
            (store(StoreError::Contended(String::new())), (503, Some(5))),
            (store(StoreError::Refused(aws())), (502, None)),
            (store(StoreError::Unreadable(String::new())), (502, None)),
            (Failure::LimitReached { until: at_millis(86_400_000) }, (429, Some(43_201))),
            (Failure::Busy { until: at_millis(43_230_000) }, (409, Some(5))),
            (Failure::Busy { until: at_millis(43_201_000) }, (409, Some(2))),
            (Failure::Interrupted, (503, Some(0))),
            (Failure::OtherPrompt, (422, None)),
            (Failure::OutOfTime { doing: "drawing", cause: None, attempts: 1 }, (504, None)),
        ] {
            assert_eq!(told(&failure), expected, "{failure}");
        }
    }
}
