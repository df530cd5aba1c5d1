//! The way of a call to AWS: counted, slowed to AWS's documented rates, and refused once the state lock is lost.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::flow::{Flow, Turn};
use super::upload::Uploads;
use super::{Aws, AwsError, fence, service, tagged, wait};
use crate::mutex::lock;

/// Pause after the first poll of [`Aws::until`].
const FIRST_POLL: Duration = Duration::from_millis(10);
const FIRST_POLL_ON_AWS: Duration = Duration::from_millis(100);

/// Time between two moments of [`Aws::shared_look`].
const LOOKS_APART: Duration = Duration::from_millis(20);
/// On AWS, changes take seconds to appear, and each look counts against a rate.
const LOOKS_APART_ON_AWS: Duration = Duration::from_secs(1);

/// The calls of a run: how many may be in progress, and how many were made.
pub(super) struct Traffic {
    flow: Flow,
    reads: AtomicU64,
    writes: AtomicU64,
    operations: Mutex<Vec<&'static str>>,
    pub(super) uploads: Uploads,
}

impl Traffic {
    /// At most `calls` are in progress at once. The counts continue from `(reads, writes)`.
    pub(super) fn new(calls: usize, (reads, writes): (u64, u64)) -> Self {
        Self {
            flow: Flow::new(calls),
            reads: reads.into(),
            writes: writes.into(),
            operations: Mutex::default(),
            uploads: Uploads::default(),
        }
    }
}

impl Aws {
    /// Makes one AWS call. `operation` is its IAM-style name, `sqs:CreateQueue`. The future is on the heap, because the
    /// SDK's futures are large and kinds have many of them.
    ///
    /// # Errors
    /// AWS's refusal as [`AwsError`]; [`AwsError::Fenced`] for a write after the lock was lost.
    pub fn call<'a, T, E>(
        &'a self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, Response>>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, AwsError>>
    where
        T: Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let call = call.boxed();
        async move {
            let _turn = self.admit(operation).await?;
            let refused = match call.await {
                Ok(answer) => return Ok(answer),
                Err(e) if fence::FenceClosed::is_cause_of(&e) => return Err(AwsError::Fenced { operation }),
                Err(e) => AwsError::of(operation, e),
            };
            // The SDK reports a throttle to the budgets only where it retries.
            if refused.is_throttle() {
                self.clients.budgets.slow_down(operation);
            }
            Err(refused)
        }
        .boxed()
    }

    /// Waits until `operation` may be sent, and counts it. Separate from [`Aws::call`], which is compiled once for each
    /// AWS operation.
    pub(super) fn admit(&self, operation: &'static str) -> BoxFuture<'_, Result<Option<Turn<'_>>, AwsError>> {
        async move {
            let write = is_write(operation);
            self.clients.budgets.take(operation, self.place.endpoint_url.is_some()).await;
            let turn = if answers_many(operation) { None } else { self.traffic.flow.turn().await };
            if write && !self.may_write() {
                return Err(AwsError::Fenced { operation });
            }
            wait::record_call();
            let counter = if write { &self.traffic.writes } else { &self.traffic.reads };
            counter.fetch_add(1, Ordering::Relaxed);
            lock(&self.traffic.operations).push(operation);
            Ok(turn)
        }
        .boxed()
    }

    /// Makes one call that may find nothing: the `absent` codes become `None`.
    pub fn find<'a, T, E>(
        &'a self,
        operation: &'static str,
        absent: &'a [&'a str],
        call: impl Future<Output = Result<T, SdkError<E, Response>>> + Send + 'a,
    ) -> BoxFuture<'a, Result<Option<T>, AwsError>>
    where
        T: Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let call = self.call(operation, call);
        let found = |answer| match answer {
            Ok(found) => Ok(Some(found)),
            Err(e) => {
                if AwsError::is(&e, absent) {
                    Ok(None)
                } else {
                    Err(e)
                }
            }
        };
        call.map(found).boxed()
    }

    /// Polls until `condition` holds: often at first, and less often on the real AWS, where each poll counts against a
    /// rate.
    ///
    /// # Errors
    /// [`AwsError::Deadline`] with the result of the last poll, or the poll's own error.
    pub(crate) async fn until<T, F>(
        &self,
        condition: &str,
        deadline: Duration,
        poll: impl FnMut() -> F,
    ) -> Result<T, AwsError>
    where
        F: Future<Output = Result<wait::Poll<T>, AwsError>>,
    {
        let first = if self.place.endpoint_url.is_some() { FIRST_POLL } else { FIRST_POLL_ON_AWS };
        wait::until(first, condition, deadline, poll).await
    }

    /// Waits for the next common moment to look. All tasks that wait for the same kind of thing look then, so they can
    /// share a call.
    pub(crate) async fn shared_look(&self) {
        let apart = if self.place.endpoint_url.is_some() { LOOKS_APART } else { LOOKS_APART_ON_AWS };
        tokio::time::sleep_until(self.run.next_moment(apart)).await;
    }

    /// Lets this run write only while `permit` returns true. It is called before each attempt of each call.
    pub fn write_while(&self, permit: impl Fn() -> bool + Send + Sync + 'static) {
        self.clients.fence.ask(permit);
    }

    /// Tells whether a writing call may be sent now.
    pub fn may_write(&self) -> bool {
        self.clients.fence.is_open()
    }

    /// Counts the calls made so far: (reads, writes).
    pub fn calls(&self) -> (u64, u64) {
        (self.traffic.reads.load(Ordering::Relaxed), self.traffic.writes.load(Ordering::Relaxed))
    }

    /// Lists every call made so far, in order of sending.
    pub fn calls_made(&self) -> Vec<&'static str> {
        lock(&self.traffic.operations).clone()
    }
}

/// Tells whether a call reads many resources at once. Such calls are few, and other reads wait for their answers, so
/// they need no turn.
fn answers_many(operation: &str) -> bool {
    operation == tagged::OPERATION
        || service::of(operation).is_some_and(|service| service.for_many.contains(&operation))
}

/// Tells a writing operation from a reading one by its verb, as IAM's access levels do.
pub fn is_write(operation: &str) -> bool {
    let verb = operation.split_once(':').map_or(operation, |(_, verb)| verb);
    !["Get", "List", "Describe", "Head"].iter().any(|read| verb.starts_with(read))
}
