use serde_json::{Value, json};

use super::*;
use crate::spec::secrets::Secrets;
use crate::spec::sections::Common;

fn with_scope<T>(run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (common, tags) = (Common::default(), Default::default());
    run(&Scope {
        is_preview: false,
        stack: "shop",
        section: "schedules",
        name: "tidy",
        common: &common,
        stack_tags: &tags,
        secrets: &Secrets::default(),
    })
}

fn codes(element: Value) -> Vec<String> {
    let mut findings = Findings::default();
    with_scope(|at| Schedules::check(&serde_json::from_value(element).unwrap(), at, &mut findings));
    findings.0.into_iter().map(|f| format!("{} {}", f.code, f.path)).collect()
}

fn lower(element: Value) -> LoweredStack {
    let mut out = LoweredStack::default();
    with_scope(|at| Schedules::lower(serde_json::from_value(element).unwrap(), at, &mut out));
    out
}

#[test]
fn a_schedule_gets_a_group_with_its_tags_and_a_role_that_only_its_group_may_use() {
    let out =
        lower(json!({ "schedule": "rate(1 hour)", "queue": "jobs", "input": { "job": 1 }, "dead_letter": "failed" }));
    let [group, role, schedule] = &out.resources[..] else { panic!("{:?}", out.resources) };
    assert_eq!((group.address.as_str(), &group.spec["name"]), ("schedules.tidy.group", &json!("shop-tidy")));
    assert_eq!(group.spec["tags"]["deployer:address"], "schedules.tidy.group");
    let trust = &role.spec["assume_role_policy"]["Statement"][0];
    assert_eq!(trust["Principal"]["Service"], "scheduler.amazonaws.com");
    assert_eq!(
        trust["Condition"]["StringEquals"],
        json!({ "aws:SourceAccount": "${aws.account_id}", "aws:SourceArn": "${schedules.tidy.group.arn}" })
    );
    assert_eq!(
        role.spec["inline_policies"]["permissions"]["Statement"],
        json!([
            { "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "${queues.jobs.arn}" },
            { "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "${queues.failed.arn}" },
        ])
    );
    let spec = &schedule.spec;
    assert_eq!((&spec["group_name"], &spec["name"]), (&json!("${schedules.tidy.group.name}"), &json!("shop-tidy")));
    assert_eq!(spec["target"]["role_arn"], "${schedules.tidy.role.arn}");
    assert_eq!(spec["target"]["input"], "{\"job\":1}");
    assert_eq!(spec["target"]["retry_policy"]["maximum_retry_attempts"], 185);
    assert_eq!(spec["target"]["dead_letter_config"]["arn"], "${queues.failed.arn}");
    assert_eq!(spec["flexible_time_window"], json!({ "mode": "OFF" }));
    assert_eq!((&spec["state"], &spec["schedule_expression_timezone"]), (&json!("ENABLED"), &json!("UTC")));
}

#[test]
fn a_schedule_in_a_group_of_others_trusts_that_group() {
    let out = lower(json!({ "schedule": "rate(1 hour)", "queue": "jobs", "group": "others" }));
    let [role, schedule] = &out.resources[..] else { panic!("{:?}", out.resources) };
    let source = &role.spec["assume_role_policy"]["Statement"][0]["Condition"]["StringEquals"]["aws:SourceArn"];
    assert!(source.as_str().is_some_and(|arn| arn.ends_with(":schedule-group/others")), "{source}");
    assert_eq!(schedule.spec["group_name"], "others");
}

#[test]
fn a_call_of_awss_api_may_be_made_for_its_resources_alone() {
    let out =
        lower(json!({ "schedule": "rate(1 hour)", "call": "dynamodb:updateTable", "on": "arn:aws:dynamodb:::t" }));
    assert_eq!(out.resources[2].spec["target"]["arn"], "arn:${aws.partition}:scheduler:::aws-sdk:dynamodb:updateTable");
    assert_eq!(
        out.resources[1].spec["inline_policies"]["permissions"]["Statement"],
        json!([{ "Effect": "Allow", "Action": "dynamodb:UpdateTable", "Resource": "arn:aws:dynamodb:::t" }])
    );
}

#[test]
fn a_role_of_the_users_replaces_the_derived_one() {
    let out = lower(json!({ "schedule": "rate(1 hour)", "queue": "jobs", "role": "arn:aws:iam::1:role/r" }));
    assert_eq!(out.resources.len(), 2);
    assert_eq!(out.resources[1].spec["target"]["role_arn"], "arn:aws:iam::1:role/r");
}

#[test]
fn what_contradicts_itself_is_found_at_its_place() {
    let with = |more: Value| {
        let mut element = json!({ "schedule": "rate(1 hour)" });
        element.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        codes(element)
    };
    assert!(with(json!({ "queue": "jobs" })).is_empty());
    assert_eq!(with(json!({})), ["schedule::target schedules.tidy"]);
    assert_eq!(with(json!({ "queue": "a", "topic": "b" })), ["schedule::target schedules.tidy.topic"]);
    assert_eq!(with(json!({ "topic": "a", "partition_key": "b" })), ["schedule::target schedules.tidy.partition_key"]);
    assert_eq!(with(json!({ "stream": "arn:aws:kinesis:::s" })), ["schedule::target schedules.tidy.stream"]);
    assert_eq!(
        with(json!({ "bus": "arn:b", "source": "aws.s3", "detail_type": "x" })),
        ["schedule::target schedules.tidy.source"]
    );
    assert_eq!(with(json!({ "call": "dynamodb:getItem", "on": "*" })), ["schedule::call schedules.tidy.call"]);
    assert_eq!(with(json!({ "call": "dynamodb:updateTable" })), ["schedule::call-permission schedules.tidy.call"]);
    assert_eq!(
        with(json!({ "call": "dynamodb:updateTabel", "on": "*" })),
        ["schedule::call-permission schedules.tidy.call"]
    );
    let role = json!({ "queue": "a", "role": "arn:r", "permissions_boundary": "arn:p" });
    assert_eq!(with(role), ["schedule::role-and-permissions schedules.tidy.permissions_boundary"]);
}
