//! Follows work that Lambda continues after it has answered: functions on their way to Active, updates, deletions.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{LastUpdateStatus, State};

use super::{ABSENT, DELETING, READY_WITHIN};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError, ServiceError};

/// Calls DeleteFunction. AWS continues after its answer, unless the answer says that the deletion is finished.
pub(super) async fn remove(aws: &Aws, name: &str) -> Result<(), AwsError> {
    let call = aws.clients.lambda.delete_function().function_name(name).send();
    let answer = aws.find("lambda:DeleteFunction", ABSENT, call).await?;
    if answer.is_none_or(|answer| answer.status_code == NO_CONTENT) {
        aws.run.note_done(removed_key(name));
    }
    Ok(())
}

/// The status of a DeleteFunction after which the function does not exist. 202 means that the deletion is in progress.
const NO_CONTENT: i32 = 204;

/// The key under which `aws.run.is_done` knows a function whose deletion AWS finished before it answered.
fn removed_key(name: &str) -> String {
    format!("lambda:DeleteFunction {name}")
}

/// Follows a deletion to its end. Makes no call if AWS has already reported the end.
pub(super) async fn removal(aws: &Aws, name: &str) -> Result<(), AwsError> {
    if aws.run.is_done(&removed_key(name)) { Ok(()) } else { wait_until_deleted(aws, name).await }
}

/// Waits until the name is free again.
pub(super) async fn wait_until_deleted(aws: &Aws, name: &str) -> Result<(), AwsError> {
    aws.until(&format!("function {name} to be gone"), READY_WITHIN, || async {
        let call = aws.clients.lambda.get_function().function_name(name).send();
        Ok(match aws.find("lambda:GetFunction", ABSENT, call).await? {
            None => Poll::Ready(()),
            Some(found) => Poll::Pending(format!("{:?}", found.configuration().and_then(|c| c.state()))),
        })
    })
    .await
}

/// Tells whether AWS is still deleting a function of this name.
pub(super) async fn is_going(aws: &Aws, name: &str) -> Result<bool, AwsError> {
    let call = aws.clients.lambda.get_function().function_name(name).send();
    let found = aws.find("lambda:GetFunction", ABSENT, call).await?;
    let state = found.as_ref().and_then(|found| found.configuration()).and_then(|c| c.state());
    Ok(state.is_none_or(|state| state.as_str() == DELETING) && (found.is_none() || state.is_some()))
}

/// A function of which no change is in progress.
struct SettledFunction {
    state: Option<State>,
    state_reason: (String, String),
    last_update: Option<LastUpdateStatus>,
    last_update_reason: (String, String),
}

/// Waits until neither a creation nor an update is in progress. Right after create GetFunction may not know the
/// function yet; unknown states count as in progress.
async fn wait_until_settled(aws: &Aws, name: &str) -> Result<SettledFunction, AwsError> {
    aws.until(&format!("function {name} to be Active with no update in progress"), READY_WITHIN, || async {
        let call = aws.clients.lambda.get_function().function_name(name).send();
        let Some(found) = aws.find("lambda:GetFunction", ABSENT, call).await? else {
            return Ok(Poll::Pending("no such function yet".into()));
        };
        let c = found.configuration.ok_or_else(|| AwsError::missing("lambda:GetFunction", "Configuration"))?;
        let resting = matches!(c.state, None | Some(State::Active | State::Inactive | State::Failed));
        if !resting || c.last_update_status == Some(LastUpdateStatus::InProgress) {
            return Ok(Poll::Pending(format!("state {:?}, last update {:?}", c.state, c.last_update_status)));
        }
        let text = |code: Option<&str>, reason: Option<String>| {
            (code.unwrap_or_default().to_owned(), reason.unwrap_or_default())
        };
        Ok(Poll::Ready(SettledFunction {
            state_reason: text(c.state_reason_code.as_ref().map(|c| c.as_str()), c.state_reason),
            last_update_reason: text(
                c.last_update_status_reason_code.as_ref().map(|c| c.as_str()),
                c.last_update_status_reason,
            ),
            state: c.state,
            last_update: c.last_update_status,
        }))
    })
    .await
}

/// As [`ready`], with as few calls as possible when many functions are waited for at once.
pub(super) async fn follow_until_ready(aws: &Aws, name: &str, operation: &'static str) -> Result<(), AwsError> {
    let why = format!("function {name} to be Active with no update in progress");
    aws.run.paces().follow(operation, &why, || ready(aws, name, operation)).await
}

/// Waits like [`wait_until_settled`] and reports a failure as `operation`'s own.
pub(super) async fn ready(aws: &Aws, name: &str, operation: &'static str) -> Result<(), AwsError> {
    let seen = wait_until_settled(aws, name).await?;
    if seen.state == Some(State::Failed) {
        return Err(failure(operation, &seen.state_reason.0, &seen.state_reason.1, 200));
    }
    if seen.last_update == Some(LastUpdateStatus::Failed) {
        return Err(failure(operation, &seen.last_update_reason.0, &seen.last_update_reason.1, 200));
    }
    Ok(())
}

/// Refuses an answer of GetFunction whose tags the caller may not see: nobody could tell whose the function is.
pub(super) fn with_tags(found: &GetFunctionOutput) -> Result<(), AwsError> {
    match found.tags_error() {
        Some(refused) => Err(failure("lambda:ListTags", refused.error_code(), refused.message(), 403)),
        None => Ok(()),
    }
}

/// Refuses an answer of GetFunction that leaves the variables out because the caller may not decrypt them: each
/// variable would look as if somebody had removed it.
pub(super) fn with_environment(found: &GetFunctionOutput) -> Result<(), AwsError> {
    let refused = found.configuration().and_then(|c| c.environment()?.error());
    match refused.filter(|refused| refused.error_code().is_some_and(|code| code.contains("AccessDenied"))) {
        Some(refused) => {
            Err(failure("kms:Decrypt", "AccessDeniedException", refused.message().unwrap_or_default(), 403))
        }
        None => Ok(()),
    }
}

/// Converts a failure that AWS reports in an answer's body instead of as an error answer.
pub(super) fn failure(operation: &'static str, code: &str, message: &str, status: u16) -> AwsError {
    AwsError::Service(Box::new(ServiceError {
        operation,
        code: code.to_owned(),
        message: message.to_owned(),
        status,
        request_id: None,
        retry_after_s: None,
        needed: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::played::answering;

    const DONE: &str = "204 No Content\r\nconnection: close\r\n\r\n";
    const ACCEPTED: &str = "202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    const GOING: &str = "200 OK\r\nconnection: close\r\ncontent-length: 38\r\n\r\n\
                         {\"Configuration\":{\"State\":\"Deleting\"}}";
    const ABSENT: &str = "404 Not Found\r\nconnection: close\r\nx-amzn-errortype: ResourceNotFoundException\r\n\
                          content-length: 2\r\n\r\n{}";

    #[tokio::test]
    async fn a_deletion_is_followed_where_aws_goes_on_with_it() {
        for (answers, looks) in [(&[DONE][..], 0), (&[ABSENT], 0), (&[ACCEPTED, GOING, ABSENT], 2)] {
            let aws = answering(answers).await;
            remove(&aws, "draw").await.expect("deleted");
            removal(&aws, "draw").await.expect("gone");
            assert_eq!(aws.calls(), (looks, 1), "{answers:?}");
        }
    }
}
