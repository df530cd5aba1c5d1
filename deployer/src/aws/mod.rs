//! AWS as the kinds see it: one client a service, one way to make a call, one way to wait.
//!
//! Every call goes through [`Aws::call`] or [`Aws::find`]: that is where calls are counted,
//! slowed to AWS's documented rates, fenced when the state lock is lost, and where an SDK
//! error becomes an [`AwsError`].

pub(crate) mod apigateway;
pub mod clients;
mod dialect;
pub mod digest;
pub mod error;
mod fence;
pub(crate) mod gather;
mod memo;
mod once;
pub mod permission;
pub mod policy;
pub mod rate;
pub mod tags;
pub mod wait;

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

pub use clients::Clients;
pub use error::{AwsError, ServiceError};
pub use fence::Fence;
pub(crate) use once::once;

/// Where the stack lives. ARNs and URLs are computed from it before anything exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub account: String,
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
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
        match region {
            r if r.starts_with("cn-") => "aws-cn",
            r if r.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

/// The AWS that a run talks to.
#[derive(Clone)]
pub struct Aws {
    pub clients: Arc<Clients>,
    pub place: Place,
    pub(crate) gathered: Arc<Gathered>,
    shared: Arc<Shared>,
}

/// Reads that one call answers for many resources.
pub(crate) struct Gathered {
    /// By name.
    pub(crate) alarms: gather::Gather<aws_sdk_cloudwatch::types::MetricAlarm>,
    /// By the topic's ARN.
    pub(crate) subscriptions: gather::Gather<Vec<aws_sdk_sns::types::Subscription>>,
}

impl Default for Gathered {
    fn default() -> Self {
        Self { alarms: gather::Gather::new(100), subscriptions: gather::Gather::new(usize::MAX) }
    }
}

#[derive(Default)]
struct Shared {
    reads: AtomicU64,
    writes: AtomicU64,
    rate: rate::Budgets,
    calls: Mutex<Vec<&'static str>>,
    serial: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    code: Mutex<HashMap<String, Arc<[u8]>>>,
    memo: memo::Memo,
    /// Ids by address that a person named for what AWS cannot find by a name.
    claims: Mutex<HashMap<String, String>>,
}

impl Aws {
    pub fn new(clients: Arc<Clients>, place: Place) -> Self {
        Self { clients, place, gathered: Arc::default(), shared: Arc::default() }
    }

    /// Makes one AWS call. `operation` is its IAM-style name, `sqs:CreateQueue`.
    ///
    /// # Errors
    /// Whatever AWS refused, as [`AwsError`]; `Fenced` for a write after the lock was lost.
    pub async fn call<T, E>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E, Response>>>,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let write = is_write(operation);
        self.shared.rate.take(operation, self.place.endpoint_url.is_some()).await;
        if write && !self.may_write() {
            return Err(AwsError::Fenced { operation });
        }
        let counter = if write { &self.shared.writes } else { &self.shared.reads };
        counter.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut calls) = self.shared.calls.lock() {
            calls.push(operation);
        }
        call.await.map_err(|e| match fence::Closed::caused(&e) {
            true => AwsError::Fenced { operation },
            false => AwsError::of(operation, e),
        })
    }

    /// Makes one call that may find nothing: the `absent` codes become `None`.
    pub async fn find<T, E>(
        &self,
        operation: &'static str,
        absent: &[&str],
        call: impl Future<Output = Result<T, SdkError<E, Response>>>,
    ) -> Result<Option<T>, AwsError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match self.call(operation, call).await {
            Ok(found) => Ok(Some(found)),
            Err(e) if e.is(absent) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Waits for the turn among calls that AWS loses when they overlap (one function's policy,
    /// one API's resource tree). Hold the guard while calling.
    pub async fn turn(&self, key: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let mutex = {
            let mut serial = self.shared.serial.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            serial.entry(key.to_owned()).or_default().clone()
        };
        mutex.lock_owned().await
    }

    /// Keeps a function's zip for the kind that uploads it. `sha256` is base64, as AWS's `CodeSha256`.
    pub fn put_code(&self, sha256: impl Into<String>, zip: Arc<[u8]>) {
        self.shared.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(sha256.into(), zip);
    }

    /// Hands out the zip with this `CodeSha256`, if this run has packaged it.
    pub fn code(&self, sha256: &str) -> Option<Arc<[u8]>> {
        self.shared.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(sha256).cloned()
    }

    /// Takes a person's word that `address` is the resource with this id.
    pub fn claim(&self, address: &str, id: &str) {
        let mut claims = self.shared.claims.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        claims.insert(address.to_owned(), id.to_owned());
    }

    /// The id that a person named for `address`.
    pub fn claimed(&self, address: &str) -> Option<String> {
        self.shared.claims.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(address).cloned()
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
        self.shared.calls.lock().map(|c| c.clone()).unwrap_or_default()
    }
}

/// Tells a writing operation from a reading one by its verb, as IAM's access levels do.
pub fn is_write(operation: &str) -> bool {
    let verb = operation.split_once(':').map_or(operation, |(_, verb)| verb);
    !["Get", "List", "Describe", "Head"].iter().any(|read| verb.starts_with(read))
}
