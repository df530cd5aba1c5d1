//! Writes the state while a plan is carried out.
//!
//! # Guarantees
//! At most one write is in flight, and the newest state wins. Each write is conditional on the previous one, so a run
//! that another run has overtaken writes nothing more. A state without changes is not written.

use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt};
use tokio::task::JoinHandle;

use super::document::State;
use super::error::StateError;
use super::lock::{FoundDocument, Lease, LeaseMark, conflict, next_serial};
use super::objects::{Condition, ObjectError, Version};
use super::rescue;
use super::store::{Snapshot, Store};
use crate::mutex::lock;

/// Keeps the state of a running execution.
pub trait Journal: Send + Sync {
    /// Queues the state reached so far. It is written soon, together with later changes.
    fn note(&self, state: &State);

    /// Returns once exactly this state is stored durably.
    ///
    /// # Errors
    /// `Fenced` when another run took over. Otherwise the reason why the state could not be written, and the rescue
    /// file if there is one.
    fn commit<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StateError>>;
}

/// Keeps the state in its [`Store`].
pub struct StoreJournal {
    writer: Arc<Writer>,
}

struct Writer {
    store: Store,
    lease: LeaseMark,
    pending: Mutex<QueuedWrites>,
    /// Locked while a write is in flight.
    ledger: tokio::sync::Mutex<Ledger>,
}

#[derive(Default)]
struct QueuedWrites {
    state: Option<State>,
    /// A task is writing the queued states.
    draining: bool,
}

/// The document that is stored, as far as this run knows.
struct Ledger {
    version: Option<Version>,
    /// The document under `version`, and the digest of its bytes.
    stored: Option<(State, String)>,
    /// The highest serial that was in use before this run.
    before: u64,
    /// Looks up the highest number of a kept version. New serials are higher, even after an older state was put back by
    /// hand.
    kept: Option<JoinHandle<u64>>,
    /// The highest serial that this run read or tried; a rescue file gets the next one.
    newest: u64,
    /// Documents whose write had no answer; one of them may be stored.
    unsure: Vec<State>,
    /// The first commit has succeeded, so the run may have changed AWS since.
    begun: bool,
    written: bool,
    fenced: bool,
}

impl Store {
    /// Opens a journal that continues from `snapshot`, which was read under `lease`.
    pub fn journal(&self, snapshot: &Snapshot, lease: &Lease) -> StoreJournal {
        let ledger = Ledger {
            version: snapshot.version.clone(),
            stored: snapshot.stored.clone().map(|stored| (stored.state, stored.digest)),
            before: snapshot.stored.as_ref().map_or(snapshot.state.serial, |stored| stored.state.serial),
            kept: lease.newest_kept(),
            newest: snapshot.state.serial,
            unsure: Vec::new(),
            begun: false,
            written: false,
            fenced: false,
        };
        let writer = Writer {
            store: self.clone(),
            lease: lease.mark(),
            pending: Mutex::default(),
            ledger: tokio::sync::Mutex::new(ledger),
        };
        StoreJournal { writer: Arc::new(writer) }
    }
}

impl Journal for StoreJournal {
    fn note(&self, state: &State) {
        let mut pending = self.writer.pending();
        pending.state = Some(state.clone());
        if !pending.draining {
            pending.draining = true;
            tokio::spawn(self.writer.clone().drain());
        }
    }

    fn commit<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StateError>> {
        async move {
            let mut ledger = self.writer.ledger.lock().await;
            self.writer.pending().state = None;
            let result = self.writer.write(&mut ledger, state).await;
            match result {
                Ok(()) => {
                    ledger.begun = true;
                    Ok(())
                }
                Err(error) => Err(self.writer.rescue(&ledger, state, error)),
            }
        }
        .boxed()
    }
}

impl StoreJournal {
    /// Waits for the write in flight and stores a numbered copy of the last state written.
    ///
    /// # Errors
    /// When a queued state or the copy could not be written.
    pub async fn finish(&self) -> Result<(), StateError> {
        let mut ledger = self.writer.ledger.lock().await;
        let pending = self.writer.pending().state.take();
        if let Some(state) = pending
            && let Err(error) = self.writer.write(&mut ledger, &state).await
        {
            return Err(self.writer.rescue(&ledger, &state, error));
        }
        match &ledger.stored {
            Some((state, _)) if ledger.written && !ledger.fenced => self.writer.store.keep(state).await,
            _ => Ok(()),
        }
    }
}

