//! The AWS kinds: a closed set, one file each, one line each in [`REGISTRY`].
//!
//! A kind is typed at both edges ([`Kind`]) and JSON in the middle ([`AnyKind`]): diff, drift,
//! masking, rendering and state are written once, for all of them.

mod any;

pub mod api_route;
pub mod api_stage;
pub mod cloudwatch_alarm;
pub mod event_source_mapping;
mod gateway;
pub mod iam_role;
pub mod lambda_function;
pub mod lambda_permission;
pub mod log_group;
pub mod rest_api;
pub mod s3_bucket;
pub mod sns_subscription;
pub mod sns_topic;
pub mod sqs_queue;

use std::collections::BTreeMap;
use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use any::{AnyKind, Erased};

#[cfg(doc)]
use crate::aws::wait;
use crate::aws::{Aws, AwsError, Place, tags};

/// Every kind there is.
#[rustfmt::skip]
pub static REGISTRY: &[&dyn AnyKind] = &[
    &Erased::<api_route::ApiRoute>::NEW,
    &Erased::<api_stage::ApiStage>::NEW,
    &Erased::<cloudwatch_alarm::CloudwatchAlarm>::NEW,
    &Erased::<event_source_mapping::EventSourceMapping>::NEW,
    &Erased::<iam_role::IamRole>::NEW,
    &Erased::<lambda_function::LambdaFunction>::NEW,
    &Erased::<lambda_permission::LambdaPermission>::NEW,
    &Erased::<log_group::LogGroupKind>::NEW,
    &Erased::<rest_api::RestApi>::NEW,
    &Erased::<s3_bucket::S3Bucket>::NEW,
    &Erased::<sns_subscription::SnsSubscription>::NEW,
    &Erased::<sns_topic::SnsTopic>::NEW,
    &Erased::<sqs_queue::SqsQueue>::NEW,
];

/// Finds a kind by its name, such as `sqs.queue`.
pub fn by_name(name: &str) -> Option<&'static dyn AnyKind> {
    REGISTRY.iter().copied().find(|kind| kind.name() == name)
}

/// What other resources may refer to: `arn`, `url`, … by name.
pub type Outputs = BTreeMap<String, String>;

/// How the differ treats one property path (`trust_policy`, `environment.*`). Unlisted paths
/// update in place and are compared as they are; an absent value equals an empty one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Cannot change in place, and why: a difference replaces the resource.
    Replace(&'static str),
    /// Never shown, never stored in clear.
    Sensitive,
    /// A list whose order means nothing.
    Unordered,
    /// An IAM policy document: compared by meaning.
    Policy,
    /// A JSON text: compared parsed.
    Json,
    /// AWS's own value when `stack.yaml` is silent (as JSON text): absent equals it.
    Default(&'static str),
    /// A long text of which AWS keeps the digest alone: `sha256:…` equals the text that it is of.
    Digest,
    /// Compared only when `stack.yaml` states it, or did at the last apply ([`Kind::given_back`]): AWS's default has
    /// changed over time or belongs to others.
    Unmanaged,
    /// No property of AWS's: it tells the kind about the rest of the stack. Never compared, never shown.
    Hint,
}

/// How a resource is known to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// By its tags `deployer:stack` and `deployer:address`, which stand in the spec's `tags`.
    Tags,
    /// It has no tags: whoever owns the resource that it is part of owns it.
    Parent,
}

/// An operation of a kind, for [`Kind::iam`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    Read,
    /// What [`Kind::present`] does.
    Present,
    Create,
    Update,
    Delete,
}

/// Actions on resources (ARNs, `*` allowed) that an operation may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub actions: Vec<&'static str>,
    pub resources: Vec<String>,
    /// All of them have to hold.
    pub conditions: Vec<Condition>,
}

