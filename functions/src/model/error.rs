//! Reasons why a model drew nothing.

use crate::aws::AwsFailure;
use crate::prompt::Prompt;
use crate::retry::{Retry, Retryable};
use crate::text::clip;
use std::time::Duration;
use thiserror::Error;

/// The most characters of a model's own text that are kept, and the most that are searched for the prompt.
const MAX_TEXT: usize = 1_000;
const MAX_SEARCHED: usize = 16_000;

/// Reason why a model drew nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The content filter objects to the prompt or to the picture.
    #[error("the content filter refused: {0}")]
    Filtered(String),
    /// The model does not accept this prompt.
    #[error("the model takes no such prompt: {0}")]
    Invalid(String),
    #[error("the model is being asked too often: {0}")]
    Throttled(AwsFailure),
    /// A fault on the way or in the service.
    #[error("the model cannot be reached: {0}")]
    Unavailable(AwsFailure),
    /// The model itself failed at this request.
    #[error("the model failed: {0}")]
    Faulty(String),
    /// The function, the account or the model is at fault, whatever the prompt.
    #[error("the model refuses this function ({}): {failure}", why.help())]
    Refused { why: Why, failure: AwsFailure },
    /// The reply is no picture.
    #[error("the model's reply is no picture: {0}")]
    Unreadable(String),
    #[error("the model gave no answer for {} s", .0.as_secs())]
    Stalled(Duration),
}

/// The subject of a refusal, which the operator can correct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The function's credentials or role, or the account's permissions on Bedrock.
    Access,
    /// The model: unknown, ended, or not offered in the region.
    Model,
    /// A quota of the account that waiting does not restore.
    Quota,
    /// The request's shape or values, which this model does not accept.
    Request,
}

impl Why {
    /// Returns a sentence for the operator: the likely cause and the next step.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Access => {
                "the function's role needs bedrock:InvokeModel on this model; the account needs access to the model, which a new account may not have yet: an administrator's first call subscribes it to a model of another provider (AWS Marketplace)"
            }
            Self::Model => {
                "the model has ended, is unknown, or is not offered in this region; check MODEL_ID and MODEL_REGION"
            }
            Self::Quota => "the account's quota for the model is used up or zero; ask for more in Service Quotas",
            Self::Request => {
                "the model does not take requests of this shape; check that MODEL_ID, MODEL_FAMILY and the picture's size belong together"
            }
        }
    }
}

impl ModelError {
    /// Tells whether the prompt itself is at fault, so that the same prompt can never succeed.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Filtered(_) | Self::Invalid(_))
    }

    /// Tells whether another model could draw the prompt, because the prompt is not at fault.
    pub fn falls_back(&self) -> bool {
        !self.is_permanent()
    }

    /// Tells whether the call is certainly free: Bedrock answered with an error. A reply that is no picture is billed,
    /// and a call without an answer may be.
    pub fn is_free(&self) -> bool {
        match self {
            Self::Throttled(_) | Self::Refused { .. } | Self::Faulty(_) => true,
            Self::Unavailable(failure) => !failure.transport,
            Self::Filtered(_) | Self::Invalid(_) | Self::Unreadable(_) | Self::Stalled(_) => false,
        }
    }

    /// Removes the prompt from a text that the model wrote.
    pub(super) fn redacted(self, prompt: &Prompt) -> Self {
        let clean = |text: String| clip(&prompt.redact(&clip(&text, MAX_SEARCHED)), MAX_TEXT).into_owned();
        match self {
            Self::Filtered(text) => Self::Filtered(clean(text)),
            Self::Invalid(text) => Self::Invalid(clean(text)),
            Self::Faulty(text) => Self::Faulty(clean(text)),
            Self::Unreadable(text) => Self::Unreadable(clean(text)),
            other => other,
        }
    }
}

impl Retryable for ModelError {
    fn retry(&self) -> Retry {
        match self {
            Self::Throttled(_) => Retry::Later,
            Self::Unavailable(_) | Self::Stalled(_) => Retry::Soon,
            Self::Faulty(_) => Retry::Once,
            Self::Filtered(_) | Self::Invalid(_) | Self::Refused { .. } | Self::Unreadable(_) => Retry::Never,
        }
    }

    fn stalled(limit: Duration) -> Self {
        Self::Stalled(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(why: Why) -> ModelError {
        ModelError::Refused { why, failure: AwsFailure::default() }
    }

    #[test]
    fn only_the_prompts_own_faults_are_permanent() {
        assert!(ModelError::Filtered(String::new()).is_permanent());
        assert!(ModelError::Invalid(String::new()).is_permanent());
        assert!(!ModelError::Unreadable(String::new()).is_permanent());
        assert!(!refused(Why::Request).is_permanent());
    }

    #[test]
    fn only_an_error_of_bedrock_is_surely_free() {
        let lost = AwsFailure { transport: true, ..AwsFailure::default() };
        assert!(ModelError::Unavailable(AwsFailure::default()).is_free());
        assert!(refused(Why::Quota).is_free());
        assert!(!ModelError::Unavailable(lost).is_free());
        assert!(!ModelError::Unreadable(String::new()).is_free());
        assert!(!ModelError::stalled(Duration::from_secs(1)).is_free());
    }

    #[test]
    fn retries_follow_the_kind_of_failure() {
        let aws = AwsFailure::default;
        for (error, again) in [
            (ModelError::Throttled(aws()), Retry::Later),
            (ModelError::Unavailable(aws()), Retry::Soon),
            (ModelError::stalled(Duration::from_secs(1)), Retry::Soon),
            (ModelError::Faulty(String::new()), Retry::Once),
            (refused(Why::Access), Retry::Never),
            (ModelError::Filtered(String::new()), Retry::Never),
            (ModelError::Invalid(String::new()), Retry::Never),
            (ModelError::Unreadable(String::new()), Retry::Never),
        ] {
            assert_eq!(error.retry(), again, "{error}");
        }
    }

    #[test]
    fn another_model_is_asked_unless_the_prompt_is_at_fault() {
        for error in [refused(Why::Quota), ModelError::Unreadable(String::new()), ModelError::Faulty(String::new())] {
            assert!(error.falls_back(), "{error}");
        }
        assert!(!ModelError::Filtered(String::new()).falls_back());
        assert!(!ModelError::Invalid(String::new()).falls_back());
    }

    #[test]
    fn a_refusal_tells_the_operator_where_to_look() {
        let access = refused(Why::Access).to_string();
        assert!(access.contains("bedrock:InvokeModel") && access.contains("Marketplace"), "{access}");
        assert!(refused(Why::Model).to_string().contains("MODEL_REGION"));
        assert!(refused(Why::Quota).to_string().contains("Service Quotas"));
        assert!(refused(Why::Request).to_string().contains("MODEL_FAMILY"));
    }

    #[test]
    fn a_models_own_text_is_short_and_without_the_prompt() {
        let prompt = Prompt::new("my secret name is Ola", 100).unwrap();
        let error = ModelError::Filtered(format!("'my secret name is Ola' {}", "x".repeat(2_000))).redacted(&prompt);
        let text = error.to_string();
        assert!(text.starts_with("the content filter refused: '(prompt)'") && !text.contains("Ola"), "{text}");
        assert!(text.ends_with("more characters)") && text.len() < 1_200, "{text}");
    }
}
