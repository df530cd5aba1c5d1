//! An element that looks renamed gets the hint that a name keeps its resource.

use super::World;
use super::world::Stack;
use crate::plan::{Goal, Note, Remark, Selection};

const STACK: &str = "
stack: couch
queues:
  inbox: { visibility_timeout: 77s }
functions:
  draw: { zip: draw.zip, memory_size: 512, environment: { QUEUE: \"${queues.inbox.url}\" } }
";

/// Lists the hints when `wanted` follows [`STACK`]: new address, old address, name in AWS.
fn hints(wanted: &str) -> Vec<[String; 3]> {
    let mut stack = Stack::of(wanted, &[]);
    // Every function of these tests has the same code.
    let with_code: Vec<String> = stack.graph.nodes().filter(|n| n.code.is_some()).map(|n| n.address.clone()).collect();
    for address in with_code {
        stack.graph.set_artifact(&address, "zip of functions.draw", None);
    }
    let plan = World::applied(STACK).plan(&stack, Goal::Apply, &Selection::default()).expect("a plan");
    let hint = |note: &Note| match &note.remark {
        Remark::LooksRenamed { from, name } => Some([note.address.clone(), from.clone(), name.clone()]),
        _ => None,
    };
    plan.notes().iter().filter_map(hint).collect()
}

#[test]
fn a_renamed_element_is_recognised_by_its_other_properties() {
    let renamed = STACK.replace("draw: {", "paint: {");
    assert_eq!(hints(&renamed), [["functions.paint", "functions.draw", "couch-draw"].map(str::to_owned)]);
    let renamed = STACK.replace("inbox", "outbox");
    assert_eq!(hints(&renamed), [["queues.outbox", "queues.inbox", "couch-inbox"].map(str::to_owned)]);
}

#[test]
fn another_setting_or_two_candidates_are_no_hint() {
    assert!(hints(&STACK.replace("draw: {", "paint: {").replace("512", "1024")).is_empty());
    let two =
        STACK.replace("inbox", "outbox").replace("functions:", "  third: { visibility_timeout: 77s }\nfunctions:");
    assert!(hints(&two).is_empty(), "nobody knows which one");
    assert!(hints(&STACK.replace("draw: {", "paint: { name: couch-draw,")).is_empty(), "it is a rename already");
}

#[test]
fn the_hint_names_the_property_to_write() {
    let text = World::applied(STACK).printed_plan(&STACK.replace("inbox", "outbox"));
    let hint = "! queues.outbox: is like the removed `queues.inbox`; if you renamed it, `name: couch-inbox` keeps the \
                resource and its data";
    assert!(text.contains(hint), "{text}");
}
