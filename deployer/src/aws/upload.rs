//! Uploads of functions' code: each zip is read when it is sent, and few bytes are sent at once.
//!
//! **Guarantees**: uploads take turns, first come, first served, and a zip larger than the bound has the line to
//! itself. So each is finished soon after it began: AWS accepts a call's signature for five minutes, and if all uploads
//! ran at once on a slow line, each would take as long as all together.
//! **Caveats**: a call that the SDK retries has no turn of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Aws, AwsError, wait};
use crate::mutex::lock;

/// Bytes of zips that are sent at once. At 1 Mbit/s they take three minutes.
const ON_THE_LINE: u32 = 16 * 1024 * 1024;
/// Bytes of zips in memory, from the read of a zip until AWS has answered. A call holds them more than twice.
const IN_MEMORY: u32 = 128 * 1024 * 1024;

/// Reads a zip.
type ZipReader = Arc<dyn Fn() -> Result<Vec<u8>, AwsError> + Send + Sync>;

/// The code that this run may send.
pub(super) struct Uploads {
    /// By `CodeSha256`.
    code: Mutex<HashMap<String, (u64, ZipReader)>>,
    line: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

impl Default for Uploads {
    fn default() -> Self {
        let semaphore = |bytes| Arc::new(Semaphore::new(bytes as usize));
        Self { code: Mutex::default(), line: semaphore(ON_THE_LINE), memory: semaphore(IN_MEMORY) }
    }
}

tokio::task_local! {
    /// The place on the line of the running call. The HTTP client reads it below the SDK, which passes nothing along.
    static TURN: Turn;
}

/// A place on the line, given back once the whole body is sent.
#[derive(Clone)]
pub(super) struct Turn(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Turn {
    /// Returns the place of the running call.
    pub(super) fn current() -> Option<Self> {
        TURN.try_with(Clone::clone).ok()
    }

    pub(super) fn give_back(&self) {
        drop(lock(&self.0).take());
    }
}

impl Aws {
    /// Notes how to read a function's zip, for the kind that uploads it. `sha256` is base64, as AWS's `CodeSha256`.
    pub fn put_code(
        &self,
        sha256: impl Into<String>,
        size: u64,
        read: impl Fn() -> Result<Vec<u8>, AwsError> + Send + Sync + 'static,
    ) {
        let mut code = lock(&self.traffic.uploads.code);
        code.insert(sha256.into(), (size, Arc::new(read)));
    }

    /// Reads the zip with this `CodeSha256` when its turn has come, and passes it to `send`.
    ///
    /// # Errors
    /// [`AwsError::Shape`] if this run has packaged no such zip, and the errors of reading and of `send`.
    pub(crate) async fn upload<T, F>(&self, sha256: &str, send: impl FnOnce(Vec<u8>) -> F) -> Result<T, AwsError>
    where
        F: Future<Output = Result<T, AwsError>>,
    {
        let found = lock(&self.traffic.uploads.code).get(sha256).cloned();
        let (size, read) = found.ok_or_else(|| AwsError::Shape {
            what: "code".into(),
            message: format!("no zip with CodeSha256 `{sha256}` was packaged in this run"),
        })?;
        let _memory = self.memory_for(size).await;
        self.in_turn(size, async || {
            let zip = tokio::task::spawn_blocking(move || read()).await;
            let zip = zip.map_err(|e| AwsError::Shape { what: "code".into(), message: e.to_string() })??;
            send(zip).await
        })
        .await
    }

    /// Waits until so many bytes of code may be in memory. They count until the returned permit is dropped.
    pub(crate) async fn memory_for(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        room(&self.traffic.uploads.memory, bytes, IN_MEMORY).await
    }

    /// Runs `send`, which sends `bytes` of code, once they have room on the line.
    pub(crate) async fn in_turn<T>(&self, bytes: u64, send: impl AsyncFnOnce() -> T) -> T {
        let place = room(&self.traffic.uploads.line, bytes, ON_THE_LINE).await;
        TURN.scope(Turn(Arc::new(Mutex::new(place))), send()).await
    }
}

/// Waits for room for `bytes`, or for `all` if that is less. The semaphore is never closed.
async fn room(semaphore: &Arc<Semaphore>, bytes: u64, all: u32) -> Option<OwnedSemaphorePermit> {
    let bytes = u32::try_from(bytes).unwrap_or(all).min(all);
    match semaphore.clone().try_acquire_many_owned(bytes) {
        Ok(permit) => Some(permit),
        Err(_) => {
            let _parked = wait::ParkedGuard::new();
            wait::waiting("other code is being uploaded");
            semaphore.clone().acquire_many_owned(bytes).await.ok()
        }
    }
}
