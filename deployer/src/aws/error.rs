//! The errors of AWS calls, in a form that every stage can match on.

use std::fmt;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};

use super::cause::Cause;
use super::checked::Invalid;
use super::owner::Foreign;

/// A failed AWS call, wait or answer. Match on [`AwsError::code`], not on texts.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AwsError {
    /// AWS answered with an error.
    #[error("{0}")]
    Service(Box<ServiceError>),
    /// No answer arrived: connection, TLS, DNS, timeout, credentials.
    #[error("{operation}: {message}")]
    Transport { operation: &'static str, message: String, cause: Cause },
    /// A wait passed its deadline. `last` is the last answer.
    #[error("gave up after {waited_s} s waiting for {condition}{}", last.as_deref().map(|l| format!("; last answer: {l}")).unwrap_or_default())]
    Deadline { condition: String, waited_s: u64, last: Option<String> },
    /// An answer lacks what its documentation promises, or a stored spec does not fit the kind.
    #[error("{what}: {message}")]
    Shape { what: String, message: String },
    /// This run no longer holds the state lock, so no further writing call may start.
    #[error("{operation} not sent: this run no longer holds the state lock")]
    Fenced { operation: &'static str },
    /// The request breaks AWS's own constraints, so AWS would refuse it.
    #[error("{operation} not sent, since AWS would refuse it: {violations}")]
    Invalid { operation: &'static str, violations: String },
    /// The resource about to be deleted is not this stack's any more.
    #[error("not deleted: {id} {owner}")]
    Foreign { id: String, owner: Foreign },
    /// The package to be sent can no longer be read, or has changed since it was planned.
    #[error("not sent: {message}")]
    Package { code: &'static str, message: String },
    /// Several resources carry the ownership tags of one, and nothing shows which of them is meant.
    #[error("{what}: which one is meant is not known: {}", ids.join(", "))]
    Ambiguous { what: String, address: String, ids: Vec<String> },
    /// AWS holds something that the plan did not contain, and that this call would delete or put into service.
    #[error("{message}")]
    Unplanned { message: String },
    /// The account lacks a setting without which AWS would refuse a resource.
    #[error("{message}")]
    Unprepared { code: &'static str, message: String, help: &'static str },
    /// A value to send would contain an unknown part, such as the id of an API that does not exist.
    #[error("not sent: `{output}` of `{address}` is not known")]
    Unresolved { address: String, output: String },
}

/// A permission that a refused call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededPermission {
    pub action: String,
    /// ARNs, which may have wildcards.
    pub resources: Vec<String>,
}

/// An error answer of an AWS service.
#[derive(Debug, Clone)]
pub struct ServiceError {
    /// IAM-style name of the call, such as `sqs:CreateQueue`.
    pub operation: &'static str,
    pub code: String,
    pub message: String,
    pub status: u16,
    pub request_id: Option<String>,
    /// Seconds AWS asked to wait (`Retry-After`).
    pub retry_after_s: Option<u64>,
    /// The permission that the kind's own policy has for this call, if AWS's text names no resource.
    pub needed: Option<NeededPermission>,
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.code)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(needed) = &self.needed {
            let joint = if self.message.is_empty() { ": " } else { "; " };
            write!(f, "{joint}{} on resource: {}", needed.action, needed.resources.join(", "))?;
        }
        write!(f, " (HTTP {}", self.status)?;
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        write!(f, ")")
    }
}

/// The error codes of rate limits; only some services answer them with the status 429.
const THROTTLES: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "Throttled",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
];

