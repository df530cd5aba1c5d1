//! `logs.log_group`: a CloudWatch Logs log group.
//!
//! **Guarantees**: a group is found by its exact name, never by a prefix. Edits of one group follow one another.
//! **Assumptions**: the ARN has no `:*` at its end; policies that mean the group's streams add it.
//! **Caveats**: Lambda makes `/aws/lambda/NAME` itself, without tags, when a function logs before the group exists.
//! AWS refuses to delete a group whose deletion protection is on. A group of class `DELIVERY` keeps its events for
//! a time of AWS's own, so its retention is neither set nor read.

use std::collections::HashMap;

use aws_sdk_cloudwatchlogs::types::{LogGroup as Live, LogGroupClass};
use serde::{Deserialize, Serialize};

use super::{Changes, Created, Grant, Kind, Observed, Op, Outputs, Ownership, Rule};
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place};

/// The log group kind.
pub struct LogGroupKind;

/// The retention times that CloudWatch Logs knows, in days.
pub const RETENTION_DAYS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// AWS's class of log groups when none is given.
pub const STANDARD: &str = "STANDARD";
/// The class whose retention is AWS's own.
pub const DELIVERY: &str = "DELIVERY";

/// A log group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    pub name: String,
    /// One of [`RETENTION_DAYS`]; absent: events never expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_in_days: Option<u32>,
    /// The key's ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    pub log_group_class: String,
    pub deletion_protection_enabled: bool,
    pub tags: Tags,
}

impl Default for LogGroup {
    fn default() -> Self {
        Self {
            name: String::new(),
            retention_in_days: None,
            kms_key_id: None,
            log_group_class: STANDARD.into(),
            deletion_protection_enabled: false,
            tags: Tags::new(),
        }
    }
}

/// Already gone.
const ABSENT: &[&str] = &["ResourceNotFoundException"];

