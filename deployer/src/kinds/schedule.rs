//! `scheduler.schedule`: a schedule of EventBridge Scheduler with its target.
//!
//! **Guarantees**: a schedule is found by its group and name. An update sends the whole schedule, because AWS takes
//! every property that a call leaves out as cleared.
//! **Assumptions**: the owner of the group owns its schedules, which have no tags.
//! **Caveats**: AWS checks that Scheduler may assume the role, and not that the target exists or that the role may call
//! it. A one-time schedule stays after its moment, unless `action_after_completion` is `DELETE`: AWS then deletes it,
//! and the next apply creates it again.

mod wire;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    About, Bound, Calls, Changes, CreatedResource, FoundResource, Grant, Kind, ObservedResource, Op, Outputs, Parent,
    Person, Rule,
};
use crate::aws::service::SCHEDULER;
use crate::aws::{Aws, AwsError, Place, Trust};
use crate::timetable::Timing;

/// The schedule kind.
pub struct ScheduleKind;

/// A schedule. Texts for times are RFC 3339, in UTC and whole seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub group_name: String,
    pub name: String,
    pub schedule_expression: String,
    pub schedule_expression_timezone: String,
    pub flexible_time_window: FlexibleTimeWindow,
    /// `ENABLED` or `DISABLED`.
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
    /// `NONE` or `DELETE`.
    pub action_after_completion: String,
    pub target: Target,
}

/// The time within which a schedule fires, from the moment of its expression on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FlexibleTimeWindow {
    /// `OFF` or `FLEXIBLE`.
    pub mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_window_in_minutes: Option<u32>,
}

/// The call that a schedule makes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub arn: String,
    pub role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    pub retry_policy: RetryPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_bridge_parameters: Option<EventBridgeParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinesis_parameters: Option<KinesisParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqs_parameters: Option<SqsParameters>,
}

