//! Allows one writer at a time: a lease on the state, which expires when its run dies.
//!
//! # Flow
//! The lock is an object beside the state, created only if absent and renewed every third of its lease. Another run
//! takes it over once the lease has expired by the server's clock. `decide` has the rules, `info` the document and
//! `lease` the holder's side. This file takes the lock.
//!
//! # Guarantees
//! At any time at most one run may act on a lease. A run stops after two thirds of its lease, well before another run
//! may take over. A run deletes only its own lock. `model` checks the rules in every order of events that two or three
//! runs can meet.
//!
//! # Caveats
//! A conflict may be the echo of the run's own write whose answer was lost, so the lock's id decides.

mod decide;
mod info;
mod lease;
mod life;
#[cfg(test)]
mod model;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::decide::{EndedHolder, Refusal, SeenLock, TakeDecision, taking, written_at_most};
use self::life::LifeSign;
use super::error::{LockedState, StateError};
use super::moment::Moment;
use super::objects::{Condition, ObjectError, Version};
use super::store::{Store, fresh_id};

pub use self::decide::Terms;
pub(super) use self::decide::{FoundDocument, conflict, next_serial};
pub use self::info::{Holder, LockInfo};
pub use self::lease::{Lease, LeaseMark};

/// How often to retry a lock that is held, or a place that does not answer.
const POLL: Duration = Duration::from_secs(1);
/// How often to repeat a release if the lock changed meanwhile.
const RELEASES: u32 = 5;

