//! AWS's protection from deletion, and properties that a deletion alone reads.

use insta::assert_snapshot;
use serde_json::json;

use super::World;
use super::world::Stack;
use crate::plan::{Goal, Selection};

const AUDIT: &str = "
stack: couch
log_groups: { audit: { deletion_protection_enabled: true } }
";

#[test]
fn a_group_that_aws_protects_stops_the_plan_that_deletes_or_replaces_it() {
    let world = World::applied(AUDIT);
    assert_snapshot!(world.printed_plan("\nstack: couch\nqueues: { inbox: {} }\n"), @r"
    plan::deletion-protection: this plan would replace or delete `log_groups.audit`, and AWS refuses that while `deletion_protection_enabled` is on
      help: put `log_groups.audit` back with `deletion_protection_enabled: false`, apply, then remove it; or leave it in AWS: `deployer state forget 'log_groups.audit'`
    ");
    let replaced = AUDIT.replace("{ deletion", "{ log_group_class: INFREQUENT_ACCESS, deletion");
    assert_snapshot!(world.printed_plan(&replaced), @r"
    plan::deletion-protection: this plan would replace or delete `log_groups.audit`, and AWS refuses that while `deletion_protection_enabled` is on
      help: set `deletion_protection_enabled: false` and run the same command again
    ");
    let destroyed = world.printed_plan_for(&Stack::of(AUDIT, &[]), Goal::Destroy, &Selection::default());
    assert!(destroyed.starts_with("plan::deletion-protection"), "{destroyed}");
}

#[test]
fn a_protection_that_stack_yaml_states_off_is_lifted_before_the_deletion() {
    let replaced = AUDIT
        .replace("{ deletion", "{ log_group_class: INFREQUENT_ACCESS, deletion")
        .replace("enabled: true", "enabled: false");
    let text = World::applied(AUDIT).printed_plan(&replaced);
    assert!(text.contains("-/+ log_groups.audit"), "{text}");
    let note = "! log_groups.audit: AWS protects it from deletion: `deletion_protection_enabled` is switched off first";
    assert!(text.contains(note), "{text}");
}

const FULL: &str = "
stack: couch
buckets: { b: { name: full-one } }
";

#[test]
fn a_bucket_without_force_destroy_is_deleted_only_if_it_is_empty_and_the_plan_says_so() {
    let text = World::applied(FULL).printed_plan(&FULL.replace("full-one", "full-two"));
    assert!(text.contains("! buckets.b: S3 deletes only an empty bucket"), "{text}");
}

#[test]
fn force_destroy_counts_for_the_bucket_of_a_former_name_in_this_run_and_in_later_ones() {
    let wanted = FULL.replace("full-one", "full-two, force_destroy: true");
    let stack = Stack::of(&wanted, &[]);
    let mut world = World::applied(FULL);
    let plan = world.plan(&stack, Goal::Apply, &Selection::default()).expect("a plan");
    assert_eq!(plan.actions()[0].predecessor().expect("the old bucket").spec["force_destroy"], json!(true));
    // The earlier run has created the new bucket and could not delete the old one.
    let record = world.prior.resources["buckets.b"].clone();
    let new = World::applied(&wanted);
    world.live.extend(new.live);
    world.prior.resources = new.prior.resources;
    world.prior.resources.insert("buckets.b#full-one".to_owned(), record);
    let plan = world.plan(&stack, Goal::Apply, &Selection::default()).expect("a plan");
    assert!(plan.drift().is_empty(), "a bucket of AWS has no such property: {:?}", plan.drift());
    let old = plan.actions().iter().find(|planned| planned.address == "buckets.b#full-one").expect("the old bucket");
    assert_eq!(old.live().expect("it is live").spec["force_destroy"], json!(true));
}

#[test]
fn a_stream_that_is_read_from_another_place_says_which_records_are_skipped_or_handled_again() {
    let before = "
stack: couch
tables: { orders: { partition_key: id, stream: KEYS_ONLY } }
functions: { f: { zip: f.zip, events: [ { table: orders, starting_position: LATEST } ] } }
";
    let world = World::applied(before);
    let text = world.printed_plan(&before.replace("LATEST", "TRIM_HORIZON"));
    assert!(text.contains("# meanwhile: no record is handled. Then all that the stream still has"), "{text}");
    let renamed = world.printed_plan(&before.replace("{ zip", "{ name: other, zip"));
    assert!(renamed.contains("# afterwards: the new mapping begins at LATEST"), "{renamed}");
    let world = World::applied(&before.replace("LATEST", "TRIM_HORIZON"));
    let text = world.printed_plan(before);
    assert!(text.contains("never handled, as it begins at LATEST"), "{text}");
}
