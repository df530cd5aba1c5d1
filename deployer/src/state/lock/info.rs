//! The lock document.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::decide::{SeenLock, Terms};
use super::life::HolderProcess;
use crate::state::error::LockedState;
use crate::state::objects::Object;

/// The run that takes the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    pub who: String,
    pub host: String,
    /// The command.
    pub operation: String,
    /// URL of the CI run.
    pub run_url: Option<String>,
}

/// The lock document as it is stored.
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
    /// The process, if this machine can tell later whether it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<HolderProcess>,
}

impl LockInfo {
    /// Parses a lock. A lock that cannot be parsed still holds until its lease has expired.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let unknown = || "unknown".to_owned();
        serde_json::from_slice(bytes).unwrap_or_else(|_| Self {
            id: unknown(),
            who: unknown(),
            host: unknown(),
            operation: unknown(),
            run_url: None,
            created_at: unknown(),
            lease_s: Terms::default().lease_s(),
            renewals: 0,
            process: None,
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a lock is texts and numbers, which JSON takes");
        bytes.push(b'\n');
        bytes
    }

    /// Returns the holder's terms. Anybody may have written these bytes, so they are kept within bounds.
    pub(super) fn terms(&self) -> Terms {
        Terms::new(self.lease_s.clamp(Terms::SHORTEST_S, Terms::LONGEST_S)).unwrap_or_default()
    }

    /// Extracts the values that the rules use. A lease without bounds must not keep the lock for ever. `object` is the stored object that the lock was parsed from.
    pub(super) fn rule_values(&self, object: &Object) -> SeenLock<'_> {
        let lease = Duration::from_secs(self.lease_s.min(Terms::LONGEST_S));
        SeenLock { id: &self.id, lease, age: object.age(), ended: None }
    }

    pub(super) fn says(&self, place: &str, left: Duration) -> LockedState {
        LockedState {
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
