//! Managed policies with their versions, of which IAM keeps five.

use aws_sdk_iam::types::Tag;
use serde_json::Value;

use super::ABSENT;
use crate::aws::tags::{self, Tags};
use crate::aws::{Aws, AwsError, policy};

/// The most versions of a policy.
const VERSIONS: usize = 5;
const GET: &str = "iam:GetPolicy";
const GET_VERSION: &str = "iam:GetPolicyVersion";

/// A policy as IAM has it.
#[derive(Debug)]
pub(super) struct LivePolicy {
    pub document: Value,
    pub tags: Tags,
}

/// Returns the ARN of a policy of the account.
pub(super) fn arn(aws: &Aws, name: &str) -> String {
    format!("arn:{}:iam::{}:policy/{name}", aws.place.partition, aws.place.account)
}

/// Reads a policy's default version: GetPolicy, GetPolicyVersion. `None` if it does not exist.
pub(super) async fn read(aws: &Aws, name: &str) -> Result<Option<LivePolicy>, AwsError> {
    let (iam, arn) = (&aws.clients.iam, arn(aws, name));
    let found = aws.find(GET, ABSENT, iam.get_policy().policy_arn(&arn).send()).await?;
    let Some(found) = found.and_then(|found| found.policy) else { return Ok(None) };
    let version = found.default_version_id().ok_or_else(|| AwsError::missing(GET, "DefaultVersionId"))?;
    let call = iam.get_policy_version().policy_arn(&arn).version_id(version).send();
    let Some(read) = aws.find(GET_VERSION, ABSENT, call).await? else { return Ok(None) };
    let text = read.policy_version.and_then(|version| version.document);
    let text = text.ok_or_else(|| AwsError::missing(GET_VERSION, "Document"))?;
    let document = policy::parse(&text)
        .map_err(|error| AwsError::Shape { what: GET_VERSION.to_owned(), message: error.to_string() })?;
    let live = found.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
    Ok(Some(LivePolicy { document, tags: tags::without_aws(live) }))
}

/// Calls CreatePolicy. The policy may exist since an answer was lost.
pub(super) async fn create(aws: &Aws, name: &str, document: &Value, tags: &Tags) -> Result<(), AwsError> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Vec<Tag> = tags
        .iter()
        .map(tag)
        .collect::<Result<_, _>>()
        .map_err(|error| AwsError::Shape { what: "tags".to_owned(), message: error.to_string() })?;
    let call = aws.clients.iam.create_policy().policy_name(name).policy_document(document.to_string());
    aws.call("iam:CreatePolicy", call.set_tags(Some(tags)).send()).await.map(drop)
}

/// Makes `document` the default version: CreatePolicyVersion. Deletes the oldest version first if there are five.
pub(super) async fn update(aws: &Aws, name: &str, document: &Value) -> Result<(), AwsError> {
    let others = other_versions(aws, name).await?;
    if others.len() + 1 >= VERSIONS
        && let Some(oldest) = others.first()
    {
        delete_version(aws, name, oldest).await?;
    }
    let call = aws.clients.iam.create_policy_version().policy_arn(arn(aws, name)).set_as_default(true);
    aws.call("iam:CreatePolicyVersion", call.policy_document(document.to_string()).send()).await.map(drop)
}

/// Deletes a policy with all its versions: DeletePolicyVersion, DeletePolicy.
pub(super) async fn delete(aws: &Aws, name: &str) -> Result<(), AwsError> {
    for version in other_versions(aws, name).await? {
        delete_version(aws, name, &version).await?;
    }
    let call = aws.clients.iam.delete_policy().policy_arn(arn(aws, name)).send();
    aws.find("iam:DeletePolicy", ABSENT, call).await.map(drop)
}

/// Lists the versions besides the default one, the oldest first: ListPolicyVersions.
async fn other_versions(aws: &Aws, name: &str) -> Result<Vec<String>, AwsError> {
    let call = aws.clients.iam.list_policy_versions().policy_arn(arn(aws, name)).send();
    let Some(found) = aws.find("iam:ListPolicyVersions", ABSENT, call).await? else { return Ok(Vec::new()) };
    let others = found.versions.unwrap_or_default().into_iter().filter(|version| !version.is_default_version);
    let mut names: Vec<String> = others.filter_map(|version| version.version_id).collect();
    // IAM numbers versions: `v9` is older than `v10`.
    names.sort_by_key(|name| name.trim_start_matches('v').parse::<u64>().unwrap_or(0));
    Ok(names)
}

async fn delete_version(aws: &Aws, name: &str, version: &str) -> Result<(), AwsError> {
    let call = aws.clients.iam.delete_policy_version().policy_arn(arn(aws, name)).version_id(version).send();
    aws.find("iam:DeletePolicyVersion", ABSENT, call).await.map(drop)
}
