//! `sqs.queue`: an SQS queue, standard or FIFO.
//!
//! **Guarantees**: create returns when the queue can be read by its name. Only changed attributes are sent. An update
//! is watched until SQS reports it. A queue without a record is created even if it was found: a queue that is being
//! deleted still answers reads, and only CreateQueue tells the difference.
//! **Assumptions**: the queue's ARN is derived from the place, never from a URL, which a local AWS invents.
//! **Caveats**: AWS refuses a name for 60 s after its queue was deleted (`QueueDeletedRecently`, retried by the
//! executor). It takes up to 60 s to spread changed attributes, and up to 15 min for the retention.

mod health;
mod spread;

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    About, Bound, Calls, Capability, Changes, CreatedResource, Destination, Excess, FoundResource, Grant, Kind,
    NameProperty, ObservedResource, Op, Outputs, Passage, Person, Probe, References, Rule, Sign, Verification,
    WatchedOperation, use_of_key,
};
use crate::aws::gather::both;
use crate::aws::service::SQS;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust, policy, tagged};

/// The queue kind.
pub struct SqsQueue;

/// A queue; durations in seconds, sizes in bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    pub name: String,
    pub fifo_queue: bool,
    pub visibility_timeout: u32,
    pub delay_seconds: u32,
    pub message_retention_period: u32,
    pub receive_message_wait_time_seconds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_message_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redrive_policy: Option<RedrivePolicy>,
    /// A resource policy, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_master_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqs_managed_sse_enabled: Option<bool>,
    pub content_based_deduplication: bool,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RedrivePolicy {
    pub dead_letter_target_arn: String,
    pub max_receive_count: u32,
}

const SIZE: &str = "maximum_message_size";
/// The maximum message size of new queues; older ones have a quarter of it.
const NEW_SIZE: u32 = 1_048_576;
const MANAGED_SSE: &str = "sqs_managed_sse_enabled";
/// The most bytes of a queue's policy: SQS developer guide, "Amazon SQS policy quotas".
const POLICY_SIZE: usize = 8_192;

impl Kind for SqsQueue {
    const ABOUT: About = About {
        outputs: &["name", "arn", "url"],
        identity: &["name"],
        rules: &[
            ("name", Rule::Replace("SQS cannot rename a queue")),
            ("fifo_queue", Rule::Replace("SQS cannot turn a queue into one of the other type")),
            (SIZE, Rule::Unmanaged),
            (MANAGED_SSE, Rule::Unmanaged),
            ("policy", Rule::Policy),
        ],
        bounds: &[("kms_master_key_id", Bound::Pattern), (MANAGED_SSE, Bound::Switch)],
        tags: Some(tags::TagRules::lenient("SQS")),
        named: Some(NameProperty::of("name", 80)),
        references: References { loose: &["policy", "tags"], ..References::DEFAULT },
        calls: Calls {
            exists: &["QueueNameExists", "QueueAlreadyExists"],
            // For up to a minute SQS answers for a deleted queue as if it existed.
            dying: ABSENT,
            watched: true,
            ..Calls::DEFAULT
        },
        person: Person {
            lost: Some("the messages in it"),
            gap: Some(
                "senders and consumers find no queue for at least 60 s, until SQS frees the deleted queue's name",
            ),
            moved: Some("senders and readers outside this stack need its new URL"),
            seconds: (0.8, 0.5),
            ..Person::DEFAULT
        },
        operated: Some(Capability::Messages),
        ..About::of("sqs.queue", &SQS)
    };
    type Spec = Queue;

    async fn signs(aws: &Aws, all: &[ObservedResource<Queue>]) -> Vec<Vec<Sign>> {
        health::signs(aws, all).await
    }

    fn limits(spec: &Queue) -> Vec<Excess> {
        let size = spec.policy.as_ref().map_or(0, String::len);
        let excess = || Excess::size("policy::size", &["policy"], "the queue's policy", [size, POLICY_SIZE]);
        (size > POLICY_SIZE).then(excess).into_iter().collect()
    }

    /// Keeps the statements for senders that this apply replaces: a rule of another name, say, of which the policy knows
    /// one alone.
    fn meanwhile(live: &Queue, want: &Queue) -> Option<Queue> {
        let both = policy::both_texts(live.policy.as_deref(), want.policy.as_deref());
        let policy = both.filter(|policy| policy.len() <= POLICY_SIZE)?;
        Some(Queue { policy: Some(policy), ..want.clone() })
    }

