//! One writer: a lease on the state, which a dead run loses by itself.
//!
//! # Flow
//! The lock is an object beside the state, made only if absent, renewed every third of its lease, and
//! taken over when its lease has run out by the server's clock. `decide` has the rules, `info` the
//! document, `lease` what a holder does; here is how it is taken.
//!
//! # Guarantees
//! At any time one run at most holds a lease that it may act on: it stops after two thirds, well
//! before another may take over. Only one's own lock is ever deleted. `model` checks the rules in
//! every order of events that two or three runs can meet.
//!
//! # Caveats
//! A conflict may be the echo of one's own write whose answer was lost, so the lock's id decides.

mod decide;
mod info;
mod lease;
#[cfg(test)]
mod model;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::decide::{Refusal, Taking, taking, written_at_most};
use super::error::{Locked, StateError};
use super::moment::Moment;
use super::objects::{Condition, ObjectError, Version};
use super::store::{Store, fresh_id};

pub use self::decide::Terms;
pub(super) use self::decide::{Found, conflict, next_serial};
pub use self::info::{Holder, LockInfo};
pub use self::lease::{Lease, LeaseMark};

/// How often a held lock, or a place that does not answer, is tried again.
const POLL: Duration = Duration::from_secs(1);
/// How often a release starts again because the lock moved under it.
const RELEASES: u32 = 5;

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
        self.lock_unless(std::future::pending(), holder, timeout, notice).await
    }

    /// As [`Store::lock`], but waits no longer once it is `unwanted`. A request that is on its way by then may take the
    /// lock, so its answer is waited for: a lease that comes of it is the caller's to release.
    ///
    /// # Errors
    /// As [`Store::lock`], and `Unwanted`.
    pub async fn lock_unless(
        &self,
        unwanted: impl Future<Output = ()>,
        holder: &Holder,
        timeout: Duration,
        notice: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Lease, StateError> {
        let mut unwanted = std::pin::pin!(unwanted);
        let info = LockInfo {
            id: fresh_id()?,
            who: holder.who.clone(),
            host: holder.host.clone(),
            operation: holder.operation.clone(),
            run_url: holder.run_url.clone(),
            created_at: (self.now)(),
            lease_s: self.terms.lease_s(),
            renewals: 0,
        };
        let deadline = Instant::now() + timeout;
        let mut told = false;
        let mut heard: Option<(String, u64, Instant)> = None;
        loop {
            let (locked, renewals) = match self.try_lock(&info, notice).await.map_err(|e| self.failed(e))? {
                Attempt::Held(lease) => return Ok(lease.listing(self)),
                Attempt::Other(locked, renewals) => (locked, renewals),
            };
            let now = Instant::now();
            let since = match &heard {
                Some((id, count, since)) if *id == locked.id && *count == renewals => *since,
                _ => now,
            };
            heard = Some((locked.id.clone(), renewals, since));
            let left = deadline.saturating_duration_since(now);
            let Some(pause) = self.terms.pause(POLL, left, now - since) else {
                return Err(StateError::Locked(Box::new(locked)));
            };
            if !told {
                notice(&format!("waiting: {locked}"));
                told = true;
            }
            tokio::select! {
                biased;
                () = &mut unwanted => return Err(StateError::Unwanted),
                () = sleep(pause) => {}
            }
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
            let left = info.seen(&object).left().unwrap_or_default();
            let held = StateError::Locked(Box::new(info.says(&self.place(), left)));
            if info.id != id {
                return Err(held);
            }
            match self.objects.delete(&key, Some(&object.version)).await {
                // It was renewed meanwhile.
                Err(ObjectError::Conflict) => last = Some(held),
                result => return result.map(|()| true).map_err(|e| self.failed(e)),
            }
        }
        Err(last.unwrap_or_else(|| StateError::Fenced { place: self.place() }))
    }

    /// Tries once: makes the lock, recognises its own, or takes over one that has run out.
    async fn try_lock(&self, info: &LockInfo, notice: &(dyn Fn(&str) + Send + Sync)) -> Result<Attempt, ObjectError> {
        let (key, bytes) = (self.lock_key(), info.to_bytes());
        let mut condition = Condition::Absent;
        loop {
            let sent = Moment::now();
            let refused = match self.objects.put(&key, bytes.clone(), &condition).await {
                Ok(version) => return Ok(Attempt::Held(self.lease(info, version, sent))),
                Err(error) => error,
            };
            let refusal = if matches!(refused, ObjectError::Conflict) { Refusal::Conflict } else { Refusal::Silence };
            let object = match self.objects.get(&key).await {
                Ok(object) => object,
                Err(error) => return Err(if refusal == Refusal::Conflict { error } else { refused }),
            };
            let found = object.map(|object| (LockInfo::parse(&object.bytes), object));
            condition = match (taking(&info.id, refusal, found.as_ref().map(|(lock, at)| lock.seen(at))), found) {
                (Taking::Held, Some((_, object))) => {
                    let since = Moment::ago(written_at_most(object.age()));
                    return Ok(Attempt::Held(self.lease(info, object.version, since)));
                }
                (Taking::Wait(left), Some((other, _))) => {
                    return Ok(Attempt::Other(other.says(&self.place(), left), other.renewals));
                }
                (Taking::TakeOver, Some((other, object))) => {
                    notice(&format!(
                        "taking over the lock of {} on {} (`{}`, {}), which was not renewed for {} s",
                        other.who,
                        other.host,
                        other.operation,
                        other.created_at,
                        object.age().as_secs()
                    ));
                    Condition::Matches(object.version)
                }
                (Taking::MakeAnew, _) => Condition::Absent,
                _ => return Err(refused),
            };
        }
    }

    fn lease(&self, info: &LockInfo, version: Version, since: Moment) -> Lease {
        Lease::begin(self.objects.clone(), self.lock_key(), self.terms, info.clone(), (version, since))
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
