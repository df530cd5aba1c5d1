//! `--target` and `--exclude`.

use crate::plan::{Action, Adoption, Goal, Selection};

use super::world::Stack;
use super::{ALARM, QUEUES, World};

fn touched_addresses(world: &World, text: &str, goal: Goal, selection: Selection) -> Vec<(String, Action)> {
    let plan = world.plan(&Stack::of(text, &[]), goal, &selection).expect("a plan");
    plan.actions().iter().map(|p| (p.address.clone(), p.action())).collect()
}

fn target(names: &[&str]) -> Selection {
    Selection { target: names.iter().map(|n| (*n).to_owned()).collect(), ..Selection::default() }
}

fn exclude(names: &[&str]) -> Selection {
    Selection { exclude: names.iter().map(|n| (*n).to_owned()).collect(), ..Selection::default() }
}

fn both() -> String {
    format!("{ALARM}queues: {{ inbox: {{ redrive: {{ max_receive_count: 3 }} }} }}\n")
}

#[test]
fn a_target_brings_what_it_waits_for_and_nothing_else() {
    let made = touched_addresses(&World::default(), &both(), Goal::Apply, target(&["alarms.oldest"]));
    assert_eq!(made, [("topics.alarms".into(), Action::Create), ("alarms.oldest".into(), Action::Create)]);
}

#[test]
fn an_element_as_target_means_all_its_parts() {
    let made = touched_addresses(&World::default(), &both(), Goal::Apply, target(&["queues.inbox"]));
    let made: Vec<_> = made.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(made, ["queues.inbox.dead_letter", "queues.inbox"]);
}

#[test]
fn what_is_excluded_takes_along_what_waits_for_it() {
    let made = touched_addresses(&World::default(), &both(), Goal::Apply, exclude(&["topics.alarms"]));
    let made: Vec<_> = made.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(made, ["queues.inbox.dead_letter", "queues.inbox"]);
}

#[test]
fn a_removed_element_outside_the_targets_stays() {
    let world = World::applied(&both());
    let wanted = "\nstack: couch\ntopics: { alarms: {} }\n";
    let made = touched_addresses(&world, wanted, Goal::Apply, target(&["topics.alarms"]));
    assert_eq!(made, [("topics.alarms".into(), Action::Unchanged)]);
    let made = touched_addresses(&world, wanted, Goal::Apply, exclude(&["queues"]));
    assert_eq!(made, [("topics.alarms".into(), Action::Unchanged), ("alarms.oldest".into(), Action::Delete)]);
}

#[test]
fn a_targeted_destruction_takes_what_stands_on_the_target_and_not_what_it_stands_on() {
    let world = World::applied(&both());
    let gone = touched_addresses(&world, &both(), Goal::Destroy, target(&["alarms.oldest"]));
    assert_eq!(gone, [("alarms.oldest".into(), Action::Delete)]);
    let gone = touched_addresses(&world, &both(), Goal::Destroy, target(&["topics.alarms"]));
    let gone: Vec<_> = gone.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(gone, ["topics.alarms", "alarms.oldest"]);
}

#[test]
fn a_name_that_nothing_has_stops_the_plan_with_the_nearest_one() {
    let text = World::default().printed_plan_for(&Stack::of(QUEUES, &[]), Goal::Apply, &target(&["queues.inbix"]));
    insta::assert_snapshot!(text, @r"
    plan::unknown-address: this stack has no `queues.inbix`
      help: did you mean `queues.inbox`?
    ");
}

#[test]
fn what_is_excluded_from_a_destruction_keeps_what_it_stands_on() {
    let world = World::applied(&both());
    let gone = touched_addresses(&world, &both(), Goal::Destroy, exclude(&["alarms.oldest"]));
    let gone: Vec<_> = gone.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(gone, ["queues.inbox.dead_letter", "queues.inbox"]);
}

#[test]
fn interrupted_actions_that_a_plan_leaves_out_stay_in_the_state() {
    let text = "stack: couch\nqueues: { a: {}, b: {} }\n";
    let mut world = World::applied(&text.replace("b: {}", "b: {}, gone: {}"));
    for address in ["queues.a", "queues.b", "queues.gone"] {
        world.intend(address, Action::Create);
        world.forget(address);
    }
    let left_out = |goal: Goal, names: &[&str]| {
        let plan = world.plan(&Stack::of(text, &[]), goal, &target(names)).expect("a plan");
        plan.left_out.into_iter().collect::<Vec<_>>()
    };
    let adoption = Goal::Adopt(Adoption { address: "queues.a".into(), id: None });
    assert_eq!(left_out(Goal::Apply, &[]), [""; 0]);
    assert_eq!(left_out(Goal::Destroy, &[]), [""; 0]);
    assert_eq!(left_out(Goal::Apply, &["queues.a"]), ["queues.b", "queues.gone"]);
    assert_eq!(left_out(adoption, &[]), ["queues.b", "queues.gone"]);
}