/// How often a failed call is repeated, and for how long.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    pub maximum_event_age_in_seconds: u32,
    pub maximum_retry_attempts: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterConfig {
    pub arn: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventBridgeParameters {
    pub detail_type: String,
    pub source: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KinesisParameters {
    pub partition_key: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SqsParameters {
    pub message_group_id: String,
}

/// The most repetitions of a failed call, and the longest time for them, which a schedule has by default.
pub const RETRIES: u32 = 185;
pub const MAX_AGE_S: u32 = 86_400;
/// The most characters of a schedule's name.
pub const NAME_LENGTH: usize = 64;

/// How many of the next moments plans and reports show.
const SHOWN: usize = 3;

const ABSENT: &[&str] = &["ResourceNotFoundException"];

impl Kind for ScheduleKind {
    const ABOUT: About = About {
        outputs: &["name", "arn"],
        identity: &["group_name", "name"],
        rules: &[
            ("group_name", Rule::Replace("Scheduler cannot move a schedule to another group")),
            ("name", Rule::Replace("Scheduler cannot rename a schedule")),
            ("target.input", Rule::Json),
        ],
        bounds: &[("kms_key_arn", Bound::Pattern)],
        parent: Some(Parent { kind: "scheduler.schedule_group", owns: true, deletes: false }),
        voucher: Some(("iam.role", "/target/role_arn")),
        calls: Calls {
            exists: &["ConflictException"],
            limited: &[(Op::Create, "scheduler:CreateSchedule"), (Op::Delete, "scheduler:DeleteSchedule")],
            ..Calls::DEFAULT
        },
        person: Person {
            gap: Some("the schedule does not fire within these seconds"),
            seconds: (0.3, 0.3),
            ..Person::DEFAULT
        },
        ..About::of("scheduler.schedule", &SCHEDULER)
    };
    type Spec = Schedule;

    fn condition(seen: &ObservedResource<Schedule>) -> Option<String> {
        Some(if seen.spec.state == "DISABLED" { "disabled" } else { "enabled" }.to_owned())
    }

    /// Names the next three moments of a schedule that is enabled.
    fn upcoming(spec: &Schedule, now: Timestamp) -> Option<String> {
        if spec.state == "DISABLED" {
            return None;
        }
        let moment = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
        let timing = Timing {
            expression: &spec.schedule_expression,
            zone: &spec.schedule_expression_timezone,
            start: moment(&spec.start_date),
            end: moment(&spec.end_date),
        };
        let within = spec.flexible_time_window.maximum_window_in_minutes;
        let within = within.map(|minutes| format!(", each within {minutes} min")).unwrap_or_default();
        timing.words(now, SHOWN).map(|words| words + &within)
    }

    fn predict(spec: &Schedule, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone()), ("arn".into(), arn(spec, place))])
    }

    fn iam(op: Op, spec: &Schedule, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read | Op::Present => &["scheduler:GetSchedule"],
            Op::Create => &["scheduler:CreateSchedule"],
            Op::Update => &["scheduler:UpdateSchedule"],
            Op::Delete => &["scheduler:DeleteSchedule"],
        };
        let own = Grant::new(actions, arn(spec, place));
        let service = vec!["scheduler.amazonaws.com".to_owned()];
        let pass = || {
            Grant::new(&["iam:PassRole"], &spec.target.role_arn).only("StringEquals", "iam:PassedToService", service)
        };
        if matches!(op, Op::Create | Op::Update) { vec![own, pass()] } else { vec![own] }
    }

    fn any_named(names: &str, place: &Place) -> Vec<Schedule> {
        let role_arn = format!("arn:{}:iam::{}:role/{names}", place.partition, place.account);
        let target = Target { role_arn, ..Target::default() };
        // Groups have names of their elements, or of others.
        vec![Schedule { group_name: "*".to_owned(), name: names.to_owned(), target, ..Schedule::default() }]
    }

    /// GetSchedule.
    async fn read(aws: &Aws, spec: &Schedule, _: Trust) -> Result<Option<ObservedResource<Schedule>>, AwsError> {
        let call = aws.clients.scheduler.get_schedule().group_name(&spec.group_name).name(&spec.name);
        let Some(live) = aws.find("scheduler:GetSchedule", ABSENT, call.send()).await? else { return Ok(None) };
        let seen = wire::to_spec(spec, &live)?;
        Ok(Some(ObservedResource::new(physical_id(spec), seen, Self::predict(spec, &aws.place))))
    }

    /// ListSchedules of a group, 100 a page.
    async fn parts_of(aws: &Aws, group: &str) -> Result<Vec<FoundResource<Schedule>>, AwsError> {
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let call = aws.clients.scheduler.list_schedules().group_name(group).set_next_token(token);
            let Some(page) = aws.find("scheduler:ListSchedules", ABSENT, call.send()).await? else { return Ok(all) };
            all.extend(page.schedules.into_iter().filter_map(|listed| {
                let spec = Schedule { group_name: group.to_owned(), name: listed.name?, ..Schedule::default() };
                Some(FoundResource::of(physical_id(&spec), spec))
            }));
            token = page.next_token;
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    async fn create(aws: &Aws, want: &Schedule) -> Result<CreatedResource, AwsError> {
        let call = aws
            .clients
            .scheduler
            .create_schedule()
            .group_name(&want.group_name)
            .name(&want.name)
            .schedule_expression(&want.schedule_expression)
            .schedule_expression_timezone(&want.schedule_expression_timezone)
            .flexible_time_window(wire::window(want)?)
            .state(want.state.as_str().into())
            .set_description(want.description.clone())
            .set_start_date(wire::moment(want.start_date.as_deref())?)
            .set_end_date(wire::moment(want.end_date.as_deref())?)
            .set_kms_key_arn(want.kms_key_arn.clone())
            .action_after_completion(want.action_after_completion.as_str().into())
            .target(wire::target(want)?);
        aws.call("scheduler:CreateSchedule", call.send()).await?;
        Ok(CreatedResource { physical_id: physical_id(want), outputs: Self::predict(want, &aws.place) })
    }

    /// Calls UpdateSchedule with every property.
    async fn update(aws: &Aws, _: &ObservedResource<Schedule>, want: &Schedule, _: &Changes) -> Result<(), AwsError> {
        let call = aws
            .clients
            .scheduler
            .update_schedule()
            .group_name(&want.group_name)
            .name(&want.name)
            .schedule_expression(&want.schedule_expression)
            .schedule_expression_timezone(&want.schedule_expression_timezone)
            .flexible_time_window(wire::window(want)?)
            .state(want.state.as_str().into())
            .set_description(want.description.clone())
            .set_start_date(wire::moment(want.start_date.as_deref())?)
            .set_end_date(wire::moment(want.end_date.as_deref())?)
            .set_kms_key_arn(want.kms_key_arn.clone())
            .action_after_completion(want.action_after_completion.as_str().into())
            .target(wire::target(want)?);
        aws.call("scheduler:UpdateSchedule", call.send()).await.map(drop)
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Schedule>) -> Result<(), AwsError> {
        let Schedule { group_name, name, .. } = &live.spec;
        let call = aws.clients.scheduler.delete_schedule().group_name(group_name).name(name);
        aws.find("scheduler:DeleteSchedule", ABSENT, call.send()).await.map(drop)
    }
}

fn arn(spec: &Schedule, place: &Place) -> String {
    place.arn("scheduler", &format!("schedule/{}/{}", spec.group_name, spec.name))
}

fn physical_id(spec: &Schedule) -> String {
    format!("{}/{}", spec.group_name, spec.name)
}
