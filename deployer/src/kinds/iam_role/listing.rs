//! Reads many roles from two listings of the account: ListRoles and GetAccountAuthorizationDetails.
//!
//! IAM has one budget of calls for the whole account, and a role with its policies takes four calls or more. The first
//! listing has description and session length, the second one policies, boundary and tags. A caller who may not list
//! reads each role by itself. A role that only one of the two listings has is read by itself as well.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{EntityType, Role as Live, RoleDetail};
use serde_json::Value;

use super::policies::document;
use super::{FoundResource, Role};
use crate::aws::gather::Bulk;
use crate::aws::{Aws, AwsError};

/// From this many roles on, the account's listings take fewer calls than single reads.
pub(crate) const MANY: usize = 10;
/// The most roles in one answer of IAM.
const PAGE: i32 = 1_000;
/// Pages that are always read, and the number of wanted roles for which one page more is read: single reads would take
/// four calls for each role.
const PAGES: usize = 2;
const ROLES_A_PAGE: usize = 5;

/// The key by which the run notes that these credentials may not list the account's roles.
const REFUSED: &str = "iam:GetAccountAuthorizationDetails refused";

/// A role as far as the listings show it.
pub(super) enum ListedRole {
    Whole(Box<CompleteRole>),
    Absent,
    /// The role must be read by its own calls.
    Apart,
}

/// A role with the inline policies by name and the attached ARNs.
pub(super) struct CompleteRole {
    pub(super) role: Live,
    pub(super) inline: BTreeMap<String, Value>,
    pub(super) attached: BTreeSet<String>,
}

/// Looks for a role in the listings if many roles are read at once.
pub(super) async fn find_in_listings(aws: &Aws, kind: &str, role: &str) -> Result<ListedRole, AwsError> {
    if aws.run.is_done(REFUSED) {
        return Ok(ListedRole::Apart);
    }
    let found = match aws.gather::<ListRoles>(role).await {
        Err(refused) if refused.is_access_denied() => {
            aws.run.note_done(REFUSED.to_owned());
            return Ok(ListedRole::Apart);
        }
        found => found?,
    };
    Ok(match found {
        Some((Some(role), Some(detail))) => ListedRole::Whole(Box::new(complete_role(role, detail)?)),
        // A role of the last apply counts as deleted only after IAM was asked for it by name.
        Some((None, None)) if !aws.run.has_record(kind, &[role]) => ListedRole::Absent,
        _ => ListedRole::Apart,
    })
}

const OPERATION: &str = "iam:GetAccountAuthorizationDetails";

/// The roles by name.
struct ListRoles;

/// A role in each of the two listings.
type RoleInListings = (Option<Live>, Option<RoleDetail>);

impl Bulk for ListRoles {
    type Item = RoleInListings;