impl Kind for LogGroupKind {
    const NAME: &'static str = "logs.log_group";
    const OUTPUTS: &'static [&'static str] = &["name", "arn"];
    const IDENTITY: &'static [&'static str] = &["name"];
    const RULES: &'static [(&'static str, Rule)] = &[("name", Rule::Replace), ("log_group_class", Rule::Replace)];
    const OWNERSHIP: Ownership = Ownership::Tags;
    const LOST: Option<&'static str> = Some("the logs in it");
    const GAP: Option<&'static str> = Some("what is logged within these seconds may be lost");
    type Spec = LogGroup;

    fn predict(spec: &LogGroup, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone()), ("arn".into(), arn(&spec.name, place))])
    }

    fn iam(op: Op, spec: &LogGroup, place: &Place) -> Vec<Grant> {
        let keep = || spec.retention_in_days.map_or("logs:DeleteRetentionPolicy", |_| "logs:PutRetentionPolicy");
        let encrypt = || spec.kms_key_id.as_ref().map_or("logs:DisassociateKmsKey", |_| "logs:AssociateKmsKey");
        let actions = match op {
            Op::Read => vec!["logs:ListTagsForResource"],
            Op::Create if spec.retention_in_days.is_some() => {
                vec!["logs:CreateLogGroup", "logs:TagResource", "logs:PutRetentionPolicy"]
            }
            Op::Create => vec!["logs:CreateLogGroup", "logs:TagResource"],
            Op::Update => {
                vec![keep(), encrypt(), "logs:PutLogGroupDeletionProtection", "logs:TagResource", "logs:UntagResource"]
            }
            Op::Delete => vec!["logs:DeleteLogGroup"],
        };
        let arn = arn(&spec.name, place);
        // The older calls name the group with `:*`, the tagging calls without.
        let grant = Grant::on(&actions, [arn.clone(), arn + ":*"]);
        match op {
            Op::Read => vec![grant, Grant::new(&["logs:DescribeLogGroups"], "*")],
            _ => vec![grant],
        }
    }

    /// DescribeLogGroups by prefix until the exact name, then ListTagsForResource.
    async fn read(aws: &Aws, spec: &LogGroup) -> Result<Option<Observed<LogGroup>>, AwsError> {
        let Some(live) = find(aws, &spec.name).await? else { return Ok(None) };
        let call = aws.clients.logs.list_tags_for_resource().resource_arn(arn(&spec.name, &aws.place));
        let Some(tags) = aws.find("logs:ListTagsForResource", ABSENT, call.send()).await? else { return Ok(None) };
        let group = observed(&spec.name, &live, tags::without_aws(tags.tags.unwrap_or_default()))?;
        Ok(Some(Observed::new(&spec.name, group, Self::predict(spec, &aws.place))))
    }

    async fn create(aws: &Aws, want: &LogGroup) -> Result<Created, AwsError> {
        let call = aws
            .clients
            .logs
            .create_log_group()
            .log_group_name(&want.name)
            .set_kms_key_id(want.kms_key_id.clone())
            .log_group_class(LogGroupClass::from(want.log_group_class.as_str()))
            .deletion_protection_enabled(want.deletion_protection_enabled)
            .set_tags(Some(want.tags.clone().into_iter().collect()));
        aws.call("logs:CreateLogGroup", call.send()).await?;
        if want.retention_in_days.is_some() {
            retain(aws, want).await?;
        }
        Ok(Created { physical_id: want.name.clone(), outputs: Self::predict(want, &aws.place) })
    }

    async fn update(aws: &Aws, live: &Observed<LogGroup>, want: &LogGroup, changes: &Changes) -> Result<(), AwsError> {
        let logs = &aws.clients.logs;
        if changes.touch("retention_in_days") {
            retain(aws, want).await?;
        }
        if changes.touch("kms_key_id") {
            encrypt(aws, want).await?;
        }
        if changes.touch("deletion_protection_enabled") {
            let call = logs
                .put_log_group_deletion_protection()
                .log_group_identifier(&want.name)
                .deletion_protection_enabled(want.deletion_protection_enabled);
            aws.call("logs:PutLogGroupDeletionProtection", call.send()).await?;
        }
        let delta = tags::Delta::between(&live.spec.tags, &want.tags);
        let arn = arn(&want.name, &aws.place);
        if !delta.set.is_empty() {
            let tags: HashMap<_, _> = delta.set.into_iter().collect();
            let call = logs.tag_resource().resource_arn(&arn).set_tags(Some(tags));
            aws.call("logs:TagResource", call.send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = logs.untag_resource().resource_arn(&arn).set_tag_keys(Some(delta.remove));
            aws.call("logs:UntagResource", call.send()).await?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, live: &Observed<LogGroup>) -> Result<(), AwsError> {
        let call = aws.clients.logs.delete_log_group().log_group_name(&live.physical_id);
        aws.find("logs:DeleteLogGroup", ABSENT, call.send()).await.map(drop)
    }
}

/// The ARN that tags and policies take, without `:*`.
fn arn(name: &str, place: &Place) -> String {
    place.arn("logs", &format!("log-group:{name}"))
}

/// Finds the group of exactly this name among those that begin with it.
async fn find(aws: &Aws, name: &str) -> Result<Option<Live>, AwsError> {
    let mut token = None;
    loop {
        let call = aws.clients.logs.describe_log_groups().log_group_name_prefix(name).set_next_token(token);
        let page = aws.call("logs:DescribeLogGroups", call.send()).await?;
        let exact = page.log_groups.unwrap_or_default().into_iter().find(|group| group.log_group_name() == Some(name));
        token = page.next_token;
        if exact.is_some() || token.is_none() {
            return Ok(exact);
        }
    }
}

fn observed(name: &str, live: &Live, tags: Tags) -> Result<LogGroup, AwsError> {
    let class = live.log_group_class().map_or(STANDARD, LogGroupClass::as_str);
    let days = live.retention_in_days().filter(|_| class != DELIVERY).map(u32::try_from).transpose();
    Ok(LogGroup {
        name: name.to_owned(),
        retention_in_days: days
            .map_err(|_| AwsError::missing("logs:DescribeLogGroups", "retentionInDays in its documented range"))?,
        kms_key_id: live.kms_key_id().map(str::to_owned),
        log_group_class: class.to_owned(),
        deletion_protection_enabled: live.deletion_protection_enabled().unwrap_or(false),
        tags,
    })
}

/// Sets the retention, or removes it so that events never expire.
async fn retain(aws: &Aws, want: &LogGroup) -> Result<(), AwsError> {
    let logs = &aws.clients.logs;
    match want.retention_in_days {
        Some(days) => {
            let days = i32::try_from(days).unwrap_or(i32::MAX);
            let call = logs.put_retention_policy().log_group_name(&want.name).retention_in_days(days);
            aws.call("logs:PutRetentionPolicy", call.send()).await.map(drop)
        }
        None => {
            let call = logs.delete_retention_policy().log_group_name(&want.name);
            aws.call("logs:DeleteRetentionPolicy", call.send()).await.map(drop)
        }
    }
}

async fn encrypt(aws: &Aws, want: &LogGroup) -> Result<(), AwsError> {
    let logs = &aws.clients.logs;
    match &want.kms_key_id {
        Some(key) => {
            let call = logs.associate_kms_key().log_group_name(&want.name).kms_key_id(key);
            aws.call("logs:AssociateKmsKey", call.send()).await.map(drop)
        }
        None => {
            let call = logs.disassociate_kms_key().log_group_name(&want.name);
            aws.call("logs:DisassociateKmsKey", call.send()).await.map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_says_nothing_is_standard_and_never_expires() {
        let group = observed("a", &Live::builder().log_group_name("a").build(), Tags::new()).unwrap();
        assert_eq!(group, LogGroup { name: "a".into(), ..LogGroup::default() });
    }

    #[test]
    fn the_retention_of_a_delivery_group_is_not_read() {
        let live = |class| Live::builder().log_group_class(class).retention_in_days(1).build();
        assert_eq!(observed("a", &live(LogGroupClass::Delivery), Tags::new()).unwrap().retention_in_days, None);
        assert_eq!(observed("a", &live(LogGroupClass::Standard), Tags::new()).unwrap().retention_in_days, Some(1));
    }
}
