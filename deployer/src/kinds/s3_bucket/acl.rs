//! A bucket's access list, which S3 uses unless the bucket's owner owns all objects.

use aws_sdk_s3::types::{BucketCannedAcl, Grant, Owner};

use super::setting::{SettingRead, setting};
use super::spread::send_to_open;
use crate::aws::{Aws, AwsError};

/// The object ownership with which S3 uses no access lists.
pub(super) const WITHOUT_LISTS: &str = "BucketOwnerEnforced";
const GROUPS: &str = "http://acs.amazonaws.com/groups/global/";
const PRIVATE: &str = "private";

/// Reads the object ownership and, if access lists count, the bucket's: `None` for one that lets in the owner alone.
/// Returns nothing if the bucket does not exist.
pub(super) async fn read(aws: &Aws, name: &str) -> Result<Option<(String, Option<String>)>, AwsError> {
    let call = aws.clients.s3.get_bucket_ownership_controls().bucket(name).send();
    let found = setting(aws, "s3:GetBucketOwnershipControls", &["OwnershipControlsNotFoundError"], call).await?;
    let SettingRead::Bucket(found) = found else { return Ok(None) };
    let rule = found.and_then(|found| found.ownership_controls?.rules.into_iter().next());
    let ownership = rule.map_or_else(|| "ObjectWriter".to_owned(), |rule| rule.object_ownership.as_str().to_owned());
    if ownership == WITHOUT_LISTS {
        return Ok(Some((ownership, None)));
    }
    let call = aws.clients.s3.get_bucket_acl().bucket(name).send();
    let SettingRead::Bucket(list) = setting(aws, "s3:GetBucketAcl", &[], call).await? else { return Ok(None) };
    let acl = list.and_then(|list| canned(list.owner.as_ref(), &list.grants.unwrap_or_default()));
    Ok(Some((ownership, acl)))
}

/// Calls PutBucketAcl. Just after the bucket was `opened` to the public, S3 may still refuse a public list.
pub(super) async fn put(aws: &Aws, name: &str, acl: Option<&str>, opened: bool) -> Result<(), AwsError> {
    let send = || {
        let call = aws.clients.s3.put_bucket_acl().bucket(name).acl(BucketCannedAcl::from(acl.unwrap_or(PRIVATE)));
        async move { aws.call("s3:PutBucketAcl", call.send()).await.map(drop) }
    };
    send_to_open(aws, opened, send).await
}

/// Names the canned list that gives these permissions, or else the permissions. A list for the owner alone is `None`.
fn canned(owner: Option<&Owner>, grants: &[Grant]) -> Option<String> {
    let owner = owner.and_then(Owner::id).unwrap_or_default();
    let to_others = |grant: &Grant| {
        let grantee = grant.grantee()?;
        let who =
            grantee.uri().map(|uri| uri.trim_start_matches(GROUPS)).or(grantee.id()).or(grantee.email_address())?;
        (who != owner)
            .then(|| format!("{} for {who}", grant.permission().map_or("nothing", |permission| permission.as_str())))
    };
    let mut others: Vec<String> = grants.iter().filter_map(to_others).collect();
    others.sort();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let name = match others[..] {
        [] => return None,
        ["READ for AllUsers"] => "public-read",
        ["READ for AllUsers", "WRITE for AllUsers"] => "public-read-write",
        ["READ for AuthenticatedUsers"] => "authenticated-read",
        _ => return Some(others.join(", ")),
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{Grantee, Permission, Type};

    use super::*;

    #[test]
    fn a_list_is_named_by_the_permissions_that_it_gives_to_others() {
        let group = |name: &str| format!("{GROUPS}{name}");
        let grant = |uri: Option<String>, id: Option<&str>, permission: Permission| {
            let kind = if uri.is_some() { Type::Group } else { Type::CanonicalUser };
            let grantee = Grantee::builder().set_uri(uri).set_id(id.map(str::to_owned)).r#type(kind).build().unwrap();
            Grant::builder().grantee(grantee).permission(permission).build()
        };
        let owner = Owner::builder().id("us").build();
        let own = grant(None, Some("us"), Permission::FullControl);
        let all = |permission| grant(Some(group("AllUsers")), None, permission);
        let named = |others: Vec<Grant>| canned(Some(&owner), &[vec![own.clone()], others].concat());
        assert_eq!(named(vec![]), None);
        assert_eq!(named(vec![all(Permission::Read)]).as_deref(), Some("public-read"));
        let write = vec![all(Permission::Write), all(Permission::Read)];
        assert_eq!(named(write).as_deref(), Some("public-read-write"));
        let accounts = grant(Some(group("AuthenticatedUsers")), None, Permission::Read);
        assert_eq!(named(vec![accounts]).as_deref(), Some("authenticated-read"));
        let partner = grant(None, Some("partner"), Permission::WriteAcp);
        assert_eq!(named(vec![partner]).as_deref(), Some("WRITE_ACP for partner"));
    }
}
