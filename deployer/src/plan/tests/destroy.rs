//! What goes, what stays, and what forbids it.

use insta::assert_snapshot;
use serde_json::json;

use super::world::Stack;
use super::{ALARM, QUEUES, World};
use crate::plan::{Goal, Selection};

fn destroyed(world: &World, text: &str) -> String {
    world.said_for(&Stack::of(text, &[]), Goal::Destroy, &Selection::default())
}

#[test]
fn an_element_removed_from_stack_yaml_is_deleted() {
    let wanted = "\nstack: couch\ntopics: { alarms: {} }\n";
    assert_snapshot!(World::applied(ALARM).said(wanted), @r"
    - alarms.oldest  cloudwatch.metric_alarm  (removed from stack.yaml)
        # lost for good: its history

    Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 0 to adopt.
    ");
}

#[test]
fn an_element_removed_that_is_already_gone_only_leaves_the_state() {
    let mut world = World::applied(ALARM);
    world.delete("alarms.oldest");
    assert_snapshot!(world.said("\nstack: couch\ntopics: { alarms: {} }\n"), @r"
    · alarms.oldest  cloudwatch.metric_alarm  (already gone from AWS)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    1 leave the state only.
    ");
}

#[test]
fn an_element_removed_that_was_retained_stays_in_aws() {
    let retained = ALARM.replace("oldest:\n", "oldest:\n    retain: true\n");
    assert_snapshot!(World::applied(&retained).said("\nstack: couch\ntopics: { alarms: {} }\n"), @r"
    · alarms.oldest  cloudwatch.metric_alarm  (retained in AWS)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    1 leave the state only.
    ");
}

#[test]
fn an_element_removed_that_was_protected_stops_the_plan() {
    let protected = ALARM.replace("oldest:\n", "oldest:\n    protect: true\n");
    assert_snapshot!(World::applied(&protected).said("\nstack: couch\ntopics: { alarms: {} }\n"), @r"
    plan::protected: `alarms.oldest` was applied with `protect: true` and is gone from stack.yaml: it is not deleted
      help: put `alarms.oldest` back with `protect: false`, apply, then remove it; or leave it in AWS: `deployer state forget 'alarms.oldest'`
    ");
}

#[test]
fn an_element_removed_that_another_stack_has_taken_stays() {
    let mut world = World::applied(ALARM);
    world.edit("alarms.oldest", |alarm| alarm["tags"]["deployer:stack"] = json!("other"));
    assert_snapshot!(world.said("\nstack: couch\ntopics: { alarms: {} }\n"), @r#"
    · alarms.oldest  cloudwatch.metric_alarm  (now belongs to the stack "other")

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    1 leave the state only.
    "#);
}

#[test]
fn a_destroyed_stack_loses_everything_that_is_its_own() {
    assert_snapshot!(destroyed(&World::applied(QUEUES), QUEUES), @r"
    - queues.inbox  sqs.queue
        # lost for good: the messages in it
      - queues.inbox.dead_letter  sqs.queue
          # lost for good: the messages in it

    Plan: 0 to create, 0 to update, 0 to replace, 2 to delete, 0 to adopt.
    ");
}

#[test]
fn a_destroyed_stack_keeps_what_is_retained_and_forgets_what_is_gone() {
    let retained = QUEUES.replace("inbox: {", "inbox: { retain: true,");
    let mut world = World::applied(&retained);
    world.delete("queues.inbox.dead_letter");
    assert_snapshot!(destroyed(&world, &retained), @r"
    · queues.inbox  sqs.queue  (retained in AWS)
      · queues.inbox.dead_letter  sqs.queue  (already gone from AWS)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    2 leave the state only.
    ");
}

#[test]
fn a_protected_element_stops_the_destruction() {
    let protected = QUEUES.replace("inbox: {", "inbox: { protect: true,");
    assert_snapshot!(destroyed(&World::applied(&protected), &protected), @r"
    plan::protected: `queues.inbox.dead_letter` is protected, but this plan would replace or delete it
      help: set `protect: false` and run the same command again
    plan::protected: `queues.inbox` is protected, but this plan would replace or delete it
      help: set `protect: false` and run the same command again
    ");
}

#[test]
fn a_foreign_resource_survives_the_destruction() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["tags"]["deployer:stack"] = json!("other"));
    assert_snapshot!(destroyed(&world, QUEUES), @r#"
    · queues.inbox  sqs.queue  (belongs to the stack "other")
      - queues.inbox.dead_letter  sqs.queue
          # lost for good: the messages in it

    Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 0 to adopt.
    1 leave the state only.
    "#);
}

#[test]
fn what_a_cut_off_run_made_and_never_wrote_down_is_destroyed_all_the_same() {
    let mut world = World::applied(QUEUES);
    world.prior.resources.clear();
    assert_snapshot!(destroyed(&world, QUEUES), @r"
    - queues.inbox  sqs.queue
        # lost for good: the messages in it
      - queues.inbox.dead_letter  sqs.queue
          # lost for good: the messages in it

    Plan: 0 to create, 0 to update, 0 to replace, 2 to delete, 0 to adopt.
    ");
}

#[test]
fn a_predecessor_that_a_cut_off_replacement_left_is_destroyed_too() {
    let mut world = World::applied(QUEUES);
    let renamed = QUEUES.replace("inbox: {", "inbox: { name: couch-post,");
    world.live.extend(World::applied(&renamed).live);
    assert_snapshot!(destroyed(&world, &renamed), @r"
    - queues.inbox  sqs.queue
        # and its predecessor, which an interrupted run left
        # lost for good: the messages in it
      - queues.inbox.dead_letter  sqs.queue
          # and its predecessor, which an interrupted run left
          # lost for good: the messages in it

    Plan: 0 to create, 0 to update, 0 to replace, 2 to delete, 0 to adopt.
    ");
}

#[test]
fn a_destroyed_stack_has_nothing_left_to_destroy() {
    assert_snapshot!(destroyed(&World::default(), QUEUES), @"No changes. 0 resources match stack.yaml.");
}
