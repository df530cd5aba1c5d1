//! One AWS call for the questions that many tasks ask at once. A kind declares such a call as a [`Bulk`].
//!
//! **Guarantees**: an answer is never older than its question: a call takes only keys that were asked for before it was
//! sent. No question waits for another one, only for one turn of the scheduler. If the task that asked first is
//! dropped, the others drive the call on.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

use super::{Aws, AwsError};
use crate::mutex::lock;

/// A call that answers for many resources at once.
pub(crate) trait Bulk: 'static {
    type Item: Clone + Send + Sync + 'static;
    /// The most keys that one call takes.
    const LIMIT: usize = usize::MAX;

    /// Makes the call for a set of keys. A key that the answer lacks is absent.
    fn fetch(
        aws: Aws,
        keys: BTreeSet<String>,
    ) -> impl Future<Output = Result<BTreeMap<String, Self::Item>, AwsError>> + Send + 'static;
}

/// The questions of a run for one [`Bulk`].
struct Questions<B: Bulk>(Gather<B::Item>);

impl<B: Bulk> Default for Questions<B> {
    fn default() -> Self {
        Self(Gather::new(B::LIMIT))
    }
}

impl Aws {
    /// Asks for `key` together with all tasks that ask for another key of `B` before the scheduler's turn is over.
    ///
    /// # Errors
    /// The error of the call, for every task that asked.
    pub(crate) async fn gather<B: Bulk>(&self, key: &str) -> Result<Option<B::Item>, AwsError> {
        let (questions, aws) = (self.run.part::<Questions<B>>(), self.clone());
        questions.0.get(key, move |keys| B::fetch(aws, keys)).await
    }
}

type GatherResult<T> = Result<Arc<BTreeMap<String, T>>, AwsError>;
type Call<T> = BoxFuture<'static, GatherResult<T>>;

/// Questions by key that wait to be sent together.
pub(crate) struct Gather<T> {
    /// Most keys that one call takes.
    limit: usize,
    open: Mutex<Option<Open<T>>>,
}

/// A call that is not sent yet.
struct Open<T> {
    /// `None` once the call is sent: no task joins it any more.
    keys: Keys,
    call: WeakShared<Call<T>>,
}

type Keys = Arc<Mutex<Option<BTreeSet<String>>>>;

impl<T: Clone + Send + Sync + 'static> Gather<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::new(None) }
    }

    /// Asks for `key` together with all tasks that ask before the scheduler's turn is over.
    /// `fetch` answers a set of keys; a key that its answer lacks is absent.
    ///
    /// # Errors
    /// The error of `fetch`, for every task that asked.
    pub(crate) async fn get<F>(
        &self,
        key: &str,
        fetch: impl FnOnce(BTreeSet<String>) -> F + Send + 'static,
    ) -> Result<Option<T>, AwsError>
    where
        F: Future<Output = Result<BTreeMap<String, T>, AwsError>> + Send + 'static,
    {
        let call = self.join(key, fetch);
        tokio::task::yield_now().await;
        let answer = call.await?;
        Ok(answer.get(key).cloned())
    }

    fn join<F>(&self, key: &str, fetch: impl FnOnce(BTreeSet<String>) -> F + Send + 'static) -> Shared<Call<T>>
    where
        F: Future<Output = Result<BTreeMap<String, T>, AwsError>> + Send + 'static,
    {
        let mut open = lock(&self.open);
        if let Some(call) = open.as_ref().and_then(|open| open.add(key, self.limit)) {
            return call;
        }
        let keys: Keys = Arc::new(Mutex::new(Some(BTreeSet::from([key.to_owned()]))));
        let taken = keys.clone();
        let call = async move {
            let keys = lock(&taken).take().unwrap_or_default();
            fetch(keys).await.map(Arc::new)
        };
        let call = call.boxed().shared();
        *open = call.downgrade().map(|call| Open { keys, call });
        call
    }
}

impl<T> Open<T> {
    /// Adds a key, unless the call is sent already, full, or dropped by all tasks.
    fn add(&self, key: &str, limit: usize) -> Option<Shared<Call<T>>> {
        let call = self.call.upgrade()?;
        let mut keys = lock(&self.keys);
        let keys = keys.as_mut()?;
        if keys.len() >= limit && !keys.contains(key) {
            return None;
        }
        keys.insert(key.to_owned());
        Some(call)
    }
}

