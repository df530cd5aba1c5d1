//! Several runs at once on one stack: one writes at a time.

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
queues: { a: {}, b: {}, c: {}, d: {}, e: {}, f: { redrive: { max_receive_count: 3 } } }
topics: { t: {} }
log_groups: { g: {} }
";

#[tokio::test]
async fn six_runs_at_once_write_one_after_another_or_say_who_holds_the_lock() {
    let bench = Bench::new(STACK).await;
    let children: Vec<_> = (0..6).map(|_| bench.start(&["apply", "-y", "--lock-timeout", "2s"])).collect();
    let runs: Vec<RunOutput> =
        children.into_iter().map(|child| RunOutput::of(child.wait_with_output().unwrap())).collect();
    let applied = runs.iter().filter(|ran| ran.code == Some(0)).count();
    assert!(applied >= 1, "{runs:#?}");
    for ran in &runs {
        let refused = ran.code == Some(1) && ran.stderr.contains("state::locked");
        assert!(ran.code == Some(0) || refused, "{ran}");
    }
    let makers = runs.iter().filter(|ran| ran.stdout.contains("9 to create")).count();
    assert_eq!(makers, 1, "only the first finds anything to make: {runs:#?}");
    bench.settled();
    assert_eq!(inventory(&bench.aws).await.len(), 9);
    assert!(bench.object("shop.json.lock").await.is_none());
}

/// Lists the serials of every version of the state in S3, oldest first.
async fn serials(bench: &Bench) -> Vec<u64> {
    let s3 = &bench.aws.clients.s3;
    let listed = s3.list_object_versions().bucket(bench.bucket()).prefix("shop.json").send().await.expect("listed");
    let versions = listed.versions.unwrap_or_default();
    let mut serials = Vec::new();
    for version in versions.iter().filter(|version| version.key() == Some("shop.json")) {
        let call = s3.get_object().bucket(bench.bucket()).key("shop.json").set_version_id(version.version_id.clone());
        let bytes = call.send().await.expect("a version").body.collect().await.expect("its bytes");
        let state: serde_json::Value = serde_json::from_slice(&bytes.to_vec()).expect("JSON");
        serials.push(state["serial"].as_u64().expect("a number"));
    }
    serials.sort_unstable();
    serials
}

#[tokio::test]
async fn of_twenty_runs_at_once_each_applies_or_names_the_lock_and_no_serial_is_missing() {
    let bench = Bench::without_bucket(STACK).await;
    bench.ok(&["apply", "-y", "--create-state-bucket"]);
    let before = serials(&bench).await.len();
    let files: Vec<String> = (0..20).map(|n| format!("stack-{n}.yaml")).collect();
    for (n, file) in files.iter().enumerate() {
        bench.write(file, &STACK.replace("a: {}", &format!("a: {{ visibility_timeout: {} }}", 100 + n)));
    }
    let start = |(n, file): (usize, &String)| {
        bench.start(&["apply", "-y", "-f", file, "--lock-timeout", if n % 2 == 0 { "2s" } else { "5m" }])
    };
    let children: Vec<_> = files.iter().enumerate().map(start).collect();
    let mut applied = 0;
    for child in children {
        let ran = RunOutput::of(child.wait_with_output().unwrap());
        let refused = ran.code == Some(1) && ran.stderr.contains("state::locked");
        assert!(ran.code == Some(0) || refused, "{ran}");
        applied += usize::from(ran.code == Some(0));
    }
    assert!(applied >= 10, "{applied}");
    let serials = serials(&bench).await;
    assert_eq!(serials, (1..=serials.len() as u64).collect::<Vec<_>>());
    assert!(serials.len() >= before + 2 * applied, "the intents and the end of each: {serials:?}");
    let state = bench.state().await.unwrap();
    let last = state["resources"]["queues.a"]["inputs"]["visibility_timeout"].as_u64().unwrap() - 100;
    let plan = bench.ok(&["plan", "-f", &format!("stack-{last}.yaml")]);
    assert!(plan.contains("\n\nNo changes."), "{plan}");
    assert!(bench.lock().await.is_none());
}

#[tokio::test]
async fn each_of_several_writers_leaves_its_change_and_a_serial_of_its_own() {
    let bench = Bench::new(STACK).await;
    bench.apply();
    let before = bench.state().await.unwrap();
    let files: Vec<String> = (1..=6).map(|n| format!("stack-{n}.yaml")).collect();
    for (n, file) in files.iter().enumerate() {
        bench.write(file, &STACK.replace("a: {}", &format!("a: {{ visibility_timeout: {} }}", 100 + n)));
    }
    let start = |file: &String| bench.start(&["apply", "-y", "-f", file, "--lock-timeout", "1m"]);
    let children: Vec<_> = files.iter().map(start).collect();
    for child in children {
        let ran = RunOutput::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.stdout.contains("visibility_timeout: "), "each plans against what the last one left: {ran}");
    }
    let after = bench.state().await.unwrap();
    assert_eq!(after["lineage"], before["lineage"]);
    let (from, to) = (before["serial"].as_u64().unwrap(), after["serial"].as_u64().unwrap());
    assert!(to >= from + 6, "six changes are at least six writes: {from} → {to}");
    let timeout = after["resources"]["queues.a"]["inputs"]["visibility_timeout"].as_u64().unwrap();
    let last = files.iter().zip(100..).find(|(_, seconds)| *seconds == timeout).expect("one of the six").0;
    let plan = bench.ok(&["plan", "-f", last]);
    assert!(plan.contains("\n\nNo changes."), "{plan}");
}
