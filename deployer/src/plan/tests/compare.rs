//! Desired against observed: create, update, unchanged, deleted, drift, values that only apply can know.

use insta::assert_snapshot;
use serde_json::json;

use super::{ALARM, QUEUES, World};
use crate::kinds::Action;

#[test]
fn what_is_not_in_aws_is_created() {
    assert_snapshot!(World::default().printed_plan(QUEUES), @r"
    + queues.inbox  sqs.queue
        name: couch-inbox
        fifo_queue: false
        visibility_timeout: 60
        delay_seconds: 0
        message_retention_period: 345600
        receive_message_wait_time_seconds: 0
        redrive_policy.dead_letter_target_arn: arn:aws:sqs:eu-west-1:123456789012:couch-inbox-dlq
        redrive_policy.max_receive_count: 3
        content_based_deduplication: false
      + queues.inbox.dead_letter  sqs.queue
          name: couch-inbox-dlq
          fifo_queue: false
          visibility_timeout: 30
          delay_seconds: 0
          message_retention_period: 1209600
          receive_message_wait_time_seconds: 0
          content_based_deduplication: false

    Plan: 2 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn what_differs_is_updated_and_only_the_difference_shows() {
    let wanted = QUEUES.replace("60s", "90s");
    assert_snapshot!(World::applied(QUEUES).printed_plan(&wanted), @r"
    ~ queues.inbox  sqs.queue
        visibility_timeout: 60 → 90

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn a_property_that_is_removed_returns_to_its_default() {
    let wanted = QUEUES.replace("visibility_timeout: 60s, ", "");
    assert_snapshot!(World::applied(QUEUES).printed_plan(&wanted), @r"
    ~ queues.inbox  sqs.queue
        visibility_timeout: 60 → 30

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn what_was_just_applied_has_no_changes() {
    assert_snapshot!(World::applied(QUEUES).printed_plan(QUEUES), @"No changes. 2 resources match stack.yaml.");
}

#[test]
fn what_was_deleted_outside_is_created_again() {
    let mut world = World::applied(QUEUES);
    world.delete("queues.inbox");
    assert_snapshot!(world.printed_plan(QUEUES), @r"
    + queues.inbox  sqs.queue  (was deleted outside deployer)
        name: couch-inbox
        fifo_queue: false
        visibility_timeout: 60
        delay_seconds: 0
        message_retention_period: 345600
        receive_message_wait_time_seconds: 0
        redrive_policy.dead_letter_target_arn: arn:aws:sqs:eu-west-1:123456789012:couch-inbox-dlq
        redrive_policy.max_receive_count: 3
        content_based_deduplication: false

    ! queues.inbox was deleted outside deployer (this plan will create it again)

    Plan: 1 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn what_other_hands_changed_is_told_apart_from_what_stack_yaml_changes() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["visibility_timeout"] = json!(5));
    let wanted = QUEUES.replace("max_receive_count: 3", "max_receive_count: 4");
    assert_snapshot!(world.printed_plan(&wanted), @r"
    ~ queues.inbox  sqs.queue
        visibility_timeout: 5 → 60  # undoes a change made outside
        redrive_policy.max_receive_count: 3 → 4

    ! changed outside: queues.inbox visibility_timeout: 60 → 5 (this plan restores 60)

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn a_drift_that_stack_yaml_has_come_to_want_is_shown_without_a_change() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["visibility_timeout"] = json!(90));
    assert_snapshot!(world.printed_plan(&QUEUES.replace("60s", "90s")), @r"
    ! changed outside: queues.inbox visibility_timeout: 60 → 90 (unchanged, stack.yaml states the same)

    No changes. 2 resources match stack.yaml.
    ");
}

#[test]
fn a_tag_that_other_hands_added_goes() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["tags"]["team"] = json!("couch"));
    assert_snapshot!(world.printed_plan(QUEUES), @r"
    ~ queues.inbox  sqs.queue
        tags.team: couch → (none)  # undoes a change made outside

    ! changed outside: queues.inbox tags.team: (none) → couch (this plan removes it again)

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn a_property_that_aws_alone_looks_after_is_neither_change_nor_drift() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["maximum_message_size"] = json!(1_048_576));
    assert_snapshot!(world.printed_plan(QUEUES), @"No changes. 2 resources match stack.yaml.");
}

#[test]
fn an_arn_that_can_be_computed_is_known_before_its_resource_exists() {
    let text = World::default().printed_plan(ALARM);
    assert!(text.contains("arn:aws:sns:eu-west-1:123456789012:couch-alarms"), "{text}");
    assert!(!text.contains("known after apply"), "{text}");
}

/// AWS generates an API's id.
const API: &str = "
stack: couch
functions: { draw: { zip: draw.zip } }
apis: { couch: { stage: Prod, routes: { \"POST /draw\": draw } } }
outputs: { url: \"${apis.couch.url}/draw\" }
";

#[test]
fn what_aws_makes_up_is_known_after_apply_and_settled_by_it() {
    let text = World::default().printed_plan(API);
    assert!(text.contains("(known after apply)"), "{text}");
    assert_snapshot!(World::applied(API).printed_plan(API), @"No changes. 7 resources match stack.yaml.");
}

#[test]
fn a_note_of_a_live_resource_is_passed_on() {
    let mut world = World::applied(QUEUES);
    world.live_of("queues.inbox").notes.push("holds 3 messages".into());
    assert_snapshot!(world.printed_plan(QUEUES), @r"
    ! queues.inbox: holds 3 messages

    No changes. 2 resources match stack.yaml.
    ");
}

/// Lambda would keep using its grant for the deleted role.
#[test]
fn a_function_is_told_of_a_role_made_anew_also_by_the_run_after_the_one_that_made_it() {
    let told = |world: &World| world.printed_plan(API).contains("role: arn:aws:iam::123456789012:role/couch-draw");
    let mut world = World::applied(API);
    assert!(!told(&world));
    world.intend("functions.draw", Action::Update);
    assert!(told(&world), "{}", world.printed_plan(API));
    world.prior.intents[0].inputs["memory_size"] = json!(512);
    assert!(!told(&world), "that one was about something else");
    world.intend("functions.draw.role", Action::Create);
    assert!(told(&world));
    let mut world = World::applied(API);
    world.delete("functions.draw.role");
    assert!(told(&world) && world.printed_plan(API).contains("# set again"), "{}", world.printed_plan(API));
}

#[test]
fn what_a_failed_run_had_set_is_no_change_by_other_hands() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| {
        queue["visibility_timeout"] = json!(90);
        queue["delay_seconds"] = json!(5);
    });
    world.intend("queues.inbox", Action::Update);
    world.prior.intents[0].inputs["visibility_timeout"] = json!(90);
    let wanted = QUEUES.replace("60s", "90s");
    assert_snapshot!(world.printed_plan(&wanted), @r"
    ~ queues.inbox  sqs.queue
        delay_seconds: 5 → 0  # undoes a change made outside

    ! changed outside: queues.inbox delay_seconds: 0 → 5 (this plan restores 0)

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

/// AWS still runs such functions.
#[test]
fn a_retired_runtime_is_refused_only_where_lambda_would_refuse_it() {
    let stack = |more: &str| format!("stack: couch\nfunctions: {{ f: {{ zip: f.zip, runtime: go1.x{more} }} }}\n");
    let refused = |text: &str| text.contains("function::retired-runtime: `functions.f`: Lambda creates and changes no");
    let world = World::applied(&stack(""));
    assert!(world.printed_plan(&stack("")).starts_with("No changes."), "{}", world.printed_plan(&stack("")));
    assert!(refused(&world.printed_plan(&stack(", memory_size: 512"))), "its configuration");
    let tagged = world.printed_plan(&stack(", tags: { team: sofa }"));
    assert!(!refused(&tagged) && tagged.contains("tags.team"), "{tagged}");
    let moved = world.printed_plan(&stack(", memory_size: 512").replace("go1.x", "provided.al2023"));
    assert!(!refused(&moved) && moved.contains("runtime: go1.x → provided.al2023"), "{moved}");
    assert!(world.printed_plan("stack: couch\n").contains("- functions.f"), "it may go");
    assert!(refused(&World::default().printed_plan(&stack(""))), "a new one");
}
