use super::world::Stack;
use super::{QUEUES, World};
use crate::plan::{Adoption, Goal, Selection};

/// A function with its role, and an API that calls it.
const PARTS: &str = "
stack: couch
functions: { worker: { zip: worker.zip } }
apis: { web: { routes: { \"GET /\": worker } } }
";

/// Returns the printed plan to adopt `address`.
fn printed_plan(world: &World, text: &str, address: &str, id: Option<&str>) -> String {
    let goal = Goal::Adopt(Adoption { address: address.into(), id: id.map(str::to_owned) });
    world.printed_plan_for(&Stack::of(text, &[]), goal, &Selection::default())
}

/// Returns the world after `text` was applied, without the state's records of these addresses.
fn world_without_records(text: &str, addresses: &[&str]) -> World {
    let mut world = World::applied(text);
    addresses.iter().for_each(|address| world.forget(address));
    world
}

#[test]
fn only_the_named_resource_is_adopted() {
    let mut world = world_without_records(QUEUES, &["queues.inbox"]);
    world.delete("queues.inbox.dead_letter");
    let text = printed_plan(&world, QUEUES, "queues.inbox.dead_letter", None);
    assert!(text.starts_with("adopt::absent: AWS has nothing that `queues.inbox.dead_letter` means\n"), "{text}");
    let world = world_without_records(QUEUES, &["queues.inbox", "queues.inbox.dead_letter"]);
    let text = printed_plan(&world, QUEUES, "queues.inbox.dead_letter", None);
    assert!(text.contains("← queues.inbox.dead_letter") && text.contains("1 to adopt"), "{text}");
    assert!(!text.contains("← queues.inbox "), "{text}");
    let text = printed_plan(&world, QUEUES, "queues.inbox", None);
    assert!(text.contains("0 to create") && text.contains("2 to adopt"), "an element means all its resources: {text}");
}

#[test]
fn a_resource_of_this_stack_need_not_be_adopted() {
    let text = printed_plan(&World::applied(QUEUES), QUEUES, "queues.inbox", None);
    assert!(text.starts_with("adopt::ours: `queues.inbox` belongs to this stack already\n"), "{text}");
}

#[test]
fn the_id_has_to_be_the_resources() {
    let world = world_without_records(QUEUES, &["queues.inbox"]);
    let text = printed_plan(&world, QUEUES, "queues.inbox", Some("other"));
    assert!(text.starts_with("adopt::other: `queues.inbox` means ") && text.contains(", not other\n"), "{text}");
    let mut world = world;
    world.prior = World::applied(QUEUES).prior;
    let id = world.live_of("queues.inbox").physical_id.clone();
    world.forget("queues.inbox");
    assert!(printed_plan(&world, QUEUES, "queues.inbox", Some(&id)).contains("1 to adopt"));
}

#[test]
fn an_unknown_address_is_reported() {
    let text = printed_plan(&World::default(), QUEUES, "queues.inbix", None);
    assert!(text.starts_with("plan::unknown-address: this stack has no `queues.inbix`\n"), "{text}");
}

#[test]
fn a_resource_whose_needs_do_not_exist_is_not_adopted() {
    let mut world = World::applied(PARTS);
    world.delete("functions.worker.role");
    world.edit("functions.worker", |function| function["memory_size"] = 256.into());
    world.forget("functions.worker.role");
    world.forget("functions.worker");
    let text = printed_plan(&world, PARTS, "functions.worker", None);
    assert!(text.starts_with("adopt::incomplete: `functions.worker` needs `functions.worker.role`"), "{text}");
}

#[test]
fn other_resources_of_the_stack_do_not_disturb_an_adoption() {
    const TWO: &str = "\nstack: couch\nqueues: { orders: {}, jobs: { protect: true } }\n";
    const ONE: &str = "\nstack: couch\nqueues: { orders: {} }\n";
    let mut world = world_without_records(TWO, &["queues.orders"]);
    let text = printed_plan(&world, ONE, "queues.orders", None);
    assert!(text.contains("← queues.orders") && !text.contains("queues.jobs"), "its deletion is refused: {text}");
    world.edit("queues.jobs", |queue| queue["tags"]["deployer:stack"] = "other".into());
    let text = printed_plan(&world, TWO, "queues.orders", None);
    assert!(text.contains("← queues.orders") && !text.contains("queues.jobs"), "it is another stack's: {text}");
}
