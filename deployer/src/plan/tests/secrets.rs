//! Secrets stay out of everything that is printed or kept.

use insta::assert_snapshot;
use serde_json::json;

use super::World;
use super::world::{Stack, print_plan};
use crate::plan::{Goal, Selection};

const STACK: &str = "
stack: couch
vars: { token: { secret: true, required: true } }
functions:
  draw:
    zip: draw.zip
    environment: { TOKEN: \"${vars.token}\", MODE: dev }
";

fn with(token: &str) -> Stack {
    Stack::of(STACK, &[format!("token={token}")])
}

fn applied_world(token: &str) -> World {
    World::applied_with(STACK, &[format!("token={token}")])
}

fn plan_of(world: &World, stack: &Stack) -> String {
    let text = world.printed_plan_for(stack, Goal::Apply, &Selection::default());
    text.lines()
        .filter(|line| line.contains("environment") || line.starts_with(['!', 'N', '~']))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_secret_is_hidden_and_its_neighbours_are_not() {
    assert_snapshot!(plan_of(&World::default(), &with("hunter2-hunter2")), @r"
    environment.MODE: dev
    environment.TOKEN: (sensitive)
    ");
}

#[test]
fn a_changed_secret_hides_the_one_before_it_too() {
    let text = plan_of(&applied_world("correct-horse"), &with("battery-staple"));
    assert!(!text.contains("correct") && !text.contains("battery"), "{text}");
    assert_snapshot!(text, @r"
    ~ functions.draw  lambda.function
        environment.TOKEN: (sensitive, changed)
    ");
}

#[test]
fn a_secret_that_is_removed_hides_what_goes() {
    let world = applied_world("correct-horse");
    let wanted = STACK.replace("TOKEN: \"${vars.token}\", ", "");
    let stack = Stack::of(&wanted, &["token=battery-staple".into()]);
    let text = plan_of(&world, &stack);
    assert!(!text.contains("correct"), "{text}");
    assert_snapshot!(text, @r"
    ~ functions.draw  lambda.function
        environment.TOKEN: (sensitive) → (none)
    ");
}

#[test]
fn an_unchanged_secret_is_no_change() {
    assert_snapshot!(plan_of(&applied_world("correct-horse"), &with("correct-horse")), @"No changes. 3 resources match stack.yaml.");
}

#[test]
fn a_secret_that_other_hands_changed_is_a_drift_without_its_value() {
    let mut world = applied_world("correct-horse");
    world.edit("functions.draw", |function| function["environment"]["TOKEN"] = json!("leaked-elsewhere"));
    let text = plan_of(&world, &with("correct-horse"));
    assert!(!text.contains("leaked") && !text.contains("correct"), "{text}");
    assert_snapshot!(text, @r"
    ~ functions.draw  lambda.function
        environment.TOKEN: (sensitive, changed)  # also changed outside
    ! changed outside: functions.draw environment.TOKEN (sensitive)
    ");
}

#[test]
fn with_the_state_lost_a_changed_secret_is_still_hidden_on_both_sides() {
    let mut world = applied_world("correct-horse");
    world.prior.resources.clear();
    let stack = with("battery-staple");
    let plan = world.plan(&stack, Goal::Apply, &Selection::default()).expect("a plan");
    let text = print_plan(&plan, &stack);
    assert!(!text.contains("correct") && !text.contains("battery"), "{text}");
}
