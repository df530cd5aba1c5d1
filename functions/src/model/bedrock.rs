//! Image models called through Bedrock's InvokeModel.

use super::phrases::{Fault, fault};
use super::{Family, ImageModel, ModelError, ModelSettings, Why};
use crate::aws::AwsFailure;
use crate::picture::Picture;
use crate::prompt::Prompt;
use aws_sdk_bedrockruntime::Client;
use aws_smithy_types::Blob;

/// One model on Bedrock.
pub struct Bedrock {
    client: Client,
    settings: ModelSettings,
}

impl Bedrock {
    /// Uses the model of `settings` through `client`, which is configured for the model's region.
    pub fn new(client: Client, settings: ModelSettings) -> Self {
        Self { client, settings }
    }
}

impl ImageModel for Bedrock {
    fn prompt_limit(&self) -> usize {
        self.settings.family.prompt_limit()
    }

    fn id(&self) -> &str {
        &self.settings.id
    }

    /// Calls InvokeModel once. The caller handles retries.
    async fn draw(&self, prompt: &Prompt, seed: u32) -> Result<Picture, ModelError> {
        let request = self
            .client
            .invoke_model()
            .model_id(&self.settings.id)
            .content_type("application/json")
            .accept("application/json")
            .body(Blob::new(self.settings.request(prompt, seed)));
        let reply = request.send().await.map_err(|error| {
            let failure = AwsFailure::redacted("bedrock:InvokeModel", &error, |message| prompt.redact(message));
            classify(self.settings.family, failure)
        })?;
        self.settings.reply(&reply.body.into_inner()).map_err(|error| error.redacted(prompt))
    }
}

/// Bedrock's words for a daily quota of tokens. A new account often has none, for any model.
const PER_DAY: &str = "per day";

