//! The held lock, renewed until it is released, lost or dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::decide::{Saving, Terms, is_own, saving, written_at_most};
use super::life::LifeSign;
use super::{LockInfo, POLL, RELEASES};
use crate::mutex::lock;
use crate::state::error::StateError;
use crate::state::moment::Moment;
use crate::state::objects::{Condition, Object, ObjectError, Objects, Version};
use crate::state::store::Store;

/// The held lock. When dropped without a release it is no longer renewed and expires.
pub struct Lease {
    shared: Arc<Shared>,
    renewals: JoinHandle<()>,
    kept: Mutex<Option<JoinHandle<u64>>>,
    /// Dropped last: the lock is released before the sign of life ends.
    _sign: Option<LifeSign>,
}

struct Shared {
    objects: Arc<dyn Objects>,
    key: String,
    place: String,
    id: String,
    terms: Terms,
    hold: Mutex<Hold>,
    lost: watch::Sender<bool>,
    /// Another run holds the lock now, or a user removed it.
    taken_over: AtomicBool,
    /// Time without a renewal when the lease lapsed; a later renewal does not undo that.
    lapsed_after: OnceLock<Duration>,
}

/// The lock as of its last renewal.
struct Hold {
    info: LockInfo,
    version: Version,
    since: Moment,
}

/// A handle to a lease for code that may write only while the lease holds.
#[derive(Clone)]
pub struct LeaseMark(Arc<Shared>);

impl Lease {
    /// Starts renewing a lock that was written as `version`; its lease counts from `since`.
    pub(super) fn begin(
        objects: Arc<dyn Objects>,
        key: String,
        terms: Terms,
        info: LockInfo,
        (version, since): (Version, Moment),
    ) -> Self {
        let shared = Arc::new(Shared {
            place: objects.describe(&key),
            objects,
            key,
            id: info.id.clone(),
            terms,
            hold: Mutex::new(Hold { info, version, since }),
            lost: watch::Sender::new(false),
            taken_over: AtomicBool::new(false),
            lapsed_after: OnceLock::new(),
        });
        let renewals = tokio::spawn(shared.clone().renew());
        Self { shared, renewals, kept: Mutex::default(), _sign: None }
    }

    /// Keeps the sign of life as long as the lease.
    pub(super) fn living(mut self, sign: Option<LifeSign>) -> Self {
        self._sign = sign;
        self
    }

    /// Starts to look up the highest number of a kept version, alongside the run's first calls.
    pub(super) fn listing(self, store: &Store) -> Self {
        let store = store.clone();
        let kept = tokio::spawn(async move { store.newest_number().await });
        *lock(&self.kept) = Some(kept);
        self
    }

    /// Hands the lookup of the highest kept number to its first caller; `None` after that.
    pub(in crate::state) fn newest_kept(&self) -> Option<JoinHandle<u64>> {
        lock(&self.kept).take()
    }

    /// Turns true when the lease can no longer be relied on; nothing new may be started then.
    pub fn watch_loss(&self) -> watch::Receiver<bool> {
        self.shared.lost.subscribe()
    }

    /// Tells whether the run may act on the lease at this moment. A process that was suspended and continues has lost
    /// its lease before any of its tasks is notified, so the time is checked as well.
    pub fn holds(&self) -> bool {
        self.shared.holds()
    }

    /// Returns the id of this hold.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// Returns a handle for code that may write only while the lease holds.
    pub fn mark(&self) -> LeaseMark {
        LeaseMark(self.shared.clone())
    }

    /// Returns the reason why nothing more may be done under this lease.
    pub fn why_lost(&self) -> StateError {
        self.shared.why_lost()
    }

    /// Releases the lock, unless another run holds it by now.
    ///
    /// # Errors
    /// When the place cannot be reached; the lock then expires by itself.
    pub async fn release(self) -> Result<(), StateError> {
        let shared = &self.shared;
        // A renewal aborted here may still reach the server. The version then differs, and the id decides.
        self.renewals.abort();
        let mut version = shared.hold().version.clone();
        for _ in 0..RELEASES {
            match shared.objects.delete(&shared.key, Some(&version)).await {
                Ok(()) => return Ok(()),
                Err(ObjectError::Conflict) => {}
                Err(error) => return Err(StateError::of(&shared.place, error)),
            }
            match shared.own().await.map_err(|e| StateError::of(&shared.place, e))? {
                Some(object) => version = object.version,
                None => return Ok(()),
            }
        }
        Err(StateError::Fenced { place: shared.place.clone() })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewals.abort();
    }
}

