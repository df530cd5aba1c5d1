//! One contract for all kinds: read, create, change, delete, and the calls that are allowed.

use std::collections::BTreeSet;

use deployer::aws::{Aws, Trust, is_write};
use deployer::kinds::{self, AnyKind, Changes, ObservedResource, Rule};
use deployer::plan::diff::{PropertyRules, diff};
use serde_json::Value;

use crate::catalog::{Case, Entry, Thing, names};

/// Runs the contract: absent, created, equal; each step planned as exactly that change, applied, equal again; deleted
/// with only the reads of a deletion; deleted twice; created again with the largest spec of all steps. The steps change
/// every property, and clear each that can be absent. The catalogue lists the resource while it exists, and afterwards the
/// account is as it was.
pub async fn contract(aws: &Aws, entry: &Entry, case: Case) {
    let kind = kinds::find(entry.kind).expect("a registered kind");
    if !case.variant {
        assert_complete(kind, &case);
    }
    let (account, listed) = (names(aws).await, list(aws, entry).await);
    assert!(read(kind, aws, &case.create).await.is_none(), "absent before it is created");
    assert!(present(kind, aws, &case.create).await.is_none(), "not present before it is created");
    create(kind, aws, &case.create).await;
    let mut told = Vec::new();
    for thing in (entry.list)(aws).await {
        if !listed.contains(&named(&thing)) {
            told.push(thing.whole.await);
        }
    }
    assert!(told.iter().any(|whole| !whole.is_null()), "the catalogue finds and reads what was created: {told:?}");

    let lost = case.lost;
    let fullest = case.steps.iter().map(|(_, spec, _)| spec).max_by_key(|spec| spec.to_string().len()).cloned();
    let mut last = case.create;
    for (step, want, paths) in case.steps {
        let live = read(kind, aws, &last).await.expect("present before a step");
        let changes = differences(kind, &live, &want);
        assert_eq!(changes, paths, "what {step} plans");
        kind.update(aws, &live, &want, &Changes(changes)).await.unwrap_or_else(|e| panic!("{step}: {e}"));
        let live = read(kind, aws, &want).await.expect("present after a step");
        assert_equal(kind, &live, &want, step);
        last = want;
    }

    delete(kind, aws, &last).await;
    assert_eq!(list(aws, entry).await, listed, "a deletion takes away what a creation made");
    let fullest = fullest.expect("a step");
    kind.create(aws, &fullest).await.expect("create with everything");
    let live = read(kind, aws, &fullest).await.expect("present after create with everything");
    let missing = differences(kind, &live, &fullest);
    let is_lost = |path: &String| lost.iter().any(|lost| path.split('.').next() == Some(lost));
    assert!(missing.iter().all(is_lost), "no changes after create with everything, but: {missing:?}");
    kind.delete(aws, &live).await.expect("delete");
    assert_eq!(names(aws).await, account, "nothing is left in the account");
}

/// Creates a resource, and compares what the creation, a read and the prediction tell about it.
async fn create(kind: &dyn AnyKind, aws: &Aws, want: &Value) {
    let made = kind.create(aws, want).await.expect("create");
    let live = read(kind, aws, want).await.expect("present after create");
    assert_eq!(live.physical_id, made.physical_id);
    for output in kind.outputs() {
        assert!(live.outputs.contains_key(*output), "read gives the output {output}");
        assert_eq!(made.outputs.get(*output), live.outputs.get(*output), "create gives what read gives for {output}");
    }
    for (name, value) in kind.predict(want, &aws.place).expect("predict") {
        assert_eq!(live.outputs.get(&name), Some(&value), "the prediction of {name}");
    }
    assert_equal(kind, &live, want, "create");
}

