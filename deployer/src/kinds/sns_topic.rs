//! `sns.topic`: an SNS topic, standard or FIFO.
//!
//! **Guarantees**: create sends all attributes and tags in one call. Only changed attributes are sent.
//! **Assumptions**: the ARN is derived from the place.
//! **Caveats**: a policy is compared only if stated: AWS gives every topic one, which lets the account's alarms
//! publish. With the key `alias/aws/sns` alarms cannot publish. SNS may refuse a name for some seconds after its topic
//! was deleted (`StaleTag`, `ConcurrentAccess`).

use std::collections::HashMap;

use aws_sdk_sns::types::Tag;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    About, Bound, Changes, CreatedResource, Excess, FoundResource, Grant, Kind, NameProperty, ObservedResource, Op,
    Outputs, Person, References, Rule, Verification, use_of_key,
};
use crate::aws::gather::both;
use crate::aws::service::SNS;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust, policy};

/// The topic kind.
pub struct SnsTopic;

/// A topic.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    pub name: String,
    pub fifo_topic: bool,
    pub content_based_deduplication: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A resource policy, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_master_key_id: Option<String>,
    /// Retries of HTTP deliveries, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_policy: Option<String>,
    /// `PassThrough` or `Active`.
    pub tracing_config: String,
    pub tags: Tags,
}

/// The most bytes of a topic's policy that SNS is known to accept; no document states the limit.
const POLICY_SIZE: usize = 30_720;

impl Kind for SnsTopic {
    const ABOUT: About = About {
        outputs: &["name", "arn"],
        identity: &["name"],
        rules: &[
            ("name", Rule::Replace("SNS cannot rename a topic")),
            ("fifo_topic", Rule::Replace("SNS cannot turn a topic into one of the other type")),
            ("policy", Rule::Policy),
            ("policy", Rule::Unmanaged),
            ("delivery_policy", Rule::Json),
        ],
        bounds: &[("kms_master_key_id", Bound::Pattern)],
        tags: Some(tags::TagRules::lenient("SNS")),
        named: Some(NameProperty::of("name", 256)),
        references: References { loose: &["policy", "delivery_policy", "display_name", "tags"], ..References::DEFAULT },
        person: Person {
            lost: Some("subscriptions that others made"),
            gap: Some(
                "what is published within these seconds is lost; people confirm their e-mail subscriptions again",
            ),
            moved: Some("publishers outside this stack need its new ARN"),
            ..Person::DEFAULT
        },
        ..About::of("sns.topic", &SNS)
    };
    type Spec = Topic;

    fn limits(spec: &Topic) -> Vec<Excess> {
        let size = spec.policy.as_ref().map_or(0, String::len);
        let excess = || Excess::size("policy::size", &["policy"], "the topic's policy", [size, POLICY_SIZE]);
        (size > POLICY_SIZE).then(|| Excess { doubt: true, ..excess() }).into_iter().collect()
    }

