//! The stacks to deploy, and the operations on them.

use std::fmt;
use std::str::FromStr;

use crate::cloud::Counts;

/// A stack to measure with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// An API with a function, and a function behind a queue with alarm, topic and mail.
    Couch,
    /// Couch with functions that cargo has built.
    CouchCargo,
    /// N copies of a role, a function, a queue, a mapping between them and an alarm.
    Scaled(usize),
}

impl Case {
    /// Returns the function whose memory is changed.
    pub fn changed_function(self) -> &'static str {
        match self {
            Self::Couch | Self::CouchCargo => "couch-api",
            Self::Scaled(_) => "scaled-0",
        }
    }

    /// Returns the N of `scaled-N`.
    pub fn copies(self) -> Option<usize> {
        match self {
            Self::Couch | Self::CouchCargo => None,
            Self::Scaled(n) => Some(n),
        }
    }

    pub fn counts(self) -> Counts {
        match self {
            Self::Couch | Self::CouchCargo => Counts {
                functions: 2,
                mappings: 1,
                queues: 1,
                roles: 2,
                alarms: 1,
                topics: 1,
                subscriptions: 1,
                apis: 1,
            },
            Self::Scaled(n) => {
                Counts { functions: n, mappings: n, queues: n, roles: n, alarms: n, ..Counts::default() }
            }
        }
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scaled = text.strip_prefix("scaled-").and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        match scaled {
            Some(n) => Ok(Self::Scaled(n)),
            None if text == "couch" => Ok(Self::Couch),
            None if text == "couch-cargo" => Ok(Self::CouchCargo),
            None => Err(format!("no case is called {text}: there are couch, couch-cargo and scaled-N")),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Couch => f.write_str("couch"),
            Self::CouchCargo => f.write_str("couch-cargo"),
            Self::Scaled(n) => write!(f, "scaled-{n}"),
        }
    }
}

/// The operations on a stack, in the order in which they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Plan,
    Apply,
    /// The first apply until every function is Active. Only the floor has this operation, as its apply does not wait
    /// for that.
    ApplyActive,
    NoopPlan,
    NoopApply,
    Change,
    Destroy,
}

impl Operation {
    pub const ALL: [Self; 7] =
        [Self::Plan, Self::Apply, Self::ApplyActive, Self::NoopPlan, Self::NoopApply, Self::Change, Self::Destroy];

    /// Returns its name in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::ApplyActive => "apply_active",
            Self::NoopPlan => "noop_plan",
            Self::NoopApply => "noop_apply",
            Self::Change => "change",
            Self::Destroy => "destroy",
        }
    }

    /// Returns its name for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Plan => "first plan",
            Self::Apply => "first apply",
            Self::ApplyActive => "first apply, functions Active",
            Self::NoopPlan => "plan, nothing to do",
            Self::NoopApply => "apply, nothing to do",
            Self::Change => "change one attribute",
            Self::Destroy => "destroy",
        }
    }

    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.key() == key)
    }

    /// Memory in MB of the changed function after the operation; `None` if the function does not exist then.
    pub fn memory_after(self) -> Option<u64> {
        match self {
            Self::Plan | Self::Destroy => None,
            Self::Apply | Self::ApplyActive | Self::NoopPlan | Self::NoopApply => Some(512),
            Self::Change => Some(256),
        }
    }

    /// Memory in MB in the tool's definition.
    pub fn memory_wanted(self) -> u64 {
        match self {
            Self::Change | Self::Destroy => 256,
            _ => 512,
        }
    }

    /// Tells whether a correct tool changes nothing.
    pub fn only_reads(self) -> bool {
        matches!(self, Self::Plan | Self::NoopPlan | Self::NoopApply)
    }
}
