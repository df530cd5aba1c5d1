//! `cloudwatch.metric_alarm`: an alarm on one CloudWatch metric.
//!
//! **Guarantees**: alarms that are read at the same time share calls, 100 names each. A change sends the whole
//! definition, because PutMetricAlarm overwrites all of it; the alarm keeps its state.
//! **Assumptions**: the caller has looked for an alarm of this name before create, because PutMetricAlarm never reports
//! that one exists.
//! **Caveats**: AWS accepts actions on topics that do not exist. PutMetricAlarm ignores tags on an existing alarm, so
//! they have calls of their own. This kind does not cover alarms on metric math, anomaly bands and queries.

mod bulk;
mod health;
mod search;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricAlarm, StandardUnit, Statistic, Tag};
use serde::{Deserialize, Serialize};

use super::{
    About, Calls, Changes, CreatedResource, Destination, FoundResource, Grant, Kind, NameProperty, ObservedResource,
    Op, Outputs, Passage, Person, Probe, References, Rule, Sign, Verification, service_role,
};
use crate::aws::gather::{Bulk, both};
use crate::aws::service::CLOUDWATCH;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust, tagged, wait};
use bulk::{DeleteAlarms, DescribeAlarms};

/// The metric alarm kind.
pub struct CloudwatchAlarm;

/// A metric alarm; periods in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub alarm_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm_description: Option<String>,
    pub namespace: String,
    pub metric_name: String,
    pub dimensions: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    /// A percentile such as `p99`, in place of `statistic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_statistic: Option<String>,
    pub period: u32,
    pub evaluation_periods: u32,
    pub datapoints_to_alarm: u32,
    pub threshold: f64,
    pub comparison_operator: String,
    pub treat_missing_data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluate_low_sample_count_percentile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    pub actions_enabled: bool,
    pub alarm_actions: Vec<String>,
    pub ok_actions: Vec<String>,
    pub insufficient_data_actions: Vec<String>,
    pub tags: Tags,
}

impl Kind for CloudwatchAlarm {
    const ABOUT: About = About {
        outputs: &["name", "arn"],
        identity: &["alarm_name"],
        rules: &[
            ("alarm_name", Rule::Replace("CloudWatch cannot rename an alarm")),
            ("alarm_actions", Rule::Unordered),
            ("ok_actions", Rule::Unordered),
            ("insufficient_data_actions", Rule::Unordered),
            ("evaluate_low_sample_count_percentile", Rule::Default("\"evaluate\"")),
        ],
        tags: Some(tags::TagRules::lenient("CloudWatch")),
        named: Some(NameProperty::of("alarm_name", 255)),
        // CloudWatch looks up neither the watched metric's resource nor the actions' topics.
        references: References {
            by_name: &["dimensions", "alarm_actions", "ok_actions", "insufficient_data_actions"],
            ..References::DEFAULT
        },
        calls: Calls {
            limited: &[(Op::Create, "cloudwatch:PutMetricAlarm"), (Op::Update, "cloudwatch:PutMetricAlarm")],
            deleted_together: true,
            ..Calls::DEFAULT
        },
        person: Person { lost: Some("its history"), gap: Some("nobody is warned for some seconds"), ..Person::DEFAULT },
        ..About::of("cloudwatch.metric_alarm", &CLOUDWATCH)
    };
    type Spec = Alarm;

    async fn signs(aws: &Aws, all: &[ObservedResource<Alarm>]) -> Vec<Vec<Sign>> {
        health::signs(aws, all).await
    }

