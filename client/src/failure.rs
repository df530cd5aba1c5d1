//! The client's failures, each in one line with a hint.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::RequestId;
use aws_sdk_sqs::operation::send_message::SendMessageError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;
use std::fmt;

/// Reason why no message was sent. Its text is one line.
#[derive(Debug)]
pub enum Failure {
    /// No certificate authority is trusted, so no HTTPS connection can be opened.
    NoRoots,
    /// No credentials, and the message of the credentials' source, if any.
    NoCredentials(Option<String>),
    /// The system gave no random numbers.
    Entropy(String),
    /// An error of AWS or of the connection to it: the whole line.
    Aws(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoots => f.write_str(
                "no CA certificates found, so AWS cannot be trusted. hint: mount /etc/ssl/certs/ca-certificates.crt, or \
                 name a file with SSL_CERT_FILE",
            ),
            Self::NoCredentials(cause) => {
                f.write_str("no AWS credentials")?;
                if let Some(cause) = cause {
                    write!(f, " ({cause})")?;
                }
                f.write_str(
                    ". hint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; docker run takes them with -e",
                )
            }
            Self::Entropy(cause) => write!(f, "the system gives no random numbers: {cause}"),
            Self::Aws(line) => f.write_str(line),
        }
    }
}

impl From<CredentialsError> for Failure {
    fn from(error: CredentialsError) -> Self {
        let cause = match &error {
            CredentialsError::CredentialsNotLoaded(_) => None,
            other => Some(one_line(&DisplayErrorContext(other).to_string())),
        };
        Self::NoCredentials(cause)
    }
}

impl From<SdkError<SendMessageError>> for Failure {
    fn from(error: SdkError<SendMessageError>) -> Self {
        let line = match error.as_service_error() {
            Some(service) => {
                let code = service.code().unwrap_or("an error without a code");
                let message = service.message().unwrap_or("no message");
                let request = error.request_id().map(|id| format!(" (request {id})"));
                let request = request.unwrap_or_default();
                format!("SQS SendMessage failed: {code}: {message}{request}{}", hint(code))
            }
            None => format!("SQS could not be asked: {}{}", root_cause(&error), transport_hint(&error)),
        };
        Self::Aws(one_line(&line))
    }
}

/// Returns a hint for a code of SQS or of its authentication.
fn hint(code: &str) -> &'static str {
    match code.rsplit('#').next().unwrap_or(code) {
        "QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue" => {
            ". hint: check account, region and name in SQS_QUEUE_URL"
        }
        "AccessDenied" | "AccessDeniedException" => ". hint: the credentials need sqs:SendMessage on this queue",
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => {
            ". hint: AWS does not know this AWS_ACCESS_KEY_ID; temporary credentials need AWS_SESSION_TOKEN too"
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            ". hint: check AWS_SECRET_ACCESS_KEY, and the machine's clock"
        }
        "ExpiredToken" | "ExpiredTokenException" => ". hint: fetch new temporary credentials",
        "RequestExpired" | "RequestTimeTooSkewed" => ". hint: check the machine's clock",
        "InvalidMessageContents" => ". hint: the prompt has characters SQS does not take",
        "RequestThrottled" | "ThrottlingException" => ". hint: try again in a moment",
        _ => "",
    }
}

fn transport_hint(error: &SdkError<SendMessageError>) -> &'static str {
    match error {
        SdkError::DispatchFailure(_) => ". hint: check the network and the host in SQS_QUEUE_URL or AWS_ENDPOINT_URL",
        SdkError::TimeoutError(_) => ". hint: no answer in time; check the network, then try again",
        _ => "",
    }
}

/// Returns the two innermost causes: the outer ones repeat each other.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts.dedup();
    texts.split_off(texts.len().saturating_sub(2)).join(": ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_one_line() {
        let failures = [
            Failure::NoRoots,
            Failure::NoCredentials(None),
            Failure::NoCredentials(Some("expired".into())),
            Failure::Entropy("none".into()),
        ];
        for failure in failures {
            assert!(!failure.to_string().contains('\n'));
        }
        assert_eq!(one_line("a\n  b\tc"), "a b c");
    }

    #[test]
    fn codes_are_known_with_and_without_their_namespace() {
        assert!(hint("com.amazonaws.sqs#QueueDoesNotExist").contains("SQS_QUEUE_URL"));
        assert!(hint("QueueDoesNotExist").contains("SQS_QUEUE_URL"));
        assert_eq!(hint("SomethingNew"), "");
    }
}
