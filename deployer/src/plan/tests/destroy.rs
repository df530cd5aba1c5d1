//! Deletions, resources that stay, and obstacles.

use insta::assert_snapshot;
use serde_json::json;

use super::world::Stack;
use super::{ALARM, QUEUES, World};
use crate::plan::{Action, Foreign, Goal, Reason, Selection};

fn printed_destroy(world: &World, text: &str) -> String {
    world.printed_plan_for(&Stack::of(text, &[]), Goal::Destroy, &Selection::default())
}

#[test]
fn an_element_removed_from_stack_yaml_is_deleted() {
    let wanted = "\nstack: couch\ntopics: { alarms: {} }\n";
    assert_snapshot!(World::applied(ALARM).printed_plan(wanted), @r"
    - alarms.oldest  cloudwatch.metric_alarm  (removed from stack.yaml)
        # lost for good: its history

    Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 0 to adopt.
    ");
}

#[test]
fn an_element_removed_that_is_already_gone_only_leaves_the_state() {
    let mut world = World::applied(ALARM);
    world.delete("alarms.oldest");
    assert_snapshot!(world.printed_plan("\nstack: couch\ntopics: { alarms: {} }\n"), @r"
    · alarms.oldest  cloudwatch.metric_alarm  (already gone from AWS)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    1 to forget (removed from the state, kept or already gone in AWS).
    ");
}

#[test]
fn an_element_removed_that_was_retained_stays_in_aws() {
    let retained = ALARM.replace("oldest:\n", "oldest:\n    retain: true\n");
    assert_snapshot!(World::applied(&retained).printed_plan("\nstack: couch\ntopics: { alarms: {} }\n"), @r"
    · alarms.oldest  cloudwatch.metric_alarm  (retained in AWS)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    1 to forget (removed from the state, kept or already gone in AWS).
    ");
}

#[test]
fn an_element_removed_that_was_protected_stops_the_plan() {
    let protected = ALARM.replace("oldest:\n", "oldest:\n    protect: true\n");
    assert_snapshot!(World::applied(&protected).printed_plan("\nstack: couch\ntopics: { alarms: {} }\n"), @r"
    plan::protected: `alarms.oldest` was applied with `protect: true` and is gone from stack.yaml: it is not deleted
      help: put `alarms.oldest` back with `protect: false`, apply, then remove it; or leave it in AWS: `deployer state forget 'alarms.oldest'`
    ");
}

#[test]
fn an_element_removed_that_another_stack_has_taken_stays() {
    let mut world = World::applied(ALARM);
    world.edit("alarms.oldest", |alarm| alarm["tags"]["deployer:stack"] = json!("other"));
    assert_snapshot!(world.printed_plan("\nstack: couch\ntopics: { alarms: {} }\n"), @r#"
    · alarms.oldest  cloudwatch.metric_alarm  (stays in AWS: belongs to the stack "other")

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    1 to forget (removed from the state, kept or already gone in AWS).
    "#);
}

#[test]
fn a_destroyed_stack_loses_everything_that_is_its_own() {
    assert_snapshot!(printed_destroy(&World::applied(QUEUES), QUEUES), @r"
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
    assert_snapshot!(printed_destroy(&world, &retained), @r"
    · queues.inbox  sqs.queue  (retained in AWS)
      · queues.inbox.dead_letter  sqs.queue  (already gone from AWS)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    2 to forget (removed from the state, kept or already gone in AWS).
    ");
}

#[test]
fn a_protected_element_stops_the_destruction() {
    let protected = QUEUES.replace("inbox: {", "inbox: { protect: true,");
    assert_snapshot!(printed_destroy(&World::applied(&protected), &protected), @r"
    plan::protected: `queues.inbox.dead_letter` is protected, but this plan would replace or delete it
      help: set `protect: false` and run the same command again
    plan::protected: `queues.inbox` is protected, but this plan would replace or delete it
      help: set `protect: false` and run the same command again
    ");
}

#[test]
fn a_protected_element_that_is_retained_stays_and_the_rest_goes() {
    let retained = QUEUES.replace("inbox: {", "inbox: { protect: true, retain: true,");
    assert_snapshot!(printed_destroy(&World::applied(&retained), &retained), @r"
    · queues.inbox  sqs.queue  (retained in AWS)
      · queues.inbox.dead_letter  sqs.queue  (retained in AWS)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    2 to forget (removed from the state, kept or already gone in AWS).
    ");
}

#[test]
fn a_foreign_resource_survives_the_destruction() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["tags"]["deployer:stack"] = json!("other"));
    assert_snapshot!(printed_destroy(&world, QUEUES), @r#"
    · queues.inbox  sqs.queue  (stays in AWS: belongs to the stack "other")
      - queues.inbox.dead_letter  sqs.queue
          # lost for good: the messages in it

    Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 0 to adopt.
    1 to forget (removed from the state, kept or already gone in AWS).
    "#);
}

#[test]
fn what_a_cut_off_run_made_and_never_wrote_down_is_destroyed_all_the_same() {
    let mut world = World::applied(QUEUES);
    world.prior.resources.clear();
    assert_snapshot!(printed_destroy(&world, QUEUES), @r"
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
    assert_snapshot!(printed_destroy(&world, &renamed), @r"
    - queues.inbox  sqs.queue
        # and the old one, which an interrupted run left behind
        # lost for good: the messages in it
      - queues.inbox.dead_letter  sqs.queue
          # and the old one, which an interrupted run left behind
          # lost for good: the messages in it

    Plan: 0 to create, 0 to update, 0 to replace, 2 to delete, 0 to adopt.
    ");
}

#[test]
fn a_retained_resource_keeps_the_predecessor_that_an_interrupted_replacement_left() {
    let retained = QUEUES.replace("inbox: {", "inbox: { retain: true,");
    let mut world = World::applied(&retained);
    let renamed = retained.replace("inbox: {", "inbox: { name: couch-post,");
    world.live.extend(World::applied(&renamed).live);
    let plan = world.plan(&Stack::of(&renamed, &[]), Goal::Destroy, &Selection::default()).expect("a plan");
    assert_eq!((plan.summary().delete, plan.summary().forget), (0, 2));
    assert!(plan.actions().iter().all(|planned| planned.predecessor().is_none()), "{plan:#?}");
}

#[test]
fn a_destroyed_stack_has_nothing_left_to_destroy() {
    assert_snapshot!(printed_destroy(&World::default(), QUEUES), @"No changes. 0 resources match stack.yaml.");
}

/// Parts of other resources: a permission and a mapping of a function, a route of an API, a subscription to a topic.
const PARTS: &str = r#"
stack: couch
queues: { inbox: {} }
functions: { draw: { zip: draw.zip, events: [ { queue: inbox } ] } }
apis: { web: { routes: { "GET /": draw } } }
topics: { news: { subscriptions: [ { email: a@example.com } ] } }
"#;

/// Returns the addresses of actions on parts of resources that another stack has taken.
fn foreign_parts(world: &World, text: &str, goal: Goal) -> Vec<String> {
    let plan = world.plan(&Stack::of(text, &[]), goal, &Selection::default()).expect("a plan");
    let parent = Box::new(Foreign::OtherStack { stack: "other".into() });
    let reason = Reason::Foreign { owner: Foreign::Part { parent } };
    let kept = plan.actions().iter().filter(|planned| planned.reason == reason);
    assert!(kept.clone().all(|planned| planned.action() == Action::Forget));
    kept.map(|planned| planned.address.clone()).collect()
}

#[test]
fn a_part_of_what_another_stack_has_taken_survives_the_destruction() {
    let parts = ["apis.web.permission[GET /]", "topics.news.subscription[email:a@example.com]"];
    for (taken, parts) in [("functions.draw", &parts[..1]), ("topics.news", &parts[1..]), ("queues.inbox", &[])] {
        let mut world = World::applied(PARTS);
        world.edit(taken, |taken| taken["tags"]["deployer:stack"] = json!("other"));
        assert_eq!(foreign_parts(&world, PARTS, Goal::Destroy), parts, "{taken}");
        let nothing = "stack: couch\ntopics: { other: {} }\n";
        assert_eq!(foreign_parts(&world, nothing, Goal::Apply), parts, "{taken}, removed from stack.yaml");
    }
}

#[test]
fn a_predecessor_that_another_stack_has_taken_is_not_deleted() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["tags"]["deployer:stack"] = json!("other"));
    let renamed = QUEUES.replace("inbox: {", "inbox: { name: couch-post,");
    let stack = Stack::of(&renamed, &[]);
    for goal in [Goal::Apply, Goal::Destroy] {
        let plan = world.plan(&stack, goal, &Selection::default()).expect("a plan");
        let of = |address: &str| plan.actions().iter().find(|planned| planned.address == address).expect("an action");
        assert_eq!(of("queues.inbox").predecessor(), None);
        assert_ne!(of("queues.inbox").action(), Action::Delete);
    }
    let plan = world.plan(&stack, Goal::Apply, &Selection::default()).expect("a plan");
    let other = plan.actions().iter().find(|planned| planned.address == "queues.inbox.dead_letter").expect("it");
    assert!(other.predecessor().is_some(), "its own goes");
}

#[test]
fn parts_of_a_predecessor_that_another_stack_has_taken_stay_too() {
    for (element, name) in [("topics.news", "news: { "), ("functions.draw", "draw: { ")] {
        let mut world = World::applied(PARTS);
        world.edit(element, |taken| taken["tags"]["deployer:stack"] = json!("other"));
        let stack = Stack::of(&PARTS.replace(name, &format!("{name}name: another, ")), &[]);
        for goal in [Goal::Apply, Goal::Destroy] {
            let plan = world.plan(&stack, goal, &Selection::default()).expect("a plan");
            let parts =
                plan.actions().iter().filter(|p| matches!(p.kind.name(), "sns.subscription" | "lambda.permission"));
            let parts: Vec<_> = parts.filter(|part| part.dependencies.contains(element)).collect();
            assert_eq!(parts.len(), 1);
            assert_eq!(parts[0].predecessor(), None, "{}", parts[0].address);
            assert_ne!(parts[0].action(), Action::Delete, "{}", parts[0].address);
        }
    }
}

#[test]
fn routes_of_an_api_that_is_no_longer_found_stay() {
    let mut world = World::applied(PARTS);
    world.delete("apis.web");
    let kept = |text: &str, goal| {
        let plan = world.plan(&Stack::of(text, &[]), goal, &Selection::default()).expect("a plan");
        let route = plan.actions().iter().find(|planned| planned.kind.name() == "apigateway.route").expect("a route");
        (route.action(), route.reason.clone())
    };
    let reason = Reason::Foreign { owner: Foreign::PartOfLost };
    assert_eq!(kept("stack: couch\ntopics: { other: {} }\n", Goal::Apply), (Action::Forget, reason));
}

#[test]
fn a_mapping_goes_by_its_own_tags() {
    let mut world = World::applied(PARTS);
    world.edit("functions.draw", |taken| taken["tags"]["deployer:stack"] = json!("other"));
    let without = PARTS.replace("functions: { draw: { zip: draw.zip, events: [ { queue: inbox } ] } }\n", "");
    let without = without.replace("apis: { web: { routes: { \"GET /\": draw } } }\n", "");
    let plan = world.plan(&Stack::of(&without, &[]), Goal::Apply, &Selection::default()).expect("a plan");
    let of =
        |kind: &str| plan.actions().iter().find(|planned| planned.kind.name() == kind).expect("an action").action();
    assert_eq!(of("lambda.event_source_mapping"), Action::Delete, "it takes our messages");
    assert_eq!(of("lambda.permission"), Action::Forget);
}

#[test]
fn what_is_removed_from_a_parent_that_is_taken_back_goes() {
    let mut world = World::applied(PARTS);
    world.edit("topics.news", |taken| taken["tags"]["deployer:stack"] = json!("other"));
    let without = PARTS.replace("{ subscriptions: [ { email: a@example.com } ] }", "{}");
    let selection = Selection { adopt: vec!["topics.news".into()], ..Selection::default() };
    let plan = world.plan(&Stack::of(&without, &[]), Goal::Apply, &selection).expect("a plan");
    let part = plan.actions().iter().find(|planned| planned.kind.name() == "sns.subscription").expect("an action");
    assert_eq!(part.action(), Action::Delete);
}

#[test]
fn what_is_removed_from_a_parent_that_gets_another_key_goes() {
    let moved = "
stack: couch
queues: { inbox: {} }
functions: { paint: { name: couch-draw, zip: draw.zip } }
topics: { bulletin: { name: couch-news } }
";
    let plan = World::applied(PARTS).plan(&Stack::of(moved, &[]), Goal::Apply, &Selection::default()).expect("a plan");
    let of =
        |kind: &str| plan.actions().iter().find(|planned| planned.kind.name() == kind).expect("an action").action();
    for kind in ["sns.subscription", "lambda.permission", "lambda.event_source_mapping"] {
        assert_eq!(of(kind), Action::Delete, "{kind}");
    }
}

#[test]
fn what_has_become_external_leaves_the_state_and_its_parts_alone() {
    let external = PARTS.replace("draw: { zip: draw.zip, events: [ { queue: inbox } ] }", "draw: { external: true }");
    let mut world = World::applied(PARTS);
    let plan = |world: &World, text: &str, goal| {
        let plan = world.plan(&Stack::of(text, &[]), goal, &Selection::default()).expect("a plan");
        let actions = plan.actions().iter().filter(|p| p.action() != Action::Unchanged);
        actions.map(|p| (p.address.clone(), p.action())).collect::<std::collections::BTreeMap<_, _>>()
    };
    let without_api = external.replace("apis: { web: { routes: { \"GET /\": draw } } }\n", "");
    let given_away = plan(&world, &without_api, Goal::Apply);
    assert_eq!(given_away["functions.draw"], Action::Forget);
    assert_eq!(given_away["apis.web.permission[GET /]"], Action::Forget, "it may be the other's by now");
    // Once that is settled, a permission on another stack's function is ours.
    world.forget("functions.draw");
    let settled = plan(&world, &external, Goal::Apply);
    assert!(!settled.contains_key("functions.draw") && !settled.contains_key("apis.web.permission[GET /]"));
    assert_eq!(plan(&world, &without_api, Goal::Apply)["apis.web.permission[GET /]"], Action::Delete);
}

#[test]
fn a_part_of_what_was_taken_stays_though_its_successor_is_adopted() {
    let mut world = World::applied(PARTS);
    world.edit("topics.news", |taken| taken["tags"]["deployer:stack"] = json!("other"));
    let renamed = PARTS.replace("news: { ", "news: { name: another, ");
    let selection = Selection { adopt: vec!["topics.news".into()], ..Selection::default() };
    let plan = world.plan(&Stack::of(&renamed, &[]), Goal::Apply, &selection).expect("a plan");
    let part = plan.actions().iter().find(|planned| planned.kind.name() == "sns.subscription").expect("an action");
    assert_eq!(part.predecessor(), None);
}