    fn predict(spec: &Alarm, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.alarm_name.clone()), ("arn".into(), arn(&spec.alarm_name, place))])
    }

    fn iam(op: Op, spec: &Alarm, place: &Place) -> Vec<Grant> {
        let arn = arn(&spec.alarm_name, place);
        match op {
            Op::Read | Op::Present => vec![
                Grant::new(&["cloudwatch:DescribeAlarms"], "*"),
                Grant::new(&["cloudwatch:ListTagsForResource"], arn),
            ],
            Op::Create => {
                let put = Grant::new(&["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"], arn);
                std::iter::once(put).chain(acts_on_machines(spec, place)).collect()
            }
            Op::Update => {
                let actions = &["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"];
                std::iter::once(Grant::new(actions, arn)).chain(acts_on_machines(spec, place)).collect()
            }
            Op::Delete => vec![Grant::new(&["cloudwatch:DeleteAlarms"], arn)],
        }
    }

    fn verification(spec: &Alarm, place: &Place) -> Verification {
        let closed = || (!spec.actions_enabled).then(|| "`actions_enabled: false` silences the alarm".to_owned());
        let passage = |action: &String| Passage {
            closed: closed(),
            ..Passage::new(Probe::Ring { alarm_name: spec.alarm_name.clone() }, Destination::Resource(action.clone()))
        };
        let passages = spec.alarm_actions.iter().map(passage).collect();
        let calls = &["cloudwatch:SetAlarmState", "cloudwatch:DescribeAlarmHistory"];
        Verification { passages, grants: vec![Grant::new(calls, arn(&spec.alarm_name, place))] }
    }

    fn any_named(names: &str, _: &Place) -> Vec<Alarm> {
        vec![Alarm { alarm_name: names.to_owned(), ..Alarm::default() }]
    }

    /// DescribeAlarms, shared with the other alarms, and ListTagsForResource.
    async fn read(aws: &Aws, spec: &Alarm, _: Trust) -> Result<Option<ObservedResource<Alarm>>, AwsError> {
        let outputs = Self::predict(spec, &aws.place);
        let recorded = aws.run.recorded_tags(Self::NAME, &[&spec.alarm_name]);
        let expected = tagged::ExpectedTags { wanted: &spec.tags, recorded };
        // A delete checks the owner, so a listing may be trusted before it, too.
        let tags = tagged::tags_of(aws, &outputs["arn"], expected, Trust::Listing, tags_of(aws, &outputs["arn"]));
        let found = aws.gather::<DescribeAlarms>(&spec.alarm_name);
        let hoped = aws.run.has_record(Self::NAME, &[&spec.alarm_name]);
        let Some((found, tags)) = both(hoped, found, tags).await? else { return Ok(None) };
        let alarm = to_spec(&spec.alarm_name, found, tags)?;
        Ok(Some(ObservedResource::new(&spec.alarm_name, alarm, outputs)))
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<Alarm>> {
        resource.strip_prefix("alarm:").map(search::found_resource)
    }

    async fn named_like(aws: &Aws, begins: &str) -> Result<Vec<FoundResource<Alarm>>, AwsError> {
        search::named_like(aws, begins).await
    }

    async fn create(aws: &Aws, want: &Alarm) -> Result<CreatedResource, AwsError> {
        let put = put(&aws.clients.cloudwatch, want).set_tags(Some(sdk_tags(&want.tags)));
        aws.call("cloudwatch:PutMetricAlarm", put.send()).await?;
        Ok(CreatedResource { physical_id: want.alarm_name.clone(), outputs: Self::predict(want, &aws.place) })
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<Alarm>,
        want: &Alarm,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        if changes.touch_other_than(&["tags"]) {
            aws.call("cloudwatch:PutMetricAlarm", put(&aws.clients.cloudwatch, want).send()).await?;
        }
        let (cloudwatch, arn) = (&aws.clients.cloudwatch, arn(&want.alarm_name, &aws.place));
        let delta = tags::Delta::between(&live.spec.tags, &want.tags);
        if !delta.set.is_empty() {
            let call = cloudwatch.tag_resource().resource_arn(&arn).set_tags(Some(sdk_tags(&delta.set)));
            aws.call("cloudwatch:TagResource", call.send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = cloudwatch.untag_resource().resource_arn(&arn).set_tag_keys(Some(delta.remove));
            aws.call("cloudwatch:UntagResource", call.send()).await?;
        }
        Ok(())
    }

    /// Calls DeleteAlarms, shared with other alarms. One alarm can fail the whole call: each then gets a call of its
    /// own.
    async fn delete(aws: &Aws, live: &ObservedResource<Alarm>) -> Result<(), AwsError> {
        // The shared call counts as this step's own, whichever step sends it.
        wait::record_call();
        let name = &live.physical_id;
        match aws.gather::<DeleteAlarms>(name).await {
            Ok(Some(())) => Ok(()),
            Ok(None) | Err(AwsError::Service(_)) => {
                DeleteAlarms::fetch(aws.clone(), BTreeSet::from([name.clone()])).await.map(drop)
            }
            Err(error) => Err(error),
        }
    }
}

/// Grants the creation of the role by which CloudWatch stops, starts or recovers machines; the first such alarm does
/// it.
fn acts_on_machines(spec: &Alarm, place: &Place) -> Option<Grant> {
    let all = [&spec.alarm_actions, &spec.ok_actions, &spec.insufficient_data_actions].into_iter().flatten();
    let service = |arn: &str| arn.split(':').nth(2).map(str::to_owned);
    let acts = all.filter_map(|arn| service(arn)).any(|service| matches!(service.as_str(), "automate" | "swf"));
    acts.then(|| service_role(place, "events.amazonaws.com", "AWSServiceRoleForCloudWatchEvents"))
}

/// The wire's legacy code and the modelled names.
const ABSENT: &[&str] = &["ResourceNotFound", "ResourceNotFoundException"];

fn arn(name: &str, place: &Place) -> String {
    place.arn("cloudwatch", &format!("alarm:{name}"))
}

/// Calls ListTagsForResource. `None` if the alarm does not exist.
async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.clients.cloudwatch.list_tags_for_resource().resource_arn(arn).send();
    let Some(found) = aws.find("cloudwatch:ListTagsForResource", ABSENT, call).await? else { return Ok(None) };
    let tags = found.tags.unwrap_or_default().into_iter();
    let tags = tags.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
    Ok(Some(tags::without_aws(tags)))
}

