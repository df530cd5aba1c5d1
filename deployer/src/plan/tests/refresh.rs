use super::World;
use super::world::Stack;
use crate::plan::{Goal, Plan, Selection};

const TOPIC: &str = "
stack: couch
topics: { news: { subscriptions: [ { email: me@example.com } ] } }
";

/// Returns the plan that only records what AWS has.
fn refresh(world: &World) -> Plan {
    world.plan(&Stack::of(TOPIC, &[]), Goal::Refresh, &Selection::default()).expect("a plan")
}

#[test]
fn a_refresh_shows_the_id_that_a_confirmed_subscription_has_got_and_records_it() {
    let mut world = World::applied(TOPIC).with_arns();
    let address = "topics.news.subscription[email:me@example.com]";
    assert!(!refresh(&world).has_changes(), "everything is recorded");
    let arn = world.live_of(address).physical_id.clone();
    world.prior.resources.get_mut(address).expect("a record").physical_id = "PendingConfirmation".to_owned();
    let plan = refresh(&world);
    assert!(plan.has_changes());
    let [drift] = plan.drift() else { panic!("{:#?}", plan.drift()) };
    assert_eq!((drift.address.as_str(), drift.path.as_deref()), (address, Some("id")));
    assert_eq!((drift.before.as_str(), drift.after.as_str()), (Some("PendingConfirmation"), Some(arn.as_str())));
}
