//! The errors that Bedrock answers with.

/// A refused request: error code, HTTP status and message in Bedrock's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: &'static str,
    pub status: u16,
    pub message: String,
}

impl Refusal {
    pub fn validation(message: impl Into<String>) -> Self {
        Self::of("ValidationException", 400, message)
    }

    /// Names the part of the body that breaks the model's schema, in the words of Bedrock's JSON Schema check.
    pub fn malformed(detail: impl std::fmt::Display) -> Self {
        Self::validation(format!("Malformed input request: {detail}, please reformat your input and try again."))
    }

    pub fn unknown_model() -> Self {
        Self::validation("The provided model identifier is invalid.")
    }

    pub fn retired_model() -> Self {
        Self::of(
            "ResourceNotFoundException",
            404,
            "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
        )
    }

    /// Returns `GetFoundationModel`'s error for a model that it does not have.
    pub fn unresolved_model() -> Self {
        Self::of(
            "ResourceNotFoundException",
            404,
            "Could not resolve the foundation model from the provided model identifier.",
        )
    }

    pub fn throttled() -> Self {
        Self::of("ThrottlingException", 429, "Too many requests, please wait before trying again.")
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::of("InternalServerException", 500, message)
    }

    pub fn filtered() -> Self {
        Self::validation(
            "This request has been blocked by our content filters. Please adjust your text prompt to submit a new request.",
        )
    }

    pub fn unsigned(why: &str) -> Self {
        let message = format!("{why}; sign requests with the keys that `deployer local status --json` prints");
        Self::of("AccessDeniedException", 403, message)
    }

    pub fn unknown_operation() -> Self {
        let served = "POST /model/{modelId}/invoke and GET /foundation-models/{modelIdentifier}";
        Self::of("UnknownOperationException", 404, format!("The stand-in for Bedrock serves {served}."))
    }

    fn of(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into() }
    }
}
