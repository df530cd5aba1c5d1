//! `logs.log_group`: a CloudWatch Logs log group.
//!
//! **Guarantees**: a group is found by its exact name, never by a prefix. Changes of one group run one after another.
//! **Assumptions**: the ARN has no `:*` at its end; policies that mean the group's streams add it.
//! **Caveats**: Lambda creates `/aws/lambda/NAME` itself, without tags, if a function logs before the group exists. AWS
//! refuses to delete a group whose deletion protection is on, so a deletion switches it off first. AWS decides how long a group of class `DELIVERY` keeps
//! its events, so its retention is neither set nor read.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatchlogs::operation::put_log_group_deletion_protection::builders::PutLogGroupDeletionProtectionFluentBuilder;
use aws_sdk_cloudwatchlogs::types::{LogGroup as Live, LogGroupClass};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    About, Bound, Calls, Changes, CreatedResource, FoundResource, Grant, Kind, NameProperty, ObservedResource, Op,
    Outputs, Person, Rule,
};
use crate::aws::gather::{Bulk, both};
use crate::aws::service::LOGS;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, Place, Trust, tagged, wait};

/// The log group kind.
pub struct LogGroupKind;

/// The retention times that CloudWatch Logs knows, in days.
pub const RETENTION_DAYS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// The class of log groups for which none is given.
pub const STANDARD: &str = "STANDARD";
/// The class whose retention AWS decides.
pub const DELIVERY: &str = "DELIVERY";

/// A log group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    pub name: String,
    /// One of [`RETENTION_DAYS`]. Without it events never expire.
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

/// The group is deleted already.
const ABSENT: &[&str] = &["ResourceNotFoundException"];

fn found_resource(name: &str) -> FoundResource<LogGroup> {
    FoundResource::of(name, LogGroup { name: name.to_owned(), ..LogGroup::default() })
}

impl Kind for LogGroupKind {
    const ABOUT: About = About {
        outputs: &["name", "arn"],
        identity: &["name"],
        rules: &[
            ("name", Rule::Replace("CloudWatch Logs cannot rename a log group")),
            ("log_group_class", Rule::Replace("CloudWatch Logs cannot change a log group's class")),
        ],
        bounds: &[("kms_key_id", Bound::Pattern)],
        tags: Some(tags::TagRules::strict("CloudWatch Logs")),
        named: Some(NameProperty::of("name", 512)),
        calls: Calls {
            exists: &["ResourceAlreadyExistsException"],
            limited: &[(Op::Create, "logs:CreateLogGroup"), (Op::Delete, "logs:DeleteLogGroup")],
            guard: Some("deletion_protection_enabled"),
            ..Calls::DEFAULT
        },
        person: Person {
            lost: Some("the logs in it"),
            gap: Some("what is logged within these seconds may be lost"),
            ..Person::DEFAULT
        },
        ..About::of("logs.log_group", &LOGS)
    };
    type Spec = LogGroup;