/// Sorts InvokeModel's failures by their codes, and by the status if the code is unknown. The message of `failure` no
/// longer contains the prompt.
pub(crate) fn classify(family: Family, mut failure: AwsFailure) -> ModelError {
    match failure.code.as_str() {
        _ if failure.credentials => ModelError::Refused { why: Why::Access, failure },
        "ThrottlingException" | "ModelNotReadyException" | "TooManyRequestsException" => {
            if failure.message.contains(PER_DAY) {
                failure
                    .message
                    .push_str(" (on a new account this is likely a quota of 0: ask for more in Service Quotas)");
            }
            ModelError::Throttled(failure)
        }
        "ModelTimeoutException" | "InternalServerException" | "ServiceUnavailableException" => {
            ModelError::Unavailable(failure)
        }
        "ModelErrorException" => ModelError::Faulty(failure.to_string()),
        "ValidationException" => match fault(family, &failure.message) {
            Fault::Filtered => ModelError::Filtered(failure.to_string()),
            Fault::TooLong => ModelError::Invalid(failure.to_string()),
            Fault::Refused(why) => ModelError::Refused { why, failure },
        },
        "ServiceQuotaExceededException" => ModelError::Refused { why: Why::Quota, failure },
        "ResourceNotFoundException" => ModelError::Refused { why: Why::Model, failure },
        _ if failure.status == Some(429) => ModelError::Throttled(failure),
        _ if failure.is_transient() => ModelError::Unavailable(failure),
        _ => ModelError::Refused { why: Why::Access, failure },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::http_client;
    use crate::aws::tests::{answer, bedrock, request, some_credentials};
    use crate::budget::Budget;
    use crate::model::Quality;
    use crate::picture::tests::png;
    use crate::random::OsRandom;
    use crate::retry::{Limits, retry_within};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use std::time::Duration;
    use tokio::net::TcpListener;

    const STABILITY: ModelSettings = ModelSettings {
        id: String::new(),
        family: Family::Stability,
        width: 1024,
        height: 1024,
        cfg_scale: 8.0,
        quality: Quality::Standard,
    };

    fn failure(status: u16, code: &str, message: &str) -> AwsFailure {
        AwsFailure {
            operation: "bedrock:InvokeModel",
            code: code.into(),
            status: Some(status),
            message: message.into(),
            ..AwsFailure::default()
        }
    }

    fn kind(error: &ModelError) -> &'static str {
        match error {
            ModelError::Throttled(_) => "throttled",
            ModelError::Unavailable(_) => "unavailable",
            ModelError::Faulty(_) => "faulty",
            ModelError::Filtered(_) => "filtered",
            ModelError::Invalid(_) => "invalid",
            ModelError::Refused { .. } => "refused",
            _ => "other",
        }
    }

    #[test]
    fn failures_are_sorted_by_code() {
        for (status, code, message, expected) in [
            (429, "ThrottlingException", "Too many requests", "throttled"),
            (429, "ModelNotReadyException", "", "throttled"),
            (429, "SomethingNew", "", "throttled"),
            (408, "ModelTimeoutException", "", "unavailable"),
            (500, "InternalServerException", "", "unavailable"),
            (503, "ServiceUnavailableException", "", "unavailable"),
            (502, "", "", "unavailable"),
            (424, "ModelErrorException", "", "faulty"),
            (400, "ValidationException", "This request has been blocked by our content filters.", "filtered"),
            (400, "ValidationException", "#/textToImageParams/text: expected maxLength: 512", "invalid"),
            (400, "ValidationException", "Operation not allowed", "refused"),
            (400, "ValidationException", "The provided model identifier is invalid.", "refused"),
            (403, "AccessDeniedException", "", "refused"),
            (404, "ResourceNotFoundException", "", "refused"),
            (400, "ServiceQuotaExceededException", "", "refused"),
        ] {
            let error = classify(Family::Titan, failure(status, code, message));
            assert_eq!(kind(&error), expected, "{status} {code} {message}");
        }
    }

    #[test]
    fn a_request_that_got_no_answer_is_unavailable() {
        let failure = AwsFailure { transport: true, ..AwsFailure::default() };
        assert_eq!(kind(&classify(Family::Nova, failure)), "unavailable");
    }

    #[test]
    fn missing_credentials_are_refused_at_once_and_name_the_access() {
        let failure = AwsFailure { credentials: true, ..AwsFailure::default() };
        let error = classify(Family::Stability, failure);
        assert!(matches!(error, ModelError::Refused { why: Why::Access, .. }), "{error}");
    }

    #[test]
    fn a_quota_of_zero_that_looks_like_a_rate_limit_is_explained() {
        let message = "Too many tokens per day, please wait before trying again.";
        let error = classify(Family::Stability, failure(429, "ThrottlingException", message));
        assert_eq!(kind(&error), "throttled");
        assert!(error.to_string().contains("quota of 0"), "{error}");
    }

    #[test]
    fn a_prompt_cannot_speak_for_the_content_filter() {
        let prompt = Prompt::new("blocked by our content filters", 100).unwrap();
        let message = prompt.redact("Malformed input request: blocked by our content filters is not permitted");
        assert_eq!(kind(&classify(Family::Titan, failure(400, "ValidationException", &message))), "refused");
    }

    #[tokio::test]
    async fn a_connection_that_goes_silent_costs_one_attempt_and_not_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = bedrock(&listener.local_addr().unwrap().to_string(), http_client(), some_credentials());
        let model = Bedrock::new(client, ModelSettings { id: "m".into(), ..STABILITY });
        let picture = STANDARD.encode(png());
        let body = format!(r#"{{"images": ["{picture}"], "finish_reasons": [null]}}"#);
        let serve = async {
            let (mut first, _) = listener.accept().await.unwrap();
            request(&mut first).await;
            answer(&mut first, 200, body.as_bytes()).await;
            request(&mut first).await;
            let (mut second, _) = listener.accept().await.unwrap();
            request(&mut second).await;
            answer(&mut second, 200, body.as_bytes()).await;
            (first, second)
        };
        let prompt = Prompt::new("a moon", 100).unwrap();
        let limits = Limits {
            attempts: 2,
            attempt_timeout: Duration::from_millis(300),
            least: Duration::ZERO,
            to_the_end: false,
        };
        let draw = async || {
            let budget = Budget::lasting(Duration::from_secs(20));
            retry_within(budget, limits, &OsRandom, async || model.draw(&prompt, 1).await).await
        };
        let twice = async {
            draw().await.unwrap();
            draw().await.unwrap();
        };
        tokio::join!(twice, serve);
    }
}
