//! AWS as the kinds see it: one client a service, one way to make a call, one way to wait.
//!
//! Every call goes through [`Aws::call`] or [`Aws::find`]: that is where calls are counted,
//! slowed to AWS's documented rates, fenced when the state lock is lost, and where an SDK
//! error becomes an [`AwsError`].

pub(crate) mod apigateway;
pub mod bedrock;
pub mod clients;
mod dialect;
pub mod digest;
mod download;
pub mod error;
mod fence;
mod flow;
pub(crate) mod gather;
mod interfaces;
mod memo;
pub mod network;
mod once;
mod pace;
pub mod partition;
mod patience;
pub mod permission;
#[cfg(test)]
pub(crate) mod played;
pub mod policy;
pub mod profile;
pub mod rate;
pub mod service;
pub(crate) mod tagged;
pub mod tags;
mod upload;
pub mod wait;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::FutureExt;
use futures::future::BoxFuture;
use partition::Partition;

use tokio::time::Instant;

use crate::mutex::lock;

pub use clients::Clients;
pub use error::{AwsError, ServiceError};
pub use fence::Fence;
pub(crate) use memo::afresh;
pub(crate) use once::once;

/// Milliseconds between the moments of [`Aws::next_look`].
const LOOKS_APART: u128 = 20;
/// AWS takes seconds for what is looked for, and each look counts against its rates.
const LOOKS_APART_ON_AWS: u128 = 1_000;

/// After so long the first of [`Aws::until`]'s polls is repeated.
const FIRST_POLL: Duration = Duration::from_millis(10);
const FIRST_POLL_ON_AWS: Duration = Duration::from_millis(100);

/// Where the stack lives. ARNs and URLs are computed from it before anything exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub account: String,
    pub region: String,
    /// `aws`, `aws-cn`, … ([`partition::PARTITIONS`]).
    pub partition: String,
    /// A local AWS in place of the real one.
    pub endpoint_url: Option<String>,
}

impl Place {
    /// Builds an ARN in this place: `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// Names the partition that a region belongs to.
    pub fn partition_of(region: &str) -> &'static str {
        Partition::of(region).name
    }

    /// The end of host names in this partition: `amazonaws.com`, in China `amazonaws.com.cn`.
    pub fn suffix(&self) -> &'static str {
        Partition::named(&self.partition).unwrap_or_else(|| Partition::of(&self.region)).suffix
    }
}

/// The AWS that a run talks to.
#[derive(Clone)]
pub struct Aws {
    pub clients: Arc<Clients>,
    pub place: Place,
    pub(crate) gathered: Arc<Gathered>,
    /// Tags of others that are neither seen nor touched.
    pub(crate) ignored: Arc<tags::Ignored>,
    shared: Arc<Shared>,
}

/// Reads that one call answers for many resources.
pub(crate) struct Gathered {
    /// By name.
    pub(crate) alarms: gather::Gather<aws_sdk_cloudwatch::types::MetricAlarm>,
    /// By name.
    pub(crate) deleted_alarms: gather::Gather<()>,
    /// By name.
    pub(crate) log_groups: gather::Gather<aws_sdk_cloudwatchlogs::types::LogGroup>,
    /// By name.
    pub(crate) roles: gather::Gather<ListedRole>,
    /// By the ARN of the source.
    pub(crate) mappings: gather::Gather<Vec<aws_sdk_lambda::types::EventSourceMappingConfiguration>>,
    /// By the topic's ARN.
    pub(crate) subscriptions: gather::Gather<Vec<aws_sdk_sns::types::Subscription>>,
    /// By service and ARN: one that cannot list its resources' tags leaves the others theirs.
    tags: Mutex<HashMap<&'static str, Arc<gather::Gather<tags::Tags>>>>,
}

/// A role as two listings of IAM's have it.
pub(crate) type ListedRole = (Option<aws_sdk_iam::types::Role>, Option<aws_sdk_iam::types::RoleDetail>);

impl Default for Gathered {
    fn default() -> Self {
        Self {
            alarms: gather::Gather::new(100),
            deleted_alarms: gather::Gather::new(100),
            log_groups: gather::Gather::new(usize::MAX),
            mappings: gather::Gather::new(usize::MAX),
            roles: gather::Gather::new(usize::MAX),
            subscriptions: gather::Gather::new(usize::MAX),
            tags: Mutex::default(),
        }
    }
}

