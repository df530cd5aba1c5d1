//! What is worth trying again, how long, and why, in words for people.
//!
//! The SDK itself repeats throttles and broken connections; these are the answers that it takes
//! as final and that time alone cures.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::aws::{AwsError, wait};

/// One curable answer.
struct Cure {
    /// Service prefix of the operation, "" for all.
    operation: &'static str,
    code: &'static str,
    /// Part of AWS's text, where the code alone says too little; "" for any.
    text: &'static str,
    window_s: u64,
    why: &'static str,
    /// Only where AWS says when to come back: else the code is that of a quota.
    asked: bool,
}

const fn cure(
    operation: &'static str,
    code: &'static str,
    text: &'static str,
    window_s: u64,
    why: &'static str,
) -> Cure {
    Cure { operation, code, text, window_s, why, asked: false }
}

const PRINCIPAL: &str = "IAM has not spread the principal yet";
const QUEUE: &str = "the new queue is not visible yet";
const ROLE: &str = "IAM has not spread the new role yet";
const GRANT: &str = "IAM has not spread the role's permissions yet";
const BUSY: &str = "an earlier change of the function is still in progress";
const UNSEEN: &str = "the new function is not visible everywhere yet";
const NETWORK: &str = "EC2 limits the rate at which the function's network is made";
const THROTTLED: &str = "AWS limits the rate of these calls";

/// The only place that reads AWS's texts; each text is one that AWS gives no code of its own for.
const CURES: &[Cure] = &[
    cure("lambda:", "InvalidParameterValueException", "cannot be assumed by Lambda", 180, ROLE),
    cure("lambda:", "InvalidParameterValueException", "execution role does not have permissions", 180, GRANT),
    cure("lambda:", "InvalidParameterValueException", "ensure the role can perform", 180, GRANT),
    cure("lambda:", "InvalidParameterValueException", "KMS key is invalid for CreateGrant", 180, GRANT),
    cure(
        "lambda:CreateEventSourceMapping",
        "InvalidParameterValueException",
        "Queue visibility timeout",
        60,
        "SQS has not spread the queue's visibility timeout yet",
    ),
    cure(
        "lambda:UpdateEventSourceMapping",
        "InvalidParameterValueException",
        "Queue visibility timeout",
        60,
        "SQS has not spread the queue's visibility timeout yet",
    ),
    // What others do to the function at the same moment, whichever call meets it.
    cure("lambda:", "ResourceConflictException", "concurrent update", 300, BUSY),
    cure("lambda:", "ResourceConflictException", "following state: Pending", 300, "AWS is still making the function"),
    cure("lambda:Update", "ResourceConflictException", "", 300, BUSY),
    cure("lambda:PublishVersion", "ResourceConflictException", "", 300, BUSY),
    cure("lambda:TagResource", "ResourceConflictException", "", 300, BUSY),
    cure("lambda:UntagResource", "ResourceConflictException", "", 300, BUSY),
    cure("lambda:Put", "ResourceConflictException", "", 300, BUSY),
    cure("lambda:Delete", "ResourceConflictException", "", 300, BUSY),
    cure("lambda:AddPermission", "ResourceConflictException", "in progress", 300, BUSY),
    cure("lambda:AddPermission", "PreconditionFailedException", "", 60, "another change of the function's policy"),
    cure("lambda:RemovePermission", "PreconditionFailedException", "", 60, "another change of the function's policy"),
    cure("lambda:AddPermission", "ResourceNotFoundException", "", 60, UNSEEN),
    cure("lambda:CreateEventSourceMapping", "ResourceNotFoundException", "", 120, UNSEEN),
    cure("lambda:PutFunctionConcurrency", "ResourceNotFoundException", "", 60, UNSEEN),
    cure("lambda:", "EC2ThrottledException", "", 540, NETWORK),
    cure("lambda:", "InvalidParameterValueException", "throttled by EC2", 540, NETWORK),
    cure("lambda:", "ResourceInUseException", "", 300, "the event source mapping is still changing"),
    cure("iam:", "MalformedPolicyDocument", "Invalid principal in policy", 120, PRINCIPAL),
    // One text for a malformed policy and for a principal that is new: the kind tells them apart.
    cure("sqs:", "InvalidAttributeValue", "parameter Policy", 60, PRINCIPAL),
    cure("sns:", "InvalidParameter", "PrincipalNotFound", 120, PRINCIPAL),
    cure("s3:PutBucketPolicy", "MalformedPolicy", "nvalid principal", 120, PRINCIPAL),
    cure("sqs:", "InvalidParameterValue", "Dead letter target does not exist", 60, QUEUE),
    cure("lambda:CreateEventSourceMapping", "InvalidParameterValueException", "NonExistentQueue", 60, QUEUE),
    cure("iam:", "DeleteConflict", "", 120, "IAM still sees something attached to the role"),
    cure("iam:", "ConcurrentModification", "", 120, "another change of the role is in progress"),
    cure("iam:", "ConcurrentModificationException", "", 120, "another change of the role is in progress"),
    cure("iam:Put", "NoSuchEntity", "", 60, ROLE),
    cure("iam:Attach", "NoSuchEntity", "", 60, ROLE),
    cure("sqs:", "QueueDeletedRecently", "", 90, "SQS frees a queue's name 60 s after its deletion"),
    cure(
        "sqs:",
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "",
        90,
        "SQS frees a queue's name 60 s after its deletion",
    ),
    cure("apigateway:", "TooManyRequestsException", "", 300, THROTTLED),
    Cure { asked: true, ..cure("apigateway:", "LimitExceededException", "", 300, THROTTLED) },
    cure("apigateway:", "LimitExceededException", "exceeded the rate limit", 300, THROTTLED),
    cure("apigateway:", "ConflictException", "try again later", 120, "another change of the API is in progress"),
    cure("apigateway:", "ConflictException", "oncurrent modification", 120, "another change of the API is in progress"),
    cure("sns:", "ConcurrentAccess", "", 60, "another change of the topic is in progress"),
    cure("sns:", "ConcurrentAccessException", "", 60, "another change of the topic is in progress"),
    cure("sns:", "StaleTag", "", 60, "SNS has not forgotten the deleted topic of this name yet"),
    cure("sns:", "StaleTagException", "", 60, "SNS has not forgotten the deleted topic of this name yet"),
    cure("sns:", "Throttled", "", 60, THROTTLED),
    cure("sns:", "ThrottledException", "", 60, THROTTLED),
    cure("s3:", "OperationAborted", "", 120, "another change of the bucket is in progress"),
    cure("s3:", "ConditionalRequestConflict", "", 60, "another write of the object is in progress"),
    cure("s3:Put", "NoSuchBucket", "", 120, "the new bucket is not visible everywhere yet"),
    cure("logs:", "OperationAbortedException", "", 60, "another change of the log group is in progress"),
    cure("", "Throttling", "", 120, THROTTLED),
    cure("", "ThrottlingException", "", 120, THROTTLED),
    cure("", "RequestThrottled", "", 120, THROTTLED),
    cure("", "TooManyRequestsException", "", 120, THROTTLED),
    cure("", "SlowDown", "", 120, THROTTLED),
    cure("", "RequestLimitExceeded", "", 120, THROTTLED),
    // An answer without a code: the SDK takes it as final.
    cure("", "Http429", "", 120, THROTTLED),
];

