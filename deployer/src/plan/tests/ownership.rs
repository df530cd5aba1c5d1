//! Ownership: a resource is adopted if it is provably ours, and refused if it is not.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::world::{Stack, place};
use super::{ALARM, QUEUES, World};
use crate::aws::Place;
use crate::graph::owner::Evidence;
use crate::kinds::Ownership;
use crate::observe::Orphan;
use crate::plan::{Action, Foreign, Goal, Question, Reason, Selection, plan};

#[test]
fn what_an_interrupted_run_made_is_adopted_and_the_run_is_named() {
    let mut world = World::applied(QUEUES);
    world.intend("queues.inbox", Action::Create);
    world.forget("queues.inbox");
    assert_snapshot!(world.printed_plan(QUEUES), @r"
    ← queues.inbox  sqs.queue  (created by an interrupted run at 2026-11-22T10:00:00Z)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 1 to adopt.
    ");
}

#[test]
fn what_an_interrupted_run_left_half_made_is_adopted_and_completed() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["visibility_timeout"] = json!(30));
    world.intend("queues.inbox", Action::Create);
    world.forget("queues.inbox");
    assert_snapshot!(world.printed_plan(QUEUES), @r"
    ← queues.inbox  sqs.queue  (created by an interrupted run at 2026-11-22T10:00:00Z)
        visibility_timeout: 30 → 60

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 1 to adopt.
    ");
}

