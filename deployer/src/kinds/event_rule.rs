//! `events.rule`: a rule of EventBridge with its targets.
//!
//! **Guarantees**: an update gives the rule its new targets before it takes the old ones away, so no event is lost
//! meanwhile. Rules of a bus that are read at the same time share its listing. A rule that another stack created since
//! the plan is not overwritten.
//! **Assumptions**: nobody else edits the rule. Targets that others added are drift, and are removed.
//! **Caveats**: AWS takes every property that PutRule leaves out as cleared, so each update sends all of them. A rule has
//! five targets, so a rule with five others loses the old ones first. EventBridge may need some seconds until it follows a
//! changed rule. Rules that an AWS service manages (`ManagedBy`) are not touched.

mod listing;
mod targets;
mod wire;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    About, Calls, Changes, CreatedResource, Excess, FoundResource, Grant, Kind, NameProperty, ObservedResource, Op,
    Outputs, Person, References, Rule,
};
use crate::aws::gather::both;
use crate::aws::owner::Foreign;
use crate::aws::service::EVENTS;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust, tagged};

/// The rule kind.
pub struct EventRuleKind;

/// A rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventRule {
    pub event_bus_name: String,
    pub name: String,
    /// The events that the targets get, as JSON text.
    pub event_pattern: String,
    /// `ENABLED`, `DISABLED` or `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`.
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// By their ids in the rule.
    pub targets: BTreeMap<String, Target>,
    pub tags: Tags,
}

/// A receiver of a rule's events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// A JSON text in place of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The part of the event that is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_transformer: Option<InputTransformer>,
    pub retry_policy: RetryPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqs_parameters: Option<SqsParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinesis_parameters: Option<KinesisParameters>,
}

/// A text with the values of some paths of the event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InputTransformer {
    pub input_paths_map: BTreeMap<String, String>,
    pub input_template: String,
}