    fn predict(spec: &Topic, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone()), ("arn".into(), place.arn("sns", &spec.name))])
    }

    /// Returns the policy that SNS gives a new topic: the owner's account may use and manage it. A topic always has
    /// one.
    fn given_back(last: &Value, want: &Topic, place: &Place) -> Vec<(&'static str, Value)> {
        let gone = want.policy.is_none() && last.get("policy").is_some_and(|policy| !policy.is_null());
        gone.then(|| ("policy", default_policy(&want.name, place).into())).into_iter().collect()
    }

    /// Keeps the statements for senders that this apply replaces.
    fn meanwhile(live: &Topic, want: &Topic) -> Option<Topic> {
        want.policy.as_ref()?;
        let both = policy::both_texts(live.policy.as_deref(), want.policy.as_deref());
        let policy = both.filter(|policy| policy.len() <= POLICY_SIZE)?;
        Some(Topic { policy: Some(policy), ..want.clone() })
    }

    fn iam(op: Op, spec: &Topic, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read => &["sns:GetTopicAttributes", "sns:ListTagsForResource"],
            Op::Present => &["sns:ListTagsForResource"],
            Op::Create => &["sns:CreateTopic", "sns:TagResource"],
            Op::Update => &["sns:SetTopicAttributes", "sns:TagResource", "sns:UntagResource"],
            Op::Delete => &["sns:DeleteTopic"],
        };
        vec![Grant::new(actions, place.arn("sns", &spec.name))]
    }

    fn verification(spec: &Topic, place: &Place) -> Verification {
        let publish = Grant::new(&["sns:Publish"], place.arn("sns", &spec.name));
        let key = use_of_key(spec.kms_master_key_id.as_deref(), "sns", place);
        Verification { grants: std::iter::once(publish).chain(key).collect(), ..Verification::default() }
    }

    fn any_named(names: &str, _: &Place) -> Vec<Topic> {
        vec![Topic { name: names.to_owned(), ..Topic::default() }]
    }

    /// GetTopicAttributes and ListTagsForResource.
    async fn read(aws: &Aws, spec: &Topic, _: Trust) -> Result<Option<ObservedResource<Topic>>, AwsError> {
        let (sns, arn) = (&aws.clients.sns, aws.place.arn("sns", &spec.name));
        let attributes = aws.find("sns:GetTopicAttributes", ABSENT, sns.get_topic_attributes().topic_arn(&arn).send());
        let tags = tags_of(aws, &arn);
        let hoped = aws.run.has_record(Self::NAME, &[&spec.name]);
        let Some((attributes, tags)) = both(hoped, attributes, tags).await? else { return Ok(None) };
        let topic = to_spec(&spec.name, &attributes.attributes.unwrap_or_default(), tags);
        Ok(Some(ObservedResource::new(arn, topic, Self::predict(spec, &aws.place))))
    }

    /// ListTagsForResource.
    async fn present(aws: &Aws, spec: &Topic) -> Result<Option<ObservedResource<Topic>>, AwsError> {
        let arn = aws.place.arn("sns", &spec.name);
        let Some(tags) = tags_of(aws, &arn).await? else { return Ok(None) };
        Ok(Some(ObservedResource::new(arn, Topic { tags, ..spec.clone() }, Self::predict(spec, &aws.place))))
    }

    /// Recognises a topic's ARN. An ARN with one more part belongs to a subscription.
    fn by_arn(name: &str, _: &Tags) -> Option<FoundResource<Topic>> {
        (!name.contains(':')).then(|| FoundResource::of(name, Topic { name: name.to_owned(), ..Topic::default() }))
    }

    async fn create(aws: &Aws, want: &Topic) -> Result<CreatedResource, AwsError> {
        let fifo = want.fifo_topic.then(|| ("FifoTopic", "true".to_owned()));
        let stated = attributes(want).into_iter().chain(fifo).filter(|(_, value)| !value.is_empty());
        let stated = stated.map(|(name, value)| (name.to_owned(), value)).collect();
        let call = aws
            .clients
            .sns
            .create_topic()
            .name(&want.name)
            .set_attributes(Some(stated))
            .set_tags(Some(sdk_tags(&want.tags)?));
        let made = aws.call("sns:CreateTopic", call.send()).await?;
        let arn = made.topic_arn.ok_or_else(|| AwsError::missing("sns:CreateTopic", "TopicArn"))?;
        Ok(CreatedResource { physical_id: arn, outputs: Self::predict(want, &aws.place) })
    }

    /// Calls SetTopicAttributes, which takes one attribute a call.
    async fn update(
        aws: &Aws,
        live: &ObservedResource<Topic>,
        want: &Topic,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let (sns, arn) = (&aws.clients.sns, &live.physical_id);
        if changes.touch_other_than(&["tags"]) {
            let have: HashMap<_, _> = attributes(&live.spec).into_iter().collect();
            for (name, value) in attributes(want) {
                if have.get(name) == Some(&value) || (name == POLICY && value.is_empty()) {
                    continue;
                }
                let call = sns.set_topic_attributes().topic_arn(arn).attribute_name(name).attribute_value(value);
                aws.call("sns:SetTopicAttributes", call.send()).await?;
            }
        }
        let delta = tags::Delta::between(&live.spec.tags, &want.tags);
        if !delta.set.is_empty() {
            let call = sns.tag_resource().resource_arn(arn).set_tags(Some(sdk_tags(&delta.set)?));
            aws.call("sns:TagResource", call.send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = sns.untag_resource().resource_arn(arn).set_tag_keys(Some(delta.remove));
            aws.call("sns:UntagResource", call.send()).await?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Topic>) -> Result<(), AwsError> {
        let call = aws.clients.sns.delete_topic().topic_arn(&live.physical_id).send();
        aws.find("sns:DeleteTopic", ABSENT, call).await.map(drop)
    }
}

/// The code on the wire; a tag call on a missing topic answers `ResourceNotFound`.
const ABSENT: &[&str] = &["NotFound", "NotFoundException", "ResourceNotFound", "ResourceNotFoundException"];

/// Calls ListTagsForResource. `None` if the topic does not exist.
async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.clients.sns.list_tags_for_resource().resource_arn(arn).send();
    let found = aws.find("sns:ListTagsForResource", ABSENT, call).await?;
    let tags = |tags: Vec<Tag>| tags::without_aws(tags.into_iter().map(|tag| (tag.key, tag.value)));
    Ok(found.map(|found| tags(found.tags.unwrap_or_default())))
}

