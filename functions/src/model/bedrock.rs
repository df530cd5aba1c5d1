//! Image models behind Bedrock's InvokeModel.

use super::{ImageModel, ModelError, ModelSettings, Why};
use crate::aws::AwsFailure;
use crate::picture::Picture;
use crate::prompt::Prompt;
use aws_sdk_bedrockruntime::Client;
use aws_smithy_types::Blob;

/// Messages of a `ValidationException` that are the function's configuration's fault, not the prompt's: the code alone
/// does not tell them apart.
const MISCONFIGURED: [&str; 3] = ["model identifier", "on-demand throughput", "inference profile"];

/// Draws with one model on Bedrock.
pub struct Bedrock {
    client: Client,
    settings: ModelSettings,
}

impl Bedrock {
    /// Draws with the model of `settings` through `client`, which is pinned to the model's region.
    pub fn new(client: Client, settings: ModelSettings) -> Self {
        Self { client, settings }
    }
}

impl ImageModel for Bedrock {
    fn prompt_limit(&self) -> usize {
        self.settings.family.prompt_limit()
    }

    fn seeds(&self) -> (u32, u32) {
        self.settings.family.seeds()
    }

    fn id(&self) -> &str {
        &self.settings.id
    }

    /// Calls InvokeModel once; retries are the caller's.
    async fn draw(&self, prompt: &Prompt, seed: u32) -> Result<Picture, ModelError> {
        let request = self
            .client
            .invoke_model()
            .model_id(&self.settings.id)
            .content_type("application/json")
            .accept("application/json")
            .body(Blob::new(self.settings.request(prompt, seed)));
        let reply = request.send().await.map_err(|error| classify(AwsFailure::of("bedrock:InvokeModel", &error)))?;
        self.settings.reply(&reply.body.into_inner())
    }
}

/// Sorts InvokeModel's failures by their codes, and by the status when the code is unknown.
fn classify(failure: AwsFailure) -> ModelError {
    match failure.code.as_str() {
        "ThrottlingException" | "ModelNotReadyException" | "TooManyRequestsException" => ModelError::Throttled(failure),
        "ModelTimeoutException" | "InternalServerException" | "ServiceUnavailableException" => {
            ModelError::Unavailable(failure)
        }
        "ModelErrorException" => ModelError::Faulty(failure.to_string()),
        "ValidationException" if !configured_wrongly(&failure.message) => ModelError::Invalid(failure.to_string()),
        _ if failure.status == Some(429) => ModelError::Throttled(failure),
        _ if failure.is_transient() => ModelError::Unavailable(failure),
        _ => ModelError::Refused { why: why(&failure), failure },
    }
}

/// Tells which of the operator's things a refusal is about.
fn why(failure: &AwsFailure) -> Why {
    match failure.code.as_str() {
        "ServiceQuotaExceededException" => Why::Quota,
        "ResourceNotFoundException" => Why::Model,
        "ValidationException" if configured_wrongly(&failure.message) => Why::Model,
        "ValidationException" => Why::Request,
        _ => Why::Access,
    }
}

fn configured_wrongly(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    MISCONFIGURED.iter().any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (400, "ValidationException", "This request has been blocked", "invalid"),
            (400, "ValidationException", "The provided model identifier is invalid.", "refused"),
            (403, "AccessDeniedException", "", "refused"),
            (404, "ResourceNotFoundException", "", "refused"),
            (400, "ServiceQuotaExceededException", "", "refused"),
        ] {
            let error = classify(failure(status, code, message));
            assert_eq!(kind(&error), expected, "{status} {code} {message}");
        }
    }

    #[test]
    fn a_request_that_got_no_answer_is_unavailable() {
        let failure = AwsFailure { transport: true, ..AwsFailure::default() };
        assert_eq!(kind(&classify(failure)), "unavailable");
    }
}
