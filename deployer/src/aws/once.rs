//! Creations that must not be repeated blindly, because AWS or an emulator would create a second resource.

use std::future::Future;
use std::time::Duration;

use super::AwsError;
use super::wait::pause;

/// The number of attempts that the SDK makes, too.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const WHY: &str = "AWS did not answer, and what it may have made is looked for";

/// Makes `call`, for which the SDK's retries must be off. If the answer leaves open whether the call took effect (no
/// answer, or a 5xx), `look` searches for the result first, and the call is repeated only if `look` finds nothing.
///
/// # Errors
/// The last error of `call`, or the error of `look`.
pub async fn once<T, C, L>(mut call: impl FnMut() -> C, mut look: impl FnMut() -> L) -> Result<T, AwsError>
where
    C: Future<Output = Result<T, AwsError>>,
    L: Future<Output = Result<Option<T>, AwsError>>,
{
    // On the heap: the futures of SDK calls have many kilobytes, and these are nested.
    let mut length = FIRST_PAUSE;
    for attempt in 1.. {
        let error = match Box::pin(call()).await {
            Err(error) if is_open(&error) => error,
            settled => return settled,
        };
        pause(length, WHY).await;
        if let Some(made) = Box::pin(look()).await? {
            return Ok(made);
        }
        if attempt == ATTEMPTS {
            return Err(error);
        }
        length *= 2;
    }
    unreachable!("the last attempt returns")
}

/// Tells whether the call may have taken effect despite the error.
fn is_open(error: &AwsError) -> bool {
    match error {
        AwsError::Transport { .. } => !error.is_credentials(),
        AwsError::Service(answer) => answer.status >= 500,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::aws::{Cause, ServiceError};

    fn silence() -> AwsError {
        AwsError::Transport { operation: "lambda:AddPermission", message: "no answer".into(), cause: Cause::Network }
    }

    fn answer(status: u16) -> AwsError {
        AwsError::Service(Box::new(ServiceError {
            operation: "lambda:AddPermission",
            code: "Some".into(),
            message: String::new(),
            status,
            request_id: None,
            retry_after_s: None,
            needed: None,
        }))
    }

    /// Runs calls with these answers in turn, each with whether it takes effect. Returns the result, and how many were
    /// made and sent.
    async fn after(script: Vec<(Result<u32, AwsError>, bool)>) -> (Result<u32, AwsError>, u32, u32) {
        let (script, made, calls) = (RefCell::new(script.into_iter()), Cell::new(0), Cell::new(0));
        let call = || async {
            let (answer, effect) = script.borrow_mut().next().expect("no further call");
            made.set(made.get() + u32::from(effect));
            calls.set(calls.get() + 1);
            answer
        };
        let look = || async { Ok((made.get() > 0).then_some(7)) };
        let result = once(call, look).await;
        (result, made.get(), calls.get())
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_lost_answer_made_is_found_and_not_made_twice() {
        for lost in [silence(), answer(500), answer(503)] {
            let (found, made, calls) = after(vec![(Err(lost), true)]).await;
            assert_eq!((found.ok(), made, calls), (Some(7), 1, 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_arrived_is_sent_again_a_few_times() {
        let (found, made, calls) = after(vec![(Err(silence()), false), (Err(answer(500)), false), (Ok(1), true)]).await;
        assert_eq!((found.ok(), made, calls), (Some(1), 1, 3));
        let (found, made, calls) = after((0..ATTEMPTS).map(|_| (Err(answer(502)), false)).collect()).await;
        assert_eq!((found.map_err(|e| e.status()), made, calls), (Err(502), 0, ATTEMPTS));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final() {
        let (found, _, calls) = after(vec![(Err(answer(409)), false)]).await;
        assert_eq!((found.map_err(|e| e.status()), calls), (Err(409), 1));
    }
}
