//! Earlier versions of the state: numbered copies, of which the newest twenty are kept.

use futures::future::join_all;

use super::document::State;
use super::error::StateError;
use super::lock::Lease;
use super::objects::{Condition, ObjectError, Version};
use super::rescue::digest;
use super::store::Store;

/// Number of copies that are kept.
pub const KEPT_VERSIONS: usize = 20;

/// An earlier version of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierState {
    pub serial: u64,
    /// RFC 3339, UTC.
    pub written_at: String,
    pub written_by: String,
    /// Number of resources in this version.
    pub resources: usize,
}

impl Store {
    /// Lists the kept versions that can be restored, newest first.
    ///
    /// # Errors
    /// When the place cannot be reached.
    pub async fn history(&self) -> Result<Vec<EarlierState>, StateError> {
        let serials = self.serials().await.map_err(|e| self.state_error(e))?;
        let states = join_all(serials.iter().map(|serial| self.load_version(*serial))).await;
        let good = serials.iter().zip(states).filter_map(|(serial, state)| Some((*serial, state.ok()?)));
        let kept = |(serial, state): (u64, State)| EarlierState {
            serial,
            written_at: state.written_at,
            written_by: state.written_by,
            resources: state.resources.len(),
        };
        Ok(good.map(kept).collect())
    }

    /// Loads a kept version.
    ///
    /// # Errors
    /// `NoVersion`, or the same as when the state is read.
    pub async fn load_version(&self, serial: u64) -> Result<State, StateError> {
        match self.objects.get(&self.version_key(serial)).await.map_err(|e| self.state_error(e))? {
            Some(object) => self.parse(&object.bytes),
            None => Err(StateError::NoVersion { place: self.place(), serial }),
        }
    }

    /// Restores a kept version as the current state, under a new serial. A damaged state is first copied beside the
    /// versions.
    ///
    /// # Errors
    /// When there is no such version, the place cannot be reached, or it holds another stack's or a newer state.
    pub async fn restore(&self, serial: u64, lease: &Lease) -> Result<State, StateError> {
        let chosen = self.load_version(serial).await?;
        let found = self.objects.get(&self.key).await.map_err(|e| self.state_error(e))?;
        let newest = self.serials().await.map_err(|e| self.state_error(e))?.first().copied().unwrap_or(serial);
        let mut last = newest;
        let condition = match found {
            None => Condition::Absent,
            Some(object) => {
                match self.parse(&object.bytes) {
                    Ok(state) => last = last.max(state.serial),
                    Err(StateError::Damaged { .. }) => self.keep_damaged(&object.bytes).await?,
                    Err(error) => return Err(error),
                }
                Condition::Matches(object.version)
            }
        };
        if !lease.mark().may_save().await.map_err(|e| self.state_error(e))? {
            return Err(lease.why_lost());
        }
        let state = self.stamp(&chosen, last + 1);
        self.put_own(&self.key, state.to_bytes(), &condition).await?;
        self.keep(&state).await?;
        Ok(state)
    }

    /// Stores a copy of `state`, and prunes all but the newest [`KEPT_VERSIONS`] copies.
    pub(super) async fn keep(&self, state: &State) -> Result<(), StateError> {
        let (copied, pruned) = tokio::join!(self.copy(state), self.prune(state.serial));
        if let Err(error) = pruned {
            tracing::warn!(%error, "old versions of the state could not be removed");
        }
        copied
    }

    async fn copy(&self, state: &State) -> Result<(), StateError> {
        let key = self.version_key(state.serial);
        let mut condition = Condition::Absent;
        while let Err(error) = self.objects.put(&key, state.to_bytes(), &condition).await {
            let found = match error {
                ObjectError::Conflict => self.objects.get(&key).await.map_err(|e| self.state_error(e))?,
                error => return Err(self.state_error(error)),
            };
            // Either this run's own write, whose answer was lost, or a copy of a newer state, before somebody restored
            // an older one by hand. In the second case the number now belongs to this state.
            condition = match found {
                Some(object) if object.bytes == state.to_bytes() => break,
                Some(object) => Condition::Matches(object.version),
                None => Condition::Absent,
            };
        }
        Ok(())
    }

    /// Returns the highest number of a kept version, or 0 if there is none or they cannot be listed.
    pub(crate) async fn newest_number(&self) -> u64 {
        self.serials().await.ok().and_then(|serials| serials.first().copied()).unwrap_or(0)
    }

    /// Returns the newest kept version that can be read.
    pub(super) async fn newest_good(&self) -> Option<u64> {
        for serial in self.serials().await.ok()? {
            if self.load_version(serial).await.is_ok() {
                return Some(serial);
            }
        }
        None
    }

    /// Writes an object whose content is unique to this run; a conflict with this run's own write counts as success.
    pub(super) async fn put_own(
        &self,
        key: &str,
        bytes: Vec<u8>,
        condition: &Condition,
    ) -> Result<Version, StateError> {
        match self.objects.put(key, bytes.clone(), condition).await {
            Err(ObjectError::Conflict) => {}
            result => return result.map_err(|e| self.state_error(e)),
        }
        match self.objects.get(key).await.map_err(|e| self.state_error(e))? {
            Some(object) if object.bytes == bytes => Ok(object.version),
            _ => Err(StateError::Fenced { place: self.place() }),
        }
    }

    async fn keep_damaged(&self, bytes: &[u8]) -> Result<(), StateError> {
        let key = format!("{}damaged-{}.json", self.history_prefix(), &digest(bytes)[..16]);
        self.put_own(&key, bytes.to_vec(), &Condition::Absent).await.map(|_| ())
    }

    /// Removes the oldest copies beyond the limit. `newest` counts although its copy may not exist yet.
    async fn prune(&self, newest: u64) -> Result<(), ObjectError> {
        let others = self.serials().await?.into_iter().filter(|serial| *serial != newest);
        for serial in others.skip(KEPT_VERSIONS - 1) {
            self.objects.delete(&self.version_key(serial), None).await?;
        }
        Ok(())
    }

    /// Lists the serials of the kept versions, newest first.
    async fn serials(&self) -> Result<Vec<u64>, ObjectError> {
        let prefix = self.history_prefix();
        let keys = self.objects.list(&prefix).await?;
        let serial = |key: &String| key.strip_prefix(&prefix)?.strip_suffix(".json")?.parse().ok();
        let mut serials: Vec<u64> = keys.iter().filter_map(serial).collect();
        serials.sort_unstable_by(|a, b| b.cmp(a));
        Ok(serials)
    }

    pub(super) fn history_prefix(&self) -> String {
        history_prefix(&self.key)
    }

    fn version_key(&self, serial: u64) -> String {
        format!("{}{serial}.json", self.history_prefix())
    }
}

/// Returns the common key prefix of all kept versions of the state under `key`.
pub(super) fn history_prefix(key: &str) -> String {
    format!("{key}.history/")
}
