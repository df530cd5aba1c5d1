//! Properties that cannot change in place: the order of replacement, and obstacles.

use insta::assert_snapshot;

use super::{QUEUES, World};
use crate::plan::tests::world::Stack;
use crate::plan::{Action, Goal, Order, Selection};

#[test]
fn a_changed_name_is_made_under_the_new_one_before_the_other_goes() {
    let wanted = QUEUES.replace("inbox: {", "inbox: { name: couch-post,");
    assert_snapshot!(World::applied(QUEUES).printed_plan(&wanted), @r"
    +/- queues.inbox  sqs.queue
        # name changes: SQS cannot rename a queue
        # created first; the old one is deleted once nothing uses it
        # afterwards: senders and readers outside this stack need its new URL
        # lost for good: the messages in it
        name: couch-inbox → couch-post  # forces replacement
        redrive_policy.dead_letter_target_arn:
          - arn:aws:sqs:eu-west-1:123456789012:couch-inbox-dlq
          + arn:aws:sqs:eu-west-1:123456789012:couch-post-dlq
      +/- queues.inbox.dead_letter  sqs.queue
          # name changes: SQS cannot rename a queue
          # created first; the old one is deleted once nothing uses it
          # afterwards: senders and readers outside this stack need its new URL
          # lost for good: the messages in it
          name: couch-inbox-dlq → couch-post-dlq  # forces replacement

    Plan: 0 to create, 0 to update, 2 to replace, 0 to delete, 0 to adopt.
    ");
}

/// A log group's class is fixed once it exists.
const LOGS: &str = "
stack: couch
log_groups: { audit: { retention_in_days: 7 } }
";

#[test]
fn what_keeps_its_name_is_deleted_before_it_is_made_anew() {
    let wanted = LOGS.replace("{ retention", "{ log_group_class: INFREQUENT_ACCESS, retention");
    assert_snapshot!(World::applied(LOGS).printed_plan(&wanted), @r"
    -/+ log_groups.audit  logs.log_group
        # log_group_class changes: CloudWatch Logs cannot change a log group's class
        # deleted first, because the new one needs its name
        # meanwhile: what is logged within these seconds may be lost
        # lost for good: the logs in it
        log_group_class: STANDARD → INFREQUENT_ACCESS  # forces replacement

    Plan: 0 to create, 0 to update, 1 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn a_replacement_that_was_asked_for_says_so() {
    let selection = Selection { replace: vec!["log_groups.audit".into()], ..Selection::default() };
    let text = World::applied(LOGS).printed_plan_for(&Stack::of(LOGS, &[]), Goal::Apply, &selection);
    assert_snapshot!(text, @r"
    -/+ log_groups.audit  logs.log_group
        # requested with --replace
        # deleted first, because the new one needs its name
        # meanwhile: what is logged within these seconds may be lost
        # lost for good: the logs in it

    Plan: 0 to create, 0 to update, 1 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn a_replacement_cut_off_before_its_predecessor_went_is_finished() {
    let wanted = QUEUES.replace("inbox: {", "inbox: { name: couch-post,");
    let mut world = World::applied(QUEUES);
    let made = World::applied(&wanted);
    // The successors exist, but the state still has only the predecessors.
    world.live.extend(made.live);
    assert_snapshot!(world.printed_plan(&wanted), @r"
    ← queues.inbox  sqs.queue  (tagged as this stack's, missing from the state)
        # the old one is deleted afterwards
        # lost for good: the messages in it
      ← queues.inbox.dead_letter  sqs.queue  (tagged as this stack's, missing from the state)
          # the old one is deleted afterwards
          # lost for good: the messages in it

    Plan: 0 to create, 0 to update, 0 to replace, 2 to delete, 2 to adopt.
    ");
}

#[test]
fn a_protected_resource_is_not_replaced() {
    let protected = LOGS.replace("{ retention", "{ protect: true, retention");
    let wanted = protected.replace("{ protect", "{ log_group_class: INFREQUENT_ACCESS, protect");
    assert_snapshot!(World::applied(&protected).printed_plan(&wanted), @r"
    plan::protected: `log_groups.audit` is protected, but this plan would replace or delete it
      help: set `protect: false` and run the same command again
    ");
}

#[test]
fn a_retained_resource_stays_beside_its_successor() {
    let retained = QUEUES.replace("inbox: {", "inbox: { retain: true,");
    let wanted = retained.replace("inbox: {", "inbox: { name: couch-post,");
    let stack = Stack::of(&wanted, &[]);
    let plan = World::applied(&retained).plan(&stack, Goal::Apply, &Selection::default()).expect("a plan");
    for planned in plan.actions() {
        assert_eq!((planned.action(), planned.order()), (Action::Replace, Some(Order::CreateFirst)));
        assert_eq!(planned.predecessor(), None, "{} is kept", planned.address);
    }
}

#[test]
fn a_retained_resource_whose_successor_needs_its_name_stops_the_plan() {
    let retained = LOGS.replace("{ retention", "{ retain: true, retention");
    let wanted = retained.replace("{ retain", "{ log_group_class: INFREQUENT_ACCESS, retain");
    assert_snapshot!(World::applied(&retained).printed_plan(&wanted), @r"
    plan::retained: `log_groups.audit` is to be retained, but its successor needs its name
      help: give the element another `name`, or drop `retain: true`
    ");
}

#[test]
fn a_renamed_element_with_the_same_name_in_aws_only_moves() {
    let before = "
stack: couch
queues: { inbox: { name: couch-post } }
";
    let wanted = before.replace("inbox:", "post:");
    assert_snapshot!(World::applied(before).printed_plan(&wanted), @r"
    ~ queues.post  sqs.queue  renamed from queues.inbox

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn two_elements_that_swap_their_names_move_past_each_other() {
    let before = "
stack: couch
queues: { a: { name: couch-one }, b: { name: couch-two } }
";
    let wanted = before
        .replace("couch-one", "x")
        .replace("couch-two", "couch-one")
        .replace("{ name: x }", "{ name: couch-two }");
    assert_snapshot!(World::applied(before).printed_plan(&wanted), @r"
    ~ queues.a  sqs.queue  renamed from queues.b

    ~ queues.b  sqs.queue  renamed from queues.a

    Plan: 0 to create, 2 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn an_element_that_takes_the_name_of_another_is_that_one_from_now_on() {
    let before = "
stack: couch
queues: { a: { name: couch-one }, b: { name: couch-two } }
";
    let wanted = before.replace("couch-two", "couch-three").replace("couch-one", "couch-two");
    assert_snapshot!(World::applied(before).printed_plan(&wanted), @r"
    ~ queues.a  sqs.queue  renamed from queues.b
        # the old one is deleted afterwards
        # lost for good: the messages in it

    + queues.b  sqs.queue
        name: couch-three
        fifo_queue: false
        visibility_timeout: 30
        delay_seconds: 0
        message_retention_period: 345600
        receive_message_wait_time_seconds: 0
        content_based_deduplication: false

    Plan: 1 to create, 1 to update, 0 to replace, 1 to delete, 0 to adopt.
    ");
}
