//! The duration of work that AWS finishes by itself, measured on the first few resources.
//!
//! A hundred functions created at once are Active at about the same age. Polling all of them shows no more than polling
//! a few: the others wait for the duration that those measured, and poll when they are likely to be Active.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{AwsError, wait};
use crate::mutex::lock;

/// Tasks that poll from the beginning.
const SCOUTS: usize = 4;
/// The longest wait for the first tasks to finish.
const PATIENCE: Duration = Duration::from_secs(2);

/// The durations measured so far, by the operation that AWS finishes.
#[derive(Default)]
pub(crate) struct Paces {
    seen: Mutex<HashMap<&'static str, Arc<Pace>>>,
}

struct Pace {
    scouts: Mutex<usize>,
    /// The shortest duration so far.
    usual: watch::Sender<Option<Duration>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { scouts: Mutex::default(), usual: watch::channel(None).0 }
    }
}

impl Paces {
    /// Runs `poll`, which polls until the work is finished. If other tasks wait for the same operation, first waits
    /// until it is likely to be finished, and reports `why`.
    ///
    /// # Errors
    /// The error of `poll`.
    pub(crate) async fn follow<T, F>(
        &self,
        what: &'static str,
        why: &str,
        poll: impl FnOnce() -> F,
    ) -> Result<T, AwsError>
    where
        F: Future<Output = Result<T, AwsError>>,
    {
        let began = Instant::now();
        let pace = lock(&self.seen).entry(what).or_default().clone();
        if !pace.is_scout() {
            let mut usual = pace.usual.subscribe();
            let known = tokio::time::timeout(PATIENCE, usual.wait_for(Option::is_some)).await;
            let usual = known.ok().and_then(Result::ok).and_then(|usual| *usual);
            let rest = usual.unwrap_or_default().saturating_sub(began.elapsed());
            if !rest.is_zero() {
                wait::pause(rest, why).await;
            }
        }
        let done = poll().await?;
        let took = began.elapsed();
        pace.usual.send_if_modified(|usual| {
            let shorter = usual.is_none_or(|usual| took < usual);
            if shorter {
                *usual = Some(took);
            }
            shorter
        });
        Ok(done)
    }
}

impl Pace {
    fn is_scout(&self) -> bool {
        let mut scouts = lock(&self.scouts);
        *scouts += 1;
        *scouts <= SCOUTS
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::try_join_all;

    use super::*;

    /// Becomes true 500 ms after the start; counts the polls.
    async fn active(asked: &AtomicUsize) -> Result<(), AwsError> {
        let end = Instant::now() + Duration::from_millis(500);
        active_at(end, asked).await
    }

    async fn active_at(end: Instant, asked: &AtomicUsize) -> Result<(), AwsError> {
        wait::until(Duration::from_millis(50), "Active", Duration::from_secs(60), || async {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(if Instant::now() >= end { wait::Poll::Ready(()) } else { wait::Poll::Pending("Pending".into()) })
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_that_end_alike_are_asked_for_little_more_than_once_each() {
        let (paces, asked) = (Paces::default(), AtomicUsize::new(0));
        let start = Instant::now();
        let end = start + Duration::from_millis(500);
        try_join_all((0..100).map(|_| paces.follow("Active", "", || active_at(end, &asked)))).await.unwrap();
        assert!(asked.load(Ordering::Relaxed) < 150, "{asked:?}");
        assert!(start.elapsed() < Duration::from_millis(700), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_the_first_who_never_end() {
        let (paces, asked) = (Paces::default(), AtomicUsize::new(0));
        let start = Instant::now();
        let stuck = || std::future::pending::<Result<(), AwsError>>();
        let scouts = futures::future::join_all((0..SCOUTS).map(|_| paces.follow("Active", "", stuck)));
        let late = paces.follow("Active", "", || active(&asked));
        tokio::select! {
            _ = scouts => panic!("they never end"),
            done = late => done.unwrap(),
        }
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_teaches_nothing_and_is_returned() {
        let paces = Paces::default();
        let failed = || async { Err::<(), _>(AwsError::Fenced { operation: "test:Call" }) };
        assert!(paces.follow("Active", "", failed).await.is_err());
        assert!(paces.seen.lock().unwrap()["Active"].usual.borrow().is_none());
    }
}