impl LeaseMark {
    /// Like [`Lease::holds`].
    pub fn holds(&self) -> bool {
        self.0.holds()
    }

    /// Tells whether the state may be written. A lease that lapsed unnoticed by other runs is renewed first.
    pub(in crate::state) async fn may_save(&self) -> Result<bool, ObjectError> {
        let shared = &self.0;
        let lapsed = shared.terms.is_lapsed(shared.hold().since.elapsed());
        match saving(shared.taken_over.load(Ordering::SeqCst), lapsed) {
            Saving::Go => Ok(true),
            Saving::Never => Ok(false),
            Saving::IfRenewed => {
                // AWS may have changed since it was read under this lease, so the lease does not count as held again.
                shared.lapse();
                let renewed = shared.renew_once().await?;
                if !renewed {
                    shared.lose();
                }
                Ok(renewed)
            }
        }
    }

    pub(in crate::state) fn mark_lost(&self) {
        self.0.lose();
    }
}

impl Shared {
    fn hold(&self) -> MutexGuard<'_, Hold> {
        lock(&self.hold)
    }

    fn holds(&self) -> bool {
        !*self.lost.borrow() && !self.terms.is_lapsed(self.hold().since.elapsed())
    }

    fn lose(&self) {
        self.taken_over.store(true, Ordering::SeqCst);
        self.lost.send_replace(true);
    }

    fn lapse(&self) {
        let unrenewed = *self.lapsed_after.get_or_init(|| self.hold().since.elapsed());
        if !self.lost.send_replace(true) {
            tracing::warn!(?unrenewed, "the lock could not be renewed in time: nothing more is begun");
        }
    }

    fn why_lost(&self) -> StateError {
        let place = self.place.clone();
        if self.taken_over.load(Ordering::SeqCst) {
            StateError::Fenced { place }
        } else {
            let unrenewed = *self.lapsed_after.get_or_init(|| self.hold().since.elapsed());
            StateError::Lapsed { place, unrenewed_s: unrenewed.as_secs() }
        }
    }

    /// Reads the lock; `None` if this run does not hold it (any more).
    async fn own(&self) -> Result<Option<Object>, ObjectError> {
        let Some(object) = self.objects.get(&self.key).await? else { return Ok(None) };
        let own = is_own(&self.id, Some(LockInfo::parse(&object.bytes).rule_values(&object)));
        Ok(own.then_some(object))
    }

    /// Renews once; returns whether the lock still belongs to this run.
    async fn renew_once(&self) -> Result<bool, ObjectError> {
        let sent = Moment::now();
        let (info, condition) = {
            let mut hold = self.hold();
            hold.info.renewals += 1;
            (hold.info.to_bytes(), Condition::Matches(hold.version.clone()))
        };
        let (version, since) = match self.objects.put(&self.key, info, &condition).await {
            Ok(version) => (version, sent),
            // Either the echo of an earlier renewal whose answer was lost, or another run's write.
            Err(ObjectError::Conflict) => match self.own().await? {
                Some(object) => {
                    let since = Moment::ago(written_at_most(object.age()));
                    (object.version, since)
                }
                None => return Ok(false),
            },
            Err(error) => return Err(error),
        };
        let mut hold = self.hold();
        hold.version = version;
        hold.since = hold.since.later(since);
        Ok(true)
    }

    /// Renews the lease until it is lost.
    async fn renew(self: Arc<Self>) {
        loop {
            let since = self.hold().since;
            sleep_until(since.plus(self.terms.renew_every())).await;
            let end = since.plus(self.terms.lost_after());
            match timeout_at(end, self.renew_once()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return self.lose(),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the lock could not be renewed; trying again");
                    if Instant::now() + POLL >= end {
                        sleep_until(end).await;
                        return self.lapse();
                    }
                    sleep(POLL).await;
                }
                Err(_) => return self.lapse(),
            }
        }
    }
}