struct Shared {
    began: Instant,
    flow: flow::Flow,
    reads: AtomicU64,
    writes: AtomicU64,
    calls: Mutex<Vec<&'static str>>,
    serial: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    uploads: upload::Uploads,
    memo: memo::Memo,
    /// Ids by address that a person named for what AWS cannot find by a name.
    claims: Mutex<HashMap<String, String>>,
    /// Ids and tags that the last apply left, by kind and identity.
    expected: Mutex<HashMap<String, HashMap<String, Left>>>,
    /// Since when an interrupted run was about to make a resource, in seconds since 1970, by kind and identity.
    making: Mutex<HashMap<String, i64>>,
    /// How long AWS takes for what it finishes by itself.
    paces: pace::Paces,
    /// What this run has done once.
    done: Mutex<HashSet<String>>,
}

/// What the last apply left: the id and the tags.
type Left = (String, Option<tags::Tags>);

impl Aws {
    pub fn new(clients: Arc<Clients>, place: Place) -> Self {
        Self::with_calls(clients, place, flow::AT_FIRST)
    }

    /// As [`Aws::new`], with at most `calls` on their way at once.
    pub fn with_calls(clients: Arc<Clients>, place: Place, calls: usize) -> Self {
        let shared = Shared {
            began: Instant::now(),
            paces: pace::Paces::default(),
            flow: flow::Flow::new(calls),
            reads: AtomicU64::default(),
            writes: AtomicU64::default(),
            calls: Mutex::default(),
            serial: Mutex::default(),
            uploads: upload::Uploads::default(),
            memo: memo::Memo::default(),
            claims: Mutex::default(),
            expected: Mutex::default(),
            making: Mutex::default(),
            done: Mutex::default(),
        };
        Self { clients, place, gathered: Arc::default(), ignored: Arc::default(), shared: Arc::new(shared) }
    }

    /// Leaves these tags of others alone.
    #[must_use]
    pub fn ignoring(self, ignored: tags::Ignored) -> Self {
        Self { ignored: Arc::new(ignored), ..self }
    }

    /// The same AWS, of which this run knows nothing yet but what a person told it; calls are counted on.
    pub fn anew(&self, calls: usize) -> Self {
        let mut new = Self::with_calls(self.clients.clone(), self.place.clone(), calls);
        new.ignored = self.ignored.clone();
        let (reads, writes) = self.calls();
        new.shared.reads.store(reads, Ordering::Relaxed);
        new.shared.writes.store(writes, Ordering::Relaxed);
        let claims = lock(&self.shared.claims).clone();
        *lock(&new.shared.claims) = claims;
        new
    }