    fn predict(spec: &Queue, place: &Place) -> Outputs {
        let url = match &place.endpoint_url {
            Some(endpoint) => format!("{}/{}/{}", endpoint.trim_end_matches('/'), place.account, spec.name),
            None => format!("https://sqs.{}.{}/{}/{}", place.region, place.suffix(), place.account, spec.name),
        };
        Outputs::from([
            ("name".into(), spec.name.clone()),
            ("arn".into(), place.arn("sqs", &spec.name)),
            ("url".into(), url),
        ])
    }

    fn remarks(live: &Queue, want: &Queue) -> Vec<String> {
        let seconds = want.message_retention_period;
        let shorter = seconds < live.message_retention_period;
        let told = || format!("lost for good: messages that are older than {seconds} seconds");
        shorter.then(told).into_iter().collect()
    }

    /// Restores SQS's own key, which a new queue has, if the queue loses its key. SQS would leave it without one.
    fn given_back(last: &Value, want: &Queue, _: &Place) -> Vec<(&'static str, Value)> {
        let had = |property: &str| last.get(property).is_some_and(|value| !value.is_null());
        let size = had(SIZE) && want.maximum_message_size.is_none();
        let open = want.sqs_managed_sse_enabled.is_none() && want.kms_master_key_id.is_none();
        let encrypted = open && (had(MANAGED_SSE) || had("kms_master_key_id"));
        let size = size.then(|| (SIZE, NEW_SIZE.into()));
        size.into_iter().chain(encrypted.then(|| (MANAGED_SSE, true.into()))).collect()
    }

