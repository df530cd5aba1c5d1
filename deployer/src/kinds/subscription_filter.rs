//! `logs.subscription_filter`: sends the matching lines of a log group to a function or a stream as they arrive.
//!
//! **Guarantees**: a filter is known by its group and its name, and one call creates or replaces it. All filters of a
//! group are read with one listing.
//! **Assumptions**: the group's owner owns its filters, which have no tags.
//! **Caveats**: a group has at most two filters. A third one waits for a former one that the same run deletes. CloudWatch
//! Logs tries the receiver when a filter is created, and refuses it while the permission has not spread.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatchlogs::types::{Distribution, SubscriptionFilter as Live};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    About, Bound, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Person, Rule,
};
use crate::aws::gather::Bulk;
use crate::aws::service::{LOGS, cure};
use crate::aws::{Aws, AwsError, Place, Trust};

/// The subscription filter kind.
pub struct SubscriptionFilterKind;

/// A subscription filter of a log group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionFilter {
    pub log_group_name: String,
    pub filter_name: String,
    /// Empty: all lines.
    pub filter_pattern: String,
    /// ARN of a function, or of a stream of Kinesis or Firehose.
    pub destination_arn: String,
    /// ARN of the role that writes to a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// `ByLogStream` or `Random`: how lines are spread over the shards of a Kinesis stream.
    pub distribution: String,
}

/// The most filters of a log group: CloudWatch Logs quotas.
pub const MOST: usize = 2;
/// The distribution of a filter that states none.
pub const BY_LOG_STREAM: &str = "ByLogStream";

const ABSENT: &[&str] = &["ResourceNotFoundException"];
const PUT: &str = "logs:PutSubscriptionFilter";
const UNSEEN_GROUP: &str = "the new log group is not visible yet";
const UNTRIED: &str = "the permission to send there has not spread yet";
const FULL: &str = "a former filter of the log group is being deleted";

impl Kind for SubscriptionFilterKind {
    const ABOUT: About = About {
        identity: &["log_group_name", "filter_name"],
        rules: &[
            ("log_group_name", Rule::Replace("CloudWatch Logs cannot move a filter to another log group")),
            ("filter_name", Rule::Replace("CloudWatch Logs cannot rename a filter")),
        ],
        bounds: &[("destination_arn", Bound::Reference), ("role_arn", Bound::Reference)],
        parent: Some(Parent { kind: "logs.log_group", owns: true, deletes: true }),
        calls: Calls {
            cures: &[
                cure(PUT, "LimitExceededException", "", 60, FULL),
                cure(PUT, "ResourceNotFoundException", "log group", 60, UNSEEN_GROUP),
                cure(PUT, "InvalidParameterException", "Could not", 120, UNTRIED),
            ],
            ..Calls::DEFAULT
        },
        person: Person { gap: Some("lines of these seconds do not reach the receiver"), ..Person::DEFAULT },
        ..About::of("logs.subscription_filter", &LOGS)
    };
    type Spec = SubscriptionFilter;