    async fn fetch(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, RoleInListings>, AwsError> {
        listing(aws, names).await
    }
}

/// Reads the roles of these names from the listings. Empty if the names are too few for listings.
async fn listing(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, RoleInListings>, AwsError> {
    if names.len() < MANY {
        return Ok(BTreeMap::new());
    }
    let ((mut roles, all_roles), (mut details, all_details)) =
        tokio::try_join!(roles(&aws, &names), details(&aws, &names))?;
    let listed = names.into_iter().map(|name| {
        let both = (roles.remove(&name), details.remove(&name));
        (name, both)
    });
    // A role missing from both listings does not exist only if both were read to the end.
    let whole = all_roles && all_details;
    Ok(listed.filter(|(_, (role, detail))| whole || (role.is_some() && detail.is_some())).collect())
}

/// Tells whether to read the next page: not once all roles are found, nor for a few roles in an account with thousands.
fn reads_on(pages: usize, found: usize, names: usize) -> bool {
    found < names && pages < PAGES + names / ROLES_A_PAGE
}

/// Calls ListRoles; the flag tells whether the listing was read to the end. It leaves out boundaries and tags.
async fn roles(aws: &Aws, names: &BTreeSet<String>) -> Result<(BTreeMap<String, Live>, bool), AwsError> {
    let (mut found, mut marker) = (BTreeMap::new(), None);
    for pages in 1.. {
        let call = aws.clients.iam.list_roles().max_items(PAGE).set_marker(marker);
        let page = aws.call("iam:ListRoles", call.send()).await?;
        let wanted = page.roles.into_iter().filter(|role| names.contains(&role.role_name));
        found.extend(wanted.map(|role| (role.role_name.clone(), role)));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() || !reads_on(pages, found.len(), names.len()) {
            break;
        }
    }
    Ok((found, marker.is_none()))
}

/// Calls GetAccountAuthorizationDetails for roles; the flag tells whether the listing was read to the end. It leaves
/// out description and session length.
async fn details(aws: &Aws, names: &BTreeSet<String>) -> Result<(BTreeMap<String, RoleDetail>, bool), AwsError> {
    let (mut found, mut marker) = (BTreeMap::new(), None);
    for pages in 1.. {
        let call = aws.clients.iam.get_account_authorization_details().filter(EntityType::Role).max_items(PAGE);
        let page = aws.call(OPERATION, call.set_marker(marker).send()).await?;
        for role in page.role_detail_list.unwrap_or_default() {
            if let Some(name) = role.role_name.clone().filter(|name| names.contains(name)) {
                found.insert(name, role);
            }
        }
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() || !reads_on(pages, found.len(), names.len()) {
            break;
        }
    }
    Ok((found, marker.is_none()))
}

fn complete_role(mut role: Live, detail: RoleDetail) -> Result<CompleteRole, AwsError> {
    let mut inline = BTreeMap::new();
    for policy in detail.role_policy_list.unwrap_or_default() {
        if let (Some(name), Some(text)) = (policy.policy_name, policy.policy_document) {
            inline.insert(name, document(OPERATION, &text)?);
        }
    }
    let attached = detail.attached_managed_policies.unwrap_or_default();
    let attached = attached.into_iter().filter_map(|policy| policy.policy_arn).collect();
    (role.permissions_boundary, role.tags) = (detail.permissions_boundary, detail.tags);
    Ok(CompleteRole { role, inline, attached })
}

/// Returns a spec with only the role's name, which suffices to read the role.
pub(super) fn found_resource(name: &str) -> FoundResource<Role> {
    FoundResource::of(name, Role { name: name.to_owned(), ..Role::default() })
}

/// Calls ListRoles, all pages. AWS does not list roles by their tags.
pub(super) async fn named_like(aws: &Aws, begins: &str) -> Result<Vec<FoundResource<Role>>, AwsError> {
    let (mut all, mut marker) = (Vec::new(), None);
    loop {
        let call = aws.clients.iam.list_roles().max_items(1_000).set_marker(marker);
        let page = aws.call("iam:ListRoles", call.send()).await?;
        let alike = page.roles.iter().filter(|role| role.role_name.starts_with(begins));
        all.extend(alike.map(|role| found_resource(&role.role_name)));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use futures::future::join_all;

    use super::*;
    use crate::aws::played::answering_to;

    const ROLE: &str = "<Path>/</Path><RoleId>A</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate>";

    /// Returns a page of each listing: the role of this name, and whether more pages follow.
    fn pages(role: &str, more: bool) -> [(&'static str, Vec<u8>); 2] {
        let arn = format!("<Arn>arn:aws:iam::1:role/{role}</Arn>");
        let end = format!("<IsTruncated>{more}</IsTruncated><Marker>m</Marker>");
        let listed = format!("<Roles><member><RoleName>{role}</RoleName>{arn}{ROLE}</member></Roles>");
        let detail =
            format!("<RoleDetailList><member><RoleName>{role}</RoleName>{arn}{ROLE}</member></RoleDetailList>");
        let answer = |name: &str, body: String| {
            let mut text = String::new();
            let body = format!("<{name}Response><{name}Result>{body}{end}</{name}Result></{name}Response>");
            let _ = write!(text, "200 OK\r\nconnection: close\r\ncontent-type: text/xml\r\n");
            let _ = write!(text, "content-length: {}\r\n\r\n{body}", body.len());
            text.into_bytes()
        };
        [
            ("Action=ListRoles&", answer("ListRoles", listed)),
            ("Action=GetAccountAuthorizationDetails&", answer("GetAccountAuthorizationDetails", detail)),
        ]
    }

    async fn looked_for(played: Vec<(&'static str, Vec<u8>)>) -> (Vec<&'static str>, (u64, u64)) {
        let aws = answering_to(played).await;
        let names: Vec<String> = (0..MANY).map(|n| format!("r{n}")).collect();
        let listed = join_all(names.iter().map(|name| find_in_listings(&aws, "iam.role", name))).await;
        let said = |listed: Result<ListedRole, AwsError>| match listed.expect("an answer") {
            ListedRole::Whole(_) => "whole",
            ListedRole::Absent => "absent",
            ListedRole::Apart => "apart",
        };
        (listed.into_iter().map(said).collect(), aws.calls())
    }

    #[tokio::test]
    async fn a_role_that_a_whole_listing_leaves_out_is_not_there() {
        let (said, calls) = looked_for([pages("r0", true), pages("r1", false)].concat()).await;
        assert_eq!((said[0], said[1], said[2], calls.0), ("whole", "whole", "absent", 4));
    }

    #[tokio::test]
    async fn a_long_listing_is_given_up_and_what_it_has_not_shown_is_read_by_itself() {
        let played = (0..9).flat_map(|n| pages(if n == 0 { "r0" } else { "other" }, true)).collect();
        let (said, calls) = looked_for(played).await;
        assert_eq!((said[0], said[1], calls.0), ("whole", "apart", 8));
    }
}
