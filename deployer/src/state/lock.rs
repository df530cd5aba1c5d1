//! One writer: a lease on the state, which a dead run loses by itself.
//!
//! # Flow
//! The lock is an object beside the state, made only if absent, renewed every [`RENEW_EVERY`], and
//! taken over when its lease has run out by the server's clock.
//!
//! # Guarantees
//! At any time one run at most holds a lease that it may act on: it stops at [`LOST_AFTER`], well
//! before another may take over. Only one's own lock is ever deleted.
//!
//! # Caveats
//! A conflict may be the echo of one's own write whose answer was lost, so the lock's id decides.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::error::{Locked, StateError};
use super::objects::{Condition, Object, ObjectError, Objects, Version};
use super::store::{Store, fresh_id};

/// How long a lease lasts after its last renewal.
const LEASE_S: u64 = 30;
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// When a lease that could not be renewed counts as lost: what is in flight then has ten seconds.
const LOST_AFTER: Duration = Duration::from_secs(20);
/// A holder that has not renewed for this long will not: its lease is waited out whatever the timeout.
const SILENT_AFTER: Duration = Duration::from_secs(15);
/// How often a held lock, or a place that does not answer, is tried again.
const POLL: Duration = Duration::from_secs(1);
/// Servers tell whole seconds: two times may be this much further apart than they look.
const CLOCK_GRAIN: Duration = Duration::from_secs(1);
/// How often a release starts again because the lock moved under it.
const RELEASES: u32 = 5;

/// Who takes the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    pub who: String,
    pub host: String,
    /// The command.
    pub operation: String,
    /// The CI run.
    pub run_url: Option<String>,
}

/// The lock as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInfo {
    pub id: String,
    pub who: String,
    pub host: String,
    pub operation: String,
    pub run_url: Option<String>,
    /// RFC 3339, UTC.
    pub created_at: String,
    pub lease_s: u64,
    pub renewals: u64,
}

