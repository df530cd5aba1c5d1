//! Finds other states beside this one, and erases a state.

use super::error::StateError;
use super::lock::Lease;
use super::store::{Snapshot, Store};

impl Store {
    /// Returns the key of the state.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Lists the keys that begin with a state's key, which has no `.json` at its end for that.
    ///
    /// # Errors
    /// When the place cannot be reached.
    pub async fn siblings(&self, key: &str) -> Result<Vec<String>, StateError> {
        let prefix = key.strip_suffix(".json").unwrap_or(key);
        self.objects.list(prefix).await.map_err(|e| self.state_error(e))
    }

    /// Deletes the state that was read under `lease`, and its earlier versions.
    ///
    /// # Errors
    /// When another run wrote meanwhile, or the place refuses.
    pub async fn erase(&self, snapshot: &Snapshot, lease: &Lease) -> Result<(), StateError> {
        if *lease.watch_loss().borrow() {
            return Err(StateError::Fenced { place: self.place() });
        }
        if let Some(version) = &snapshot.version {
            self.objects.delete(&self.key, Some(version)).await.map_err(|e| self.state_error(e))?;
        }
        let versions = self.objects.list(&self.history_prefix()).await.map_err(|e| self.state_error(e))?;
        for key in versions {
            self.objects.delete(&key, None).await.map_err(|e| self.state_error(e))?;
        }
        Ok(())
    }
}