/// Lets a service make its own role in the account, which AWS asks of whoever is the first to need it.
pub(crate) fn service_role(place: &Place, service: &str, role: &str) -> Grant {
    let (partition, account) = (&place.partition, &place.account);
    let arn = format!("arn:{partition}:iam::{account}:role/aws-service-role/{service}/{role}");
    Grant::new(&["iam:CreateServiceLinkedRole"], arn).only(
        "StringEquals",
        "iam:AWSServiceName",
        vec![service.to_owned()],
    )
}

/// Stands for the stack's name in a condition's values: a kind does not know it.
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

/// What AWS would refuse in a spec, or is known to doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    pub code: &'static str,
    /// The properties of `stack.yaml` that it may come from, the likeliest first.
    pub properties: &'static [&'static str],
    pub message: String,
    pub help: &'static str,
    /// AWS may take it all the same.
    pub doubt: bool,
}

impl Excess {
    /// Of a document of `size` where `most` are taken.
    pub fn size(code: &'static str, properties: &'static [&'static str], what: &str, [size, most]: [usize; 2]) -> Self {
        let message = format!("{what} has {size} bytes once everything is put in; AWS takes {most}");
        let help = "shorten it: join statements that differ in one entry alone, or name fewer of them";
        Self { code, properties, message, help, doubt: false }
    }
}

/// What AWS reports now, in the shape of the desired spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed<S> {
    /// The name, ARN, URL or generated id that AWS's calls take.
    pub physical_id: String,
    pub spec: S,
    /// Everything that [`Kind::OUTPUTS`] names.
    pub outputs: Outputs,
    /// What a person should know: not confirmed, disabled by AWS, failed.
    pub notes: Vec<String>,
    /// Physical ids of others under the same identity, which are deleted with it.
    pub twins: Vec<String>,
}

impl<S> Observed<S> {
    pub fn new(physical_id: impl Into<String>, spec: S, outputs: Outputs) -> Self {
        Self { physical_id: physical_id.into(), spec, outputs, notes: Vec::new(), twins: Vec::new() }
    }
}

/// What a create call made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub physical_id: String,
    pub outputs: Outputs,
}

/// The property paths that differ between observed and desired, such as `environment.BUCKET`.
#[derive(Debug, Clone, Default)]
pub struct Changes(pub Vec<String>);

impl Changes {
    /// Tells whether `property` or anything inside it changed.
    pub fn touch(&self, property: &str) -> bool {
        self.0.iter().any(|path| {
            path == property || (path.starts_with(property) && path[property.len()..].starts_with(['.', '[']))
        })
    }

    pub fn touch_any(&self, properties: &[&str]) -> bool {
        properties.iter().any(|p| self.touch(p))
    }

    /// Tells whether anything else than `properties` changed.
    pub fn touch_other_than(&self, properties: &[&str]) -> bool {
        self.0.iter().any(|path| {
            let top = path.split(['.', '[']).next().unwrap_or(path);
            !properties.contains(&top)
        })
    }
}

