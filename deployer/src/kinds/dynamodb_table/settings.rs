//! The settings of a table that have calls of their own: expiry, backups, policy, insights and tags.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{
    ContributorInsightsAction, ContributorInsightsMode, ContributorInsightsStatus as InsightsStatus,
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, TimeToLiveDescription, TimeToLiveSpecification,
    TimeToLiveStatus,
};
use futures::future::try_join_all;

use super::spec::{PointInTimeRecovery, RECOVERY_DAYS, Table};
use super::wire::{self, shape};
use crate::aws::dynamodb::ABSENT;
use crate::aws::gather::Bulk;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError};

/// The calls that read the settings.
pub(super) const READS: &[&str] = &[
    "dynamodb:DescribeTimeToLive",
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:GetResourcePolicy",
    "dynamodb:DescribeContributorInsights",
];

const NO_POLICY: &[&str] = &["PolicyNotFoundException"];

/// The settings of a table.
#[derive(Debug, Default)]
pub(super) struct Settings {
    time_to_live: Option<String>,
    point_in_time_recovery: Option<PointInTimeRecovery>,
    policy: Option<String>,
    contributor_insights: Option<String>,
}

impl Settings {
    /// Returns `table` with these settings.
    pub(super) fn put_into(self, table: Table) -> Table {
        let Self { time_to_live, point_in_time_recovery, policy, contributor_insights } = self;
        Table { time_to_live, point_in_time_recovery, policy, contributor_insights, ..table }
    }
}

/// Reads all settings at once. Those of a table that does not exist are empty.
pub(super) async fn read(aws: &Aws, name: &str, arn: &str) -> Result<Settings, AwsError> {
    let (time_to_live, point_in_time_recovery, policy, contributor_insights) = tokio::try_join!(
        async { Ok(time_to_live(aws, name).await?.and_then(active)) },
        recovery(aws, name),
        policy(aws, arn),
        aws.gather::<Insights>(name),
    )?;
    Ok(Settings { time_to_live, point_in_time_recovery, policy, contributor_insights })
}

/// Describes the expiry of items: DescribeTimeToLive.
async fn time_to_live(aws: &Aws, name: &str) -> Result<Option<TimeToLiveDescription>, AwsError> {
    let call = aws.clients.dynamodb.describe_time_to_live().table_name(name).send();
    Ok(aws.find("dynamodb:DescribeTimeToLive", ABSENT, call).await?.and_then(|found| found.time_to_live_description))
}

