//! Waits: a named condition, a deadline, dense polls first.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::AwsError;

/// What a poll saw.
pub enum Poll<T> {
    Ready(T),
    /// Not yet, and what it looks like instead.
    Pending(String),
}

/// Polls until `condition` holds: after 50 ms, then ×1.6 up to 5 s apart.
///
/// # Errors
/// [`AwsError::Deadline`] with the last thing seen, or whatever the poll itself returns.
pub async fn until<T, F>(condition: &str, deadline: Duration, mut poll: impl FnMut() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<Poll<T>, AwsError>>,
{
    let start = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        let last = match poll().await? {
            Poll::Ready(value) => return Ok(value),
            Poll::Pending(seen) => seen,
        };
        if start.elapsed() + pause > deadline {
            return Err(AwsError::Deadline {
                condition: condition.to_owned(),
                waited_s: start.elapsed().as_secs(),
                last: Some(last),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 8 / 5).min(Duration::from_secs(5));
    }
}