    fn iam(op: Op, spec: &Queue, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read => &["sqs:GetQueueAttributes", "sqs:ListQueueTags"],
            Op::Present => &["sqs:ListQueueTags"],
            Op::Create => &["sqs:CreateQueue", "sqs:TagQueue"],
            Op::Update => &["sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"],
            Op::Delete => &["sqs:DeleteQueue"],
        };
        vec![Grant::new(actions, place.arn("sqs", &spec.name))]
    }

    fn verification(spec: &Queue, place: &Place) -> Verification {
        const CALLS: &[&str] =
            &["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"];
        let arn = place.arn("sqs", &spec.name);
        let passage = |redrive: &RedrivePolicy| {
            let to = Destination::Resource(redrive.dead_letter_target_arn.clone());
            Passage::new(Probe::Redrive { queue_arn: arn.clone() }, to)
        };
        let passages = spec.redrive_policy.iter().map(passage).collect();
        let key = use_of_key(spec.kms_master_key_id.as_deref(), "sqs", place);
        Verification { passages, grants: std::iter::once(Grant::new(CALLS, &arn)).chain(key).collect() }
    }

    fn any_named(names: &str, _: &Place) -> Vec<Queue> {
        vec![Queue { name: names.to_owned(), ..Queue::default() }]
    }

    /// Calls GetQueueAttributes and ListQueueTags at once, by the URL that SQS derives from the name. If the state does
    /// not have the queue, the tags are read only after the queue was found.
    async fn read(aws: &Aws, spec: &Queue, trust: Trust) -> Result<Option<ObservedResource<Queue>>, AwsError> {
        let sqs = &aws.clients.sqs;
        let outputs = Self::predict(spec, &aws.place);
        let url = outputs["url"].clone();
        let attributes = sqs.get_queue_attributes().queue_url(&url).attribute_names(Attribute::All).send();
        let attributes = aws.find("sqs:GetQueueAttributes", ABSENT, attributes);
        let recorded = aws.run.recorded_tags(Self::NAME, &[&spec.name]);
        let expected = tagged::ExpectedTags { wanted: &spec.tags, recorded };
        let tags = tagged::tags_of(aws, &outputs["arn"], expected, trust, tags_of(aws, &url));
        let hoped = aws.run.has_record(Self::NAME, &[&spec.name]);
        let Some((attributes, tags)) = both(hoped, attributes, tags).await? else { return Ok(None) };
        let live = Live(attributes.attributes.unwrap_or_default());
        let queue = live.queue(&spec.name, tags)?;
        Ok(Some(ObservedResource::new(url, queue, outputs)))
    }

    /// ListQueueTags.
    async fn present(aws: &Aws, spec: &Queue) -> Result<Option<ObservedResource<Queue>>, AwsError> {
        let outputs = Self::predict(spec, &aws.place);
        let url = outputs["url"].clone();
        let Some(tags) = tags_of(aws, &url).await? else { return Ok(None) };
        let queue = Queue { tags, ..spec.clone() };
        Ok(Some(ObservedResource::new(url, queue, outputs)))
    }

    fn by_arn(name: &str, _: &Tags) -> Option<FoundResource<Queue>> {
        Some(FoundResource::of(name, Queue { name: name.to_owned(), ..Queue::default() }))
    }

    async fn create(aws: &Aws, want: &Queue) -> Result<CreatedResource, AwsError> {
        let call = aws
            .clients
            .sqs
            .create_queue()
            .queue_name(&want.name)
            .set_attributes(Some(attributes(want).filter(|(_, value)| !value.is_empty()).collect()))
            .set_tags(Some(want.tags.clone().into_iter().collect()));
        let made = aws.call("sqs:CreateQueue", call.send()).await.map_err(|e| told_apart(e, want))?;
        made.queue_url.ok_or_else(|| AwsError::missing("sqs:CreateQueue", "QueueUrl"))?;
        let outputs = Self::predict(want, &aws.place);
        Ok(CreatedResource { physical_id: outputs["url"].clone(), outputs })
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<Queue>,
        want: &Queue,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let (sqs, url) = (&aws.clients.sqs, &live.physical_id);
        if changes.touch_other_than(&["tags"]) {
            let have: HashMap<_, _> = attributes(&live.spec).collect();
            let mut changed: HashMap<_, _> =
                attributes(want).filter(|(name, value)| have.get(name) != Some(value)).collect();
            if live.spec.kms_master_key_id.is_some() && want.kms_master_key_id.is_none() {
                // Without a KMS key a new queue has SQS's own. The update must request that key, or the queue would
                // have none.
                changed.entry(Attribute::SqsManagedSseEnabled).or_insert_with(|| "true".to_owned());
            }
            let call = sqs.set_queue_attributes().queue_url(url).set_attributes(Some(changed));
            aws.call("sqs:SetQueueAttributes", call.send()).await.map_err(|e| told_apart(e, want))?;
        }
        let delta = tags::Delta::between(&live.spec.tags, &want.tags);
        if !delta.set.is_empty() {
            let call = sqs.tag_queue().queue_url(url).set_tags(Some(delta.set.into_iter().collect()));
            aws.call("sqs:TagQueue", call.send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = sqs.untag_queue().queue_url(url).set_tag_keys(Some(delta.remove));
            aws.call("sqs:UntagQueue", call.send()).await?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Queue>) -> Result<(), AwsError> {
        let call = aws.clients.sqs.delete_queue().queue_url(&live.physical_id).send();
        aws.find("sqs:DeleteQueue", ABSENT, call).await.map(drop)
    }

    async fn watch(aws: &Aws, spec: &Queue, event: &WatchedOperation) -> Result<(), AwsError> {
        match event {
            WatchedOperation::Updated(changes) => spread::watch(aws, spec, changes).await,
            _ => Ok(()),
        }
    }
}

impl Queue {
    /// Tells whether the queue has the attributes that `want` states.
    fn is_as(&self, want: &Self) -> bool {
        let stated = Self {
            message_retention_period: want.message_retention_period,
            maximum_message_size: self.maximum_message_size.filter(|_| want.maximum_message_size.is_some()),
            sqs_managed_sse_enabled: self.sqs_managed_sse_enabled.filter(|_| want.sqs_managed_sse_enabled.is_some()),
            policy: want.policy.clone(),
            tags: want.tags.clone(),
            ..self.clone()
        };
        let document = |queue: &Self| queue.policy.clone().map_or(Value::Null, Value::from);
        stated == *want && policy::same(&document(self), &document(want))
    }
}

/// Tells apart two causes of the same answer: a malformed policy, and a policy whose role or user is too new. Time
/// cures only the second. A policy that names no role or user is malformed.
fn told_apart(error: AwsError, want: &Queue) -> AwsError {
    let names_a_principal = want.policy.as_deref().is_some_and(|text| text.contains(":iam::"));
    match error {
        AwsError::Service(mut refusal)
            if refusal.code == "InvalidAttributeValue"
                && refusal.message.contains("parameter Policy")
                && !names_a_principal =>
        {
            refusal.message = "SQS does not take the queue's policy: an action or a principal in it does not exist, \
                               or an action is none of SQS's"
                .to_owned();
            AwsError::Service(refusal)
        }
        error => error,
    }
}

/// The modelled name, and the name on the wire of older endpoints.
const ABSENT: &[&str] = &["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"];

/// Calls ListQueueTags. `None` if the queue does not exist.
async fn tags_of(aws: &Aws, url: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.clients.sqs.list_queue_tags().queue_url(url).send();
    let found = aws.find("sqs:ListQueueTags", ABSENT, call).await?;
    Ok(found.map(|found| tags::without_aws(found.tags.unwrap_or_default())))
}

/// Returns the attributes that a spec states, as SQS takes them; "" clears one.
fn attributes(queue: &Queue) -> impl Iterator<Item = (Attribute, String)> {
    let redrive = queue.redrive_policy.as_ref().map_or_else(String::new, |r| {
        serde_json::json!({ "deadLetterTargetArn": r.dead_letter_target_arn, "maxReceiveCount": r.max_receive_count }).to_string()
    });
    let fifo = queue.fifo_queue.then(|| {
        [
            (Attribute::FifoQueue, "true".to_owned()),
            (Attribute::ContentBasedDeduplication, queue.content_based_deduplication.to_string()),
        ]
    });
    let optional = [
        (Attribute::MaximumMessageSize, queue.maximum_message_size.map(|v| v.to_string())),
        (Attribute::SqsManagedSseEnabled, queue.sqs_managed_sse_enabled.map(|v| v.to_string())),
    ];
    [
        (Attribute::VisibilityTimeout, queue.visibility_timeout.to_string()),
        (Attribute::DelaySeconds, queue.delay_seconds.to_string()),
        (Attribute::MessageRetentionPeriod, queue.message_retention_period.to_string()),
        (Attribute::ReceiveMessageWaitTimeSeconds, queue.receive_message_wait_time_seconds.to_string()),
        (Attribute::RedrivePolicy, redrive),
        (Attribute::Policy, queue.policy.clone().unwrap_or_default()),
        (Attribute::KmsMasterKeyId, queue.kms_master_key_id.clone().unwrap_or_default()),
    ]
    .into_iter()
    .chain(optional.into_iter().filter_map(|(name, value)| Some((name, value?))))
    .chain(fifo.into_iter().flatten())
}

/// The attributes that SQS reports: all texts.
struct Live(HashMap<Attribute, String>);

impl Live {
    fn text(&self, name: &Attribute) -> Option<String> {
        self.0.get(name).filter(|v| !v.is_empty()).cloned()
    }

    fn number(&self, name: &Attribute) -> Result<Option<u32>, AwsError> {
        self.text(name)
            .map(|v| v.parse().map_err(|_| AwsError::missing("sqs:GetQueueAttributes", name.as_str())))
            .transpose()
    }

    fn is_true(&self, name: &Attribute) -> bool {
        self.0.get(name).is_some_and(|v| v == "true")
    }

    fn queue(&self, name: &str, tags: Tags) -> Result<Queue, AwsError> {
        Ok(Queue {
            name: name.to_owned(),
            fifo_queue: self.is_true(&Attribute::FifoQueue),
            visibility_timeout: self.number(&Attribute::VisibilityTimeout)?.unwrap_or(30),
            delay_seconds: self.number(&Attribute::DelaySeconds)?.unwrap_or(0),
            message_retention_period: self.number(&Attribute::MessageRetentionPeriod)?.unwrap_or(345_600),
            receive_message_wait_time_seconds: self.number(&Attribute::ReceiveMessageWaitTimeSeconds)?.unwrap_or(0),
            maximum_message_size: self.number(&Attribute::MaximumMessageSize)?,
            redrive_policy: self.text(&Attribute::RedrivePolicy).map(|text| redrive(&text)).transpose()?,
            policy: self.text(&Attribute::Policy),
            kms_master_key_id: self.text(&Attribute::KmsMasterKeyId),
            sqs_managed_sse_enabled: self.text(&Attribute::SqsManagedSseEnabled).map(|v| v == "true"),
            content_based_deduplication: self.is_true(&Attribute::ContentBasedDeduplication),
            tags,
        })
    }
}

/// Parses a redrive policy. SQS may return its count as a text.
fn redrive(text: &str) -> Result<RedrivePolicy, AwsError> {
    let missing = || AwsError::missing("sqs:GetQueueAttributes", "RedrivePolicy in its documented form");
    let value: Value = serde_json::from_str(text).map_err(|_| missing())?;
    let count = &value["maxReceiveCount"];
    Ok(RedrivePolicy {
        dead_letter_target_arn: value["deadLetterTargetArn"].as_str().ok_or_else(missing)?.to_owned(),
        max_receive_count: count
            .as_u64()
            .or_else(|| count.as_str()?.parse().ok())
            .and_then(|n| u32::try_from(n).ok())
            .ok_or_else(missing)?,
    })
}

#[cfg(test)]
mod tests;