/// Builds PutMetricAlarm with the whole definition, without tags.
fn put(
    cloudwatch: &aws_sdk_cloudwatch::Client,
    alarm: &Alarm,
) -> aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder {
    let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    cloudwatch
        .put_metric_alarm()
        .alarm_name(&alarm.alarm_name)
        .set_alarm_description(alarm.alarm_description.clone())
        .namespace(&alarm.namespace)
        .metric_name(&alarm.metric_name)
        .set_dimensions(Some(alarm.dimensions.iter().map(dimension).collect()))
        .set_statistic(alarm.statistic.as_deref().map(Statistic::from))
        .set_extended_statistic(alarm.extended_statistic.clone())
        .period(sdk_int(alarm.period))
        .evaluation_periods(sdk_int(alarm.evaluation_periods))
        .datapoints_to_alarm(sdk_int(alarm.datapoints_to_alarm))
        .threshold(alarm.threshold)
        .comparison_operator(ComparisonOperator::from(alarm.comparison_operator.as_str()))
        .treat_missing_data(&alarm.treat_missing_data)
        .set_evaluate_low_sample_count_percentile(alarm.evaluate_low_sample_count_percentile.clone())
        .set_unit(alarm.unit.as_deref().map(StandardUnit::from))
        .actions_enabled(alarm.actions_enabled)
        .set_alarm_actions(Some(alarm.alarm_actions.clone()))
        .set_ok_actions(Some(alarm.ok_actions.clone()))
        .set_insufficient_data_actions(Some(alarm.insufficient_data_actions.clone()))
}

/// Converts to the SDK's signed number. AWS refuses a number that does not fit.
fn sdk_int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn sdk_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Turns the answer of DescribeAlarms into a spec.
fn to_spec(name: &str, live: MetricAlarm, tags: Tags) -> Result<Alarm, AwsError> {
    let count = |value: Option<i32>, field: &str| {
        value
            .and_then(|v| u32::try_from(v).ok())
            .ok_or_else(|| AwsError::missing("cloudwatch:DescribeAlarms", &format!("{field} for {name}")))
    };
    let evaluation_periods = count(live.evaluation_periods, "EvaluationPeriods")?;
    let dimensions = live.dimensions.unwrap_or_default().into_iter();
    let sorted = |actions: Option<Vec<String>>| {
        let mut actions = actions.unwrap_or_default();
        actions.sort();
        actions
    };
    Ok(Alarm {
        alarm_name: name.to_owned(),
        alarm_description: live.alarm_description.filter(|text| !text.is_empty()),
        namespace: live.namespace.unwrap_or_default(),
        metric_name: live.metric_name.unwrap_or_default(),
        dimensions: dimensions.filter_map(|d| Some((d.name?, d.value?))).collect(),
        // An alarm has a statistic or a percentile; a local AWS reports its default statistic beside a percentile.
        statistic: live.statistic.filter(|_| live.extended_statistic.is_none()).map(|s| s.as_str().to_owned()),
        extended_statistic: live.extended_statistic,
        period: live.period.and_then(|v| u32::try_from(v).ok()).unwrap_or_default(),
        evaluation_periods,
        datapoints_to_alarm: live.datapoints_to_alarm.and_then(|v| u32::try_from(v).ok()).unwrap_or(evaluation_periods),
        threshold: live.threshold.unwrap_or_default(),
        comparison_operator: live.comparison_operator.map(|c| c.as_str().to_owned()).unwrap_or_default(),
        treat_missing_data: live
            .treat_missing_data
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "missing".to_owned()),
        evaluate_low_sample_count_percentile: live.evaluate_low_sample_count_percentile.filter(|text| !text.is_empty()),
        unit: live.unit.map(|u| u.as_str().to_owned()),
        actions_enabled: live.actions_enabled.unwrap_or(true),
        alarm_actions: sorted(live.alarm_actions),
        ok_actions: sorted(live.ok_actions),
        insufficient_data_actions: sorted(live.insufficient_data_actions),
        tags,
    })
}