impl Writer {
    fn pending(&self) -> std::sync::MutexGuard<'_, QueuedWrites> {
        lock(&self.pending)
    }

    /// Writes queued states until none remains.
    async fn drain(self: Arc<Self>) {
        loop {
            let mut ledger = self.ledger.lock().await;
            let state = {
                let mut pending = self.pending();
                let Some(state) = pending.state.take() else {
                    pending.draining = false;
                    return;
                };
                state
            };
            // A commit follows and reports the error if it persists.
            if let Err(error) = self.write(&mut ledger, &state).await {
                tracing::warn!(%error, "the state could not be saved; trying again with the next change");
            }
        }
    }

    /// Writes `state` if it differs from the stored one.
    async fn write(&self, ledger: &mut Ledger, state: &State) -> Result<(), StateError> {
        if ledger.fenced || !self.lease.may_save().await.map_err(|e| self.store.state_error(e))? {
            return Err(self.record_fence(ledger));
        }
        let known = ledger.unsure.is_empty();
        if known && ledger.says(state) {
            return Ok(());
        }
        if let Some(kept) = ledger.kept.take() {
            ledger.before = ledger.before.max(kept.await.unwrap_or(0));
        }
        loop {
            let stored = ledger.stored.as_ref().map_or(0, |(stored, _)| stored.serial);
            let serial = next_serial(stored.max(ledger.before));
            ledger.newest = ledger.newest.max(serial);
            let document = self.store.stamp(state, serial);
            let bytes = document.to_bytes();
            let condition = ledger.version.clone().map_or(Condition::Absent, Condition::Matches);
            match self.store.objects.put(&self.store.key, bytes.clone(), &condition).await {
                Ok(version) => {
                    self.record_write(ledger, document, version, &bytes);
                    return Ok(());
                }
                Err(ObjectError::Conflict) => {}
                Err(error) => {
                    ledger.unsure.push(document);
                    return Err(self.store.state_error(error));
                }
            }
            let found = match self.store.objects.get(&self.store.key).await {
                Ok(found) => found,
                Err(error) => {
                    ledger.unsure.push(document);
                    return Err(self.store.state_error(error));
                }
            };
            let tried: Vec<_> = ledger.unsure.iter().map(State::to_bytes).collect();
            match (conflict(found.as_ref().map(|object| &object.bytes), &bytes, &tried), found) {
                (FoundDocument::Own, Some(object)) => {
                    self.record_write(ledger, document, object.version, &bytes);
                    return Ok(());
                }
                // The stored document is an earlier try of this run: continue from it. Each try can be found only once,
                // so the loop ends.
                (FoundDocument::Earlier(at), Some(object)) => {
                    let earlier = ledger.unsure.remove(at);
                    ledger.stored = Some((earlier, rescue::digest(&object.bytes)));
                    ledger.version = Some(object.version);
                    ledger.written = true;
                }
                _ => return Err(self.record_fence(ledger)),
            }
        }
    }

    fn record_write(&self, ledger: &mut Ledger, document: State, version: Version, bytes: &[u8]) {
        rescue::clear(&self.store, &document.lineage);
        ledger.version = Some(version);
        ledger.written = true;
        ledger.stored = Some((document, rescue::digest(bytes)));
        ledger.unsure.clear();
    }

    fn record_fence(&self, ledger: &mut Ledger) -> StateError {
        ledger.fenced = true;
        self.lease.mark_lost();
        StateError::Fenced { place: self.store.place() }
    }

    /// Saves the state in a rescue file: AWS may already reflect it, and the place could not store it.
    fn rescue(&self, ledger: &Ledger, state: &State, error: StateError) -> StateError {
        if !ledger.begun || ledger.fenced {
            return error;
        }
        let tried = ledger.unsure.iter().map(|document| rescue::digest(&document.to_bytes()));
        let follows = ledger.stored.iter().map(|(_, digest)| digest.clone()).chain(tried).collect();
        let document = self.store.stamp(state, ledger.newest + 1);
        match rescue::keep(&self.store, &document, follows) {
            Some(rescue) => StateError::Rescued { rescue, cause: Box::new(error) },
            None => error,
        }
    }
}

impl Ledger {
    /// Tells whether the stored state has the same content. If nothing is stored, only an empty state has the same
    /// content.
    fn says(&self, state: &State) -> bool {
        match &self.stored {
            Some((stored, _)) => stored.says_the_same(state),
            None => state.resources.is_empty() && state.intents.is_empty() && state.outputs.is_empty(),
        }
    }
}
