//! Waits until IAM, which is eventually consistent, knows a new role.

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use super::{ABSENT, is_arn};
use crate::aws::{Aws, AwsError, wait};
use crate::mutex::{into_inner, lock};

/// Waits until GetRole finds the role and gives its ARN.
pub(super) async fn wait_until_reported(aws: &Aws, role: &str) -> Result<(), AwsError> {
    aws.until(&format!("IAM to report the role {role}"), Duration::from_secs(120), || async {
        let call = aws.clients.iam.get_role().role_name(role).send();
        let found = aws.find("iam:GetRole", ABSENT, call).await?.and_then(|found| found.role);
        Ok(match found {
            Some(role) if is_arn(&role.arn) => wait::Poll::Ready(()),
            Some(role) => wait::Poll::Pending(format!("its ARN is {}", role.arn)),
            None => wait::Poll::Pending("NoSuchEntity".into()),
        })
    })
    .await
}

/// Repeats a call while some of IAM's servers do not know the role yet; fails with AWS's own last answer.
pub(super) async fn once_known<F>(aws: &Aws, mut call: impl FnMut() -> F) -> Result<(), AwsError>
where
    F: Future<Output = Result<(), AwsError>>,
{
    let last = Mutex::new(None);
    let waited = aws
        .until("IAM to know the role everywhere", Duration::from_secs(20), || {
            let (attempt, last) = (call(), &last);
            async move {
                match attempt.await {
                    Err(e) if e.is(ABSENT) => {
                        let seen = e.to_string();
                        *lock(last) = Some(e);
                        Ok(wait::Poll::Pending(seen))
                    }
                    other => other.map(wait::Poll::Ready),
                }
            }
        })
        .await;
    match (waited, into_inner(last)) {
        (Err(AwsError::Deadline { .. }), Some(answer)) => Err(answer),
        (waited, _) => waited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_role_not_known_everywhere_is_asked_again_and_the_last_answer_is_kept() {
        let unknown = || {
            AwsError::Service(Box::new(crate::aws::ServiceError {
                operation: "iam:PutRolePolicy",
                code: "NoSuchEntity".into(),
                message: String::new(),
                status: 404,
                request_id: None,
                retry_after_s: None,
                needed: None,
            }))
        };
        let aws = crate::aws::played::answering(&[]).await;
        let mut calls = 0;
        let third = once_known(&aws, || {
            calls += 1;
            let answer = if calls < 3 { Err(unknown()) } else { Ok(()) };
            async move { answer }
        });
        third.await.unwrap();
        assert_eq!(calls, 3);
        let never = once_known(&aws, || async { Err(unknown()) }).await.unwrap_err();
        assert_eq!(never.code(), "NoSuchEntity");
    }
}
