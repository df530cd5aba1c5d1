use serde_json::{Value, json};

use crate::common::account;
use crate::contract::{Case, contract, differences, read};
use deployer::kinds::{self, Changes};

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const LOGS: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
const BOUNDARY: &str = "arn:aws:iam::aws:policy/PowerUserAccess";

fn trust(service: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" },
    ] })
}

fn allow(action: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::pictures/a+b %41*" }] })
}

fn role(changes: Value) -> Value {
    let mut spec = json!({
        "name": "couch-worker",
        "path": "/couch/",
        "max_session_duration": 3600,
        "assume_role_policy": trust("lambda.amazonaws.com"),
        "inline_policies": {},
        "managed_policy_arns": [],
        "tags": { "deployer:stack": "couch", "deployer:address": "roles.worker" },
    });
    for (key, value) in changes.as_object().expect("a map").clone() {
        spec[key] = value;
    }
    spec
}

#[tokio::test]
async fn a_role_keeps_the_contract() {
    let aws = account().await;
    let tagged = json!({ "deployer:stack": "couch", "deployer:address": "roles.worker", "team": "sofa" });
    let full = json!({
        "description": "Draws pictures.",
        "inline_policies": { "permissions": allow("s3:PutObject"), "more": allow("s3:GetObject") },
        "managed_policy_arns": [READ_ONLY],
        "permissions_boundary": BOUNDARY,
    });
    let with = |changes: Value| {
        let mut all = full.clone();
        all.as_object_mut().expect("a map").extend(changes.as_object().expect("a map").clone());
        role(all)
    };
    let case = Case {
        kind: "iam.role",
        lost: &[],
        left_out: &[],
        create: role(full.clone()),
        steps: vec![
            (
                "another trust",
                with(json!({ "assume_role_policy": trust("sqs.amazonaws.com") })),
                vec!["assume_role_policy"],
            ),
            (
                "a longer session alone",
                with(json!({ "assume_role_policy": trust("sqs.amazonaws.com"), "max_session_duration": 7200 })),
                vec!["max_session_duration"],
            ),
            (
                "back again",
                with(json!({ "description": "Paints." })),
                vec!["max_session_duration", "assume_role_policy", "description"],
            ),
            (
                "one policy changed, one removed, one added",
                with(json!({
                    "description": "Paints.",
                    "inline_policies": { "permissions": allow("s3:DeleteObject"), "other": allow("s3:GetObject") },
                })),
                vec!["inline_policies.permissions", "inline_policies.other", "inline_policies.more"],
            ),
            (
                "another managed policy and no boundary",
                role(json!({ "managed_policy_arns": [LOGS], "tags": tagged })),
                vec![
                    "inline_policies.other",
                    "inline_policies.permissions",
                    "managed_policy_arns",
                    "tags.team",
                    "description",
                    "permissions_boundary",
                ],
            ),
            (
                "all back",
                with(json!({})),
                vec![
                    "inline_policies.permissions",
                    "inline_policies.more",
                    "managed_policy_arns",
                    "tags.team",
                    "description",
                    "permissions_boundary",
                ],
            ),
        ],
    };
    contract(&aws, case).await;
}

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
