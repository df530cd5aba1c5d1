//! The policies on a role: inline documents, attached managed policies, the boundary.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::{ABSENT, INLINE_SIZE, MANAGED_POLICIES};
use crate::aws::{Aws, AwsError, policy};

/// The most concurrent reads of one role: IAM's budget of calls belongs to the whole account.
const READS: usize = 4;

/// Reads the inline policies by name: ListRolePolicies beside GetRolePolicy for the `wanted` names, then for the
/// others.
pub(super) async fn inline_policies(
    aws: &Aws,
    role: &str,
    wanted: &[String],
) -> Result<BTreeMap<String, Value>, AwsError> {
    let (names, mut documents) =
        tokio::try_join!(inline_names(aws, role), inline_documents(aws, role, wanted.to_vec()))?;
    let others: Vec<String> = names.iter().filter(|name| !documents.contains_key(*name)).cloned().collect();
    documents.extend(inline_documents(aws, role, others).await?);
    Ok(documents)
}

async fn inline_documents(aws: &Aws, role: &str, names: Vec<String>) -> Result<BTreeMap<String, Value>, AwsError> {
    let documents = names.into_iter().map(|name| async move {
        let call = aws.clients.iam.get_role_policy().role_name(role).policy_name(&name).send();
        match aws.find("iam:GetRolePolicy", ABSENT, call).await? {
            Some(found) => Ok(Some((name, document("iam:GetRolePolicy", &found.policy_document)?))),
            None => Ok::<_, AwsError>(None),
        }
    });
    stream::iter(documents).buffer_unordered(READS).try_filter_map(|found| async move { Ok(found) }).try_collect().await
}

pub(super) async fn inline_names(aws: &Aws, role: &str) -> Result<BTreeSet<String>, AwsError> {
    let (mut names, mut marker) = (BTreeSet::new(), None);
    loop {
        let call = aws.clients.iam.list_role_policies().role_name(role).set_marker(marker).send();
        let Some(page) = aws.find("iam:ListRolePolicies", ABSENT, call).await? else { return Ok(names) };
        names.extend(page.policy_names);
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(names);
        }
    }
}

pub(super) async fn attached_policies(aws: &Aws, role: &str) -> Result<BTreeSet<String>, AwsError> {
    let (mut arns, mut marker) = (BTreeSet::new(), None);
    loop {
        let call = aws.clients.iam.list_attached_role_policies().role_name(role).set_marker(marker).send();
        let Some(page) = aws.find("iam:ListAttachedRolePolicies", ABSENT, call).await? else { return Ok(arns) };
        arns.extend(page.attached_policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(arns);
        }
    }
}

pub(super) async fn instance_profiles(aws: &Aws, role: &str) -> Result<BTreeSet<String>, AwsError> {
    let (mut names, mut marker) = (BTreeSet::new(), None);
    loop {
        let call = aws.clients.iam.list_instance_profiles_for_role().role_name(role).set_marker(marker).send();
        let Some(page) = aws.find("iam:ListInstanceProfilesForRole", ABSENT, call).await? else { return Ok(names) };
        names.extend(page.instance_profiles.into_iter().map(|profile| profile.instance_profile_name));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(names);
        }
    }
}

type Documents = BTreeMap<String, Value>;

/// Returns the wanted documents together with the statements by which the live ones allow more. Live denials are
/// dropped.
pub(super) fn both(live: &Documents, want: &Documents) -> Documents {
    let mut all = want.clone();
    for (name, document) in live {
        all.extend(policy::both(document, want.get(name)).map(|both| (name.clone(), both)));
    }
    all
}

pub(super) async fn change_inline(aws: &Aws, role: &str, live: &Documents, want: &Documents) -> Result<(), AwsError> {
    let put = want.iter().filter(|(name, wanted)| live.get(*name).is_none_or(|have| !policy::same(have, wanted)));
    let gone: Vec<_> = live.keys().filter(|name| !want.contains_key(*name)).collect();
    let leaving: usize = gone.iter().map(|name| policy::size(&live[*name])).sum();
    let remove_first = leaving + want.values().map(policy::size).sum::<usize>() > INLINE_SIZE;
    if remove_first {
        remove_inline(aws, role, &gone).await?;
    }
    for (name, document) in put {
        put_inline(aws, role, name, document).await?;
    }
    if remove_first { Ok(()) } else { remove_inline(aws, role, &gone).await }
}

async fn remove_inline(aws: &Aws, role: &str, names: &[&String]) -> Result<(), AwsError> {
    for name in names {
        delete_inline(aws, role, name).await?;
    }
    Ok(())
}

pub(super) async fn change_attached(aws: &Aws, role: &str, live: &[String], want: &[String]) -> Result<(), AwsError> {
    let gone: Vec<_> = live.iter().filter(|arn| !want.contains(arn)).collect();
    let remove_first = gone.len() + want.len() > MANAGED_POLICIES;
    if remove_first {
        remove_attached(aws, role, &gone).await?;
    }
    for arn in want.iter().filter(|arn| !live.contains(arn)) {
        attach(aws, role, arn).await?;
    }
    if remove_first { Ok(()) } else { remove_attached(aws, role, &gone).await }
}

async fn remove_attached(aws: &Aws, role: &str, arns: &[&String]) -> Result<(), AwsError> {
    for arn in arns {
        detach(aws, role, arn).await?;
    }
    Ok(())
}

pub(super) async fn put_inline(aws: &Aws, role: &str, name: &str, document: &Value) -> Result<(), AwsError> {
    let call = aws.clients.iam.put_role_policy().role_name(role).policy_name(name);
    aws.call("iam:PutRolePolicy", call.policy_document(document.to_string()).send()).await.map(drop)
}

pub(super) async fn delete_inline(aws: &Aws, role: &str, name: &str) -> Result<(), AwsError> {
    let call = aws.clients.iam.delete_role_policy().role_name(role).policy_name(name);
    aws.find("iam:DeleteRolePolicy", ABSENT, call.send()).await.map(drop)
}

pub(super) async fn attach(aws: &Aws, role: &str, arn: &str) -> Result<(), AwsError> {
    let call = aws.clients.iam.attach_role_policy().role_name(role).policy_arn(arn);
    aws.call("iam:AttachRolePolicy", call.send()).await.map(drop)
}

pub(super) async fn detach(aws: &Aws, role: &str, arn: &str) -> Result<(), AwsError> {
    let call = aws.clients.iam.detach_role_policy().role_name(role).policy_arn(arn);
    aws.find("iam:DetachRolePolicy", ABSENT, call.send()).await.map(drop)
}

pub(super) async fn write_boundary(aws: &Aws, role: &str, boundary: Option<&str>) -> Result<(), AwsError> {
    let iam = &aws.clients.iam;
    match boundary {
        Some(arn) => {
            let call = iam.put_role_permissions_boundary().role_name(role).permissions_boundary(arn);
            aws.call("iam:PutRolePermissionsBoundary", call.send()).await.map(drop)
        }
        None => {
            let call = iam.delete_role_permissions_boundary().role_name(role);
            aws.find("iam:DeleteRolePermissionsBoundary", ABSENT, call.send()).await.map(drop)
        }
    }
}

pub(super) fn document(operation: &'static str, text: &str) -> Result<Value, AwsError> {
    policy::parse(text).map_err(|e| AwsError::Shape { what: operation.to_owned(), message: e.to_string() })
}