impl Store {
    /// Takes the lock, waiting up to `timeout` while another run holds it. `notice` is called once with the holder. If
    /// the holder has stopped renewing, the wait continues to the end of its lease, so a dead run never requires a
    /// second try.
    ///
    /// # Errors
    /// `Locked` when the lock is still held after that; otherwise why the place cannot be used.
    pub async fn lock(
        &self,
        holder: &Holder,
        timeout: Duration,
        notice: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Lease, StateError> {
        self.lock_unless(std::future::pending(), holder, timeout, notice).await
    }

    /// Like [`Store::lock`], but stops waiting once `unwanted` completes. A request already sent may still take the
    /// lock, so its answer is awaited. The caller must release a lease that results from it.
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
        let id = fresh_id()?;
        let (sign, process) = self.life.as_ref().and_then(|life| LifeSign::begin(&life.directory, &id)).unzip();
        let info = LockInfo {
            id,
            who: holder.who.clone(),
            host: holder.host.clone(),
            operation: holder.operation.clone(),
            run_url: holder.run_url.clone(),
            created_at: (self.now)(),
            lease_s: self.terms.lease_s(),
            renewals: 0,
            process,
        };
        let mut ended = None;
        let deadline = Instant::now() + timeout;
        let mut told = false;
        let mut heard: Option<(String, u64, Instant)> = None;
        loop {
            let (locked, renewals) =
                match self.try_lock(&info, &mut ended, notice).await.map_err(|e| self.state_error(e))? {
                    Attempt::Held(lease) => return Ok(lease.living(sign).listing(self)),
                    Attempt::Other(locked, renewals) => (locked, renewals),
                };
            let now = Instant::now();
            let since = match &heard {
                Some((id, count, since)) if *id == locked.id && *count == renewals => *since,
                _ => now,
            };
            heard = Some((locked.id.clone(), renewals, since));
            let left = deadline.saturating_duration_since(now);
            // An ended run renews nothing, so it is waited for like one that has long been silent.
            let silent = if ended.is_some() { Duration::MAX } else { now - since };
            let Some(pause) = self.terms.pause(POLL, left, silent) else {
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

    /// Reads the current holder of the lock; `None` if it is free.
    ///
    /// # Errors
    /// When the place cannot be reached.
    pub async fn lock_info(&self) -> Result<Option<LockInfo>, StateError> {
        let object = self.objects.get(&self.lock_key()).await.map_err(|e| self.state_error(e))?;
        Ok(object.map(|object| LockInfo::parse(&object.bytes)))
    }

    /// Returns the run that holds the lock now; `None` if the lock is free, has expired, or cannot be read.
    pub async fn running(&self) -> Option<LockedState> {
        let object = self.objects.get(&self.lock_key()).await.ok()??;
        let info = LockInfo::parse(&object.bytes);
        let left = info.rule_values(&object).remaining()?;
        Some(info.says(&self.place(), left))
    }

    /// Removes the lock `id` of a run known to be dead. Returns whether the lock existed. A run that is alive notices
    /// at its next renewal and stops.
    ///
    /// # Errors
    /// `Locked` when another run holds it, or why the place cannot be reached.
    pub async fn force_unlock(&self, id: &str) -> Result<bool, StateError> {
        let key = self.lock_key();
        let mut last = None;
        for _ in 0..RELEASES {
            let Some(object) = self.objects.get(&key).await.map_err(|e| self.state_error(e))? else {
                return Ok(last.is_some());
            };
            let info = LockInfo::parse(&object.bytes);
            let left = info.rule_values(&object).remaining().unwrap_or_default();
            let held = StateError::Locked(Box::new(info.says(&self.place(), left)));
            if info.id != id {
                return Err(held);
            }
            match self.objects.delete(&key, Some(&object.version)).await {
                // The holder renewed the lock meanwhile.
                Err(ObjectError::Conflict) => last = Some(held),
                result => return result.map(|()| true).map_err(|e| self.state_error(e)),
            }
        }
        Err(last.unwrap_or_else(|| StateError::Fenced { place: self.place() }))
    }

    /// Tries once: creates the lock, recognises its own, or takes over an expired one.
    /// `ended` has the holder that is known to have ended, and since when.
    async fn try_lock(
        &self,
        info: &LockInfo,
        ended: &mut Option<KnownEnd>,
        notice: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Attempt, ObjectError> {
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
            let seen = found.as_ref().map(|(lock, at)| self.with_end(lock, lock.rule_values(at), ended));
            condition = match (taking(&info.id, refusal, seen), found) {
                (TakeDecision::Held, Some((_, object))) => {
                    let since = Moment::ago(written_at_most(object.age()));
                    return Ok(Attempt::Held(self.lease(info, object.version, since)));
                }
                (TakeDecision::Wait(left), Some((other, _))) => {
                    return Ok(Attempt::Other(other.says(&self.place(), left), other.renewals));
                }
                (TakeDecision::TakeOver, Some((other, object))) => {
                    let why = match ended {
                        Some(_) => "whose process has ended".to_owned(),
                        None => format!("which was not renewed for {} s", object.age().as_secs()),
                    };
                    notice(&format!(
                        "taking over the lock of {} on {} (`{}`, {}), {why}",
                        other.who, other.host, other.operation, other.created_at
                    ));
                    self.life.iter().for_each(|life| life::forget(&life.directory, &other.id));
                    Condition::Matches(object.version)
                }
                (TakeDecision::MakeAnew, _) => Condition::Absent,
                _ => return Err(refused),
            };
        }
    }

    /// Adds to a lock what is known about the end of its holder.
    fn with_end<'a>(&self, lock: &LockInfo, seen: SeenLock<'a>, ended: &mut Option<KnownEnd>) -> SeenLock<'a> {
        let (Some(life), Some(process)) = (&self.life, &lock.process) else { return seen };
        if ended.as_ref().is_none_or(|known| known.id != lock.id) {
            let is_over = life::has_ended(&life.directory, &lock.id, process);
            *ended = is_over.then(|| KnownEnd { id: lock.id.clone(), since: Instant::now() });
        }
        let in_flight = life.in_flight.unwrap_or_else(|| lock.terms().in_flight());
        let end = |known: &KnownEnd| EndedHolder { known_for: known.since.elapsed(), in_flight };
        SeenLock { ended: ended.as_ref().map(end), ..seen }
    }

    fn lease(&self, info: &LockInfo, version: Version, since: Moment) -> Lease {
        Lease::begin(self.objects.clone(), self.lock_key(), self.terms, info.clone(), (version, since))
    }

    fn lock_key(&self) -> String {
        lock_key(&self.key)
    }
}

/// The place of the runs' signs of life on this machine.
#[derive(Debug, Clone)]
pub struct LifeSigns {
    pub directory: PathBuf,
    /// The time that the last calls of an ended run get to arrive; `None` for the last third of its lease.
    pub in_flight: Option<Duration>,
}

/// A holder of the lock that has ended.
struct KnownEnd {
    id: String,
    since: Instant,
}

/// Returns the key of the lock for the state under `key`.
pub(super) fn lock_key(key: &str) -> String {
    format!("{key}.lock")
}

enum Attempt {
    Held(Lease),
    /// Another run holds the lock. The number counts its renewals.
    Other(LockedState, u64),
}
