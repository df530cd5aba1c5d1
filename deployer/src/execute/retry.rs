//! Repeats calls after refusals that time alone cures.
//!
//! The SDK itself repeats throttled calls and broken connections. The refusals here are those that it takes as final.
//! Each is one [`Cure`], with how long to repeat the call and why: in the kind whose calls it is about, in the service
//! if it is about several kinds, or here if any service may send it.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::aws::service::{self, Cure, THROTTLED, cure};
use crate::aws::{AwsError, wait};
use crate::kinds::REGISTRY;

/// Refusals that any service may send.
const ANY: &[Cure] = &[
    cure("", "Throttling", "", 120, THROTTLED),
    cure("", "ThrottlingException", "", 120, THROTTLED),
    cure("", "RequestThrottled", "", 120, THROTTLED),
    cure("", "TooManyRequestsException", "", 120, THROTTLED),
    cure("", "SlowDown", "", 120, THROTTLED),
    cure("", "RequestLimitExceeded", "", 120, THROTTLED),
    // An answer without a code, which the SDK treats as final.
    cure("", "Http429", "", 120, THROTTLED),
];

/// Finds the cure of a refusal: first among those of single kinds, then of the service, then of all services.
fn cure_of(error: &AwsError) -> Option<&'static Cure> {
    let AwsError::Service(refusal) = error else { return None };
    let of_kinds = REGISTRY.iter().flat_map(|kind| kind.about().calls.cures);
    let of_service = service::of(error.operation()).map_or(&[][..], |service| service.cures);
    of_kinds.chain(of_service).chain(ANY).find(|cure| {
        error.operation().starts_with(cure.operation)
            && error.code() == cure.code
            && error.message().contains(cure.text)
            && (!cure.asked || refusal.retry_after_s.is_some())
    })
}

/// Repeats `operation` as long as its refusal is one that passes with time: after 250 ms, then ×1.6 up to 5 s apart, or
/// longer if AWS asks for it.
///
/// # Errors
/// The last answer, if its window has passed or it is not curable.
pub async fn retrying<T, F>(mut operation: impl FnMut() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    // Measured from the first refusal on: before that, the call may have waited for AWS's rate.
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
        if since.elapsed() + next > wait::window(Duration::from_secs(cure.window_s)) {
            return Err(error);
        }
        tracing::debug!(%error, why = cure.why, "trying again");
        wait::pause(next, cure.why).await;
        pause = (pause * 8 / 5).min(Duration::from_secs(5));
    }
}

#[cfg(test)]
mod tests;
