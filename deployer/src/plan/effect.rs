//! The effect of a plan on one resource, with exactly the data that the action needs.

use serde_json::Value;

use super::change::Change;
use crate::kinds::{Action, ObservedResource, Order};

/// The effect of a plan on one resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Create {
        wanted: DesiredSpec,
        /// Every property, compared with an absent resource.
        changes: Vec<Change>,
    },
    Update(Revision),
    /// Recorded in the state, and changed where it differs.
    Adopt(Revision),
    Replace {
        wanted: DesiredSpec,
        changes: Vec<Change>,
        order: Replacement,
    },
    Unchanged {
        wanted: DesiredSpec,
        live: ObservedResource<Value>,
    },
    Delete {
        live: ObservedResource<Value>,
        how: Deletion,
    },
    /// Removed from the state only.
    Forget {
        /// The resource that is retained; `None` if it is gone or not this stack's.
        live: Option<ObservedResource<Value>>,
    },
}

/// The desired spec of a resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DesiredSpec {
    /// The spec as far as it is known.
    pub desired: Value,
    /// The spec with its references, which are resolved once their resources exist.
    pub spec: Value,
}

/// A change of a resource that stays.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    pub wanted: DesiredSpec,
    pub live: ObservedResource<Value>,
    pub changes: Vec<Change>,
    /// The resource that had this address before, under another identity. It is deleted once nothing uses it.
    pub leftover: Option<ObservedResource<Value>>,
}

/// Which half of a replacement comes first.
#[derive(Debug, Clone, PartialEq)]
pub enum Replacement {
    /// The new resource has another identity, so both can exist. The old one is deleted once nothing uses it; `None` if
    /// it is retained.
    CreateFirst { predecessor: Option<ObservedResource<Value>> },
    /// The new resource needs the name of the live one.
    DeleteFirst {
        live: ObservedResource<Value>,
        /// The resource that an interrupted replacement left under another identity.
        leftover: Option<ObservedResource<Value>>,
    },
}

/// How a resource is deleted.
#[derive(Debug, Clone, PartialEq)]
pub enum Deletion {
    /// By a call of its own, and with it the resource that an interrupted replacement left under another identity.
    Called { leftover: Option<ObservedResource<Value>> },
    /// By AWS, along with the parent at this address.
    WithParent(String),
}

impl Effect {
    pub fn action(&self) -> Action {
        match self {
            Self::Create { .. } => Action::Create,
            Self::Update(_) => Action::Update,
            Self::Adopt(_) => Action::Adopt,
            Self::Replace { .. } => Action::Replace,
            Self::Unchanged { .. } => Action::Unchanged,
            Self::Delete { .. } => Action::Delete,
            Self::Forget { .. } => Action::Forget,
        }
    }

    /// Returns which half of a replacement comes first.
    pub fn order(&self) -> Option<Order> {
        match self {
            Self::Replace { order: Replacement::CreateFirst { .. }, .. } => Some(Order::CreateFirst),
            Self::Replace { order: Replacement::DeleteFirst { .. }, .. } => Some(Order::DeleteFirst),
            _ => None,
        }
    }

    /// Returns the desired spec; `None` if the resource leaves the stack.
    pub fn desired_spec(&self) -> Option<&DesiredSpec> {
        match self {
            Self::Create { wanted, .. } | Self::Replace { wanted, .. } | Self::Unchanged { wanted, .. } => Some(wanted),
            Self::Update(revision) | Self::Adopt(revision) => Some(&revision.wanted),
            Self::Delete { .. } | Self::Forget { .. } => None,
        }
    }

    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Create { changes, .. } | Self::Replace { changes, .. } => changes,
            Self::Update(revision) | Self::Adopt(revision) => &revision.changes,
            Self::Unchanged { .. } | Self::Delete { .. } | Self::Forget { .. } => &[],
        }
    }

    /// Returns the resource that AWS has under the desired identity, or that leaves the stack.
    pub fn live(&self) -> Option<&ObservedResource<Value>> {
        match self {
            Self::Create { .. } | Self::Replace { order: Replacement::CreateFirst { .. }, .. } => None,
            Self::Update(Revision { live, .. })
            | Self::Adopt(Revision { live, .. })
            | Self::Replace { order: Replacement::DeleteFirst { live, .. }, .. }
            | Self::Unchanged { live, .. }
            | Self::Delete { live, .. } => Some(live),
            Self::Forget { live } => live.as_ref(),
        }
    }

    /// Returns the resource that had this address before, under another identity, and that is deleted.
    pub fn predecessor(&self) -> Option<&ObservedResource<Value>> {
        match self {
            Self::Update(Revision { leftover: old, .. })
            | Self::Adopt(Revision { leftover: old, .. })
            | Self::Replace { order: Replacement::CreateFirst { predecessor: old }, .. }
            | Self::Replace { order: Replacement::DeleteFirst { leftover: old, .. }, .. }
            | Self::Delete { how: Deletion::Called { leftover: old }, .. } => old.as_ref(),
            Self::Create { .. } | Self::Unchanged { .. } | Self::Delete { .. } | Self::Forget { .. } => None,
        }
    }

    /// Returns the predecessor that is deleted by a step of its own, after everything else has moved on.
    pub fn removed_later(&self) -> Option<&ObservedResource<Value>> {
        match self {
            Self::Delete { .. } => None,
            building => building.predecessor(),
        }
    }

    /// Returns the address of the parent that AWS deletes the resource along with.
    pub fn goes_with(&self) -> Option<&str> {
        match self {
            Self::Delete { how: Deletion::WithParent(parent), .. } => Some(parent),
            _ => None,
        }
    }

    /// Tells whether a resource is deleted.
    pub fn deletes(&self) -> bool {
        self.predecessor().is_some() || matches!(self, Self::Delete { .. } | Self::Replace { .. })
    }

    /// Lists the resources that the plan deletes by calls of its own.
    pub fn deleted_resources(&self) -> impl Iterator<Item = &ObservedResource<Value>> {
        let live = match self {
            Self::Delete { live, how: Deletion::Called { .. } }
            | Self::Replace { order: Replacement::DeleteFirst { live, .. }, .. } => Some(live),
            _ => None,
        };
        live.into_iter().chain(self.predecessor())
    }

    /// Lists the same resources, to change them.
    pub(super) fn deleted_resources_mut(&mut self) -> Vec<&mut ObservedResource<Value>> {
        match self {
            Self::Delete { live, how: Deletion::Called { leftover } }
            | Self::Replace { order: Replacement::DeleteFirst { live, leftover }, .. } => {
                std::iter::once(live).chain(leftover).collect()
            }
            Self::Update(Revision { leftover: old, .. })
            | Self::Adopt(Revision { leftover: old, .. })
            | Self::Replace { order: Replacement::CreateFirst { predecessor: old }, .. } => old.iter_mut().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the resource whose data a user loses, if any is deleted: the predecessor before the live one.
    pub fn lost_resource(&self) -> Option<&ObservedResource<Value>> {
        let live = match self {
            Self::Delete { live, .. } | Self::Replace { order: Replacement::DeleteFirst { live, .. }, .. } => {
                Some(live)
            }
            _ => None,
        };
        self.predecessor().or(live)
    }
}

impl Revision {
    /// Turns a change into a replacement that deletes the live resource first.
    pub(super) fn delete_first(self) -> Effect {
        let order = Replacement::DeleteFirst { live: self.live, leftover: self.leftover };
        Effect::Replace { wanted: self.wanted, changes: self.changes, order }
    }
}