/// How often a failed delivery is repeated, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    pub maximum_event_age_in_seconds: u32,
    pub maximum_retry_attempts: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { maximum_event_age_in_seconds: 86_400, maximum_retry_attempts: 185 }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterConfig {
    pub arn: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SqsParameters {
    pub message_group_id: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KinesisParameters {
    pub partition_key_path: String,
}

/// The most characters of a pattern, unless AWS raised the account's quota; and the most that the quota can be.
const PATTERN_SIZE: usize = 2_048;
const PATTERN_SIZE_RAISED: usize = 4_096;
/// The most targets of a rule.
pub const TARGETS: usize = 5;

const ABSENT: &[&str] = &["ResourceNotFoundException"];

impl Kind for EventRuleKind {
    const ABOUT: About = About {
        outputs: &["name", "arn"],
        identity: &["event_bus_name", "name"],
        rules: &[
            ("event_bus_name", Rule::Replace("EventBridge cannot move a rule to another bus")),
            ("name", Rule::Replace("EventBridge cannot rename a rule")),
            ("event_pattern", Rule::Json),
        ],
        tags: Some(tags::TagRules::lenient("EventBridge")),
        named: Some(NameProperty::of("name", 64)),
        references: References { loose: &["event_pattern", "description", "tags"], ..References::DEFAULT },
        calls: Calls {
            limited: &[(Op::Create, "events:PutRule"), (Op::Delete, "events:DeleteRule")],
            listings: &[(listing::FEW, &["events:ListRules"])],
            ..Calls::DEFAULT
        },
        person: Person {
            gap: Some("events of these seconds reach none of the targets"),
            seconds: (0.5, 0.5),
            ..Person::DEFAULT
        },
        ..About::of("events.rule", &EVENTS)
    };
    type Spec = EventRule;

    fn condition(seen: &ObservedResource<EventRule>) -> Option<String> {
        Some(if seen.spec.state == "DISABLED" { "disabled" } else { "enabled" }.to_owned())
    }

    fn limits(spec: &EventRule) -> Vec<Excess> {
        let size = spec.event_pattern.chars().count();
        let excess = || Excess::size("rule::pattern-size", &["pattern"], "the event pattern", [size, PATTERN_SIZE]);
        let help = "name fewer values, or split the rule in two";
        let excess = || Excess { help, doubt: size <= PATTERN_SIZE_RAISED, ..excess() };
        (size > PATTERN_SIZE).then(excess).into_iter().collect()
    }

    fn predict(spec: &EventRule, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone()), ("arn".into(), arn(spec, place))])
    }

    /// Grants the calls on the rule, and to pass the roles of its targets to EventBridge.
    fn iam(op: Op, spec: &EventRule, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read | Op::Present => {
                &["events:DescribeRule", "events:ListTargetsByRule", "events:ListTagsForResource"]
            }
            Op::Create => &[
                "events:DescribeRule",
                "events:ListTagsForResource",
                "events:PutRule",
                "events:PutTargets",
                "events:TagResource",
            ],
            Op::Update => &[
                "events:PutRule",
                "events:PutTargets",
                "events:RemoveTargets",
                "events:TagResource",
                "events:UntagResource",
            ],
            Op::Delete => &["events:ListTargetsByRule", "events:RemoveTargets", "events:DeleteRule"],
        };
        let mut grants = vec![Grant::new(actions, arn(spec, place))];
        let roles = spec.targets.values().filter_map(|target| target.role_arn.clone());
        let roles: std::collections::BTreeSet<String> = roles.collect();
        if matches!(op, Op::Create | Op::Update) && !roles.is_empty() {
            let service = vec!["events.amazonaws.com".to_owned()];
            let pass = Grant::on(&["iam:PassRole"], roles);
            grants.push(pass.only("StringEquals", "iam:PassedToService", service));
        }
        grants
    }

    fn any_named(names: &str, place: &Place) -> Vec<EventRule> {
        let role_arn = Some(format!("arn:{}:iam::{}:role/{names}", place.partition, place.account));
        let targets = BTreeMap::from([("a".to_owned(), Target { role_arn, ..Target::default() })]);
        let on = |bus: &str| EventRule {
            event_bus_name: bus.to_owned(),
            name: names.to_owned(),
            targets: targets.clone(),
            ..EventRule::default()
        };
        vec![on(wire::DEFAULT_BUS), on("*")]
    }

    /// DescribeRule, or ListRules shared with the other rules of the bus; ListTargetsByRule and ListTagsForResource.
    async fn read(aws: &Aws, spec: &EventRule, trust: Trust) -> Result<Option<ObservedResource<EventRule>>, AwsError> {
        let identity = [spec.event_bus_name.as_str(), &spec.name];
        let arn = arn(spec, &aws.place);
        let live = listing::find(aws, spec);
        let recorded = aws.run.recorded_tags(Self::NAME, &identity);
        let expected = tagged::ExpectedTags { wanted: &spec.tags, recorded };
        let tags = tagged::tags_of(aws, &arn, expected, trust, wire::tags_of(aws, &arn));
        let rest = async {
            let (tags, targets) = tokio::try_join!(tags, targets::list(aws, spec))?;
            Ok::<_, AwsError>(tags.zip(targets))
        };
        let hoped = aws.run.has_record(Self::NAME, &identity);
        let Some((live, (tags, targets))) = both(hoped, live, rest).await? else { return Ok(None) };
        let rule = EventRule { targets, tags, ..wire::to_spec(spec, &live) };
        let mut seen = ObservedResource::new(arn, rule, Self::predict(spec, &aws.place));
        seen.notes.extend(live.managed_by.map(|service| format!("managed by {service}, which may change it")));
        Ok(Some(seen))
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<EventRule>> {
        let path = resource.strip_prefix("rule/")?;
        let (bus, name) = path.rsplit_once('/').unwrap_or((wire::DEFAULT_BUS, path));
        let rule = EventRule { event_bus_name: bus.to_owned(), name: name.to_owned(), ..EventRule::default() };
        Some(FoundResource::of(path, rule))
    }

    /// Calls PutRule and PutTargets. PutRule overwrites a rule of the name, so DescribeRule looks for one first.
    async fn create(aws: &Aws, want: &EventRule) -> Result<CreatedResource, AwsError> {
        let arn = arn(want, &aws.place);
        if wire::describe(aws, want).await?.is_some() {
            let owner = wire::tags_of(aws, &arn).await?.and_then(|mut tags| tags.remove(tags::STACK));
            if owner.as_ref() != want.tags.get(tags::STACK) {
                let owner = owner.map_or(Foreign::Untagged, |stack| Foreign::OtherStack { stack });
                return Err(AwsError::Unplanned { message: format!("not overwritten: {arn} {owner}") });
            }
        }
        wire::put(aws, want, true).await?;
        targets::put(aws, want, want.targets.keys()).await?;
        Ok(CreatedResource { physical_id: arn, outputs: Self::predict(want, &aws.place) })
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<EventRule>,
        want: &EventRule,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        if changes.touch("targets") {
            targets::add(aws, &live.spec, want).await?;
        }
        if changes.touch_other_than(&["tags", "targets"]) {
            wire::put(aws, want, false).await?;
        }
        if changes.touch("targets") {
            let gone = live.spec.targets.keys().filter(|id| !want.targets.contains_key(*id));
            targets::remove(aws, want, gone.cloned().collect()).await?;
        }
        wire::retag(aws, live, want).await
    }

    /// Calls RemoveTargets and DeleteRule.
    async fn delete(aws: &Aws, live: &ObservedResource<EventRule>) -> Result<(), AwsError> {
        let spec = &live.spec;
        let Some(now) = targets::list(aws, spec).await? else { return Ok(()) };
        targets::remove(aws, spec, now.into_keys().collect()).await?;
        let call = aws.clients.events.delete_rule().event_bus_name(&spec.event_bus_name).name(&spec.name);
        aws.find("events:DeleteRule", ABSENT, call.send()).await.map(drop)
    }
}

/// Returns the ARN, which has no bus for a rule of the default bus.
fn arn(spec: &EventRule, place: &Place) -> String {
    let EventRule { event_bus_name, name, .. } = spec;
    let path = if event_bus_name == wire::DEFAULT_BUS { name.clone() } else { format!("{event_bus_name}/{name}") };
    place.arn("events", &format!("rule/{path}"))
}

#[cfg(test)]
mod tests;
