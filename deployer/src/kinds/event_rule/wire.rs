//! Rules in the shape of the SDK.

use aws_sdk_eventbridge::types::{RuleState, Tag};

use super::{ABSENT, EventRule};
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError};
use crate::kinds::ObservedResource;

/// The bus whose name is in no ARN of a rule.
pub(super) const DEFAULT_BUS: &str = "default";

/// A rule as DescribeRule and ListRules report it.
#[derive(Debug, Clone, Default)]
pub(super) struct LiveRule {
    pub(super) event_pattern: Option<String>,
    pub(super) state: Option<RuleState>,
    pub(super) description: Option<String>,
    pub(super) managed_by: Option<String>,
}

/// Calls DescribeRule. `None` if the rule or its bus does not exist.
pub(super) async fn describe(aws: &Aws, spec: &EventRule) -> Result<Option<LiveRule>, AwsError> {
    let call = aws.clients.events.describe_rule().event_bus_name(&spec.event_bus_name).name(&spec.name).send();
    let found = aws.find("events:DescribeRule", ABSENT, call).await?;
    Ok(found.map(|live| LiveRule {
        event_pattern: live.event_pattern,
        state: live.state,
        description: live.description,
        managed_by: live.managed_by,
    }))
}

/// Converts a live rule, without its targets and tags.
pub(super) fn to_spec(spec: &EventRule, live: &LiveRule) -> EventRule {
    EventRule {
        event_bus_name: spec.event_bus_name.clone(),
        name: spec.name.clone(),
        event_pattern: live.event_pattern.clone().unwrap_or_default(),
        state: live.state.as_ref().map_or("ENABLED", RuleState::as_str).to_owned(),
        description: live.description.clone().filter(|text| !text.is_empty()),
        ..EventRule::default()
    }
}

/// Calls PutRule with every property. AWS takes tags only with the first call for a rule.
pub(super) async fn put(aws: &Aws, want: &EventRule, is_new: bool) -> Result<(), AwsError> {
    let call = aws
        .clients
        .events
        .put_rule()
        .event_bus_name(&want.event_bus_name)
        .name(&want.name)
        .event_pattern(&want.event_pattern)
        .state(want.state.as_str().into())
        .description(want.description.clone().unwrap_or_default())
        .set_tags(if is_new { Some(sdk_tags(&want.tags)?) } else { None });
    aws.call("events:PutRule", call.send()).await.map(drop)
}

pub(super) async fn retag(aws: &Aws, live: &ObservedResource<EventRule>, want: &EventRule) -> Result<(), AwsError> {
    let (events, arn) = (&aws.clients.events, &live.physical_id);
    let delta = tags::Delta::between(&live.spec.tags, &want.tags);
    if !delta.set.is_empty() {
        let call = events.tag_resource().resource_arn(arn).set_tags(Some(sdk_tags(&delta.set)?));
        aws.call("events:TagResource", call.send()).await?;
    }
    if !delta.remove.is_empty() {
        let call = events.untag_resource().resource_arn(arn).set_tag_keys(Some(delta.remove));
        aws.call("events:UntagResource", call.send()).await?;
    }
    Ok(())
}

/// Calls ListTagsForResource. `None` if the rule does not exist.
pub(super) async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.clients.events.list_tags_for_resource().resource_arn(arn).send();
    let found = aws.find("events:ListTagsForResource", ABSENT, call).await?;
    let tags = |tags: Vec<Tag>| tags::without_aws(tags.into_iter().map(|tag| (tag.key, tag.value)));
    Ok(found.map(|found| tags(found.tags.unwrap_or_default())))
}

fn sdk_tags(tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Result<_, _> = tags.iter().map(tag).collect();
    tags.map_err(|error| AwsError::Shape { what: "a tag of a rule".to_owned(), message: error.to_string() })
}
