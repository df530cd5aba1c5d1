//! Reasons why no picture exists, and their consequences.

use crate::clock;
use crate::id::PictureId;
use crate::model::ModelError;
use crate::prompt::PromptError;
use crate::records::{Reason, Rejection};
use crate::retry::RetryError;
use crate::store::StoreError;
use std::time::{Duration, SystemTime};
use thiserror::Error;

/// Reason why no picture exists.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// The prompt can never succeed.
    #[error("{0}")]
    Rejected(RejectionCause),
    #[error("{cause} (attempt {attempts})")]
    Model { cause: ModelError, attempts: u32 },
    #[error("{cause} (attempt {attempts})")]
    Store { cause: StoreError, attempts: u32 },
    /// The time ended; `cause` is the last failure before that.
    #[error("out of time while {doing}, attempt {attempts}{}", cause.as_ref().map(|c| format!(", after: {c}")).unwrap_or_default())]
    OutOfTime { doing: &'static str, cause: Option<String>, attempts: u32 },
    /// Another process draws the same prompt, until this time at most.
    #[error("another delivery of it is being drawn, until {} at most", clock::written(*until))]
    Busy { until: SystemTime },
    /// The day's limit of pictures is reached.
    #[error("the limit of pictures of this day is reached, until {}", clock::written(*until))]
    LimitReached { until: SystemTime },
    /// The process ends, and left the prompt to another one.
    #[error("interrupted, the process ends")]
    Interrupted,
    /// The id was used for another prompt before.
    #[error("the id was used for another prompt")]
    OtherPrompt,
}

/// Reason why the prompt itself is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RejectionCause {
    #[error("{0}")]
    Prompt(PromptError),
    /// AWS's words are for the log only.
    #[error("{cause}")]
    Model { cause: ModelError },
    /// An earlier delivery was rejected, as its record shows.
    #[error("rejected before: {}", .0.message)]
    Before(Rejection),
}

impl From<PromptError> for Failure {
    fn from(error: PromptError) -> Self {
        Self::Rejected(RejectionCause::Prompt(error))
    }
}

impl Failure {
    /// Returns the message for the sender if the same prompt can never succeed.
    pub fn rejection(&self) -> Option<Rejection> {
        let Self::Rejected(rejected) = self else { return None };
        Some(match rejected {
            RejectionCause::Before(rejection) => rejection.clone(),
            RejectionCause::Prompt(error) => {
                let reason = match error {
                    PromptError::Empty => Reason::Blank,
                    PromptError::TooLong { .. } => Reason::TooLong,
                };
                Rejection { reason, message: error.to_string() }
            }
            RejectionCause::Model { cause: ModelError::Filtered(_) } => {
                let message = "The content filter refused the prompt or its picture.".to_owned();
                Rejection { reason: Reason::Filtered, message }
            }
            RejectionCause::Model { .. } => {
                let message = "The image model takes no such prompt.".to_owned();
                Rejection { reason: Reason::Invalid, message }
            }
        })
    }

    /// Returns the model's failure.
    pub fn model(&self) -> Option<&ModelError> {
        match self {
            Self::Model { cause, .. } | Self::Rejected(RejectionCause::Model { cause }) => Some(cause),
            _ => None,
        }
    }

    /// Returns the time before which another attempt is useless, if it is known.
    pub fn wait(&self, now: SystemTime) -> Option<Duration> {
        match self {
            Self::Busy { until } | Self::LimitReached { until } => {
                Some(until.duration_since(now).unwrap_or_default() + Duration::from_secs(1))
            }
            Self::Interrupted => Some(Duration::ZERO),
            _ => None,
        }
    }
}

/// Distinguishes a failure of the model from a fault of the prompt.
pub(super) fn drawing(stopped: RetryError<ModelError>) -> Failure {
    match stopped {
        RetryError::Failed { cause, .. } if cause.is_permanent() => Failure::Rejected(RejectionCause::Model { cause }),
        RetryError::Failed { cause, attempts } => Failure::Model { cause, attempts },
        RetryError::OutOfTime { cause, attempts } => out_of_time("drawing", cause, attempts),
    }
}

/// Converts a failure of the bucket.
pub(crate) fn storing(stopped: RetryError<StoreError>) -> Failure {
    match stopped {
        RetryError::Failed { cause, attempts } => Failure::Store { cause, attempts },
        RetryError::OutOfTime { cause, attempts } => out_of_time("using the bucket", cause, attempts),
    }
}

/// Returns the failure for a record that has neither the picture's place nor a rejection.
pub(super) fn unreadable(id: &PictureId) -> Failure {
    Failure::Store { cause: StoreError::Unreadable(format!("of {id}")), attempts: 1 }
}

fn out_of_time<E: ToString>(doing: &'static str, cause: Option<E>, attempts: u32) -> Failure {
    Failure::OutOfTime { doing, cause: cause.map(|cause| cause.to_string()), attempts }
}
