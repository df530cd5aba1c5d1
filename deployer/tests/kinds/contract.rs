//! One contract for all kinds: read, create, change, delete, and the calls that are allowed.

use deployer::aws::{Aws, is_write};
use deployer::kinds::{self, AnyKind, Changes, Observed};
use deployer::plan::diff::{Rules, diff};
use serde_json::Value;

/// Specs of a kind to test: the first is created, the others are changes in place, applied in turn.
pub struct Case {
    pub kind: &'static str,
    pub create: Value,
    /// For each step: its name, its spec, and exactly the property paths that the plan must show.
    pub steps: Vec<(&'static str, Value, Vec<&'static str>)>,
}

/// Runs the contract: absent, created, equal; each step planned as exactly that change, applied, equal again; deleted
/// with only the reads of a deletion; deleted twice.
pub async fn contract(aws: &Aws, case: Case) {
    let kind = kinds::find(case.kind).expect("a registered kind");
    assert!(read(kind, aws, &case.create).await.is_none(), "absent before it is created");
    assert!(present(kind, aws, &case.create).await.is_none(), "not present before it is created");

    let made = kind.create(aws, &case.create).await.expect("create");
    let live = read(kind, aws, &case.create).await.expect("present after create");
    assert_eq!(live.physical_id, made.physical_id);
    for output in kind.outputs() {
        assert!(live.outputs.contains_key(*output), "read gives the output {output}");
        assert_eq!(made.outputs.get(*output), live.outputs.get(*output), "create gives what read gives for {output}");
    }
    for (name, value) in kind.predict(&case.create, &aws.place).expect("predict") {
        assert_eq!(live.outputs.get(&name), Some(&value), "the prediction of {name}");
    }
    assert_equal(kind, &live, &case.create, "create");

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

    let live = read(kind, aws, &last).await.expect("present before delete");
    let found = present(kind, aws, &last).await.expect("present before delete");
    assert_eq!((&found.physical_id, &found.outputs), (&live.physical_id, &live.outputs), "what a deletion reads");
    assert_eq!(found.spec.get("tags"), live.spec.get("tags"), "a deletion knows whose it is");
    kind.delete(aws, &found).await.expect("delete");
    assert!(read(kind, aws, &last).await.is_none(), "absent after delete");
    assert!(present(kind, aws, &last).await.is_none(), "not present after delete");
    kind.delete(aws, &live).await.expect("deleting what is gone is success");
    reads_only_read(kind, aws, &last).await;
}

pub async fn read(kind: &dyn AnyKind, aws: &Aws, spec: &Value) -> Option<Observed<Value>> {
    kind.read(aws, spec).await.expect("read")
}

async fn present(kind: &dyn AnyKind, aws: &Aws, spec: &Value) -> Option<Observed<Value>> {
    kind.present(aws, spec).await.expect("present")
}

/// Returns the property paths that a plan would show.
pub fn differences(kind: &dyn AnyKind, live: &Observed<Value>, want: &Value) -> Vec<String> {
    diff(Rules(kind.rules()), &live.spec, want).into_iter().map(|change| change.path).collect()
}

fn assert_equal(kind: &dyn AnyKind, live: &Observed<Value>, want: &Value, after: &str) {
    let changes = diff(Rules(kind.rules()), &live.spec, want);
    assert!(changes.is_empty(), "no changes after {after}, but: {changes:#?}");
}

async fn reads_only_read(kind: &dyn AnyKind, aws: &Aws, spec: &Value) {
    let before = aws.calls_made().len();
    read(kind, aws, spec).await;
    let written: Vec<_> = aws.calls_made().split_off(before).into_iter().filter(|op| is_write(op)).collect();
    assert!(written.is_empty(), "a read wrote: {written:?}");
}
