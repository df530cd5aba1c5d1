//! The calls that a table's operations may make.

use super::spec::{AWS_KEY, Table};
use super::{arn, settings};
use crate::aws::Place;
use crate::kinds::{Grant, Op, service_role};

/// Lists the actions of an operation.
pub(super) fn grants(op: Op, spec: &Table, place: &Place) -> Vec<Grant> {
    let arn = arn(&spec.table_name, place);
    let mut actions = match op {
        Op::Read => [settings::READS, &["dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"]].concat(),
        Op::Present => vec!["dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"],
        Op::Create => vec!["dynamodb:CreateTable", "dynamodb:TagResource", "dynamodb:DescribeTable"],
        Op::Update => vec![
            "dynamodb:UpdateTable",
            "dynamodb:DescribeTable",
            "dynamodb:UpdateContinuousBackups",
            "dynamodb:UpdateTimeToLive",
            "dynamodb:DescribeTimeToLive",
            "dynamodb:UpdateContributorInsights",
            "dynamodb:TagResource",
            "dynamodb:UntagResource",
        ],
        Op::Delete => vec!["dynamodb:DeleteTable", "dynamodb:DescribeTable"],
    };
    match (op, &spec.policy) {
        (Op::Create | Op::Update, Some(_)) => actions.push("dynamodb:PutResourcePolicy"),
        (Op::Update, None) => actions.push("dynamodb:DeleteResourcePolicy"),
        _ => {}
    }
    if op == Op::Delete && spec.deletion_protection_enabled {
        actions.push("dynamodb:UpdateTable");
    }
    if op == Op::Create {
        let set = [
            (spec.point_in_time_recovery.is_some(), "dynamodb:UpdateContinuousBackups"),
            (spec.time_to_live.is_some(), "dynamodb:UpdateTimeToLive"),
            (spec.time_to_live.is_some(), "dynamodb:DescribeTimeToLive"),
            (spec.contributor_insights.is_some(), "dynamodb:UpdateContributorInsights"),
        ];
        actions.extend(set.into_iter().filter_map(|(is_set, action)| is_set.then_some(action)));
    }
    let mut grants = vec![Grant::new(&actions, arn)];
    let writes = matches!(op, Op::Create | Op::Update);
    if writes && spec.contributor_insights.is_some() {
        grants.push(service_role(
            place,
            "contributorinsights.dynamodb.amazonaws.com",
            "AWSServiceRoleForDynamoDBCloudWatchContributorInsights",
        ));
    }
    grants.extend(spec.kms_master_key_id.as_deref().and_then(|key| use_of_key(op, key, place)));
    grants
}

/// The actions on a customer's key that DynamoDB performs for the caller: DynamoDB developer guide, "Encryption at rest:
/// how it works". A key that is known by an alias is looked up in each read.
fn use_of_key(op: Op, key: &str, place: &Place) -> Option<Grant> {
    const ON_BEHALF: &[&str] =
        &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];
    let is_alias = key.contains("alias/");
    let any = || place.arn("kms", "key/*");
    let alias = &key[key.find("alias/").unwrap_or(0)..];
    match op {
        Op::Read | Op::Create | Op::Update if is_alias && key.ends_with(AWS_KEY) => Some(
            Grant::new(&["kms:DescribeKey"], any()).only("StringEquals", "kms:RequestAlias", vec![AWS_KEY.to_owned()]),
        ),
        Op::Read if is_alias => Some(Grant::new(&["kms:DescribeKey"], any()).only(
            "StringEquals",
            "kms:RequestAlias",
            vec![alias.to_owned()],
        )),
        Op::Create | Op::Update if is_alias => Some(Grant::new(ON_BEHALF, any()).only(
            "ForAnyValue:StringEquals",
            "kms:ResourceAliases",
            vec![alias.to_owned()],
        )),
        Op::Create | Op::Update => {
            Some(Grant::new(ON_BEHALF, if key.starts_with("arn:") || key == "*" { key.to_owned() } else { any() }))
        }
        _ => None,
    }
}