#[test]
fn with_the_state_lost_everything_of_ours_is_adopted_and_nothing_changes() {
    let mut world = World::applied(ALARM);
    world.prior.resources.clear();
    assert_snapshot!(world.printed_plan(ALARM), @r"
    ← topics.alarms  sns.topic  (tagged as this stack's, missing from the state)

    ← alarms.oldest  cloudwatch.metric_alarm  (tagged as this stack's, missing from the state)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 2 to adopt.
    ");
}

/// A subscription has no tags: its topic is its parent.
const PART: &str = "
stack: couch
topics: { news: { subscriptions: [ { email: a@example.com } ] } }
";

#[test]
fn a_part_without_tags_belongs_to_whom_its_parent_belongs() {
    let mut world = World::applied(PART);
    world.prior.resources.clear();
    assert_snapshot!(world.printed_plan(PART), @r"
    ← topics.news  sns.topic  (tagged as this stack's, missing from the state)
      ← topics.news.subscription[email:a@example.com]  sns.subscription  (tagged as this stack's, missing from the state)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 2 to adopt.
    ");
}

/// The address of [`PART`]'s subscription.
const SUBSCRIPTION: &str = "topics.news.subscription[email:a@example.com]";

#[test]
fn a_foreign_parent_is_one_problem_with_all_its_parts() {
    let mut world = World::applied(PART);
    world.edit("topics.news", |topic| topic["tags"]["deployer:stack"] = json!("other"));
    let recorded = world.printed_plan(PART);
    world.prior.resources.clear();
    assert_eq!(world.printed_plan(PART), recorded, "the state proves nothing");
    assert_snapshot!(recorded, @r#"
    plan::foreign: the sns.topic "couch-news" exists already and belongs to the stack "other"
      help: choose another name, or take it over with `--adopt 'topics.news'`
    "#);
}

#[test]
fn a_recorded_part_is_not_replaced_while_its_parent_is_another_stacks() {
    let mut world = World::applied(PART);
    world.edit("topics.news", |topic| topic["tags"]["deployer:stack"] = json!("other"));
    let part = vec![SUBSCRIPTION.to_owned()];
    let selection = Selection { target: part.clone(), replace: part, ..Selection::default() };
    assert_snapshot!(world.printed_plan_for(&Stack::of(PART, &[]), Goal::Apply, &selection), @r#"
    plan::foreign: the sns.topic "couch-news" exists already and belongs to the stack "other"
      help: choose another name, or take it over with `--adopt 'topics.news'`
    "#);
}

#[test]
fn a_recorded_part_belongs_to_whom_its_parent_belongs() {
    let mut world = World::applied(PART);
    world.edit("topics.news", |topic| topic["tags"]["deployer:stack"] = json!("other"));
    let (graph, place) = (Stack::of(PART, &[]).graph, place());
    let seen = world.observe(&graph);
    let owners = seen.owners(&graph, "couch", &place);
    let kind = crate::kinds::find("sns.subscription").expect("a kind");
    let parent = Box::new(Foreign::OtherStack { stack: "other".to_owned() });
    for leaves in [false, true] {
        let evidence = Evidence { stated: true, recorded: true, leaves };
        let owner = owners.of(kind, &seen.live[SUBSCRIPTION], evidence);
        assert_eq!(owner.foreign(), Some(Foreign::Part { parent: parent.clone() }), "the state proves nothing");
    }
}

#[test]
fn a_resource_without_our_marks_is_refused() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["tags"] = json!({}));
    world.forget("queues.inbox");
    assert_snapshot!(world.printed_plan(QUEUES), @r#"
    plan::foreign: the sqs.queue "couch-inbox" exists already and carries no ownership tags of this stack
      help: choose another name, or take it over with `--adopt 'queues.inbox'`
    "#);
}

#[test]
fn a_resource_of_another_stack_is_refused_even_when_the_state_knows_it() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["tags"]["deployer:stack"] = json!("other"));
    assert_snapshot!(world.printed_plan(QUEUES), @r#"
    plan::foreign: the sqs.queue "couch-inbox" exists already and belongs to the stack "other"
      help: choose another name, or take it over with `--adopt 'queues.inbox'`
    "#);
}

#[test]
fn a_foreign_resource_is_taken_over_when_that_is_asked_for() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| {
        queue["tags"] = Value::Object(serde_json::Map::new());
        queue["visibility_timeout"] = json!(30);
    });
    world.forget("queues.inbox");
    let selection = Selection { adopt: vec!["queues.inbox".into()], ..Selection::default() };
    assert_snapshot!(world.printed_plan_for(&Stack::of(QUEUES, &[]), Goal::Apply, &selection), @r"
    ← queues.inbox  sqs.queue  (adopted on request; carries no ownership tags of this stack)
        visibility_timeout: 30 → 60

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 1 to adopt.
    ");
}

/// A bucket of another stack.
const EXTERNAL: &str = "
stack: couch
buckets: { images: { name: shared-images, external: true } }
queues: { inbox: { tags: { bucket: \"${buckets.images.name}\" } } }
";

#[test]
fn an_external_resource_that_is_missing_stops_the_plan() {
    assert_snapshot!(World::default().printed_plan(EXTERNAL), @r#"
    plan::external-missing: the external s3.bucket "shared-images" does not exist
      help: create it, correct its name, or drop `external: true` to let this stack create it
    "#);
}

#[test]
fn an_external_resource_that_is_there_is_left_alone() {
    let mut world = World::applied(EXTERNAL);
    for live in world.live.values_mut().filter(|live| live.physical_id == "shared-images") {
        live.spec["versioning"] = json!(true);
    }
    assert_snapshot!(world.printed_plan(EXTERNAL), @"No changes. 1 resource matches stack.yaml.");
    assert_snapshot!(world.printed_plan_for(&Stack::of(EXTERNAL, &[]), Goal::Destroy, &Selection::default()), @r"
    - queues.inbox  sqs.queue
        # lost for good: the messages in it

    Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 0 to adopt.
    ");
}

#[test]
fn what_an_emulator_made_without_its_marks_is_that_of_the_interrupted_run() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["tags"] = json!({}));
    world.intend("queues.inbox", Action::Create);
    world.forget("queues.inbox");
    assert_snapshot!(world.printed_plan(QUEUES), @r#"
    plan::foreign: the sqs.queue "couch-inbox" exists already and carries no ownership tags of this stack
      help: choose another name, or take it over with `--adopt 'queues.inbox'`
    "#);
    let Stack { document, graph } = Stack::of(QUEUES, &[]);
    let local = Place { endpoint_url: Some("http://127.0.0.1:4566".into()), ..place() };
    let plan = plan(&Question {
        graph: &graph,
        seen: &world.observe(&graph),
        stack: "couch",
        place: &local,
        goal: &Goal::Apply,
        selection: &Selection::default(),
        secrets: document.secrets(),
    });
    let plan = plan.unwrap_or_else(|_| panic!("it is ours"));
    let inbox = plan.actions().iter().find(|planned| planned.address == "queues.inbox").expect("it is planned");
    assert_eq!(inbox.action(), Action::Adopt);
}

#[test]
fn what_an_edited_state_records_twice_leaves_the_state_once() {
    let mut world = World::applied(QUEUES);
    let twin = world.prior.resources["queues.inbox"].clone();
    world.prior.resources.insert("queues.ghost".into(), twin);
    assert_snapshot!(world.printed_plan(QUEUES), @r"
    · queues.ghost  sqs.queue  (is recorded as queues.inbox)

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    1 to forget (removed from the state, kept or already gone in AWS).
    ");
}

/// Every kind, each part beside its parent.
pub(crate) const ALL: &str = r#"
stack: couch
queues: { inbox: {} }
roles: { batch: { trust: [ lambda.amazonaws.com ] } }
functions: { draw: { zip: draw.zip, url: true, async: { retries: 0 }, events: [ { queue: inbox }, { schedule: rate(1 day) }, { pattern: { source: [shop] } } ] } }
buses: { orders: {} }
tables: { carts: { partition_key: id, stream: NEW_IMAGE, protect: false } }
apis: { web: { routes: { "GET /": { function: draw, authorizer: users, model: Item } }, authorizers: { users: { function: draw } }, models: { Item: { type: object } }, cors: "*" } }
http_apis:
  shop:
    routes: { "GET /": { function: draw, authorizer: users } }
    authorizers: { users: { jwt: { issuer: https://login.example.com, audience: [shop] } } }
topics: { news: { subscriptions: [ { email: a@example.com } ] } }
buckets: { images: { name: couch-images-1, notifications: [ { queue: inbox } ], cors: [ { allowed_origins: ["*"], allowed_methods: [GET] } ], website: { redirect_all_requests_to: www.example.com } } }
log_groups: { audit: { subscriptions: [ { function: draw } ] } }
layers: { fonts: { zip: fonts.zip } }
alarms:
  late:
    { namespace: Couch, metric_name: Late, statistic: Sum, comparison_operator: GreaterThanThreshold, threshold: 1, period: 60s, evaluation_periods: 1 }
"#;
/// A stack with nothing of [`ALL`].
const NONE: &str = "stack: couch\n";

#[test]
fn nothing_is_deleted_or_changed_that_only_the_state_says_to_be_ours() {
    let mut world = World::applied(ALL);
    let kinds: std::collections::BTreeSet<_> = world.prior.resources.values().map(|record| &record.kind[..]).collect();
    assert_eq!(kinds.len(), crate::kinds::REGISTRY.len(), "{kinds:?}");
    for live in world.live.values_mut().filter(|live| live.spec.get("tags").is_some()) {
        live.spec["tags"] = json!({"team": "payments"});
    }
    // A resource with the owner in its id cannot be another's.
    world.live.retain(|_, live| live.spec.get("owner").is_none());
    for (text, goal) in [(NONE, Goal::Apply), (NONE, Goal::Destroy), (ALL, Goal::Destroy)] {
        let plan = world.plan(&Stack::of(text, &[]), goal.clone(), &Selection::default()).expect("a plan");
        let actions = plan.actions();
        assert_eq!(actions.len(), world.prior.resources.len(), "{goal:?}: each says why it stays");
        let touched: Vec<_> = actions.iter().filter(|planned| planned.action() != Action::Forget).collect();
        assert!(touched.is_empty(), "{goal:?}: {touched:#?}");
    }
    let problems = world.plan(&Stack::of(ALL, &[]), Goal::Apply, &Selection::default()).expect_err("foreign").0;
    let named: Vec<_> = problems.iter().filter(|problem| problem.code == "plan::foreign").map(|p| &p.address).collect();
    let by_tags = |kind: &str| crate::kinds::find(kind).is_some_and(|kind| kind.ownership() == Ownership::Tags);
    let tagged = world.prior.resources.values().filter(|record| by_tags(&record.kind)).count();
    assert_eq!(named.len(), tagged, "{named:?}");
}

#[test]
fn a_resource_that_lost_our_tags_is_taken_back_when_that_is_asked_for() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["tags"] = json!({}));
    assert_snapshot!(world.printed_plan(QUEUES), @r#"
    plan::foreign: the sqs.queue "couch-inbox" exists already and carries no ownership tags of this stack any more: they were removed, or another resource was created under its name
      help: choose another name, or take it over with `--adopt 'queues.inbox'`
    "#);
    let selection = Selection { adopt: vec!["queues.inbox".into()], ..Selection::default() };
    let plan = world.plan(&Stack::of(QUEUES, &[]), Goal::Apply, &selection).expect("a plan");
    let inbox = plan.actions().iter().find(|planned| planned.address == "queues.inbox").expect("it is planned");
    let set: Vec<_> = inbox.changes().iter().map(|change| &change.path[..]).collect();
    assert_eq!((inbox.action(), set), (Action::Update, vec!["tags.deployer:address", "tags.deployer:stack"]));
}

#[test]
fn an_element_removed_of_which_another_has_the_name_stays() {
    let mut world = World::applied(QUEUES);
    world.edit("queues.inbox", |queue| queue["tags"] = json!({}));
    assert_snapshot!(world.printed_plan(NONE), @r"
    · queues.inbox  sqs.queue  (stays in AWS: carries no ownership tags of this stack any more: they were removed, or another resource was created under its name)
      - queues.inbox.dead_letter  sqs.queue  (removed from stack.yaml)
          # lost for good: the messages in it

    Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 0 to adopt.
    1 to forget (removed from the state, kept or already gone in AWS).
    ");
    let renamed = QUEUES.replace("inbox: {", "inbox: { name: couch-post,");
    let plan = world.plan(&Stack::of(&renamed, &[]), Goal::Apply, &Selection::default()).expect("a plan");
    let of = |address: &str| plan.actions().iter().find(|planned| planned.address == address).expect("an action");
    assert_eq!(of("queues.inbox").predecessor(), None);
    assert!(of("queues.inbox.dead_letter").predecessor().is_some(), "its own goes");
}

#[test]
fn a_part_that_a_forged_state_names_stays() {
    let mut world = World::applied(ALL);
    let address = "apis.web.permission[GET /]".to_owned();
    let of = |world: &World, text: &str| {
        let plan = world.plan(&Stack::of(text, &[]), Goal::Apply, &Selection::default()).expect("a plan");
        plan.actions().iter().find(|planned| planned.address == address).map(|p| (p.action(), p.reason.clone()))
    };
    let mut forged = world.prior.resources[&address].clone();
    let mut live = world.live_of(&address).clone();
    for spec in [&mut forged.inputs, &mut live.spec] {
        spec["function_name"] = json!("payments");
        spec["source_arn"] = json!("arn:aws:execute-api:eu-west-1:123456789012:theirs/*/GET/");
    }
    world.prior.resources = [(address.clone(), forged.clone())].into();
    let key = (forged.kind.clone(), crate::kinds::find_registered(&forged.kind).identify(&live.spec));
    world.live = [(key, live)].into();
    let stays = Some((Action::Forget, Reason::Foreign { owner: Foreign::PartOfUnknown }));
    assert_eq!(of(&world, NONE), stays);
}

#[test]
fn an_orphan_is_told_of_and_deleted_only_when_asked_for() {
    let mut world = World::applied(QUEUES);
    let live = world.live_of("queues.inbox").clone();
    let orphan = |address: &str, live: Result<_, String>| Orphan {
        address: address.into(),
        kind: "sqs.queue",
        id: "couch-old".into(),
        live,
    };
    world.orphans = vec![orphan("queues.old", Ok(live)), orphan("queues.shut", Err("no permission".into()))];
    assert_snapshot!(world.printed_plan(QUEUES), @r"
    ! queues.old: sqs.queue couch-old carries this stack's ownership tags, and neither stack.yaml nor the state has it; `--prune --target 'queues.old'` deletes it
    ! queues.shut: sqs.queue couch-old carries this stack's ownership tags, and neither stack.yaml nor the state has it; it stays: no permission

    No changes. 2 resources match stack.yaml.
    ");
    let unnamed = Selection { prune: true, ..Selection::default() };
    let section = Selection { target: vec!["queues".into()], ..unnamed.clone() };
    for selection in [&unnamed, &section] {
        let plan = world.plan(&Stack::of(QUEUES, &[]), Goal::Apply, selection).expect("a plan");
        assert!(!plan.has_changes(), "it may have been retained: it goes by its name alone");
    }
    let selection = Selection { target: vec!["queues.old".into(), "queues.shut".into()], ..unnamed };
    assert_snapshot!(world.printed_plan_for(&Stack::of(QUEUES, &[]), Goal::Apply, &selection), @r"
    - queues.old  sqs.queue  (neither stack.yaml nor the state has it)
        # lost for good: the messages in it

    ! queues.shut: sqs.queue couch-old carries this stack's ownership tags, and neither stack.yaml nor the state has it; it stays: no permission

    Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 0 to adopt.
    ");
    let selection = Selection { target: vec!["queues.inbox".into()], ..selection };
    assert_snapshot!(world.printed_plan_for(&Stack::of(QUEUES, &[]), Goal::Apply, &selection), @"No changes. 2 resources match stack.yaml.");
}

#[test]
fn a_schedule_in_a_group_of_others_is_ours_by_its_role() {
    const STACK: &str = "stack: couch\nqueues: { jobs: {} }\nschedules: { tidy: { schedule: rate(1 day), queue: jobs, input: x, group: default } }\n";
    let of = |world: &World, text: &str, address: &str| {
        let plan = world.plan(&Stack::of(text, &[]), Goal::Apply, &Selection::default()).expect("a plan");
        plan.actions().iter().find(|planned| planned.address == address).map(|planned| planned.action())
    };
    let world = World::applied(STACK);
    assert_eq!(of(&world, "stack: couch\nqueues: { jobs: {} }\n", "schedules.tidy"), Some(Action::Delete));
    let renamed = STACK.replace("tidy: {", "tidy: { name: other,");
    assert_eq!(of(&world, &renamed, "schedules.tidy"), Some(Action::Replace));
    let own = STACK.replace(", group: default", "");
    assert_eq!(of(&world, &own, "schedules.tidy"), Some(Action::Replace));
    let mut forged = World::applied(STACK);
    forged.edit("schedules.tidy", |schedule| {
        schedule["target"]["role_arn"] = json!("arn:aws:iam::123456789012:role/theirs");
    });
    assert_eq!(of(&forged, "stack: couch\nqueues: { jobs: {} }\n", "schedules.tidy"), Some(Action::Forget));
}