/// One AWS kind. The spec has every property with AWS's own name in snake_case.
///
/// References to other resources are resolved before any method is called, with one exception:
/// in `read` and `predict` a property outside [`Kind::IDENTITY`] may still hold `${…}`.
pub trait Kind: Send + Sync + 'static {
    /// AWS service and resource: `sqs.queue`.
    const NAME: &'static str;
    /// Names the outputs, `arn` and the like.
    const OUTPUTS: &'static [&'static str];
    /// The string properties that say which AWS resource is meant, before it exists.
    const IDENTITY: &'static [&'static str];
    const RULES: &'static [(&'static str, Rule)];
    const OWNERSHIP: Ownership;
    /// Two tags whose keys differ in capitals alone are one.
    const CASELESS_TAGS: bool = false;
    /// Takes effect only through a deployment that depends on it, so it is changed and deleted
    /// before that one (an API's route).
    const DEFINITION: bool = false;
    /// Properties whose references need a name or an ARN alone: AWS takes them before what they name is there.
    /// Nobody waits for such a reference, unless only AWS can tell its value.
    const BY_NAME: &'static [&'static str] = &[];
    /// Properties that are texts to AWS, which looks for nothing that they name: whoever they refer to is waited for all the
    /// same, but for a circle, where the value alone has to be known. A role is always waited for: as a principal it has
    /// to be there.
    const LOOSE: &'static [&'static str] = &["tags", "description"];
    /// Properties whose references need a resource that is there, though not yet all that belongs to it: [`wait::there`]
    /// says when. Who depends on this one waits for both to be done.
    const EARLY: &'static [&'static str] = &[];
    /// Properties by which AWS holds on to the very resource that was there: they are set again when another one of the
    /// same name takes its place.
    const HOLDS: &'static [&'static str] = &[];
    /// AWS deletes it along with the resource that its first identity property refers to.
    const GOES_WITH_PARENT: bool = false;
    /// The kind of the resource that the first identity property refers to and that this one is part of: whoever has
    /// that one has this one, too.
    const PART_OF: Option<&'static str> = None;
    /// Calls that operations make and whose rates AWS limits, so that a large plan waits for them.
    const LIMITED: &'static [(Op, &'static str)] = &[];
    /// Many are deleted by one call, which each waits for with those that are deleted at the same time.
    const DELETED_TOGETHER: bool = false;
    /// AWS answers for a deleted one as if it were there, for up to a minute, and creates what is there already by doing
    /// nothing: so what is found without a record is created all the same.
    const GOES_SLOWLY: bool = false;
    /// [`Kind::watch`] has something to do.
    const WATCHED: bool = false;
    /// What people lose for good when such a resource is deleted: "the messages in it".
    const LOST: Option<&'static str> = None;
    /// What does not work, and for how long, while such a resource is deleted and made anew under its name.
    const GAP: Option<&'static str> = None;
    /// What those outside the stack need once another resource takes its place: "senders need its new URL".
    const MOVED: Option<&'static str> = None;
    /// What the service takes in tags; of no meaning for a kind without.
    const TAGS: tags::Rules = tags::Rules::advised("");
    type Spec: Serialize + DeserializeOwned + Send + Sync;

    /// Computes the outputs that need no AWS, from the identity and the place.
    fn predict(spec: &Self::Spec, place: &Place) -> Outputs;

    /// Finds what AWS would refuse in a spec whose references are resolved, and the schema cannot see: the size of a
    /// document as AWS measures it. What only apply can know is left out of the texts.
    fn limits(_spec: &Self::Spec) -> Vec<Excess> {
        Vec::new()
    }

    /// What AWS would refuse of these changes, or of creating it where there are none given, whatever the spec's size.
    fn refused(_spec: &Self::Spec, _changes: Option<&Changes>) -> Option<Excess> {
        None
    }

    /// Says what a person has to do once it is created, if anything.
    fn afterwards(_spec: &Self::Spec) -> Option<String> {
        None
    }

    /// [`Kind::LOST`], if it holds of this spec.
    fn lost(_spec: &Self::Spec) -> Option<&'static str> {
        Self::LOST
    }

    /// Those of [`Kind::EARLY`] for which that holds of this spec.
    fn early(_spec: &Self::Spec) -> &'static [&'static str] {
        Self::EARLY
    }

    /// The values that a new one would get from AWS for what is compared only when stated ([`Rule::Unmanaged`]), where
    /// `last`, the spec of the last apply, stated it and `want` no longer does: by property path.
    fn given_back(_last: &Value, _want: &Self::Spec, _place: &Place) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Names what `op` may call, on which ARNs.
    fn iam(op: Op, spec: &Self::Spec, place: &Place) -> Vec<Grant>;

    /// Reads the live resource by the identity in `spec`; `None` only if AWS says it is absent.
    fn read(
        aws: &Aws,
        spec: &Self::Spec,
    ) -> impl Future<Output = Result<Option<Observed<Self::Spec>>, AwsError>> + Send;

    /// Finds a resource of somebody else, of which nothing but its outputs is used: with fewer calls, where possible.
    fn find(
        aws: &Aws,
        spec: &Self::Spec,
    ) -> impl Future<Output = Result<Option<Observed<Self::Spec>>, AwsError>> + Send {
        Self::read(aws, spec)
    }

    /// Finds out for its deletion whether the resource is there and whose it is, with fewer calls where possible. What
    /// neither takes may stand as `spec` has it.
    fn present(
        aws: &Aws,
        spec: &Self::Spec,
    ) -> impl Future<Output = Result<Option<Observed<Self::Spec>>, AwsError>> + Send {
        Self::read(aws, spec)
    }

    /// Creates the resource and returns when it can be used by those who depend on it.
    fn create(aws: &Aws, want: &Self::Spec) -> impl Future<Output = Result<Created, AwsError>> + Send;

    /// Changes `changes` alone, in place.
    fn update(
        aws: &Aws,
        live: &Observed<Self::Spec>,
        want: &Self::Spec,
        changes: &Changes,
    ) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// What an update makes of it until those who use it have moved on, where the change takes away what they may still
    /// need; `None` where it can be made at once.
    fn meanwhile(_live: &Self::Spec, _want: &Self::Spec) -> Option<Self::Spec> {
        None
    }

    /// Deletes the resource; already gone is success.
    fn delete(aws: &Aws, live: &Observed<Self::Spec>) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// Sees to its end what AWS has accepted and finishes by itself, such as a function on its way to Active. Nobody
    /// who depends on the resource waits for it, and it goes on after the state's lock is given back: it only reads.
    fn watch(_aws: &Aws, _spec: &Self::Spec, _event: &Watched) -> impl Future<Output = Result<(), AwsError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// What [`Kind::watch`] follows.
