//! The actions that a plan can take on a resource. The state records them, so they stand below it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a plan does to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create,
    Update,
    /// Recreated, because AWS cannot change it in place.
    Replace,
    Delete,
    /// Taken over into the state, and changed where it differs.
    Adopt,
    /// Already as `stack.yaml` wants it.
    Unchanged,
    /// Removed from the state only. It stays in AWS, or is already deleted.
    Forget,
}

/// Which half of a replacement comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    CreateFirst,
    DeleteFirst,
}

impl Action {
    /// Tells whether the action calls AWS. The others change the state at most.
    pub fn calls_aws(self) -> bool {
        !matches!(self, Self::Unchanged | Self::Forget)
    }

    /// Tells whether the action creates a resource.
    pub fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Replace)
    }

    /// Tells whether the resource exists afterwards as `stack.yaml` wants it.
    pub fn builds(self) -> bool {
        !matches!(self, Self::Delete | Self::Forget)
    }
}
