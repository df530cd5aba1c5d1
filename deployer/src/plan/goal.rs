//! The goal of a plan.

/// The goal of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// AWS matches `stack.yaml`.
    Apply,
    /// The state matches AWS. AWS stays as it is.
    Refresh,
    /// AWS has nothing of the stack.
    Destroy,
    /// An existing resource belongs to the stack. Nothing else changes.
    Adopt(Adoption),
}

/// The resource to adopt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// An address, or the element that holds it.
    pub address: String,
    /// The resource's id in AWS, if the user named it. Required where AWS has no name to find it by.
    pub id: Option<String>,
}