impl LockInfo {
    /// Reads a lock; one that cannot be read still holds until its lease has run out.
    fn parse(bytes: &[u8]) -> Self {
        let unknown = || "unknown".to_owned();
        serde_json::from_slice(bytes).unwrap_or_else(|_| Self {
            id: unknown(),
            who: unknown(),
            host: unknown(),
            operation: unknown(),
            run_url: None,
            created_at: unknown(),
            lease_s: LEASE_S,
            renewals: 0,
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a lock is texts and numbers, which JSON takes");
        bytes.push(b'\n');
        bytes
    }

    fn left(&self, object: &Object) -> Option<Duration> {
        Duration::from_secs(self.lease_s)
            .saturating_add(CLOCK_GRAIN)
            .checked_sub(object.age())
            .filter(|left| !left.is_zero())
    }

    fn says(&self, place: &str, left: Duration) -> Locked {
        Locked {
            place: place.to_owned(),
            id: self.id.clone(),
            who: self.who.clone(),
            host: self.host.clone(),
            operation: self.operation.clone(),
            since: self.created_at.clone(),
            run_url: self.run_url.clone(),
            ends_in_s: left.as_secs(),
        }
    }
}

impl Store {
    /// Takes the lock, waiting for another's up to `timeout`; `notice` hears once who holds it. A holder that
    /// fell silent meanwhile is waited out to the end of its lease, so that a dead run never needs a second try.
    ///
    /// # Errors
    /// `Locked` when it is still held then; otherwise why the place cannot be used.
    pub async fn lock(
        &self,
        holder: &Holder,
        timeout: Duration,
        notice: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Lease, StateError> {
        let info = LockInfo {
            id: fresh_id()?,
            who: holder.who.clone(),
            host: holder.host.clone(),
            operation: holder.operation.clone(),
            run_url: holder.run_url.clone(),
            created_at: (self.now)(),
            lease_s: LEASE_S,
            renewals: 0,
        };
        let deadline = Instant::now() + timeout;
        let mut told = false;
        let mut heard: Option<(String, u64, Instant)> = None;
        loop {
            let (locked, renewals) = match self.try_lock(&info, notice).await.map_err(|e| self.failed(e))? {
                Attempt::Held(lease) => return Ok(lease),
                Attempt::Other(locked, renewals) => (locked, renewals),
            };
            let now = Instant::now();
            let since = match &heard {
                Some((id, count, since)) if *id == locked.id && *count == renewals => *since,
                _ => now,
            };
            heard = Some((locked.id.clone(), renewals, since));
            if now + POLL > deadline && now - since < SILENT_AFTER {
                return Err(StateError::Locked(Box::new(locked)));
            }
            if !told {
                notice(&format!("waiting: {locked}"));
                told = true;
            }
            sleep(POLL).await;
        }
    }

    /// Reads who holds the lock, if anybody does.
    ///
    /// # Errors
    /// When the place cannot be reached.
    pub async fn lock_info(&self) -> Result<Option<LockInfo>, StateError> {
        let object = self.objects.get(&self.lock_key()).await.map_err(|e| self.failed(e))?;
        Ok(object.map(|object| LockInfo::parse(&object.bytes)))
    }

    /// Removes the lock `id` of a run that is surely dead; tells whether it was there. A run that
    /// lives notices at its next renewal and stops.
    ///
    /// # Errors
    /// `Locked` by somebody else, or why the place cannot be reached.
    pub async fn force_unlock(&self, id: &str) -> Result<bool, StateError> {
        let key = self.lock_key();
        let mut last = None;
        for _ in 0..RELEASES {
            let Some(object) = self.objects.get(&key).await.map_err(|e| self.failed(e))? else {
                return Ok(last.is_some());
            };
            let info = LockInfo::parse(&object.bytes);
            if info.id != id {
                let left = info.left(&object).unwrap_or_default();
                return Err(StateError::Locked(Box::new(info.says(&self.place(), left))));
            }
            match self.objects.delete(&key, Some(&object.version)).await {
                // It was renewed meanwhile.
                Err(ObjectError::Conflict) => last = Some((info, object)),
                result => return result.map(|()| true).map_err(|e| self.failed(e)),
            }
        }
        Err(match last {
            Some((info, object)) => {
                StateError::Locked(Box::new(info.says(&self.place(), info.left(&object).unwrap_or_default())))
            }
            None => StateError::Fenced { place: self.place() },
        })
    }

    /// Tries once: makes the lock, recognises its own, or takes over one that has run out.
    async fn try_lock(&self, info: &LockInfo, notice: &(dyn Fn(&str) + Send + Sync)) -> Result<Attempt, ObjectError> {
        let (key, bytes) = (self.lock_key(), info.to_bytes());
        let mut condition = Condition::Absent;
        loop {
            let sent = Instant::now();
            let refused = match self.objects.put(&key, bytes.clone(), &condition).await {
                Ok(version) => return Ok(Attempt::Held(self.lease(info, version, sent))),
                Err(error) => error,
            };
            let object = match (self.objects.get(&key).await, refused) {
                (Ok(Some(object)), refused) => match LockInfo::parse(&object.bytes) {
                    own if own.id == info.id => {
                        let since = written_at(&object);
                        return Ok(Attempt::Held(self.lease(info, object.version, since)));
                    }
                    _ if matches!(refused, ObjectError::Conflict) => object,
                    _ => return Err(refused),
                },
                (Ok(None), ObjectError::Conflict) => {
                    condition = Condition::Absent;
                    continue;
                }
                (Err(error), ObjectError::Conflict) => return Err(error),
                (_, refused) => return Err(refused),
            };
            let other = LockInfo::parse(&object.bytes);
            if let Some(left) = other.left(&object) {
                return Ok(Attempt::Other(other.says(&self.place(), left), other.renewals));
            }
            notice(&format!(
                "taking over the lock of {} on {} (`{}`, {}), which was not renewed for {} s",
                other.who,
                other.host,
                other.operation,
                other.created_at,
                object.age().as_secs()
            ));
            condition = Condition::Matches(object.version);
        }
    }

    fn lease(&self, info: &LockInfo, version: Version, since: Instant) -> Lease {
        let shared = Arc::new(Shared {
            objects: self.objects.clone(),
            key: self.lock_key(),
            id: info.id.clone(),
            version: Mutex::new(version),
            lost: watch::Sender::new(false),
            taken_over: AtomicBool::new(false),
        });
        let renewals = tokio::spawn(renew(shared.clone(), info.clone(), since));
        Lease { shared, renewals, place: self.place() }
    }

    fn lock_key(&self) -> String {
        lock_key(&self.key)
    }
}

/// Where the lock of the state under `key` is.
pub(super) fn lock_key(key: &str) -> String {
    format!("{key}.lock")
}

enum Attempt {
    Held(Lease),
    /// Somebody else's, and how often it was renewed.
    Other(Locked, u64),
}

/// The lock, held. Dropped without a release it is no longer renewed and runs out.
pub struct Lease {
    shared: Arc<Shared>,
    renewals: JoinHandle<()>,
    place: String,
}

struct Shared {
    objects: Arc<dyn Objects>,
    key: String,
    id: String,
    version: Mutex<Version>,
    lost: watch::Sender<bool>,
    /// Another run holds the lock now, or somebody removed it.
    taken_over: AtomicBool,
}

/// The journal's side of a lease.
#[derive(Clone)]
pub(super) struct LeaseMark(Arc<Shared>);

impl LeaseMark {
    /// Another run may be writing now.
    pub(super) fn taken_over(&self) -> bool {
        self.0.taken_over.load(Ordering::SeqCst)
    }

    pub(super) fn mark_lost(&self) {
        self.0.lose();
    }
}

impl Shared {
    fn version(&self) -> Version {
        self.version.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_version(&self, version: Version) {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = version;
    }

    fn lose(&self) {
        self.taken_over.store(true, Ordering::SeqCst);
        self.lost.send_replace(true);
    }

    /// Reads the lock; `None` when it is not ours (any more).
    async fn own(&self) -> Result<Option<Object>, ObjectError> {
        let object = self.objects.get(&self.key).await?;
        Ok(object.filter(|object| LockInfo::parse(&object.bytes).id == self.id))
    }

    /// Renews once; gives the time from which the lease counts, or `None` when it is not ours.
    async fn renew_once(&self, info: &LockInfo) -> Result<Option<Instant>, ObjectError> {
        let sent = Instant::now();
        let condition = Condition::Matches(self.version());
        match self.objects.put(&self.key, info.to_bytes(), &condition).await {
            Ok(version) => {
                self.set_version(version);
                Ok(Some(sent))
            }
            // The echo of an earlier renewal whose answer was lost, or somebody else.
            Err(ObjectError::Conflict) => Ok(self.own().await?.map(|object| {
                let since = written_at(&object);
                self.set_version(object.version);
                since
            })),
            Err(error) => Err(error),
        }
    }
}

/// When `object` was written at the latest, on this machine's steady clock.
fn written_at(object: &Object) -> Instant {
    let now = Instant::now();
    now.checked_sub(object.age() + CLOCK_GRAIN).unwrap_or(now)
}

/// Renews until the lease is lost.
async fn renew(shared: Arc<Shared>, mut info: LockInfo, mut since: Instant) {
    loop {
        sleep_until(since + RENEW_EVERY).await;
        info.renewals += 1;
        match timeout_at(since + LOST_AFTER, shared.renew_once(&info)).await {
            Ok(Ok(Some(renewed))) => since = renewed.max(since),
            Ok(Ok(None)) => return shared.lose(),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the lock could not be renewed; trying again");
                if Instant::now() + POLL >= since + LOST_AFTER {
                    sleep_until(since + LOST_AFTER).await;
                    shared.lost.send_replace(true);
                    return;
                }
                sleep(POLL).await;
            }
            Err(_) => {
                shared.lost.send_replace(true);
                return;
            }
        }
    }
}

impl Lease {
    /// Turns true when the lease cannot be relied on any more: nothing may be begun then.
    pub fn lost(&self) -> watch::Receiver<bool> {
        self.shared.lost.subscribe()
    }

    /// Names this hold.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// Gives the lock back, unless somebody else has it by now.
    ///
    /// # Errors
    /// When the place cannot be reached; the lock then runs out by itself.
    pub async fn release(self) -> Result<(), StateError> {
        let shared = &self.shared;
        // A renewal cut off here may still arrive: then the version differs, and the id decides.
        self.renewals.abort();
        let mut version = shared.version();
        for _ in 0..RELEASES {
            match shared.objects.delete(&shared.key, Some(&version)).await {
                Ok(()) => return Ok(()),
                Err(ObjectError::Conflict) => {}
                Err(error) => return Err(StateError::of(&self.place, error)),
            }
            match shared.own().await.map_err(|e| StateError::of(&self.place, e))? {
                Some(object) => version = object.version,
                None => return Ok(()),
            }
        }
        Err(StateError::Fenced { place: self.place.clone() })
    }

    pub(super) fn mark(&self) -> LeaseMark {
        LeaseMark(self.shared.clone())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewals.abort();
    }
}
