//! The wait that S3's kinds share.

use std::time::Duration;

use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError};

const SPREAD_WITHIN: Duration = Duration::from_secs(30);

/// Asks until S3 reports a write, so that the next plan does not mistake the old values for somebody else's changes. A
/// write that S3 has not reported within 30 s appears later; that is no failure. `condition` completes "waiting for …".
///
/// # Errors
/// The error of `is_told`.
pub(super) async fn until_told<F>(aws: &Aws, condition: &str, is_told: impl Fn() -> F) -> Result<(), AwsError>
where
    F: Future<Output = Result<bool, AwsError>>,
{
    let told = aws.until(condition, SPREAD_WITHIN, || async {
        Ok(if is_told().await? { Poll::Ready(()) } else { Poll::Pending("not yet".to_owned()) })
    });
    match told.await {
        Err(AwsError::Deadline { .. }) => Ok(()),
        told => told,
    }
}