    fn predict(spec: &LogGroup, place: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.name.clone()), ("arn".into(), arn(&spec.name, place))])
    }

    fn iam(op: Op, spec: &LogGroup, place: &Place) -> Vec<Grant> {
        let keep = || spec.retention_in_days.map_or("logs:DeleteRetentionPolicy", |_| "logs:PutRetentionPolicy");
        let encrypt = || spec.kms_key_id.as_ref().map_or("logs:DisassociateKmsKey", |_| "logs:AssociateKmsKey");
        let actions = match op {
            Op::Read | Op::Present => vec!["logs:ListTagsForResource"],
            Op::Create if spec.retention_in_days.is_some() => {
                vec!["logs:CreateLogGroup", "logs:TagResource", "logs:PutRetentionPolicy"]
            }
            Op::Create => vec!["logs:CreateLogGroup", "logs:TagResource"],
            Op::Update => {
                vec![keep(), encrypt(), "logs:PutLogGroupDeletionProtection", "logs:TagResource", "logs:UntagResource"]
            }
            Op::Delete if spec.deletion_protection_enabled => {
                vec!["logs:PutLogGroupDeletionProtection", "logs:DeleteLogGroup"]
            }
            Op::Delete => vec!["logs:DeleteLogGroup"],
        };
        let arn = arn(&spec.name, place);
        // The older calls name the group with `:*`, the tagging calls without it.
        let grant = Grant::on(&actions, [arn.clone(), arn + ":*"]);
        match op {
            Op::Read | Op::Present => vec![grant, Grant::new(&["logs:DescribeLogGroups"], "*")],
            _ => vec![grant],
        }
    }

    fn remarks(live: &LogGroup, want: &LogGroup) -> Vec<String> {
        let shorter = want.retention_in_days.filter(|days| live.retention_in_days.is_none_or(|was| *days < was));
        shorter.map(|days| format!("lost for good: log lines that are older than {days} days")).into_iter().collect()
    }

    fn any_named(names: &str, _: &Place) -> Vec<LogGroup> {
        let own = [names.to_owned(), format!("/aws/lambda/{names}")];
        let kept = |name: &String| LogGroup { name: name.clone(), retention_in_days: Some(1), ..LogGroup::default() };
        own.iter().flat_map(|name| [LogGroup { retention_in_days: None, ..kept(name) }, kept(name)]).collect()
    }

    /// DescribeLogGroups, shared with the other groups, and ListTagsForResource.
    async fn read(aws: &Aws, spec: &LogGroup, _: Trust) -> Result<Option<ObservedResource<LogGroup>>, AwsError> {
        let live = aws.gather::<DescribeGroups>(&spec.name);
        let arn = arn(&spec.name, &aws.place);
        let recorded = aws.run.recorded_tags(Self::NAME, &[&spec.name]);
        let expected = tagged::ExpectedTags { wanted: &spec.tags, recorded };
        // A delete checks the owner, so a listing may be trusted before it, too.
        let tags = tagged::tags_of(aws, &arn, expected, Trust::Listing, tags_of(aws, &arn));
        let hoped = aws.run.has_record(Self::NAME, &[&spec.name]);
        let Some((live, tags)) = both(hoped, live, tags).await? else { return Ok(None) };
        let group = to_spec(&spec.name, &live, tags)?;
        Ok(Some(ObservedResource::new(&spec.name, group, Self::predict(spec, &aws.place))))
    }

    fn by_arn(resource: &str, _: &Tags) -> Option<FoundResource<LogGroup>> {
        resource.strip_prefix("log-group:").map(|name| found_resource(name.trim_end_matches(":*")))
    }

    /// DescribeLogGroups. AWS lists groups by their tags, a local AWS does not.
    async fn named_like(aws: &Aws, begins: &str) -> Result<Vec<FoundResource<LogGroup>>, AwsError> {
        let mut all = Vec::new();
        let prefixes = if aws.place.endpoint_url.is_some() { &["", "/aws/lambda/"][..] } else { &[] };
        for prefix in prefixes.iter().map(|prefix| format!("{prefix}{begins}")) {
            let call = aws.clients.logs.describe_log_groups().log_group_name_prefix(prefix);
            let page = aws.call("logs:DescribeLogGroups", call.send()).await?;
            all.extend(page.log_groups().iter().filter_map(|group| group.log_group_name()).map(found_resource));
        }
        Ok(all)
    }

    async fn create(aws: &Aws, want: &LogGroup) -> Result<CreatedResource, AwsError> {
        let class = LogGroupClass::from(want.log_group_class.as_str());
        let class = Some(class).filter(|class| *class != LogGroupClass::Standard);
        let call = aws
            .clients
            .logs
            .create_log_group()
            .log_group_name(&want.name)
            .set_kms_key_id(want.kms_key_id.clone())
            // Some partitions refuse the parameter even if it has the default value.
            .set_log_group_class(class)
            .set_deletion_protection_enabled(want.deletion_protection_enabled.then_some(true))
            .set_tags(Some(want.tags.clone().into_iter().collect()));
        aws.call("logs:CreateLogGroup", call.send()).await?;
        wait::there();
        if want.retention_in_days.is_some() {
            retain(aws, want).await?;
        }
        Ok(CreatedResource { physical_id: want.name.clone(), outputs: Self::predict(want, &aws.place) })
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<LogGroup>,
        want: &LogGroup,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let logs = &aws.clients.logs;
        if changes.touch("retention_in_days") {
            retain(aws, want).await?;
        }
        if changes.touch("kms_key_id") {
            encrypt(aws, want).await?;
        }
        if changes.touch("deletion_protection_enabled") {
            let call = protection(aws, &want.name, want.deletion_protection_enabled);
            aws.call("logs:PutLogGroupDeletionProtection", call.send()).await?;
        }
        let delta = tags::Delta::between(&live.spec.tags, &want.tags);
        let arn = arn(&want.name, &aws.place);
        if !delta.set.is_empty() {
            let call = logs.tag_resource().resource_arn(&arn).set_tags(Some(delta.set.into_iter().collect()));
            aws.call("logs:TagResource", call.send()).await?;
        }
        if !delta.remove.is_empty() {
            let call = logs.untag_resource().resource_arn(&arn).set_tag_keys(Some(delta.remove));
            aws.call("logs:UntagResource", call.send()).await?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, live: &ObservedResource<LogGroup>) -> Result<(), AwsError> {
        let arn = arn(&live.physical_id, &aws.place);
        let recorded = aws.run.recorded_tags(Self::NAME, &[&live.physical_id]);
        tagged::check_owner(aws, &arn, recorded, tags_of(aws, &arn)).await?;
        if live.spec.deletion_protection_enabled {
            let call = protection(aws, &live.physical_id, false).send();
            aws.find("logs:PutLogGroupDeletionProtection", ABSENT, call).await?;
        }
        let call = aws.clients.logs.delete_log_group().log_group_name(&live.physical_id);
        aws.find("logs:DeleteLogGroup", ABSENT, call.send()).await.map(drop)
    }
}

