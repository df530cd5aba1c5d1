//! A plan tells why code differs, as far as the state knows the origin of the code in AWS.

use super::World;
use super::world::Stack;
use crate::origin::{CodeChange, OriginParts, UnknownOrigin, WholeOrigin};
use crate::plan::{Goal, Selection};
use crate::state::State;

const STACK: &str = "stack: couch\nfunctions: { draw: { zip: draw.zip }, paint: { zip: paint.zip } }\n";
const DRAW: &str = "functions.draw";

fn origin(file: &str, version: &str) -> WholeOrigin {
    OriginParts {
        files: [("src/main.rs".to_owned(), file.to_owned())].into(),
        crates: [("serde".to_owned(), version.to_owned())].into(),
        ..OriginParts::default()
    }
    .finish()
}

/// Returns a world whose functions have the code `recorded`, with its origin.
fn world(recorded: &str) -> World {
    let mut world = World::applied(STACK);
    for address in [DRAW, "functions.paint"] {
        world.edit(address, |function| function["code"]["sha256"] = recorded.into());
        let record = world.prior.resources.get_mut(address).expect("a record");
        record.inputs["code"]["sha256"] = recorded.into();
        world.prior.set_origin(address, &origin("1", "1.0.1"));
    }
    world
}

fn code_change(world: &World) -> Option<CodeChange> {
    let plan = world.plan(&Stack::of(STACK, &[]), Goal::Apply, &Selection::default()).expect("a plan");
    let plan = plan.with_code_changes(&world.prior, |_| Some(origin("2", "1.0.2")));
    plan.actions().iter().find(|planned| planned.address == DRAW)?.code_change.clone()
}

#[test]
fn the_change_lies_between_the_recorded_origin_and_the_packaged_one() {
    let change = code_change(&world("before")).expect("the code differs");
    assert_eq!(change, CodeChange::between(&origin("1", "1.0.1"), &origin("2", "1.0.2")));
    assert_eq!((change.files.len(), change.crates.len()), (1, 1));
    assert_eq!(code_change(&World::applied(STACK)), None, "equal code needs no reason");
}

#[test]
fn other_code_in_aws_and_a_missing_record_are_unknown_for_their_own_reasons() {
    let mut rolled_back = world("before");
    rolled_back.edit(DRAW, |function| function["code"]["sha256"] = "earlier".into());
    assert_eq!(code_change(&rolled_back), Some(CodeChange::unknown(UnknownOrigin::OtherCode)));
    let mut without = world("before");
    without.prior.resources.get_mut(DRAW).expect("a record").origin = None;
    assert_eq!(code_change(&without), Some(CodeChange::unknown(UnknownOrigin::NotRecorded)));
    let mut halved = world("before");
    halved.prior.crates.clear();
    assert_eq!(code_change(&halved), Some(CodeChange::unknown(UnknownOrigin::NotRecorded)));
}

#[test]
fn functions_share_their_crates_in_the_state_and_old_states_have_none() {
    let mut state = world("before").prior;
    assert_eq!(state.crates.len(), 1);
    state.set_origin(DRAW, &origin("2", "1.0.2"));
    assert_eq!(state.crates.len(), 2);
    state.set_origin("functions.paint", &origin("2", "1.0.2"));
    assert_eq!(state.crates.len(), 1, "crates that no function has are dropped");
    let mut text = serde_json::to_value(&state).expect("JSON");
    let again: State = serde_json::from_value(text.clone()).expect("a state");
    assert_eq!(again, state);
    text.as_object_mut().expect("an object").remove("crates");
    let records = text["resources"].as_object_mut().expect("records");
    records.values_mut().for_each(|record| drop(record.as_object_mut().expect("a record").remove("origin")));
    let old: State = serde_json::from_value(text).expect("a state of an earlier version");
    assert!(old.resources[DRAW].origin.is_none() && old.crates.is_empty());
}

#[test]
fn a_secret_in_a_name_leaves_the_origin() {
    let mut state = world("before").prior;
    state.hide(&|text| text.contains("main"));
    let whole = state.origin(&state.resources[DRAW]).expect("an origin");
    assert!(!serde_json::to_string(&whole.origin).expect("JSON").contains("main"));
}
