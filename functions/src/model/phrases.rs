//! The messages of a `ValidationException` that reveal the fault. The code alone does not: Bedrock returns it for a
//! blocked prompt, a new account and a wrong model alike.

use super::{Family, Why};

/// The meaning of a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The content filter objects to the prompt.
    Filtered,
    /// The prompt is longer than the model accepts.
    TooLong,
    /// The operator has to correct something.
    Refused(Why),
}

/// A phrase, in lower case, and the families in whose messages it has this meaning; empty for all families.
struct Phrase {
    text: &'static str,
    families: &'static [Family],
    fault: Fault,
}

const AMAZON: &[Family] = &[Family::Titan, Family::Nova];
const ALL: &[Family] = &[];

/// The first phrase that occurs decides. Only the first group means a refusal of the prompt, which is then never
/// delivered again. A message without any of the phrases concerns the request.
const PHRASES: &[Phrase] = &[
    // docs.aws.amazon.com/nova/latest/userguide/image-gen-errors.html: "This request has been blocked by our content
    // filters. Please adjust your text prompt …"; Titan says the same, and "may conflict our AUP or AWS Responsible AI
    // Policy". Stability's filter answers with status 200 and a finish reason instead.
    Phrase { text: "blocked by our content filter", families: AMAZON, fault: Fault::Filtered },
    Phrase { text: "aws responsible ai policy", families: AMAZON, fault: Fault::Filtered },
    Phrase { text: "conflict our aup", families: AMAZON, fault: Fault::Filtered },
    // Titan, about a picture that it held back: "Content in the all of the generated image(s) has been blocked and has
    // been filtered from the response."
    Phrase { text: "has been blocked and has been filtered", families: AMAZON, fault: Fault::Filtered },
    // Titan v1: "The provided prompt contains filtered words."
    Phrase { text: "filtered words", families: AMAZON, fault: Fault::Filtered },
    // "Malformed input request: #/textToImageParams/text: expected maxLength: 512, actual: 536": the field is the prompt's.
    Phrase { text: "#/texttoimageparams/text: expected maxlength", families: AMAZON, fault: Fault::TooLong },
    Phrase { text: "#/prompt: expected maxlength", families: &[Family::Stability], fault: Fault::TooLong },
    // "Operation not allowed" and "Your account is not authorized to invoke this API operation.": accounts that are new,
    // or not yet allowed to use Bedrock (github.com/aws/aws-cli/issues/8717).
    Phrase { text: "operation not allowed", families: ALL, fault: Fault::Refused(Why::Access) },
    Phrase { text: "not authorized", families: ALL, fault: Fault::Refused(Why::Access) },
    // "The provided model identifier is invalid.", "Invocation of model ID … with on-demand throughput isn't supported.
    // Retry … with the ID or ARN of an inference profile", "Value at 'modelId' failed to satisfy constraint".
    Phrase { text: "model identifier", families: ALL, fault: Fault::Refused(Why::Model) },
    Phrase { text: "on-demand throughput", families: ALL, fault: Fault::Refused(Why::Model) },
    Phrase { text: "inference profile", families: ALL, fault: Fault::Refused(Why::Model) },
    Phrase { text: "'modelid'", families: ALL, fault: Fault::Refused(Why::Model) },
    Phrase { text: "not supported in this region", families: ALL, fault: Fault::Refused(Why::Model) },
    Phrase { text: "end of its life", families: ALL, fault: Fault::Refused(Why::Model) },
];

/// Returns the fault that `message` reveals. The prompt has been removed from it, because its words are not AWS's.
pub(super) fn fault(family: Family, message: &str) -> Fault {
    let message = message.to_lowercase();
    let found = PHRASES.iter().find(|phrase| {
        (phrase.families.is_empty() || phrase.families.contains(&family)) && message.contains(phrase.text)
    });
    found.map_or(Fault::Refused(Why::Request), |phrase| phrase.fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_prompt_of_amazons_models_is_filtered() {
        for message in [
            "This request has been blocked by our content filters. Please adjust your text prompt to submit a new request.",
            "Our filters automatically flagged this prompt because it may conflict our AUP or AWS Responsible AI Policy.",
            "Your prompt may conflict our AUP.",
            "Content in the all of the generated image(s) has been blocked and has been filtered from the response.",
            "The provided prompt contains filtered words.",
        ] {
            for family in [Family::Titan, Family::Nova] {
                assert_eq!(fault(family, message), Fault::Filtered, "{message}");
            }
            assert_eq!(fault(Family::Stability, message), Fault::Refused(Why::Request), "{message}");
        }
    }

    #[test]
    fn only_the_prompts_own_field_makes_a_prompt_too_long() {
        let text =
            "Malformed input request: #/textToImageParams/text: expected maxLength: 512, actual: 536, please reformat";
        assert_eq!(fault(Family::Titan, text), Fault::TooLong);
        assert_eq!(fault(Family::Nova, text), Fault::TooLong);
        let prompt = "Malformed input request: #/prompt: expected maxLength: 10000, actual: 10001";
        assert_eq!(fault(Family::Stability, prompt), Fault::TooLong);
        let other = "Malformed input request: #/textToImageParams/negativeText: expected maxLength: 512, actual: 536";
        assert_eq!(fault(Family::Titan, other), Fault::Refused(Why::Request));
        let other = "Malformed input request: #/textToImageParams/text: expected type: String, found: Null";
        assert_eq!(fault(Family::Titan, other), Fault::Refused(Why::Request));
    }

    #[test]
    fn an_account_that_is_not_allowed_is_not_held_against_the_prompt() {
        for message in ["Operation not allowed", "Your account is not authorized to invoke this API operation."] {
            assert_eq!(fault(Family::Stability, message), Fault::Refused(Why::Access), "{message}");
        }
    }

    #[test]
    fn a_model_that_is_not_there_is_not_held_against_the_prompt() {
        for message in [
            "The provided model identifier is invalid.",
            "Invocation of model ID x with on-demand throughput isn’t supported.",
            "Retry your request with the ID or ARN of an inference profile that contains this model.",
            "1 validation error detected: Value at 'modelId' failed to satisfy constraint",
            "Model is not supported in this Region",
            "This model version has reached the end of its life.",
        ] {
            assert_eq!(fault(Family::Titan, message), Fault::Refused(Why::Model), "{message}");
        }
    }

    #[test]
    fn a_request_of_the_wrong_shape_is_not_held_against_the_prompt() {
        for message in [
            "Malformed input request: #: extraneous key [aspect_ratio] is not permitted, please reformat your input and try again.",
            "Malformed input request: #: required key [image] not found",
            "something nobody has seen",
            "",
        ] {
            assert_eq!(fault(Family::Nova, message), Fault::Refused(Why::Request), "{message}");
        }
    }
}