#[derive(Debug, Clone)]
pub enum Watched {
    Created,
    Updated(Changes),
    Deleted,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Changes, by_name};
    use crate::aws::Place;

    #[test]
    fn addresses_end_as_their_partition_has_it() {
        let queue = json!({
            "name": "q", "fifo_queue": false, "content_based_deduplication": false, "visibility_timeout": 30,
            "delay_seconds": 0, "message_retention_period": 60, "receive_message_wait_time_seconds": 0, "tags": {},
        });
        for (region, arn, url) in [
            ("eu-west-1", "arn:aws:sqs:", "https://sqs.eu-west-1.amazonaws.com/"),
            ("cn-north-1", "arn:aws-cn:sqs:", "https://sqs.cn-north-1.amazonaws.com.cn/"),
            ("us-gov-west-1", "arn:aws-us-gov:sqs:", "https://sqs.us-gov-west-1.amazonaws.com/"),
            ("eusc-de-east-1", "arn:aws-eusc:sqs:", "https://sqs.eusc-de-east-1.amazonaws.eu/"),
            ("us-iso-east-1", "arn:aws-iso:sqs:", "https://sqs.us-iso-east-1.c2s.ic.gov/"),
            ("us-isob-east-1", "arn:aws-iso-b:sqs:", "https://sqs.us-isob-east-1.sc2s.sgov.gov/"),
        ] {
            let place = Place {
                account: "123456789012".into(),
                region: region.into(),
                partition: Place::partition_of(region).into(),
                endpoint_url: None,
            };
            let outputs = by_name("sqs.queue").unwrap().predict(&queue, &place).unwrap();
            assert!(outputs["arn"].starts_with(arn) && outputs["url"].starts_with(url), "{outputs:?}");
        }
    }

    #[test]
    fn a_change_touches_its_property_and_not_one_that_begins_alike() {
        let changes = Changes(vec!["tags.team".into(), "timeout".into()]);
        assert!(changes.touch("tags") && changes.touch("timeout"));
        assert!(!changes.touch("tag") && !changes.touch("time"));
        assert!(changes.touch_other_than(&["tags"]));
        assert!(!changes.touch_other_than(&["tags", "timeout"]));
    }
}
