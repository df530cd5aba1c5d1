//! How a function leaves its VPC: Lambda deletes the network interfaces minutes later, in the name of the function's role.

use std::time::Duration;

use super::{Function, versions};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError};

/// AWS speaks of 20 minutes; twice that has been seen.
const LEFT_WITHIN: Duration = Duration::from_secs(45 * 60);

/// Waits until no interface of the function is left. What it ran with, its role before all, has to stay until then: else
/// the interfaces stay for ever, and the user's subnets and security groups cannot be deleted.
pub(super) async fn left(aws: &Aws, function: &str) -> Result<(), AwsError> {
    aws.until(&format!("Lambda to delete the network interfaces of {function}"), LEFT_WITHIN, || async {
        let left = aws.interfaces_of(function).await?;
        Ok(if left.is_empty() { Poll::Ready(()) } else { Poll::Pending(left.join(", ")) })
    })
    .await
}

/// After a change of the network: published versions hold on to the interfaces that they ran with, so those of another
/// network go. Where the function is in none any more, its interfaces go after them.
pub(super) async fn moved(aws: &Aws, live: &Function, want: &Function) -> Result<(), AwsError> {
    versions::leave(aws, want).await;
    if live.vpc_config.is_none() || want.vpc_config.is_some() {
        return Ok(());
    }
    match left(aws, &want.function_name).await {
        // Who may change the function may not have been allowed to look.
        Err(refused) if refused.is_access_denied() => {
            tracing::warn!(%refused, "the network interfaces cannot be followed");
            Ok(())
        }
        left => left,
    }
}