    fn predict(_: &SubscriptionFilter, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn iam(op: Op, spec: &SubscriptionFilter, place: &Place) -> Vec<Grant> {
        let action = match op {
            Op::Read | Op::Present => "logs:DescribeSubscriptionFilters",
            Op::Create | Op::Update => PUT,
            Op::Delete => "logs:DeleteSubscriptionFilter",
        };
        let group = place.arn("logs", &format!("log-group:{}", spec.log_group_name));
        let own = Grant::on(&[action], [group.clone(), format!("{group}:*")]);
        let pass = spec.role_arn.as_ref().filter(|_| matches!(op, Op::Create | Op::Update)).map(|role| {
            let pass = Grant::new(&["iam:PassRole"], role);
            pass.only("StringEquals", "iam:PassedToService", vec!["logs.amazonaws.com".to_owned()])
        });
        std::iter::once(own).chain(pass).collect()
    }

    fn any_named(names: &str, place: &Place) -> Vec<SubscriptionFilter> {
        let role = format!("arn:{}:iam::{}:role/{names}", place.partition, place.account);
        let of = |group: String| SubscriptionFilter {
            log_group_name: group,
            role_arn: Some(role.clone()),
            ..SubscriptionFilter::default()
        };
        vec![of(names.to_owned()), of(format!("/aws/lambda/{names}"))]
    }

    fn brief(spec: &SubscriptionFilter) -> Option<String> {
        let to = spec.destination_arn.rsplit(':').next().unwrap_or_default();
        let lines = if spec.filter_pattern.is_empty() { "all lines".to_owned() } else { spec.filter_pattern.clone() };
        Some(format!("{lines} to {to}"))
    }

    /// DescribeSubscriptionFilters, shared with the group's other filters.
    async fn read(
        aws: &Aws,
        spec: &SubscriptionFilter,
        _: Trust,
    ) -> Result<Option<ObservedResource<SubscriptionFilter>>, AwsError> {
        let all = aws.gather::<ListFilters>(&spec.log_group_name).await?.unwrap_or_default();
        let live = all.into_iter().find(|live| live.filter_name.as_deref() == Some(&spec.filter_name));
        Ok(live.map(|live| ObservedResource::new(physical_id(spec), to_spec(spec, live), Outputs::new())))
    }

    async fn create(aws: &Aws, want: &SubscriptionFilter) -> Result<CreatedResource, AwsError> {
        put(aws, want).await?;
        Ok(CreatedResource { physical_id: physical_id(want), outputs: Outputs::new() })
    }

    async fn update(
        aws: &Aws,
        _: &ObservedResource<SubscriptionFilter>,
        want: &SubscriptionFilter,
        _: &Changes,
    ) -> Result<(), AwsError> {
        put(aws, want).await
    }

    async fn delete(aws: &Aws, live: &ObservedResource<SubscriptionFilter>) -> Result<(), AwsError> {
        let SubscriptionFilter { log_group_name, filter_name, .. } = &live.spec;
        let logs = &aws.clients.logs;
        let call = logs.delete_subscription_filter().log_group_name(log_group_name).filter_name(filter_name).send();
        aws.find("logs:DeleteSubscriptionFilter", ABSENT, call).await.map(drop)
    }
}

fn physical_id(spec: &SubscriptionFilter) -> String {
    format!("{}/{}", spec.log_group_name, spec.filter_name)
}

/// Calls PutSubscriptionFilter, which creates the filter or replaces the one of its name.
async fn put(aws: &Aws, want: &SubscriptionFilter) -> Result<(), AwsError> {
    let call = aws
        .clients
        .logs
        .put_subscription_filter()
        .log_group_name(&want.log_group_name)
        .filter_name(&want.filter_name)
        .filter_pattern(&want.filter_pattern)
        .destination_arn(&want.destination_arn)
        .set_role_arn(want.role_arn.clone())
        .distribution(Distribution::from(want.distribution.as_str()));
    aws.call(PUT, call.send()).await.map(drop)
}

fn to_spec(spec: &SubscriptionFilter, live: Live) -> SubscriptionFilter {
    SubscriptionFilter {
        log_group_name: spec.log_group_name.clone(),
        filter_name: spec.filter_name.clone(),
        filter_pattern: live.filter_pattern.unwrap_or_default(),
        destination_arn: live.destination_arn.unwrap_or_default(),
        role_arn: live.role_arn.filter(|arn| !arn.is_empty()),
        distribution: live.distribution.map_or(BY_LOG_STREAM.to_owned(), |one| one.as_str().to_owned()),
    }
}

/// The filters by their log group's name, from listings that concurrent reads share.
struct ListFilters;

impl Bulk for ListFilters {
    type Item = Vec<Live>;

    async fn fetch(aws: Aws, groups: BTreeSet<String>) -> Result<BTreeMap<String, Vec<Live>>, AwsError> {
        let all = try_join_all(groups.into_iter().map(|group| list_one(&aws, group))).await?;
        Ok(all.into_iter().flatten().collect())
    }
}

/// DescribeSubscriptionFilters. `None` if there is no such group.
async fn list_one(aws: &Aws, group: String) -> Result<Option<(String, Vec<Live>)>, AwsError> {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let call = aws.clients.logs.describe_subscription_filters().log_group_name(&group).set_next_token(next).send();
        let Some(page) = aws.find("logs:DescribeSubscriptionFilters", ABSENT, call).await? else { return Ok(None) };
        all.extend(page.subscription_filters.unwrap_or_default());
        next = page.next_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(Some((group, all)));
        }
    }
}
