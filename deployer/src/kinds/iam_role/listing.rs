//! Many roles from two listings of the account's: ListRoles and GetAccountAuthorizationDetails.
//!
//! IAM has one budget of calls for the whole account, and a role with its policies takes four calls or more. The first
//! listing has description and session length, the second one policies, boundary and tags. Who may not list reads role
//! by role, and so does who finds a role in one of the two alone.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{EntityType, Role as Live, RoleDetail};
use serde_json::Value;

use super::policies::document;
use crate::aws::{Aws, AwsError, ListedRole};

/// From this many roles on the account's listings cost less than they do.
pub(crate) const MANY: usize = 10;
/// What IAM puts into one answer at most.
const PAGE: i32 = 1_000;

/// What [`Aws::has_done`] knows that these credentials may not list the account's roles.
const REFUSED: &str = "iam:GetAccountAuthorizationDetails refused";

/// What the listings tell of a role.
pub(super) enum Listed {
    Whole(Box<Whole>),
    Absent,
    /// It is to be read by itself.
    Apart,
}

/// A role with the inline policies by name and the attached ARNs.
pub(super) struct Whole {
    pub(super) role: Live,
    pub(super) inline: BTreeMap<String, Value>,
    pub(super) attached: BTreeSet<String>,
}

/// Looks for a role in the listings if many are looked for at once.
pub(super) async fn listed(aws: &Aws, kind: &str, role: &str) -> Result<Listed, AwsError> {
    if aws.has_done(REFUSED) {
        return Ok(Listed::Apart);
    }
    let shared = aws.clone();
    let found = match aws.gathered.roles.get(role, move |roles| listing(shared, roles)).await {
        Err(refused) if refused.is_access_denied() => {
            aws.first_time(REFUSED.to_owned());
            return Ok(Listed::Apart);
        }
        found => found?,
    };
    Ok(match found {
        Some((Some(role), Some(detail))) => Listed::Whole(Box::new(whole(role, detail)?)),
        // What the last apply left is not believed to be gone before IAM was asked for it by name.
        Some((None, None)) if aws.expected(kind, &[role]).is_none() => Listed::Absent,
        _ => Listed::Apart,
    })
}

const OPERATION: &str = "iam:GetAccountAuthorizationDetails";

/// What is known of the roles of these names; nothing where they are few.
async fn listing(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, ListedRole>, AwsError> {
    if names.len() < MANY {
        return Ok(BTreeMap::new());
    }
    let (mut roles, mut details) = tokio::try_join!(roles(&aws, &names), details(&aws, &names))?;
    let listed = names.into_iter().map(|name| {
        let both = (roles.remove(&name), details.remove(&name));
        (name, both)
    });
    Ok(listed.collect())
}

/// ListRoles, all pages. It leaves out boundaries and tags.
async fn roles(aws: &Aws, names: &BTreeSet<String>) -> Result<BTreeMap<String, Live>, AwsError> {
    let (mut found, mut marker) = (BTreeMap::new(), None);
    loop {
        let call = aws.clients.iam.list_roles().max_items(PAGE).set_marker(marker);
        let page = aws.call("iam:ListRoles", call.send()).await?;
        let wanted = page.roles.into_iter().filter(|role| names.contains(&role.role_name));
        found.extend(wanted.map(|role| (role.role_name.clone(), role)));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

/// GetAccountAuthorizationDetails of roles, all pages. It leaves out description and session length.
async fn details(aws: &Aws, names: &BTreeSet<String>) -> Result<BTreeMap<String, RoleDetail>, AwsError> {
    let (mut found, mut marker) = (BTreeMap::new(), None);
    loop {
        let call = aws.clients.iam.get_account_authorization_details().filter(EntityType::Role).max_items(PAGE);
        let page = aws.call(OPERATION, call.set_marker(marker).send()).await?;
        for role in page.role_detail_list.unwrap_or_default() {
            if let Some(name) = role.role_name.clone().filter(|name| names.contains(name)) {
                found.insert(name, role);
            }
        }
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

fn whole(mut role: Live, detail: RoleDetail) -> Result<Whole, AwsError> {
    let mut inline = BTreeMap::new();
    for policy in detail.role_policy_list.unwrap_or_default() {
        if let (Some(name), Some(text)) = (policy.policy_name, policy.policy_document) {
            inline.insert(name, document(OPERATION, &text)?);
        }
    }
    let attached = detail.attached_managed_policies.unwrap_or_default();
    let attached = attached.into_iter().filter_map(|policy| policy.policy_arn).collect();
    (role.permissions_boundary, role.tags) = (detail.permissions_boundary, detail.tags);
    Ok(Whole { role, inline, attached })
}
