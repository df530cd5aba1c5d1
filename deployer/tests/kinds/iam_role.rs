use serde_json::json;

use crate::catalog::iam_role::{READ_ONLY, allow, role};
use crate::common::account;
use crate::contract::{differences, read};
use deployer::kinds::{self, Changes};

/// Policies that others add to a role are drift, and an apply removes them.
#[tokio::test]
async fn policies_that_others_added_are_removed() {
    let aws = account().await;
    let kind = kinds::find("iam.role").expect("a registered kind");
    let want = role(json!({ "inline_policies": { "permissions": allow("s3:PutObject") } }));
    kind.create(&aws, &want).await.expect("create");
    let iam = &aws.clients.iam;
    let foreign = iam.put_role_policy().role_name("couch-worker").policy_name("foreign");
    foreign.policy_document(allow("*").to_string()).send().await.expect("a policy of somebody else");
    iam.attach_role_policy().role_name("couch-worker").policy_arn(READ_ONLY).send().await.expect("an attachment");

    let live = read(kind, &aws, &want).await.expect("present");
    let changes = differences(kind, &live, &want);
    assert_eq!(changes, ["inline_policies.foreign", "managed_policy_arns"]);
    kind.update(&aws, &live, &want, &Changes(changes)).await.expect("update");
    let live = read(kind, &aws, &want).await.expect("present");
    assert!(differences(kind, &live, &want).is_empty());
    let writes: Vec<_> = aws.calls_made().into_iter().filter(|call| deployer::aws::is_write(call)).collect();
    assert_eq!(writes, ["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"]);
}

/// AWS refuses to delete a role that still has policies or instance profiles.
#[tokio::test]
async fn a_role_is_deleted_with_all_that_hangs_on_it() {
    let aws = account().await;
    let kind = kinds::find("iam.role").expect("a registered kind");
    let want = role(json!({ "inline_policies": { "permissions": allow("s3:PutObject") } }));
    kind.create(&aws, &want).await.expect("create");
    let live = read(kind, &aws, &want).await.expect("present");
    let iam = &aws.clients.iam;
    iam.attach_role_policy().role_name("couch-worker").policy_arn(READ_ONLY).send().await.expect("an attachment");
    iam.create_instance_profile().instance_profile_name("machine").send().await.expect("a profile");
    let add = iam.add_role_to_instance_profile().instance_profile_name("machine").role_name("couch-worker");
    add.send().await.expect("the role in the profile");

    kind.delete(&aws, &live).await.expect("delete");
    assert!(read(kind, &aws, &want).await.is_none());
    let profile = iam.get_instance_profile().instance_profile_name("machine").send().await.expect("the profile stays");
    assert!(profile.instance_profile.expect("a profile").roles.is_empty());
}