/// Calls ListTagsForResource. `None` if the group does not exist.
async fn tags_of(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.clients.logs.list_tags_for_resource().resource_arn(arn).send();
    let found = aws.find("logs:ListTagsForResource", ABSENT, call).await?;
    Ok(found.map(|found| tags::without_aws(found.tags.unwrap_or_default())))
}

/// The ARN that tags and policies take, without `:*`.
fn arn(name: &str, place: &Place) -> String {
    place.arn("logs", &format!("log-group:{name}"))
}

/// Groups in one answer of DescribeLogGroups.
const PAGE: usize = 50;
/// From this many names on, one listing is tried before single calls.
const FEW: usize = 4;
/// The most pages of a listing beyond those that the wanted groups fill. After them, single calls read the rest.
const IDLE_PAGES: usize = 4;

/// The groups by name.
struct DescribeGroups;

impl Bulk for DescribeGroups {
    type Item = Live;

    async fn fetch(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, Live>, AwsError> {
        describe(aws, names).await
    }
}

/// Reads the groups of these names. Many groups with a common prefix are read from one listing of that prefix, unless
/// most of it belongs to others.
async fn describe(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, Live>, AwsError> {
    let mut wanted = names;
    let mut found = BTreeMap::new();
    let prefix = common_prefix(&wanted).to_owned();
    if wanted.len() >= FEW && prefix.len() > LAMBDA.len() {
        let most = wanted.len().div_ceil(PAGE) + IDLE_PAGES;
        let (mut token, mut pages) = (None, 0);
        while pages < most {
            let (groups, next) = page(&aws, &prefix, token).await?;
            for group in groups {
                if let Some(name) = group.log_group_name().filter(|name| wanted.contains(*name)) {
                    found.insert(name.to_owned(), group);
                }
            }
            (token, pages) = (next, pages + 1);
            if token.is_none() {
                return Ok(found);
            }
        }
        wanted.retain(|name| !found.contains_key(name));
    }
    let rest = try_join_all(wanted.iter().map(|name| find(&aws, name))).await?;
    found.extend(wanted.into_iter().zip(rest).filter_map(|(name, group)| Some((name, group?))));
    Ok(found)
}

/// The beginning of the log groups' names of all functions in an account.
const LAMBDA: &str = "/aws/lambda/";

fn common_prefix(names: &BTreeSet<String>) -> &str {
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return "" };
    // The names are sorted, so the first and the last share only what all share.
    let same = first.char_indices().zip(last.chars()).take_while(|((_, a), b)| a == b);
    let end = same.last().map_or(0, |((at, c), _)| at + c.len_utf8());
    &first[..end]
}

/// Finds the group of exactly this name among the groups whose names begin with it.
async fn find(aws: &Aws, name: &str) -> Result<Option<Live>, AwsError> {
    let mut token = None;
    loop {
        let (groups, next) = page(aws, name, token).await?;
        let exact = groups.into_iter().find(|group| group.log_group_name() == Some(name));
        token = next;
        if exact.is_some() || token.is_none() {
            return Ok(exact);
        }
    }
}

async fn page(aws: &Aws, prefix: &str, token: Option<String>) -> Result<(Vec<Live>, Option<String>), AwsError> {
    let call = aws.clients.logs.describe_log_groups().log_group_name_prefix(prefix).limit(PAGE as i32);
    let page = aws.call("logs:DescribeLogGroups", call.set_next_token(token).send()).await?;
    Ok((page.log_groups.unwrap_or_default(), page.next_token))
}

fn to_spec(name: &str, live: &Live, tags: Tags) -> Result<LogGroup, AwsError> {
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

fn protection(aws: &Aws, group: &str, is_on: bool) -> PutLogGroupDeletionProtectionFluentBuilder {
    let call = aws.clients.logs.put_log_group_deletion_protection();
    call.log_group_identifier(group).deletion_protection_enabled(is_on)
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
mod tests;