/// The attribute that can only be replaced, not cleared.
const POLICY: &str = "Policy";

fn default_policy(name: &str, place: &Place) -> String {
    const ACTIONS: &[&str] = &[
        "SNS:GetTopicAttributes",
        "SNS:SetTopicAttributes",
        "SNS:AddPermission",
        "SNS:RemovePermission",
        "SNS:DeleteTopic",
        "SNS:Subscribe",
        "SNS:ListSubscriptionsByTopic",
        "SNS:Publish",
    ];
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": ACTIONS,
            "Resource": place.arn("sns", name),
            "Condition": { "StringEquals": { "AWS:SourceOwner": place.account } },
        }],
    })
    .to_string()
}

/// Returns the attributes that can change, as SNS takes them; "" clears one.
fn attributes(topic: &Topic) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("DisplayName", topic.display_name.clone().unwrap_or_default()),
        (POLICY, topic.policy.clone().unwrap_or_default()),
        ("KmsMasterKeyId", topic.kms_master_key_id.clone().unwrap_or_default()),
        ("DeliveryPolicy", topic.delivery_policy.clone().unwrap_or_default()),
        ("TracingConfig", topic.tracing_config.clone()),
    ];
    if topic.fifo_topic {
        all.push(("ContentBasedDeduplication", topic.content_based_deduplication.to_string()));
    }
    all
}

fn sdk_tags(tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    tags.iter().map(|(key, value)| sdk_tag(key, value)).collect()
}

fn sdk_tag(key: &str, value: &str) -> Result<Tag, AwsError> {
    Tag::builder()
        .key(key)
        .value(value)
        .build()
        .map_err(|e| AwsError::Shape { what: format!("tag {key}"), message: e.to_string() })
}

/// Turns the answer of GetTopicAttributes, all texts, into a spec.
fn to_spec(name: &str, live: &HashMap<String, String>, tags: Tags) -> Topic {
    let text = |attribute: &str| live.get(attribute).filter(|value| !value.is_empty()).cloned();
    let is_true = |attribute: &str| live.get(attribute).is_some_and(|value| value == "true");
    Topic {
        name: name.to_owned(),
        fifo_topic: is_true("FifoTopic"),
        content_based_deduplication: is_true("ContentBasedDeduplication"),
        display_name: text("DisplayName"),
        policy: text(POLICY),
        kms_master_key_id: text("KmsMasterKeyId"),
        delivery_policy: text("DeliveryPolicy"),
        tracing_config: text("TracingConfig").unwrap_or_else(|| "PassThrough".to_owned()),
        tags,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_without_attributes_reads_as_awss_defaults() {
        let topic = to_spec("alarms", &HashMap::new(), Tags::new());
        assert_eq!(topic.tracing_config, "PassThrough");
        assert!(!topic.fifo_topic && topic.display_name.is_none());
    }

    #[test]
    fn only_a_fifo_topic_is_sent_fifo_attributes() {
        let names = |fifo_topic| {
            let topic = Topic { fifo_topic, ..Topic::default() };
            attributes(&topic).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert!(!names(false).contains(&"ContentBasedDeduplication"));
        assert!(names(true).contains(&"ContentBasedDeduplication"));
    }
}