/// Returns the attribute by which items expire.
fn active(described: TimeToLiveDescription) -> Option<String> {
    let is_on = matches!(described.time_to_live_status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    described.attribute_name.filter(|_| is_on)
}

/// Reads the point-in-time recovery: DescribeContinuousBackups.
async fn recovery(aws: &Aws, name: &str) -> Result<Option<PointInTimeRecovery>, AwsError> {
    let call = aws.clients.dynamodb.describe_continuous_backups().table_name(name).send();
    let found = aws.find("dynamodb:DescribeContinuousBackups", ABSENT, call).await?;
    let described = found.and_then(|found| found.continuous_backups_description?.point_in_time_recovery_description);
    let is_on = |status: Option<&PointInTimeRecoveryStatus>| status == Some(&PointInTimeRecoveryStatus::Enabled);
    Ok(described.filter(|described| is_on(described.point_in_time_recovery_status())).map(|described| {
        let days = described.recovery_period_in_days().and_then(|days| u32::try_from(days).ok());
        PointInTimeRecovery { recovery_period_in_days: days.unwrap_or(RECOVERY_DAYS) }
    }))
}

/// Reads the resource policy: GetResourcePolicy.
async fn policy(aws: &Aws, arn: &str) -> Result<Option<String>, AwsError> {
    let call = aws.clients.dynamodb.get_resource_policy().resource_arn(arn).send();
    match aws.find("dynamodb:GetResourcePolicy", ABSENT, call).await {
        Err(error) if error.is(NO_POLICY) => Ok(None),
        found => Ok(found?.and_then(|found| found.policy).filter(|text| !text.is_empty())),
    }
}

/// From this many tables on, one listing of the account is tried before single calls.
pub(super) const FEW: usize = 10;
/// Tables and indexes in one answer of the listing.
const PAGE: usize = 100;
/// The most pages of the listing beyond those that the wanted tables fill. After them, single calls read the rest.
const IDLE_PAGES: usize = 4;

/// The events by which CloudWatch ranks the keys of a table, by the table's name.
struct Insights;

impl Bulk for Insights {
    type Item = String;

    async fn fetch(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, String>, AwsError> {
        insights(aws, names).await
    }
}

async fn insights(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, String>, AwsError> {
    if names.len() >= FEW {
        let (mut found, mut token) = (BTreeMap::new(), None);
        for _ in 0..names.len().div_ceil(PAGE) + IDLE_PAGES {
            let call = aws.clients.dynamodb.list_contributor_insights().max_results(PAGE as i32).set_next_token(token);
            let page = aws.call("dynamodb:ListContributorInsights", call.send()).await?;
            for summary in page.contributor_insights_summaries.unwrap_or_default() {
                let mode = mode_of(summary.contributor_insights_status(), summary.contributor_insights_mode());
                // An index has insights of its own. Some answers name tables by their ARNs.
                let table = summary.table_name().filter(|_| summary.index_name().is_none());
                let name = table.and_then(|table| table.rsplit('/').next()).filter(|name| names.contains(*name));
                found.extend(name.map(str::to_owned).zip(mode));
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }
    let each = try_join_all(names.iter().map(|name| insights_of(&aws, name))).await?;
    Ok(names.into_iter().zip(each).filter_map(|(name, mode)| Some((name, mode?))).collect())
}

/// Reads the insights of one table: DescribeContributorInsights.
async fn insights_of(aws: &Aws, name: &str) -> Result<Option<String>, AwsError> {
    let call = aws.clients.dynamodb.describe_contributor_insights().table_name(name).send();
    let found = aws.find("dynamodb:DescribeContributorInsights", ABSENT, call).await?;
    Ok(found.and_then(|found| mode_of(found.contributor_insights_status(), found.contributor_insights_mode())))
}

fn mode_of(status: Option<&InsightsStatus>, mode: Option<&ContributorInsightsMode>) -> Option<String> {
    let is_on = matches!(status, Some(InsightsStatus::Enabled | InsightsStatus::Enabling | InsightsStatus::Failed));
    let mode = mode.unwrap_or(&ContributorInsightsMode::AccessedAndThrottledKeys);
    is_on.then(|| mode.as_str().to_owned())
}

/// Reads the tags: ListTagsOfResource. DynamoDB answers for a table that does not exist as for one that is forbidden.
pub(super) async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let (mut all, mut token) = (Vec::new(), None);
    loop {
        let call = aws.clients.dynamodb.list_tags_of_resource().resource_arn(arn).set_next_token(token).send();
        let Some(page) = aws.find("dynamodb:ListTagsOfResource", ABSENT, call).await? else { return Ok(None) };
        all.extend(page.tags.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(Some(tags::without_aws(all.into_iter().map(|tag| (tag.key, tag.value)))));
        }
    }
}

/// Sets the attribute by which items expire. DynamoDB moves from one attribute to another in two steps, and refuses the
/// second one for up to an hour. Safe to repeat: a step that was taken is not taken again.
pub(super) async fn write_time_to_live(aws: &Aws, want: &Table) -> Result<(), AwsError> {
    let live = time_to_live(aws, &want.table_name).await?.and_then(active);
    if live == want.time_to_live {
        return Ok(());
    }
    if let Some(old) = live {
        send_time_to_live(aws, &want.table_name, &old, false).await?;
    }
    match &want.time_to_live {
        Some(new) => send_time_to_live(aws, &want.table_name, new, true).await,
        None => Ok(()),
    }
}

async fn send_time_to_live(aws: &Aws, name: &str, attribute: &str, enabled: bool) -> Result<(), AwsError> {
    let expiry = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(enabled).build();
    let call = aws.clients.dynamodb.update_time_to_live().table_name(name);
    let call = call.time_to_live_specification(expiry.map_err(|e| shape(&e))?);
    aws.call("dynamodb:UpdateTimeToLive", call.send()).await.map(drop)
}

/// Switches point-in-time recovery: UpdateContinuousBackups.
pub(super) async fn write_recovery(aws: &Aws, want: &Table) -> Result<(), AwsError> {
    let days = want.point_in_time_recovery.map(|recovery| recovery.recovery_period_in_days);
    let recovery = PointInTimeRecoverySpecification::builder()
        .point_in_time_recovery_enabled(days.is_some())
        .set_recovery_period_in_days(days.and_then(|days| i32::try_from(days).ok()))
        .build()
        .map_err(|e| shape(&e))?;
    let call = aws.clients.dynamodb.update_continuous_backups().table_name(&want.table_name);
    let call = call.point_in_time_recovery_specification(recovery);
    aws.call("dynamodb:UpdateContinuousBackups", call.send()).await.map(drop)
}

/// Sets or deletes the resource policy.
pub(super) async fn write_policy(aws: &Aws, want: &Table, arn: &str) -> Result<(), AwsError> {
    match &want.policy {
        Some(policy) => {
            let call = aws.clients.dynamodb.put_resource_policy().resource_arn(arn).policy(policy);
            aws.call("dynamodb:PutResourcePolicy", call.send()).await.map(drop)
        }
        None => {
            let call = aws.clients.dynamodb.delete_resource_policy().resource_arn(arn).send();
            match aws.find("dynamodb:DeleteResourcePolicy", NO_POLICY, call).await {
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            }
        }
    }
}

/// Switches CloudWatch's insights into keys: UpdateContributorInsights.
pub(super) async fn write_insights(aws: &Aws, want: &Table) -> Result<(), AwsError> {
    let action = match want.contributor_insights {
        Some(_) => ContributorInsightsAction::Enable,
        None => ContributorInsightsAction::Disable,
    };
    let mode = want.contributor_insights.as_deref().map(ContributorInsightsMode::from);
    let call = aws.clients.dynamodb.update_contributor_insights().table_name(&want.table_name);
    let call = call.contributor_insights_action(action).set_contributor_insights_mode(mode);
    aws.call("dynamodb:UpdateContributorInsights", call.send()).await.map(drop)
}

pub(super) async fn write_tags(aws: &Aws, live: &Tags, want: &Tags, arn: &str) -> Result<(), AwsError> {
    let delta = tags::Delta::between(live, want);
    if !delta.set.is_empty() {
        let set = wire::tags(&delta.set).map_err(|e| shape(&e))?;
        let call = aws.clients.dynamodb.tag_resource().resource_arn(arn).set_tags(Some(set));
        aws.call("dynamodb:TagResource", call.send()).await?;
    }
    if !delta.remove.is_empty() {
        let call = aws.clients.dynamodb.untag_resource().resource_arn(arn).set_tag_keys(Some(delta.remove));
        aws.call("dynamodb:UntagResource", call.send()).await?;
    }
    Ok(())
}