    /// Makes one AWS call. `operation` is its IAM-style name, `sqs:CreateQueue`. On the heap, for the SDK's futures
    /// are large and kinds have many of them.
    ///
    /// # Errors
    /// Whatever AWS refused, as [`AwsError`]; `Fenced` for a write after the lock was lost.
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
                Err(e) if fence::Closed::caused(&e) => return Err(AwsError::Fenced { operation }),
                Err(e) => AwsError::of(operation, e),
            };
            // Where the SDK does not send again, nothing else tells of it.
            if refused.is_throttle() {
                self.clients.budgets.slow_down(operation);
            }
            Err(refused)
        }
        .boxed()
    }

    /// Waits until `operation` may be sent, and counts it. Apart from [`Aws::call`], which is compiled anew for each of
    /// AWS's operations.
    fn admit(&self, operation: &'static str) -> BoxFuture<'_, Result<Option<flow::Turn<'_>>, AwsError>> {
        async move {
            let write = is_write(operation);
            self.clients.budgets.take(operation, self.place.endpoint_url.is_some()).await;
            let turn = if answers_many(operation) { None } else { self.shared.flow.turn().await };
            if write && !self.may_write() {
                return Err(AwsError::Fenced { operation });
            }
            wait::begun();
            let counter = if write { &self.shared.writes } else { &self.shared.reads };
            counter.fetch_add(1, Ordering::Relaxed);
            lock(&self.shared.calls).push(operation);
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

    /// Polls until `condition` holds: densely at first, but the real AWS, where each poll counts against a rate, less so.
    ///
    /// # Errors
    /// [`AwsError::Deadline`] with the last thing seen, or whatever the poll itself returns.
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

    /// How long ago this run began to read.
    pub(crate) fn age(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Waits for the next of the moments at which everybody looks who waits for the same kind of
    /// thing and can share a call.
    pub(crate) async fn next_look(&self) {
        let since = self.shared.began.elapsed().as_millis();
        let apart = if self.place.endpoint_url.is_some() { LOOKS_APART } else { LOOKS_APART_ON_AWS };
        let until = (since / apart + 1) * apart;
        let until = Duration::from_millis(u64::try_from(until).unwrap_or(u64::MAX));
        tokio::time::sleep_until(self.shared.began + until).await;
    }

    /// Waits for the turn among calls that AWS loses when they overlap (one function's policy,
    /// one API's resource tree). Hold the guard while calling.
    pub async fn turn(&self, key: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let mutex = {
            let mut serial = lock(&self.shared.serial);
            serial.entry(key.to_owned()).or_default().clone()
        };
        mutex.lock_owned().await
    }

    /// Takes a person's word that `address` is the resource with this id.
    pub fn claim(&self, address: &str, id: &str) {
        let mut claims = lock(&self.shared.claims);
        claims.insert(address.to_owned(), id.to_owned());
    }

    /// The id that a person named for `address`.
    pub fn claimed(&self, address: &str) -> Option<String> {
        lock(&self.shared.claims).get(address).cloned()
    }

    /// Notes that the last apply left the resource of this identity under `id`, with these tags. Only how reads are made
    /// depends on it, never what they find; but who is going to delete may take the tags from it of what has an owner
    /// by other means.
    pub fn expect(&self, kind: &str, identity: &[&str], id: &str, tags: Option<tags::Tags>) {
        let mut expected = lock(&self.shared.expected);
        expected.entry(kind.to_owned()).or_default().insert(identity_key(identity), (id.to_owned(), tags));
    }

    /// The id that the last apply left for this identity.
    pub(crate) fn expected(&self, kind: &str, identity: &[&str]) -> Option<String> {
        let expected = lock(&self.shared.expected);
        expected.get(kind)?.get(&identity_key(identity)).map(|(id, _)| id.clone())
    }

    /// Notes that an interrupted run was about to make the resource of this identity, since that second. What it made is
    /// told by that from what only looks like it.
    pub fn expect_made(&self, kind: &str, identity: &[&str], since_s: i64) {
        let mut making = lock(&self.shared.making);
        let since = making.entry(format!("{kind} {}", identity_key(identity))).or_insert(since_s);
        *since = since_s.min(*since);
    }

    /// The second since which an interrupted run was about to make the resource of this identity.
    pub(crate) fn making_since(&self, kind: &str, identity: &[&str]) -> Option<i64> {
        let making = lock(&self.shared.making);
        making.get(&format!("{kind} {}", identity_key(identity))).copied()
    }

    /// The tags that the last apply left on the resource of this identity.
    pub(crate) fn left_tags(&self, kind: &str, identity: &[&str]) -> Option<tags::Tags> {
        let expected = lock(&self.shared.expected);
        expected.get(kind)?.get(&identity_key(identity))?.1.clone()
    }

    /// Tells whether this run does `what` for the first time. What is tried again may have had an effect already.
    pub(crate) fn first_time(&self, what: String) -> bool {
        lock(&self.shared.done).insert(what)
    }

    /// Tells whether this run has done `what`.
    pub(crate) fn has_done(&self, what: &str) -> bool {
        lock(&self.shared.done).contains(what)
    }

    /// Gives what this run already read under `key`, or reads it, once for all who ask meanwhile.
    /// Whoever writes to what was read calls [`Aws::forget`].
    pub async fn remember<T: Send + Sync + 'static>(
        &self,
        key: &str,
        read: impl Future<Output = Result<T, AwsError>>,
    ) -> Result<Arc<T>, AwsError> {
        self.shared.memo.get(key, read).await
    }

    /// Makes the next [`Aws::remember`] of `key` read again.
    pub fn forget(&self, key: &str) {
        self.shared.memo.forget(key);
    }

    /// How long AWS takes for what it finishes by itself, as far as this run has seen.
    pub(crate) fn paces(&self) -> &pace::Paces {
        &self.shared.paces
    }

    /// Lets this run write only while `permit` says so, which is asked before each attempt of each call.
    pub fn write_while(&self, permit: impl Fn() -> bool + Send + Sync + 'static) {
        self.clients.fence.ask(permit);
    }

    /// Tells whether a writing call would be let through now.
    pub fn may_write(&self) -> bool {
        self.clients.fence.is_open()
    }

    /// Counts the calls made so far: (reads, writes).
    pub fn calls(&self) -> (u64, u64) {
        (self.shared.reads.load(Ordering::Relaxed), self.shared.writes.load(Ordering::Relaxed))
    }

    /// Lists every call made so far, in order of sending.
    pub fn calls_made(&self) -> Vec<&'static str> {
        lock(&self.shared.calls).clone()
    }
}

/// Reads for many resources at once are few, and others wait for their answers: they need no turn.
fn answers_many(operation: &str) -> bool {
    operation == tagged::OPERATION
        || service::of(operation).is_some_and(|service| service.for_many.contains(&operation))
}

fn identity_key(identity: &[&str]) -> String {
    identity.join("\u{1f}")
}

/// Tells a writing operation from a reading one by its verb, as IAM's access levels do.
pub fn is_write(operation: &str) -> bool {
    let verb = operation.split_once(':').map_or(operation, |(_, verb)| verb);
    !["Get", "List", "Describe", "Head"].iter().any(|read| verb.starts_with(read))
}
