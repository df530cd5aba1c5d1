//! The owner of a resource, as its ownership tags tell it.
//!
//! Everything that asks whose a resource is gets an [`Owner`] from [`Owner::by_tag`]. Where a whole stack is known,
//! `graph/owner.rs` answers for resources without tags, too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The owner of a live resource, seen from this stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    Ours,
    Foreign(Foreign),
}

/// The reason why a resource is not this stack's. It completes "the resource …".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Foreign {
    #[error("belongs to the stack {stack:?}")]
    OtherStack { stack: String },
    /// It never had them, as far as the state knows.
    #[error("carries no ownership tags of this stack")]
    Untagged,
    /// The last apply recorded it with them.
    #[error(
        "carries no ownership tags of this stack any more: they were removed, or another resource was created under \
         its name"
    )]
    TagsRemoved,
    /// It has no ownership tags of its own, and its parent is not this stack's.
    #[error("is part of a resource that {parent}")]
    Part { parent: Box<Self> },
    /// The last apply recorded it as a part of a resource that no longer exists. AWS deletes parts with their parent.
    #[error("is part of a resource that is no longer this stack's")]
    PartOfLost,
    #[error("is part of a resource that this stack does not have")]
    PartOfUnknown,
}

impl Owner {
    /// Decides by the tag `deployer:stack` of a resource. `recorded` tells whether the last apply recorded the resource
    /// with this stack's tag; it only affects the words.
    pub fn by_tag(stack: &str, tag: Option<&str>, recorded: bool) -> Self {
        match tag {
            Some(owner) if owner == stack => Self::Ours,
            Some(owner) => Self::Foreign(Foreign::OtherStack { stack: owner.to_owned() }),
            None if recorded => Self::Foreign(Foreign::TagsRemoved),
            None => Self::Foreign(Foreign::Untagged),
        }
    }

    pub fn is_ours(&self) -> bool {
        *self == Self::Ours
    }

    /// Returns why the resource is not this stack's, if so.
    pub fn foreign(self) -> Option<Foreign> {
        match self {
            Self::Ours => None,
            Self::Foreign(foreign) => Some(foreign),
        }
    }

    /// Returns the owner of a part of the resource.
    #[must_use]
    pub fn of_part(self) -> Self {
        match self {
            Self::Ours => Self::Ours,
            Self::Foreign(parent) => Self::Foreign(Foreign::Part { parent: Box::new(parent) }),
        }
    }
}

impl Foreign {
    /// Applies `change` to each text that comes from AWS.
    #[must_use]
    pub(crate) fn map_texts(self, change: &dyn Fn(&str) -> String) -> Self {
        match self {
            Self::OtherStack { stack } => Self::OtherStack { stack: change(&stack) },
            Self::Part { parent } => Self::Part { parent: Box::new(parent.map_texts(change)) },
            Self::Untagged | Self::TagsRemoved | Self::PartOfLost | Self::PartOfUnknown => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_ours_by_its_tag_alone() {
        assert_eq!(Owner::by_tag("couch", Some("couch"), false), Owner::Ours);
        let other = |stack: &str| Owner::Foreign(Foreign::OtherStack { stack: stack.to_owned() });
        assert_eq!(Owner::by_tag("couch", Some("couch@pr-7"), true), other("couch@pr-7"));
        assert_eq!(Owner::by_tag("couch", Some(""), true), other(""));
        assert_eq!(
            Owner::by_tag("couch", None, true),
            Owner::Foreign(Foreign::TagsRemoved),
            "the state proves nothing"
        );
        assert_eq!(Owner::by_tag("couch", None, false), Owner::Foreign(Foreign::Untagged));
    }

    #[test]
    fn a_part_has_the_owner_of_its_parent() {
        assert_eq!(Owner::Ours.of_part(), Owner::Ours);
        let part = Owner::by_tag("couch", Some("shop"), true).of_part().foreign().expect("foreign");
        assert_eq!(part.to_string(), "is part of a resource that belongs to the stack \"shop\"");
    }
}
