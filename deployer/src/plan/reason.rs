//! The reasons for a plan's actions, and the notes beside them. Their words are in `report`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::graph::owner::Foreign;
use crate::kinds::KindRef;

/// The reason for an action. It informs people and programs; nothing is decided by it.
///
/// In JSON, the variant's name in kebab-case is the stable code, and its fields are the details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", content = "details", rename_all = "kebab-case")]
pub enum Reason {
    /// The resource is as `stack.yaml` wants it.
    UpToDate,
    /// AWS does not have the resource.
    NotInAws,
    /// The last apply created or found the resource, and AWS does not have it any more.
    DeletedOutside,
    /// Properties differ from `stack.yaml`.
    Differs,
    /// AWS cannot change these properties in place.
    CannotUpdate { properties: Vec<FixedProperty> },
    /// `--replace` names the resource.
    ReplaceRequested,
    /// The name or another identity property changed in `stack.yaml`.
    AnotherResource,
    /// AWS deletes the resource along with its parent, which is recreated.
    ParentRecreated { parent: String },
    /// AWS refers to the resource that had this address before it was recreated.
    ReferenceRecreated { to: String },
    /// The state records the resource at another address.
    Moved { from: String },
    /// A run that was interrupted created the resource and did not record it.
    Interrupted { since: String },
    /// `--adopt` names the resource.
    AdoptRequested { owner: Foreign },
    /// The resource has this stack's ownership tags, and the state does not have it.
    Unrecorded,
    /// The whole stack is destroyed.
    StackDestroyed,
    /// The resource left `stack.yaml`.
    Removed,
    /// This property of the element leaves it out of this environment.
    LeftOut { property: String },
    /// The resource has this stack's ownership tags, and neither `stack.yaml` nor the state has it.
    Orphaned,
    /// The resource is to leave AWS, and AWS does not have it any more.
    AlreadyGone,
    /// `retain: true` keeps the resource in AWS.
    Retained,
    /// The element became `external`.
    External,
    /// The resource is not this stack's and stays in AWS.
    Foreign { owner: Foreign },
    /// The state records the resource a second time.
    RecordedTwice { other: String },
    /// A reason that another version of the deployer wrote, in its words.
    Other { text: String },
}

/// A property that AWS cannot change in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FixedProperty {
    pub path: String,
    /// Why not, in the words of the kind. `None` if it states none.
    pub why: Option<String>,
}

impl Reason {
    /// Applies `change` to each text of the reason that comes from the stack or from AWS.
    #[must_use]
    pub fn map_texts(self, change: &dyn Fn(&str) -> String) -> Self {
        match self {
            Self::CannotUpdate { properties } => {
                let fixed = |fixed: FixedProperty| FixedProperty {
                    path: change(&fixed.path),
                    why: fixed.why.as_deref().map(change),
                };
                Self::CannotUpdate { properties: properties.into_iter().map(fixed).collect() }
            }
            Self::ParentRecreated { parent } => Self::ParentRecreated { parent: change(&parent) },
            Self::ReferenceRecreated { to } => Self::ReferenceRecreated { to: change(&to) },
            Self::Moved { from } => Self::Moved { from: change(&from) },
            Self::Interrupted { since } => Self::Interrupted { since: change(&since) },
            Self::AdoptRequested { owner } => Self::AdoptRequested { owner: owner.map_texts(change) },
            Self::Foreign { owner } => Self::Foreign { owner: owner.map_texts(change) },
            Self::RecordedTwice { other } => Self::RecordedTwice { other: change(&other) },
            Self::LeftOut { property } => Self::LeftOut { property: change(&property) },
            Self::Other { text } => Self::Other { text: change(&text) },
            Self::UpToDate
            | Self::NotInAws
            | Self::DeletedOutside
            | Self::Differs
            | Self::ReplaceRequested
            | Self::AnotherResource
            | Self::Unrecorded
            | Self::StackDestroyed
            | Self::Removed
            | Self::Orphaned
            | Self::AlreadyGone
            | Self::Retained
            | Self::External => self,
        }
    }
}

/// A fact that the user should know, or a step that remains for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub address: String,
    pub remark: Remark,
}

/// The content of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// In the words of a kind, or of another part that knows more than the planner.
    Text(String),
    /// The state has a secret in this address in clear.
    SecretInState,
    /// The resource needs another one that does not exist yet. The next apply adopts it.
    AdoptedLater,
    /// The predecessor with this physical id is retained: it leaves the state and stays in AWS.
    PredecessorRetained { physical_id: String },
    /// The resource differs from the removed element `from` in names alone. With the name in AWS it would be kept.
    LooksRenamed { from: String, name: String },
    /// The resource has this stack's ownership tags, and neither `stack.yaml` nor the state has it. If it must not be
    /// deleted, `stays` is the reason.
    Orphan { kind: KindRef, id: String, stays: Option<String> },
}

impl Note {
    pub fn new(address: impl Into<String>, remark: Remark) -> Self {
        Self { address: address.into(), remark }
    }

    pub fn text(address: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(address, Remark::Text(text.into()))
    }
}
