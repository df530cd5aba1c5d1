//! A state bucket that belongs to another account.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;
use crate::common;
use crate::proxy::{Proxy, answer};

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
queues: { orders: {} }
";
const OWNER: &str = "x-amz-expected-bucket-owner: ";

/// Starts a local AWS in which the state's bucket belongs to the account `owner` and everybody may use it. Records the
/// calls for the bucket.
fn with_bucket_of(owner: &str, bucket: &str) -> (Proxy, Arc<Mutex<Vec<String>>>) {
    let (owner, bucket, calls) = (owner.to_owned(), format!("/{bucket}"), Arc::new(Mutex::new(Vec::new())));
    let noted = calls.clone();
    let proxy = Proxy::in_stead(&common::cloud().endpoint_url, move |sent| {
        let line = sent.lines().next().unwrap_or_default();
        if !line.contains(&bucket) {
            return None;
        }
        noted.lock().unwrap().push(sent.to_owned());
        let wanted = sent.lines().find_map(|line| line.strip_prefix(OWNER));
        let refused = wanted.is_some_and(|wanted| wanted != owner);
        let body = if line.starts_with("HEAD") { "" } else { "<Error><Code>AccessDenied</Code></Error>" };
        refused.then(|| answer(403, "application/xml", body.as_bytes()))
    });
    (proxy, calls)
}

fn run(bench: &Bench, proxy: &Proxy, arguments: &[&str]) -> RunOutput {
    RunOutput::of(bench.start_over(&proxy.url, arguments).wait_with_output().expect("the binary runs"))
}

#[tokio::test]
async fn a_state_in_somebody_elses_bucket_is_neither_believed_nor_written() {
    let bench = Bench::new(STACK).await;
    bench.apply();
    // The bucket's owner adds a record, whose resource the next apply would delete.
    let mut state = bench.state().await.expect("a state");
    state["resources"]["queues.payments"] = state["resources"]["queues.orders"].clone();
    let poisoned = state.to_string();
    bench.put_object("shop.json", poisoned.as_bytes()).await;
    let (proxy, calls) = with_bucket_of("999999999999", &bench.bucket());
    for arguments in [
        &["plan"][..],
        &["apply", "-y"],
        &["apply", "-y", "--create-state-bucket"],
        &["destroy", "-y"],
        &["drift"],
        &["output"],
        &["state", "list"],
    ] {
        let ran = run(&bench, &proxy, arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran}");
        assert!(ran.stderr.contains("state::bucket-of-others"), "{arguments:?}: {ran}");
        assert!(ran.stderr.contains(&bench.aws.place.account), "{arguments:?}: {ran}");
        assert!(!ran.stdout.contains("payments"), "{arguments:?}: {ran}");
    }
    assert_eq!(bench.object("shop.json").await.expect("as it was"), poisoned.as_bytes());
    assert!(bench.lock().await.is_none());
    let unguarded = |call: &&String| !call.contains(OWNER) && call.starts_with("PUT");
    assert_eq!(calls.lock().unwrap().iter().filter(unguarded).count(), 0, "nothing is sent to be kept there");
    assert_eq!(inventory(&bench.aws).await.len(), 1);
}

#[tokio::test]
async fn a_state_in_another_account_is_taken_where_the_stack_names_that_account() {
    let bench = Bench::new(STACK).await;
    let (proxy, calls) = with_bucket_of("999999999999", &bench.bucket());
    bench.write("stack.yaml", &STACK.replace("key: shop.json", "key: shop.json, account: '999999999999'"));
    let ran = run(&bench, &proxy, &["apply", "-y"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(bench.state().await.expect("a state")["account"], json!(bench.aws.place.account));
    assert!(calls.lock().unwrap().iter().all(|call| call.contains(&format!("{OWNER}999999999999"))));
}

#[tokio::test]
async fn where_the_stack_names_its_account_nothing_is_asked_twice() {
    let bench = Bench::new(STACK).await;
    bench.apply();
    let reads = |stack: &str| {
        bench.write("stack.yaml", stack);
        let (proxy, calls) = with_bucket_of(&bench.aws.place.account, &bench.bucket());
        let ran = run(&bench, &proxy, &["plan"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let calls = calls.lock().unwrap();
        // The lock is read beside the state, to report a run in progress.
        let of_state = calls.iter().filter(|call| !call.lines().next().is_some_and(|line| line.contains(".lock")));
        of_state.map(|call| call.contains(OWNER)).collect::<Vec<_>>()
    };
    let account = &bench.aws.place.account;
    assert_eq!(
        reads(STACK),
        [false, true],
        "the account is known with the first answers, and the state is asked for again"
    );
    assert_eq!(reads(&format!("{STACK}account: '{account}'\n")), [true]);
}
