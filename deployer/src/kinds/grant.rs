//! The calls that a kind's operations may make, as IAM sees them.

use crate::aws::Place;

/// An operation of a kind, for [`Kind::iam`](super::Kind::iam).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    Read,
    /// The calls of [`Kind::present`](super::Kind::present).
    Present,
    Create,
    Update,
    Delete,
}

/// Actions that an operation may call, on resources (ARNs, `*` allowed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub actions: Vec<&'static str>,
    pub resources: Vec<String>,
    /// Every condition has to hold.
    pub conditions: Vec<Condition>,
}

/// Lets a service create its own role in the account. AWS requires that of the first caller who needs the role.
pub(crate) fn service_role(place: &Place, service: &str, role: &str) -> Grant {
    let (partition, account) = (&place.partition, &place.account);
    let arn = format!("arn:{partition}:iam::{account}:role/aws-service-role/{service}/{role}");
    Grant::new(&["iam:CreateServiceLinkedRole"], arn).only(
        "StringEquals",
        "iam:AWSServiceName",
        vec![service.to_owned()],
    )
}

/// Placeholder for the stack's name in a condition's values. A kind does not know the name.
pub const OWN_STACK: &str = "<this stack>";

/// One IAM condition: `StringEquals` `iam:PassedToService` is one of `values`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    pub operator: &'static str,
    pub key: &'static str,
    pub values: Vec<String>,
}

impl Grant {
    pub fn new(actions: &[&'static str], resource: impl Into<String>) -> Self {
        Self::on(actions, [resource.into()])
    }

    pub fn on(actions: &[&'static str], resources: impl IntoIterator<Item = String>) -> Self {
        Self { actions: actions.to_vec(), resources: resources.into_iter().collect(), conditions: Vec::new() }
    }

    /// Narrows the grant to resources that carry this stack's ownership tag, or are part of one that does.
    #[must_use]
    pub fn of_own(self) -> Self {
        self.only("StringEquals", "aws:ResourceTag/deployer:stack", vec![OWN_STACK.to_owned()])
    }

    /// Narrows the grant to requests that send this stack's ownership tag along.
    #[must_use]
    pub fn marking_own(self) -> Self {
        self.only("StringEquals", "aws:RequestTag/deployer:stack", vec![OWN_STACK.to_owned()])
    }

    /// Narrows the grant to requests for which `key` has one of `values`.
    #[must_use]
    pub fn only(mut self, operator: &'static str, key: &'static str, values: Vec<String>) -> Self {
        self.conditions.push(Condition { operator, key, values });
        self
    }
}
