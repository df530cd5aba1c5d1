//! `events.bus`: an event bus of EventBridge.
//!
//! **Guarantees**: a bus is created with its tags. Its policy is exactly the one that is stated; without one the bus has
//! none, and only its own account sends to it.
//! **Assumptions**: nobody else edits the bus meanwhile.
//! **Caveats**: AWS deletes no bus that has rules. The account's `default` bus exists always: it can be referred to as
//! `external`, and is never created, changed or deleted.

use aws_sdk_eventbridge::operation::describe_event_bus::DescribeEventBusOutput;
use aws_sdk_eventbridge::types::{DeadLetterConfig as SdkDeadLetter, LogConfig as SdkLogConfig, Tag};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    About, Bound, Calls, Changes, CreatedResource, Excess, FoundResource, Grant, Kind, NameProperty, ObservedResource,
    Op, Outputs, Person, References, Rule,
};
use crate::aws::gather::both;
use crate::aws::service::EVENTS;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust, tagged};

/// The bus kind.
pub struct EventBusKind;

/// An event bus.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventBus {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A resource policy, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_config: Option<DeadLetterConfig>,
    pub log_config: LogConfig,
    pub tags: Tags,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterConfig {
    pub arn: String,
}

/// The logging of the events of a bus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogConfig {
    /// `NONE` or `FULL`.
    pub include_detail: String,
    /// `OFF`, `ERROR`, `INFO` or `TRACE`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { include_detail: "NONE".to_owned(), level: "OFF".to_owned() }
    }
}

/// The bus that every account has.
pub const DEFAULT_BUS: &str = "default";
/// The most characters of a bus's policy: EventBridge User Guide, "Quotas".
const POLICY_SIZE: usize = 10_240;

const ABSENT: &[&str] = &["ResourceNotFoundException"];

impl Kind for EventBusKind {
    const ABOUT: About = About {
        outputs: &["name", "arn"],
        identity: &["name"],
        rules: &[("name", Rule::Replace("EventBridge cannot rename a bus")), ("policy", Rule::Policy)],
        bounds: &[("kms_key_identifier", Bound::Pattern)],
        tags: Some(tags::TagRules::lenient("EventBridge")),
        named: Some(NameProperty::of("name", 256)),
        references: References { loose: &["policy", "description", "tags"], ..References::DEFAULT },
        calls: Calls { exists: &["ResourceAlreadyExistsException"], ..Calls::DEFAULT },
        person: Person {
            lost: Some("events that reach no rule before another bus has its name"),
            gap: Some("what is sent to the bus within these seconds is lost"),
            moved: Some("senders outside this stack need its new name"),
            seconds: (0.5, 0.5),
            accompanies: false,
        },
        ..About::of("events.bus", &EVENTS)
    };
    type Spec = EventBus;

    fn limits(spec: &EventBus) -> Vec<Excess> {
        let size = spec.policy.as_ref().map_or(0, String::len);
        let excess = || Excess::size("policy::size", &["policy"], "the bus's policy", [size, POLICY_SIZE]);
        (size > POLICY_SIZE).then(excess).into_iter().collect()
    }