fn cure_of(error: &AwsError) -> Option<&'static Cure> {
    let AwsError::Service(service) = error else { return None };
    CURES.iter().find(|cure| {
        error.operation().starts_with(cure.operation)
            && error.code() == cure.code
            && error.message().contains(cure.text)
            && (!cure.asked || service.retry_after_s.is_some())
    })
}

/// Repeats `operation` while its answer is one that time cures: after 250 ms, then ×1.6 up to
/// 5 s apart, or longer where AWS asks for it.
///
/// # Errors
/// The last answer, when its window has passed or it is not curable.
pub async fn retrying<T, F>(mut operation: impl FnMut() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    // From the first refusal on: before it the call may have waited for AWS's rate.
    let mut refused_since = None;
    let mut pause = Duration::from_millis(250);
    loop {
        let error = match operation().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(cure) = cure_of(&error) else { return Err(error) };
        let asked = match &error {
            AwsError::Service(service) => service.retry_after_s.map(Duration::from_secs),
            _ => None,
        };
        let next = asked.map_or(pause, |asked| asked.max(pause));
        let since = *refused_since.get_or_insert_with(Instant::now);
        if since.elapsed() + next > Duration::from_secs(cure.window_s) {
            return Err(error);
        }
        tracing::debug!(%error, why = cure.why, "trying again");
        wait::pause(next, cure.why).await;
        pause = (pause * 8 / 5).min(Duration::from_secs(5));
    }
}

#[cfg(test)]
mod tests;
