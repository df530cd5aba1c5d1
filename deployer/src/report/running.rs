//! A run that changes the stack beside a plan, for programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::state::LockedState;

/// A run that holds the state's lock.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunningReport {
    pub who: String,
    pub host: String,
    /// The command.
    pub operation: String,
    /// The time at which it took the lock: RFC 3339, UTC.
    pub since: String,
    /// The link of its CI run.
    pub run_url: Option<String>,
}

impl RunningReport {
    pub(super) fn of(locked: &LockedState) -> Self {
        let LockedState { who, host, operation, since, run_url, .. } = locked.clone();
        Self { who, host, operation, since, run_url }
    }
}
