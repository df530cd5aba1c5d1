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

/// A stack with each setting that keeps somebody out.
const SHUT: &str = "
stack: couch
roles:
  narrow: { trust: [lambda.amazonaws.com] }
  other: { trust: [lambda.amazonaws.com] }
functions:
  draw: { zip: draw.zip, role: '${roles.narrow.arn}' }
apis:
  web: { routes: { 'GET /a': { function: draw, authorization: AWS_IAM, api_key_required: true } } }
buckets:
  files: { name: couch-files-1 }
log_groups:
  audit: { kms_key_id: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111' }
queues:
  jobs: { kms_master_key_id: alias/couch }
";

#[test]
fn each_setting_that_keeps_somebody_out_is_marked_when_it_goes_and_not_when_it_comes() {
    let key = " kms_key_id: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111' ";
    for (from, to, expected) in [
        ("AWS_IAM", "NONE", "Update apis.web.route[GET /a] authorization_type"),
        ("api_key_required: true", "api_key_required: false", "Update apis.web.route[GET /a] api_key_required"),
        (
            "name: couch-files-1",
            "name: couch-files-1, public_access_block: { block_public_policy: false }",
            "Update buckets.files public_access_block.block_public_policy",
        ),
        (
            "name: couch-files-1",
            "name: couch-files-1, object_ownership: ObjectWriter",
            "Update buckets.files object_ownership",
        ),
        (key, "", "Update log_groups.audit kms_key_id"),
        (" kms_master_key_id: alias/couch ", "", "Update queues.jobs kms_master_key_id"),
    ] {
        let open = SHUT.replace(from, to);
        assert_eq!(widened(SHUT, &open), [expected]);
        assert_eq!(widened(&open, SHUT), [""; 0], "the way back narrows: {expected}");
    }
}

#[test]
fn an_access_list_and_cors_rules_that_let_others_in_are_marked() {
    let with = |more: &str| {
        let lists = "object_ownership: ObjectWriter, public_access_block: { block_public_acls: false, ignore_public_acls: false }";
        SHUT.replace("name: couch-files-1", &format!("name: couch-files-1, {lists}{more}"))
    };
    let acl = ["Update buckets.files acl"];
    assert_eq!(widened(&with(""), &with(", acl: public-read")), acl);
    assert_eq!(widened(&with(", acl: public-read"), &with(", acl: public-read-write")), acl);
    assert_eq!(widened(&with(", acl: public-read"), &with("")), [""; 0]);
    let cors = |sites: &str| with(&format!(", cors: [ {{ allowed_origins: [ {sites} ], allowed_methods: [ PUT ] }} ]"));
    let (one, all) = (cors("https://a.example"), cors("\"*\""));
    assert_eq!(widened(&one, &all), ["Update buckets.files.cors cors_rules"]);
    assert_eq!(widened(&one, &with("")), [""; 0]);
}

#[test]
fn another_role_of_a_function_is_marked_both_ways_and_a_renamed_one_is_not() {
    let other = SHUT.replace("roles.narrow.arn", "roles.other.arn");
    assert_eq!(widened(SHUT, &other), ["Update functions.draw role"]);
    assert_eq!(widened(&other, SHUT), ["Update functions.draw role"]);
    let renamed = SHUT.replace("  narrow: { trust", "  narrow: { name: renamed, trust");
    assert_eq!(widened(SHUT, &renamed), [""; 0]);
}

#[test]
fn a_new_bucket_that_is_open_is_marked() {
    let open =
        SHUT.replace("name: couch-files-1", "name: couch-files-1, public_access_block: { block_public_acls: false }");
    let before = SHUT.replace("  files: { name: couch-files-1 }", "  other: { name: couch-other-1 }");
    assert_eq!(widened(&before, &open), ["Create buckets.files public_access_block.block_public_acls"]);
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

/// An API whose callers are checked.
const CHECKED: &str = "
stack: couch
functions: { draw: { zip: draw.zip }, guard: { zip: draw.zip } }
http_apis:
  shop:
    routes: { 'GET /a': { function: draw, authorizer: users, scopes: [read] } }
    authorizers:
      users: { jwt: { issuer: 'https://users.example.com', audience: [app] } }
      guard: { function: guard, ttl: 60s, identity_sources: [$request.header.X, $context.routeKey] }
";

#[test]
fn an_authorizer_that_admits_more_is_marked_and_one_that_admits_less_is_not() {
    let widened = |from: &str, to: &str| widened(CHECKED, &CHECKED.replace(from, to));
    let route = ["Update http_apis.shop.route[GET /a] authorization_scopes"];
    assert_eq!(widened(", scopes: [read]", ""), route, "any token will do");
    assert_eq!(widened("[read]", "[read, write]"), route);
    assert_eq!(self::widened(&CHECKED.replace("[read]", "[read, write]"), CHECKED), [""; 0]);
    let users = "Update http_apis.shop.authorizer[users]";
    assert_eq!(widened("[app]", "[app, other]"), [format!("{users} jwt_configuration.audience")]);
    assert_eq!(widened("users.example", "others.example"), [format!("{users} jwt_configuration.issuer")]);
    let guard = ["Update http_apis.shop.authorizer[guard] identity_source"];
    assert_eq!(widened(", $context.routeKey", ""), guard, "a kept answer counts for more routes");
    assert_eq!(widened("$context.routeKey", "$context.routeKey, $request.header.Y"), [""; 0]);
}