    fn predict(spec: &EventBus, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone()), ("arn".into(), arn(&spec.name, place))])
    }

    fn iam(op: Op, spec: &EventBus, place: &Place) -> Vec<Grant> {
        let mut actions = match op {
            Op::Read => vec!["events:DescribeEventBus", "events:ListTagsForResource"],
            Op::Present => vec!["events:ListTagsForResource"],
            Op::Create => vec!["events:CreateEventBus", "events:TagResource"],
            Op::Update => vec!["events:UpdateEventBus", "events:TagResource", "events:UntagResource"],
            Op::Delete => vec!["events:DeleteEventBus"],
        };
        match (op, &spec.policy) {
            (Op::Create | Op::Update, Some(_)) => actions.push("events:PutPermission"),
            (Op::Update, None) => actions.push("events:RemovePermission"),
            _ => {}
        }
        vec![Grant::new(&actions, arn(&spec.name, place))]
    }

    fn any_named(names: &str, _: &Place) -> Vec<EventBus> {
        let named = || EventBus { name: names.to_owned(), ..EventBus::default() };
        vec![named(), EventBus { policy: Some("{}".to_owned()), ..named() }]
    }

    /// DescribeEventBus and ListTagsForResource.
    async fn read(aws: &Aws, spec: &EventBus, trust: Trust) -> Result<Option<ObservedResource<EventBus>>, AwsError> {
        let arn = arn(&spec.name, &aws.place);
        let call = aws.clients.events.describe_event_bus().name(&spec.name).send();
        let live = aws.find("events:DescribeEventBus", ABSENT, call);
        let recorded = aws.run.recorded_tags(Self::NAME, &[&spec.name]);
        let expected = tagged::ExpectedTags { wanted: &spec.tags, recorded };
        let tags = tagged::tags_of(aws, &arn, expected, trust, tags_of(aws, &arn));
        let hoped = aws.run.has_record(Self::NAME, &[&spec.name]);
        let Some((live, tags)) = both(hoped, live, tags).await? else { return Ok(None) };
        let bus = to_spec(&spec.name, &live, tags);
        Ok(Some(ObservedResource::new(arn, bus, Self::predict(spec, &aws.place))))
    }

    /// DescribeEventBus.
    async fn find(aws: &Aws, spec: &EventBus) -> Result<Option<ObservedResource<EventBus>>, AwsError> {
        let call = aws.clients.events.describe_event_bus().name(&spec.name).send();
        let Some(live) = aws.find("events:DescribeEventBus", ABSENT, call).await? else { return Ok(None) };
        let bus = to_spec(&spec.name, &live, Tags::new());
        Ok(Some(ObservedResource::new(arn(&spec.name, &aws.place), bus, Self::predict(spec, &aws.place))))
    }

    /// ListTagsForResource.
    async fn present(aws: &Aws, spec: &EventBus) -> Result<Option<ObservedResource<EventBus>>, AwsError> {
        let arn = arn(&spec.name, &aws.place);
        let Some(tags) = tags_of(aws, &arn).await? else { return Ok(None) };
        Ok(Some(ObservedResource::new(arn, EventBus { tags, ..spec.clone() }, Self::predict(spec, &aws.place))))
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<EventBus>> {
        let name = resource.strip_prefix("event-bus/")?;
        Some(FoundResource::of(name, EventBus { name: name.to_owned(), ..EventBus::default() }))
    }

    async fn create(aws: &Aws, want: &EventBus) -> Result<CreatedResource, AwsError> {
        let call = aws
            .clients
            .events
            .create_event_bus()
            .name(&want.name)
            .set_description(want.description.clone())
            .set_kms_key_identifier(want.kms_key_identifier.clone())
            .set_dead_letter_config(dead_letter(want))
            .set_log_config((want.log_config != LogConfig::default()).then(|| log_config(want)))
            .set_tags(Some(sdk_tags(&want.tags)?));
        aws.call("events:CreateEventBus", call.send()).await?;
        if want.policy.is_some() {
            put_policy(aws, want).await?;
        }
        Ok(CreatedResource { physical_id: arn(&want.name, &aws.place), outputs: Self::predict(want, &aws.place) })
    }

    /// Calls UpdateEventBus with every setting, and PutPermission or RemovePermission for the policy.
    async fn update(
        aws: &Aws,
        live: &ObservedResource<EventBus>,
        want: &EventBus,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let events = &aws.clients.events;
        if changes.touch_other_than(&["tags", "policy"]) {
            // An empty text takes a setting away.
            let call = events
                .update_event_bus()
                .name(&want.name)
                .description(want.description.clone().unwrap_or_default())
                .kms_key_identifier(want.kms_key_identifier.clone().unwrap_or_default())
                .dead_letter_config(dead_letter(want).unwrap_or_else(|| SdkDeadLetter::builder().build()))
                .log_config(log_config(want));
            aws.call("events:UpdateEventBus", call.send()).await?;
        }
        if changes.touch("policy") {
            put_policy(aws, want).await?;
        }
        let delta = tags::Delta::between(&live.spec.tags, &want.tags);
        if !delta.set.is_empty() {
            let call = events.tag_resource().resource_arn(&live.physical_id).set_tags(Some(sdk_tags(&delta.set)?));
            aws.call("events:TagResource", call.send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = events.untag_resource().resource_arn(&live.physical_id).set_tag_keys(Some(delta.remove));
            aws.call("events:UntagResource", call.send()).await?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, live: &ObservedResource<EventBus>) -> Result<(), AwsError> {
        let call = aws.clients.events.delete_event_bus().name(&live.spec.name);
        aws.find("events:DeleteEventBus", ABSENT, call.send()).await.map(drop)
    }
}

fn arn(name: &str, place: &Place) -> String {
    place.arn("events", &format!("event-bus/{name}"))
}

fn dead_letter(want: &EventBus) -> Option<SdkDeadLetter> {
    want.dead_letter_config.as_ref().map(|config| SdkDeadLetter::builder().arn(&config.arn).build())
}

fn log_config(want: &EventBus) -> SdkLogConfig {
    let LogConfig { include_detail, level } = &want.log_config;
    SdkLogConfig::builder().include_detail(include_detail.as_str().into()).level(level.as_str().into()).build()
}

/// Replaces the policy, or removes it.
async fn put_policy(aws: &Aws, want: &EventBus) -> Result<(), AwsError> {
    let events = &aws.clients.events;
    match &want.policy {
        Some(policy) => {
            let call = events.put_permission().event_bus_name(&want.name).policy(policy).send();
            aws.call("events:PutPermission", call).await.map(drop)
        }
        None => {
            let call = events.remove_permission().event_bus_name(&want.name).remove_all_permissions(true).send();
            aws.find("events:RemovePermission", ABSENT, call).await.map(drop)
        }
    }
}

/// Calls ListTagsForResource. `None` if the bus does not exist.
async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.clients.events.list_tags_for_resource().resource_arn(arn).send();
    let found = aws.find("events:ListTagsForResource", ABSENT, call).await?;
    let tags = |tags: Vec<Tag>| tags::without_aws(tags.into_iter().map(|tag| (tag.key, tag.value)));
    Ok(found.map(|found| tags(found.tags.unwrap_or_default())))
}

fn sdk_tags(tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Result<_, _> = tags.iter().map(tag).collect();
    tags.map_err(|error| AwsError::Shape { what: "a tag of a bus".to_owned(), message: error.to_string() })
}

/// Converts the answer of DescribeEventBus.
fn to_spec(name: &str, live: &DescribeEventBusOutput, tags: Tags) -> EventBus {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let has_statements = |text: &String| {
        let policy: Option<Value> = serde_json::from_str(text).ok();
        policy.is_none_or(|policy| policy["Statement"].as_array().is_none_or(|statements| !statements.is_empty()))
    };
    let default = LogConfig::default();
    let log = live.log_config();
    let dead_letter = live.dead_letter_config().and_then(SdkDeadLetter::arn).filter(|arn| !arn.is_empty());
    EventBus {
        name: name.to_owned(),
        description: text(live.description()),
        policy: text(live.policy()).filter(has_statements),
        kms_key_identifier: text(live.kms_key_identifier()),
        dead_letter_config: dead_letter.map(|arn| DeadLetterConfig { arn: arn.to_owned() }),
        log_config: LogConfig {
            include_detail: log
                .and_then(SdkLogConfig::include_detail)
                .map_or(default.include_detail, |detail| detail.as_str().to_owned()),
            level: log.and_then(SdkLogConfig::level).map_or(default.level, |level| level.as_str().to_owned()),
        },
        tags,
    }
}