/// Deletes a resource with only the reads of a deletion, and again.
async fn delete(kind: &dyn AnyKind, aws: &Aws, spec: &Value) {
    let live = read(kind, aws, spec).await.expect("present before delete");
    let found = present(kind, aws, spec).await.expect("present before delete");
    assert_eq!((&found.physical_id, &found.outputs), (&live.physical_id, &live.outputs), "what a deletion reads");
    assert_eq!(found.spec.get("tags"), live.spec.get("tags"), "a deletion knows whose it is");
    kind.delete(aws, &found).await.expect("delete");
    assert!(read(kind, aws, spec).await.is_none(), "absent after delete");
    assert!(present(kind, aws, spec).await.is_none(), "not present after delete");
    kind.delete(aws, &live).await.expect("deleting what is gone is success");
    reads_only_read(kind, aws, spec).await;
}

/// Names the kind's resources in the account.
async fn list(aws: &Aws, entry: &Entry) -> BTreeSet<String> {
    (entry.list)(aws).await.iter().map(named).collect()
}

fn named(thing: &Thing<'_>) -> String {
    format!("{} {:?}", thing.name, thing.id)
}

/// Fails if a property is neither changed by a step nor left out for a reason, or if one that can be absent is never
/// cleared. Properties that identify a resource, or whose change replaces it, have no step.
fn assert_complete(kind: &dyn AnyKind, case: &Case) {
    let is_fixed = |property: &str| {
        let fixed = |rule: &Rule| matches!(rule, Rule::Replace(_) | Rule::Hint);
        kind.identity().contains(&property) || kind.rules().iter().any(|(path, rule)| *path == property && fixed(rule))
    };
    let is_changed = |property: &str| {
        let of = |path: &&str| path.split(['.', '[']).next() == Some(property);
        case.steps.iter().any(|(.., paths)| paths.iter().any(of))
    };
    let is_left_out = |property: &str| case.left_out.iter().any(|(left_out, _)| *left_out == property);
    let all = kind.properties();
    let never_changed: Vec<_> =
        all.iter().filter(|property| !is_fixed(property) && !is_changed(property) && !is_left_out(property)).collect();
    assert!(!all.is_empty() && never_changed.is_empty(), "no step changes {never_changed:?}");
    let needless: Vec<_> =
        case.left_out.iter().filter(|(property, _)| is_changed(property) || is_fixed(property)).collect();
    assert!(needless.is_empty(), "a step changes {needless:?}");
    let specs: Vec<&Value> = std::iter::once(&case.create).chain(case.steps.iter().map(|(_, spec, _)| spec)).collect();
    let is_absent = |spec: &Value, property: &str| match &spec[property] {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    let never_cleared: Vec<_> = all
        .iter()
        .filter(|property| specs.iter().any(|spec| is_absent(spec, property)) && !is_fixed(property))
        .filter(|property| !is_left_out(property))
        .filter(|property| !specs.windows(2).any(|pair| !is_absent(pair[0], property) && is_absent(pair[1], property)))
        .collect();
    assert!(never_cleared.is_empty(), "no step clears {never_cleared:?}");
}

pub async fn read(kind: &dyn AnyKind, aws: &Aws, spec: &Value) -> Option<ObservedResource<Value>> {
    kind.read(aws, spec, Trust::Listing).await.expect("read")
}

async fn present(kind: &dyn AnyKind, aws: &Aws, spec: &Value) -> Option<ObservedResource<Value>> {
    kind.present(aws, spec).await.expect("present")
}

/// Returns the property paths that a plan would show.
pub fn differences(kind: &dyn AnyKind, live: &ObservedResource<Value>, want: &Value) -> Vec<String> {
    diff(PropertyRules(kind.rules()), &live.spec, want).into_iter().map(|change| change.path).collect()
}

fn assert_equal(kind: &dyn AnyKind, live: &ObservedResource<Value>, want: &Value, after: &str) {
    let changes = diff(PropertyRules(kind.rules()), &live.spec, want);
    assert!(changes.is_empty(), "no changes after {after}, but: {changes:#?}");
}

async fn reads_only_read(kind: &dyn AnyKind, aws: &Aws, spec: &Value) {
    let before = aws.calls_made().len();
    read(kind, aws, spec).await;
    let written: Vec<_> = aws.calls_made().split_off(before).into_iter().filter(|op| is_write(op)).collect();
    assert!(written.is_empty(), "a read wrote: {written:?}");
}
