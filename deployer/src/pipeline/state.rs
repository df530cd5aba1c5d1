//! Opens, locks, reads and writes the state without a plan.

use super::begin::{connect, lock_or_leave};
use super::{LoadedStack, Progress, Settings, unless_stopped};
use crate::execute::Stop;
use crate::failure::Failure;
use crate::state::{Journal, Lease, Snapshot, State, Store};

/// Opens the state's store; nothing is read yet, so that a damaged state can be repaired.
///
/// # Errors
/// When AWS cannot be reached or the credentials are of another account.
pub async fn open_store(loaded: &LoadedStack, settings: &Settings, stop: &Stop) -> Result<Store, Failure> {
    Ok(unless_stopped(stop, connect(&loaded.document, settings)).await?.store)
}

/// Reads the state, and reports its notice to the user.
///
/// # Errors
/// When it cannot be reached or understood.
pub async fn read_state(store: &Store, progress: &dyn Progress, stop: &Stop) -> Result<Snapshot, Failure> {
    let snapshot = unless_stopped(stop, async { store.read().await.map_err(Failure::state) }).await?;
    if let Some(notice) = &snapshot.notice {
        progress.say(notice);
    }
    Ok(snapshot)
}

/// Takes the state's lock.
///
/// # Errors
/// When another run holds it until the time is over, or the place cannot be used.
pub async fn hold(store: &Store, settings: &Settings, progress: &dyn Progress, stop: &Stop) -> Result<Lease, Failure> {
    lock_or_leave(std::future::ready(Ok(())), store, settings, progress, stop).await.map(|((), lease)| lease)
}

/// Releases the lock; if that fails, it expires by itself.
pub async fn give_back(lease: Lease) {
    if let Err(error) = lease.release().await {
        tracing::warn!(%error, "the lock could not be released and will expire by itself");
    }
}

/// Writes `state` in the place of `snapshot`, which was read under `lease`; returns once it is stored durably.
///
/// # Errors
/// When another run took over, or the place refuses.
pub async fn write_state(store: &Store, snapshot: &Snapshot, lease: &Lease, state: &State) -> Result<(), Failure> {
    let journal = store.journal(snapshot, lease);
    journal.commit(state).await.map_err(Failure::state)?;
    journal.finish().await.map_err(Failure::state)
}
