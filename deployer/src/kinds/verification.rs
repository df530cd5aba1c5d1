//! The edges on which messages pass through a resource, and how `deployer verify` tries them.

use super::Grant;
use crate::aws::Place;

/// The facts that `deployer verify` needs for one resource.
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

/// Grants what the sender and the reader of messages need for the key of a queue or topic: nothing for a key that AWS
/// manages, which the account may use through its service.
pub(super) fn use_of_key(key: Option<&str>, service: &str, place: &Place) -> Option<Grant> {
    let key = key.filter(|key| !key.is_empty() && !key.contains("alias/aws/"))?;
    let alias = key.find("alias/").map(|at| key[at..].to_owned());
    let arn = match &alias {
        // IAM accepts no alias in place of a key.
        Some(_) => place.arn("kms", "key/*"),
        None if key.starts_with("arn:") => key.to_owned(),
        None => place.arn("kms", &format!("key/{key}")),
    };
    let via = format!("{service}.{}.{}", place.region, place.suffix());
    let grant = Grant::new(&["kms:Decrypt", "kms:GenerateDataKey"], arn);
    let grant = grant.only("StringEquals", "kms:ViaService", vec![via]);
    Some(match alias {
        Some(alias) => grant.only("ForAnyValue:StringEquals", "kms:ResourceAliases", vec![alias]),
        None => grant,
    })
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
    /// An object in an S3 bucket, whose key begins and ends like this.
    Store { bucket: String, prefix: String, suffix: String },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_key_may_be_used_through_the_service_and_awss_own_needs_nothing() {
        let place =
            Place { account: "1".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None };
        let of = |key: &str| use_of_key(Some(key), "sqs", &place);
        let arn = "arn:aws:kms:eu-west-1:1:key/k-1";
        for key in ["k-1", arn] {
            let grant = of(key).expect("a grant");
            assert_eq!((grant.resources, grant.conditions.len()), (vec![arn.to_owned()], 1), "{key}");
            assert_eq!(grant.conditions[0].values, ["sqs.eu-west-1.amazonaws.com"]);
        }
        let by_alias = of("alias/orders").expect("a grant");
        assert_eq!(by_alias.resources, ["arn:aws:kms:eu-west-1:1:key/*"]);
        assert_eq!(by_alias.conditions[1].values, ["alias/orders"]);
        assert_eq!((of("alias/aws/sqs"), of(""), use_of_key(None, "sqs", &place)), (None, None, None));
    }
}
