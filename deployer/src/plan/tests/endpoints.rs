//! A subscription's endpoint may be a secret: its address names the variable, and nothing shows the value.

use insta::assert_snapshot;
use serde_json::json;

use super::World;
use super::world::{Stack, place};
use crate::graph::resolve;
use crate::kinds::Action;
use crate::observe::observe_state;
use crate::plan::effects::Effects;
use crate::plan::saved::Marker;
use crate::plan::{Goal, Plan, Question, Selection, plan};

const SECRET: &str = "
stack: couch
vars: { mail: { secret: true, required: true }, other: { secret: true, default: \"\" } }
topics: { news: { subscriptions: [ { email: \"${vars.mail}\" } ] } }
";
const NEWS: &str = "topics.news.subscription[email:vars.mail]";

fn plain() -> String {
    SECRET.replace("mail: { secret: true,", "mail: { secret: false,")
}

fn with(text: &str, mail: &str) -> Stack {
    Stack::of(text, &[format!("mail={mail}")])
}

fn applied_world(text: &str, mail: &str) -> World {
    World::applied_with(text, &[format!("mail={mail}")]).with_arns()
}

fn plan_apply(world: &World, stack: &Stack) -> Plan {
    world.plan(stack, Goal::Apply, &Selection::default()).expect("a plan")
}

/// Returns the printed plan, which shows neither address.
#[track_caller]
fn printed_plan(world: &World, stack: &Stack) -> String {
    let text = world.printed_plan_for(stack, Goal::Apply, &Selection::default());
    assert!(!text.contains("ops@") && !text.contains("dev@"), "{text}");
    text
}

/// Lets the subscription wait for its confirmation.
fn unconfirmed(world: &mut World) {
    let live = world.live.iter_mut().find(|((kind, _), _)| kind == "sns.subscription").expect("it is live").1;
    live.physical_id = "PendingConfirmation".into();
    live.notes = vec!["confirm the e-mail subscription".into()];
}

#[test]
fn a_secret_endpoint_is_created_under_its_variables_name() {
    let text = printed_plan(&World::default(), &with(SECRET, "ops@example.com"));
    assert!(text.contains(NEWS), "{text}");
    assert_snapshot!(text, @r"
    + topics.news  sns.topic
        name: couch-news
        fifo_topic: false
        content_based_deduplication: false
        tracing_config: PassThrough
      + topics.news.subscription[email:vars.mail]  sns.subscription
          topic_arn: arn:aws:sns:eu-west-1:123456789012:couch-news
          protocol: email
          endpoint: (sensitive)
          raw_message_delivery: false

    ! topics.news.subscription[email:vars.mail]: confirm the e-mail subscription of (sensitive): nothing is sent there until then

    Plan: 2 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn a_secret_endpoint_that_is_there_is_no_change() {
    let world = applied_world(SECRET, "ops@example.com");
    let kept = serde_json::to_string(&world.prior).expect("JSON");
    assert!(kept.contains("fingerprint:argon2id") && !kept.contains("ops@"), "{kept}");
    let stack = with(SECRET, "ops@example.com");
    assert!(printed_plan(&world, &stack).starts_with("No changes."));
    let seen = observe_state(&stack.graph, &place(), world.prior.clone()).expect("known kinds");
    let plan = plan(&Question {
        graph: &stack.graph,
        seen: &seen,
        stack: "couch",
        place: &place(),
        goal: &Goal::Apply,
        selection: &Selection::default(),
        secrets: stack.document.secrets(),
    });
    assert!(!plan.expect("a plan").has_changes(), "nor is it one against the state alone");
}

#[test]
fn another_value_subscribes_the_new_endpoint_and_unsubscribes_the_old_one() {
    let (world, stack) = (applied_world(SECRET, "ops@example.com"), with(SECRET, "dev@example.com"));
    assert_snapshot!(printed_plan(&world, &stack), @r"
    +/- topics.news.subscription[email:vars.mail]  sns.subscription
        # endpoint changes: SNS cannot send a subscription to another endpoint
        # created first; the old one is deleted once nothing uses it
        endpoint: (sensitive, changed)  # forces replacement

    ! topics.news.subscription[email:vars.mail]: confirm the e-mail subscription of (sensitive): nothing is sent there until then

    Plan: 0 to create, 0 to update, 1 to replace, 0 to delete, 0 to adopt.
    ");
    let plan = plan_apply(&world, &stack);
    let replaced = plan.actions().iter().find(|planned| planned.address == NEWS).expect("it is planned");
    let old = replaced.predecessor().expect("what was there goes");
    assert_eq!(old.physical_id, world.prior.resources[NEWS].physical_id);
    assert!(!old.spec.to_string().contains("ops@"), "{:#}", old.spec);
}

#[test]
fn another_value_says_that_what_was_never_confirmed_lapses_by_itself() {
    let mut world = applied_world(SECRET, "ops@example.com");
    unconfirmed(&mut world);
    let text = printed_plan(&world, &with(SECRET, "dev@example.com"));
    assert!(text.contains("it lapses by itself within 48 hours"), "{text}");
    let text =
        printed_plan(&world, &with("stack: couch\nvars: { mail: null }\ntopics: { news: {} }\n", "x@example.com"));
    assert!(text.contains("it lapses by itself within 48 hours"), "{text}");
}

#[test]
fn a_removed_secret_endpoint_is_deleted_whether_its_variable_is_still_there_or_not() {
    let world = applied_world(SECRET, "ops@example.com");
    let without = SECRET.replace("{ subscriptions: [ { email: \"${vars.mail}\" } ] }", "{}");
    let texts = ["ops@example.com", "dev@example.com"].map(|mail| printed_plan(&world, &with(&without, mail)));
    assert_eq!(texts[0], texts[1]);
    assert_snapshot!(texts[0], @r"
    - topics.news.subscription[email:vars.mail]  sns.subscription  (removed from stack.yaml)

    Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 0 to adopt.
    ");
}

#[test]
fn an_endpoint_that_became_a_secret_is_taken_over_and_stays_subscribed() {
    let (world, stack) = (applied_world(&plain(), "ops@example.com"), with(SECRET, "ops@example.com"));
    assert_snapshot!(printed_plan(&world, &stack), @r"
      topics.news.subscription[email:vars.mail]  sns.subscription  renamed from topics.news.subscription[email:(sensitive)]

    ! topics.news.subscription[email:vars.mail]: the state has the secret in this address in clear until this is applied; its earlier versions keep it

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
    let plan = plan_apply(&world, &stack);
    let effects = Effects::of(&plan, "couch", &place(), stack.document.secrets(), Some("lineage"));
    let marks = Marker { salt: "salt", secrets: stack.document.secrets() }.effects(&plan);
    for text in [serde_json::to_string(&effects), serde_json::to_string(&marks)].map(|text| text.expect("JSON")) {
        assert!(text.contains(NEWS) && !text.contains("ops@"), "{text}");
    }
}

#[test]
fn an_endpoint_that_is_no_secret_any_more_is_taken_over_and_stays_subscribed() {
    let world = applied_world(SECRET, "ops@example.com");
    let stack = with(&plain(), "ops@example.com");
    assert_snapshot!(world.printed_plan_for(&stack, Goal::Apply, &Selection::default()), @r"
      topics.news.subscription[email:ops@example.com]  sns.subscription  renamed from topics.news.subscription[email:vars.mail]

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.
    ");
}

#[test]
fn an_endpoint_that_somebody_unsubscribed_is_created_again() {
    let mut world = applied_world(SECRET, "ops@example.com");
    world.live.retain(|(kind, _), _| kind != "sns.subscription");
    let text = printed_plan(&world, &with(SECRET, "ops@example.com"));
    assert!(text.contains("was deleted outside") && text.contains(NEWS), "{text}");
}

#[test]
fn what_a_cut_off_run_subscribed_is_taken_over() {
    let mut world = applied_world(SECRET, "ops@example.com");
    world.intend(NEWS, Action::Create);
    world.forget(NEWS);
    let text = printed_plan(&world, &with(SECRET, "ops@example.com"));
    assert!(text.contains("created by an interrupted run"), "{text}");
}

#[test]
fn two_secret_endpoints_of_one_topic_may_exchange_their_values() {
    let both = SECRET.replace(" ] }", ", { email: \"${vars.other}\" } ] }");
    let of = |mail: &str, other: &str| [format!("mail={mail}"), format!("other={other}")];
    let world = World::applied_with(&both, &of("ops@example.com", "dev@example.com")).with_arns();
    assert!(
        printed_plan(&world, &Stack::of(&both, &of("ops@example.com", "dev@example.com"))).starts_with("No changes.")
    );
    let exchanged = plan_apply(&world, &Stack::of(&both, &of("dev@example.com", "ops@example.com")));
    let moved: Vec<_> = exchanged.actions().iter().filter_map(|planned| planned.moved_from.as_deref()).collect();
    assert_eq!(moved, [&NEWS.replace("vars.mail", "vars.other"), NEWS], "each follows its endpoint");
    assert_eq!(exchanged.summary().unchanged, exchanged.actions().len());
}

#[test]
fn a_secret_inside_an_endpoint_leaves_the_rest_of_it_readable() {
    let hook = SECRET.replace("email: \"${vars.mail}\"", "https: \"https://example.com/in?${vars.mail}#x\"");
    let graph = with(&hook, "s3cr}et-${token").graph;
    let node = graph.nodes().find(|node| node.kind.name() == "sns.subscription").expect("a subscription");
    assert_eq!(node.address, "topics.news.subscription[https:https://example.com/in?vars.mail#x]");
    let spec = resolve::value(&node.spec, &resolve::KnownOutputs::new(), &place());
    assert_eq!(spec["endpoint"], json!("https://example.com/in?s3cr}et-${token#x"));
}
