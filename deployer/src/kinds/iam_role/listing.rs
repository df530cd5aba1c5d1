//! The policies of many roles from one listing of the account's: GetAccountAuthorizationDetails.
//!
//! IAM has one budget of calls for the whole account, and a role's policies take three calls or more. The listing says
//! nothing of a role's description and session length, so GetRole stays. Who may not list reads role by role.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{EntityType, RoleDetail};
use serde_json::Value;

use super::policies::document;
use crate::aws::{Aws, AwsError};

/// From this many roles on the account's listing costs less than they do.
pub(crate) const MANY: usize = 10;
/// What IAM puts into one answer at most.
const PAGE: i32 = 1_000;

/// What [`Aws::has_done`] knows that these credentials may not list the account's roles.
const REFUSED: &str = "iam:GetAccountAuthorizationDetails refused";

/// The inline policies by name and the attached ARNs of a role that the last apply left among many others; `None`
/// where it is to be read by itself.
pub(super) async fn policies(
    aws: &Aws,
    kind: &str,
    role: &str,
) -> Result<Option<(BTreeMap<String, Value>, BTreeSet<String>)>, AwsError> {
    if aws.expected_of(kind) < MANY || aws.expected(kind, &[role]).is_none() || aws.has_done(REFUSED) {
        return Ok(None);
    }
    let shared = aws.clone();
    let listed = match aws.gathered.roles.get(role, move |roles| listing(shared, roles)).await {
        Err(refused) if refused.is_access_denied() => {
            aws.first_time(REFUSED.to_owned());
            return Ok(None);
        }
        listed => listed?,
    };
    let Some(detail) = listed else { return Ok(None) };
    let mut inline = BTreeMap::new();
    for policy in detail.role_policy_list.unwrap_or_default() {
        if let (Some(name), Some(text)) = (policy.policy_name, policy.policy_document) {
            inline.insert(name, document(OPERATION, &text)?);
        }
    }
    let attached = detail.attached_managed_policies.unwrap_or_default();
    Ok(Some((inline, attached.into_iter().filter_map(|policy| policy.policy_arn).collect())))
}

const OPERATION: &str = "iam:GetAccountAuthorizationDetails";

/// The roles of these names, from all pages.
async fn listing(aws: Aws, roles: BTreeSet<String>) -> Result<BTreeMap<String, RoleDetail>, AwsError> {
    let (mut found, mut marker) = (BTreeMap::new(), None);
    loop {
        let call = aws.clients.iam.get_account_authorization_details().filter(EntityType::Role).max_items(PAGE);
        let page = aws.call(OPERATION, call.set_marker(marker).send()).await?;
        for role in page.role_detail_list.unwrap_or_default() {
            if let Some(name) = role.role_name.clone().filter(|name| roles.contains(name)) {
                found.insert(name, role);
            }
        }
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(found);
        }
    }
}
