//! Changes that widen permissions are marked and counted.

use super::World;
use super::world::Stack;
use crate::plan::{Goal, Selection};

const STACK: &str = "
stack: couch
queues:
  inbox: {}
functions:
  draw:
    zip: draw.zip
    permissions:
      - { allow: [s3:GetObject, s3:PutObject], on: arn:aws:s3:::pictures/* }
roles:
  reader:
    trust: [lambda.amazonaws.com]
    managed_policy_arns: [ arn:aws:iam::aws:policy/ReadOnlyAccess ]
";

/// Lists the properties that widen permissions, by address, when `wanted` follows `before`.
fn widened(before: &str, wanted: &str) -> Vec<String> {
    let plan =
        World::applied(before).plan(&Stack::of(wanted, &[]), Goal::Apply, &Selection::default()).expect("a plan");
    let marked = plan.actions().iter().flat_map(|planned| {
        planned.widens.iter().map(|path| format!("{:?} {} {path}", planned.action(), planned.address))
    });
    let marked: Vec<String> = marked.collect();
    let resources: std::collections::BTreeSet<_> = marked.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(plan.summary().widen, resources.len());
    marked
}

/// Lists what the change widens, and checks that the way back widens nothing.
fn one_way(wide: &str) -> Vec<String> {
    assert_eq!(widened(wide, STACK), [""; 0], "the way back narrows");
    widened(STACK, wide)
}

#[test]
fn a_function_that_may_do_more_is_marked_and_one_that_may_do_less_is_not() {
    let role = ["Update functions.draw.role inline_policies.permissions"];
    assert_eq!(one_way(&STACK.replace("s3:PutObject]", "s3:PutObject, s3:DeleteObject]")), role);
    assert_eq!(one_way(&STACK.replace("pictures/*", "*")), role);
}

#[test]
fn an_attached_policy_is_marked_and_a_detached_one_is_not() {
    let more = STACK.replace("ReadOnlyAccess ]", "ReadOnlyAccess, arn:aws:iam::aws:policy/IAMFullAccess ]");
    assert_eq!(one_way(&more), ["Update roles.reader managed_policy_arns"]);
}

#[test]
fn a_role_that_more_principals_may_assume_is_marked() {
    let trust = STACK.replace("[lambda.amazonaws.com]", "[lambda.amazonaws.com, scheduler.amazonaws.com]");
    assert_eq!(one_way(&trust), ["Update roles.reader assume_role_policy"]);
}

#[test]
fn a_queue_that_opens_is_marked() {
    let policy = "{ policy: { Version: '2012-10-17', Statement: [ { Effect: Allow, Principal: '*', Action: \
                  sqs:SendMessage, Resource: '${queues.inbox.arn}' } ] } }";
    assert_eq!(one_way(&STACK.replace("inbox: {}", &format!("inbox: {policy}"))), ["Update queues.inbox policy"]);
}

#[test]
fn a_new_resource_is_marked_only_for_a_grant_without_bounds() {
    assert_eq!(widened("stack: couch\nqueues: { other: {} }\n", STACK), [""; 0]);
    let all = STACK.replace("[s3:GetObject, s3:PutObject]", "s3:*");
    let marked = ["Create functions.draw.role inline_policies.permissions"];
    assert_eq!(widened("stack: couch\nqueues: { other: {} }\n", &all), marked);
}

#[test]
fn the_mark_and_the_count_are_in_the_text() {
    let wanted = STACK.replace("s3:PutObject]", "s3:PutObject, s3:DeleteObject]");
    insta::assert_snapshot!(World::applied(STACK).printed_plan(&wanted), @r"
    ~ functions.draw.role  iam.role
        inline_policies.permissions:  ! widens permissions
          + s3:DeleteObject on arn:aws:s3:::pictures/*

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 to adopt.
    1 resource widens permissions (marked with `!`).
    ");
}