impl AwsError {
    /// Translates an SDK error of `operation`.
    pub fn of<E>(operation: &'static str, error: SdkError<E, Response>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let refusal = match &error {
            SdkError::ServiceError(context) => Some(context.err().meta()),
            _ => None,
        };
        Self::from_parts(operation, &error, refusal, error.raw_response())
    }

    /// Translates an error without its type, so that this part is compiled once for all of AWS's operations.
    fn from_parts(
        operation: &'static str,
        error: &(dyn std::error::Error + 'static),
        refusal: Option<&ErrorMetadata>,
        response: Option<&Response>,
    ) -> Self {
        if let Some(invalid) = Invalid::cause(error) {
            return Self::Invalid { operation, violations: invalid.to_string() };
        }
        let raw = response.map(|r| {
            let header = |name: &str| r.headers().get(name).map(str::to_owned);
            let request_id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id"));
            (r.status().as_u16(), request_id, header("retry-after"))
        });
        match (refusal, raw) {
            (Some(meta), Some((status, ..))) if (200..300).contains(&status) && meta.code().is_none() => Self::Shape {
                what: operation.to_owned(),
                message: format!("the answer cannot be read: {}", chain(error)),
            },
            (Some(meta), Some((status, request_id, retry_after))) => Self::Service(Box::new(ServiceError {
                operation,
                code: meta.code().map_or_else(|| default_code(status), str::to_owned),
                message: meta.message().unwrap_or_default().to_owned(),
                status,
                request_id,
                retry_after_s: retry_after.and_then(|v| v.parse().ok()),
                needed: None,
            })),
            (_, Some((status, request_id, _))) if status >= 400 => Self::Service(Box::new(ServiceError {
                operation,
                code: default_code(status),
                message: chain(error),
                status,
                request_id,
                retry_after_s: None,
                needed: None,
            })),
            _ => {
                let message = chain(error);
                Self::Transport { operation, cause: Cause::of(error, &message), message }
            }
        }
    }

    /// Reports that an answer of `operation` lacks `field`.
    pub fn missing(operation: &'static str, field: &str) -> Self {
        Self::Shape { what: operation.to_owned(), message: format!("the answer has no {field}") }
    }

    /// AWS's error code, or "" when there is none.
    pub fn code(&self) -> &str {
        match self {
            Self::Service(e) => &e.code,
            _ => "",
        }
    }

    /// AWS's own text, or "".
    pub fn message(&self) -> &str {
        match self {
            Self::Service(e) => &e.message,
            Self::Transport { message, .. } | Self::Shape { message, .. } => message,
            _ => "",
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::Service(e) => e.status,
            _ => 0,
        }
    }

    pub fn operation(&self) -> &str {
        match self {
            Self::Service(e) => e.operation,
            Self::Transport { operation, .. } | Self::Fenced { operation } | Self::Invalid { operation, .. } => {
                operation
            }
            _ => "",
        }
    }

    pub fn is(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code())
    }

    /// Tells whether AWS refused the call because of a rate limit.
    pub(crate) fn is_throttle(&self) -> bool {
        self.status() == 429 || self.is(THROTTLES)
    }

    /// Tells whether the caller may not make this call.
    pub fn is_access_denied(&self) -> bool {
        self.is(&[
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "UnauthorizedOperation",
            "UnauthorizedException",
            "NotAuthorized",
        ]) || (self.status() == 403 && self.code() == "Forbidden")
    }

    /// Tells whether the credentials are missing, wrong or expired.
    pub fn is_credentials(&self) -> bool {
        self.is(&[
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId",
            "InvalidToken",
        ]) || matches!(self, Self::Transport { cause: Cause::Credentials | Cause::CaBundle | Cause::MfaCode, .. })
    }
}

/// Gives the code of S3's HEAD errors, which have no body: the status stands in.
fn default_code(status: u16) -> String {
    match status {
        403 => "Forbidden".into(),
        404 => "NotFound".into(),
        412 => "PreconditionFailed".into(),
        status => format!("Http{status}"),
    }
}

/// Joins the texts of an error and its causes, without repeats.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(e) = next {
        let text = e.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = e.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::played;

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_is_no_refusal() {
        let aws = played::answering(&[&played::json("{\"Configuration\": 3}")]).await;
        let call = aws.clients.lambda.get_function().function_name("draw").send();
        let error = aws.call("lambda:GetFunction", call).await.expect_err("nonsense");
        assert!(matches!(&error, AwsError::Shape { what, .. } if what == "lambda:GetFunction"), "{error:?}");
        assert!(!error.to_string().contains("SdkBody"), "{error}");
    }

    #[tokio::test]
    async fn a_bucket_elsewhere_is_an_answer_though_it_has_no_body() {
        let elsewhere = "301 Moved Permanently\r\nconnection: close\r\nx-amz-bucket-region: eu-north-1\r\n\r\n";
        let aws = played::answering(&[elsewhere]).await;
        let call = aws.clients.s3.head_bucket().bucket("pictures").send();
        let error = aws.call("s3:HeadBucket", call).await.expect_err("elsewhere");
        assert!(matches!(error, AwsError::Service(_)) && error.status() == 301, "{error:?}");
    }
}