/// Reads two halves of one resource: at once if it most likely exists, else the second one only if the first finds
/// anything. `None` if either finds nothing.
///
/// # Errors
/// The first error of the two.
pub(crate) async fn both<A, B>(
    hoped: bool,
    first: impl Future<Output = Result<Option<A>, AwsError>>,
    second: impl Future<Output = Result<Option<B>, AwsError>>,
) -> Result<Option<(A, B)>, AwsError> {
    let (first, second) = if hoped {
        tokio::try_join!(first, second)?
    } else {
        let Some(first) = first.await? else { return Ok(None) };
        (Some(first), second.await?)
    };
    Ok(first.zip(second))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    /// Answers each key with the number of the call that asked for it; keys with an `x` are absent.
    async fn number_keys(calls: Arc<AtomicUsize>, keys: BTreeSet<String>) -> Result<BTreeMap<String, usize>, AwsError> {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        Ok(keys.into_iter().filter(|key| !key.contains('x')).map(|key| (key, call)).collect())
    }

    async fn ask(gather: &Gather<usize>, calls: &Arc<AtomicUsize>, key: &str) -> Option<usize> {
        let calls = calls.clone();
        gather.get(key, move |keys| number_keys(calls, keys)).await.unwrap()
    }

    #[tokio::test]
    async fn questions_of_one_wave_become_as_few_calls_as_the_limit_allows() {
        let (gather, calls) = (Gather::new(100), Arc::new(AtomicUsize::new(0)));
        let keys: Vec<String> = (0..250).map(|n| n.to_string()).collect();
        let answers = join_all(keys.iter().map(|key| ask(&gather, &calls, key))).await;
        assert!(answers.iter().all(Option::is_some));
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn an_absent_key_is_absent_for_the_task_that_asked() {
        let (gather, calls) = (Gather::new(100), Arc::new(AtomicUsize::new(0)));
        let (here, gone) = tokio::join!(ask(&gather, &calls, "a"), ask(&gather, &calls, "x"));
        assert_eq!((here, gone), (Some(0), None));
    }

    #[tokio::test]
    async fn a_question_after_an_answer_makes_its_own_call() {
        let (gather, calls) = (Gather::new(100), Arc::new(AtomicUsize::new(0)));
        assert_eq!(ask(&gather, &calls, "a").await, Some(0));
        assert_eq!(ask(&gather, &calls, "a").await, Some(1));
    }

    #[tokio::test]
    async fn a_question_after_the_call_was_sent_is_not_answered_by_it() {
        let gather = Gather::new(100);
        let (sent, is_sent) = tokio::sync::oneshot::channel();
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        let first = gather.get("a", move |_| async move {
            let _ = sent.send(());
            let _ = answered.await;
            Ok(BTreeMap::from([("a".to_owned(), "before the write")]))
        });
        let second = async {
            is_sent.await.unwrap();
            let second = gather.get("a", |_| async { Ok(BTreeMap::from([("a".to_owned(), "after it")])) }).await;
            answer.send(()).unwrap();
            second
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!((first.unwrap(), second.unwrap()), (Some("before the write"), Some("after it")));
    }

    #[tokio::test]
    async fn the_task_that_asked_first_may_be_dropped() {
        let (gather, calls) = (Gather::new(100), Arc::new(AtomicUsize::new(0)));
        let mut first = Box::pin(ask(&gather, &calls, "a"));
        assert!(futures::poll!(first.as_mut()).is_pending());
        let mut second = Box::pin(ask(&gather, &calls, "b"));
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(first);
        assert_eq!(second.await, Some(0));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_error_reaches_everyone_and_the_next_question_is_sent_again() {
        let gather = Gather::<usize>::new(100);
        let fail = |_| async { Err(AwsError::Fenced { operation: "test:Call" }) };
        let (a, b) = tokio::join!(gather.get("a", fail), gather.get("b", fail));
        assert!(a.is_err() && b.is_err());
        assert!(gather.get("a", |_| async { Ok(BTreeMap::new()) }).await.unwrap().is_none());
    }
}
