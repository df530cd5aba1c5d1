//! `iam.role`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, maybe, sure, with};

pub const ENTRY: Entry = Entry { kind: "iam.role", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

pub const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const LOGS: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
const BOUNDARY: &str = "arn:aws:iam::aws:policy/PowerUserAccess";

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let iam = &aws.clients.iam;
    let thing = |name: String| {
        Thing::new(format!("role {name}"), async move {
            let own = iam.get_role().role_name(&name).send().await;
            let attached = iam.list_attached_role_policies().role_name(&name).send().await;
            let tags = iam.list_role_tags().role_name(&name).send().await;
            let mut inline = Vec::new();
            for policy in sure(iam.list_role_policies().role_name(&name).send().await).policy_names() {
                inline.push(maybe(iam.get_role_policy().role_name(&name).policy_name(policy).send().await));
            }
            json!({ "role": maybe(own), "attached": maybe(attached), "tags": maybe(tags), "inline": inline })
        })
    };
    let roles = sure(iam.list_roles().max_items(1000).send().await).roles;
    roles.into_iter().map(|role| thing(role.role_name)).collect()
}

async fn cases(_: &Aws) -> Vec<Case> {
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
    vec![Case {
        variant: false,
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
    }]
}

pub fn trust(service: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" },
    ] })
}

pub fn allow(action: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::pictures/a+b %41*" }] })
}

pub fn role(changes: Value) -> Value {
    let spec = json!({
        "name": "couch-worker",
        "path": "/couch/",
        "max_session_duration": 3600,
        "assume_role_policy": trust("lambda.amazonaws.com"),
        "inline_policies": {},
        "managed_policy_arns": [],
        "tags": { "deployer:stack": "couch", "deployer:address": "roles.worker" },
    });
    with(spec, &changes)
}
