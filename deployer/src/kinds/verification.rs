//! The edges on which messages pass through a resource, and how `deployer verify` tries them.

use super::Grant;

/// What `deployer verify` needs for one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    pub passages: Vec<Passage>,
    /// The calls that send a probe from the resource, or look for one in it.
    pub grants: Vec<Grant>,
}

impl Verification {
    /// The resource passes nothing on, but sends or receives probes by these calls.
    pub fn by(grant: Grant) -> Self {
        Self { passages: Vec::new(), grants: vec![grant] }
    }
}

/// An edge of the stack that the resource is, or that begins at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The ARN of the resource that messages come from; `None` for this resource itself.
    pub from: Option<String>,
    pub to: Destination,
    pub probe: Probe,
    /// For how long AWS may hold a message on the way, in seconds, besides the time of the delivery itself.
    pub holds_s: u32,
    /// The reason why no probe passes an edge that works, if `stack.yaml` states one.
    pub closed: Option<String>,
}

impl Passage {
    pub fn new(probe: Probe, to: Destination) -> Self {
        Self { from: None, to, probe, holds_s: 0, closed: None }
    }
}

/// The end of an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A resource, by its ARN.
    Resource(String),
    /// A place outside AWS, which nobody can look into from here.
    Outside {
        /// A mail address, a telephone number or a URL.
        endpoint: String,
        /// `a mailbox`.
        place: &'static str,
    },
}

/// How one message enters an edge. Edges with equal probes share one message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// A request to the URL of the part that serves the resource's `parent`.
    Request { parent: String, method: String, path: String },
    /// A message to an SNS topic that passes this filter policy.
    Publish { topic_arn: String, filter: Option<Filter> },
    /// A message to an SQS queue.
    Enqueue { queue_arn: String },
    /// The state ALARM of a CloudWatch alarm.
    Ring { alarm_name: String },
    /// Nothing is sent: the settings by which SQS moves failed messages of this queue are compared with AWS.
    Redrive { queue_arn: String },
}

/// A filter policy of SNS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter {
    /// JSON text.
    pub policy: String,
    /// The policy is about the body, and not about the attributes.
    pub of_body: bool,
}
