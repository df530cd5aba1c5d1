use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::graph::resolve::nowhere;
use crate::kinds::{KindRef, ObservedResource};
use crate::plan::{Deletion, DesiredSpec, Effect, Reason, Revision};

fn planned_resource(address: &str, action: Action, changes: &[(&str, Value, Value)]) -> PlannedResource {
    let changes = changes.iter().map(|(path, before, after)| Change {
        sensitive: *path == "token",
        ..Change::new(*path, before.clone(), after.clone())
    });
    let changes: Vec<Change> = changes.collect();
    let wanted = DesiredSpec::default();
    let live = ObservedResource::new("id", Value::Null, Default::default());
    let revision = |changes| Revision { wanted: DesiredSpec::default(), live: live.clone(), changes, leftover: None };
    let effect = match action {
        Action::Create => Effect::Create { wanted, changes },
        Action::Update => Effect::Update(revision(changes)),
        Action::Adopt => Effect::Adopt(revision(changes)),
        Action::Delete => Effect::Delete { live, how: Deletion::Called { leftover: None } },
        _ => Effect::Unchanged { wanted, live },
    };
    let queue = KindRef::find("sqs.queue").expect("a kind");
    PlannedResource::new(address, address, queue, effect, Reason::Differs)
}

fn effects(actions: Vec<PlannedResource>, key: Option<&str>) -> Effects {
    let mut secrets = Secrets::default();
    secrets.add("hunter22");
    Effects::of(&Plan { actions, ..Plan::default() }, "shop", &nowhere(), &secrets, key)
}

fn update(address: &str, after: u32) -> PlannedResource {
    planned_resource(address, Action::Update, &[("timeout", json!(30), json!(after))])
}

#[test]
fn the_digest_is_of_what_is_done_alone() {
    let reason = |reason: Reason| PlannedResource { reason, ..update("queues.a", 60) };
    let unchanged = planned_resource("queues.c", Action::Unchanged, &[]);
    let one = effects(vec![reason(Reason::Differs), update("queues.b", 60), unchanged], None);
    let other = effects(vec![update("queues.b", 60), reason(Reason::NotInAws)], Some("lineage"));
    assert_eq!(one.digest(), other.digest());
    assert!(digest::is_digest(&one.digest()));
    assert_ne!(one.digest(), effects(vec![reason(Reason::Differs), update("queues.b", 61)], None).digest());
    assert_eq!(Effects::of_record(&one.to_record()), Some(one));
    assert_eq!(Effects::of_record("e30="), None);
}

#[test]
fn a_secret_is_a_fingerprint_under_the_lineage_and_nothing_before_there_is_one() {
    let secret = |text: &str| {
        planned_resource(
            "queues.a",
            Action::Update,
            &[("token", json!("x"), json!(text)), ("note", json!(1), json!("a hunter22"))],
        )
    };
    for key in [None, Some("lineage")] {
        let text = serde_json::to_string(&effects(vec![secret("other-secret")], key)).unwrap();
        assert!(!text.contains("hunter22") && !text.contains("other-secret"), "{text}");
    }
    let digest = |text, key| effects(vec![secret(text)], key).digest();
    assert_ne!(digest("one", Some("lineage")), digest("two", Some("lineage")));
    assert_eq!(digest("one", None), digest("two", None));
}

#[test]
fn no_two_changes_have_the_same_text() {
    let digest = |before: Value, after: Value| {
        effects(vec![planned_resource("queues.a", Action::Update, &[("p", before, after)])], None).digest()
    };
    let all = [
        digest(json!("a"), json!("b → c")),
        digest(json!("a → b"), json!("c")),
        digest(json!("(none)"), json!("x")),
        digest(Value::Null, json!("x")),
        digest(json!("60"), json!("x")),
        digest(json!(60), json!("x")),
        digest(json!("a"), json!("x (forces replacement)")),
        digest(json!("a"), json!("(sensitive)")),
        digest(json!("a"), json!("x".repeat(200))),
        digest(json!("a"), json!(digest::of(&json!("x".repeat(200)).to_string()))),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn a_record_of_another_version_is_none() {
    let former = Effects { format: 1, ..update_of_a() };
    assert_eq!(Effects::of_record(&former.to_record()), None);
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    let text = json!({"stack": "shop", "account": "1", "region": "r", "resources": {"queues.a": {"kind": "sqs.queue",
        "action": "update", "changes": {"timeout": "30 → 60"}}}});
    packed.write_all(text.to_string().as_bytes()).unwrap();
    assert_eq!(Effects::of_record(&STANDARD.encode(packed.finish().unwrap())), None);
}

fn update_of_a() -> Effects {
    effects(vec![update("queues.a", 60)], None)
}

#[test]
fn each_difference_is_a_line() {
    let reviewed = effects(
        vec![update("queues.a", 60), update("queues.b", 1), planned_resource("queues.c", Action::Create, &[])],
        None,
    );
    let fresh = effects(
        vec![update("queues.a", 90), planned_resource("queues.c", Action::Delete, &[]), update("queues.d", 2)],
        None,
    );
    insta::assert_snapshot!(fresh.differences(&reviewed).join("\n"), @"
    ~ queues.a: timeout: reviewed 30 → 60, now 30 → 90
    - queues.b: update was reviewed and is no longer planned
    ~ queues.c: create was reviewed, now it is delete
    + queues.d: update (timeout: 30 → 2) was not reviewed
    ");
    assert_eq!(fresh.differences(&fresh), [""; 0]);
}

#[test]
fn what_a_cut_off_run_leaves_to_do_was_reviewed() {
    let reviewed = effects(vec![update("queues.a", 60), planned_resource("queues.c", Action::Create, &[])], None);
    assert!(effects(vec![planned_resource("queues.c", Action::Adopt, &[])], None).is_rest_of(&reviewed));
    assert!(effects(vec![update("queues.a", 60)], None).is_rest_of(&reviewed));
    assert!(!effects(vec![update("queues.a", 61)], None).is_rest_of(&reviewed));
    assert!(!effects(vec![planned_resource("queues.x", Action::Delete, &[])], None).is_rest_of(&reviewed));
}
