//! A run that lost its lock to another run makes no further writes.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;
use crate::gate::Gateway;

const QUEUES: &str = "queues: { a: {}, b: {}, c: {}, d: {}, e: {}, f: {} }\n";
const IN_S3: &str = "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\n";
const IN_A_DIRECTORY: &str = "stack: shop\nregion: eu-west-1\nstate: { path: kept }\n";

const APPLY: &[&str] = &["apply", "-y", "--json", "--parallelism", "1", "--lease", "3s"];

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the process takes a signal");
}

/// Stops a run while it creates its second queue, lets another run take over, and resumes the first.
async fn overtaken(head: &str) {
    let bench = Bench::new(&format!("{head}{QUEUES}")).await;
    let proxy = Gateway::start();
    proxy.hold_after("CreateQueue", 1);
    let mut child = bench.start_over(&proxy.endpoint_url, APPLY);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let done = lines.by_ref().find(|line| line.contains("action_done"));
    assert!(done.is_some(), "one queue is made");
    proxy.await_held();
    // In a directory, a process that is stopped in the middle of a write still holds the guard.
    let guard = std::fs::File::open(bench.path().join("kept/.shop.json.guard")).ok();
    if let Some(guard) = &guard {
        guard.lock().expect("the guard");
    }
    signal(&child, Signal::STOP);
    waitpid(Some(Pid::from_child(&child)), WaitOptions::UNTRACED).expect("it is stopped");
    drop(guard);

    let successor = bench.run(&["apply", "-y"]);
    assert_eq!(successor.code, Some(0), "{successor}");
    assert!(successor.stderr.contains("taking over the lock of"), "{successor}");
    let (state, whole) = (bench.kept().await, inventory(&bench.aws).await);
    assert_eq!(whole.len(), 6);
    let before = proxy.calls().len();

    // The pending call is answered, so the run could continue.
    signal(&child, Signal::CONT);
    proxy.release();
    let rest: Vec<String> = lines.collect();
    let ran = RunOutput::of(child.wait_with_output().expect("the process ends"));
    assert_eq!(ran.code, Some(1), "{rest:?} {ran}");
    assert!(rest.iter().any(|line| line.contains("state::fenced")), "{rest:?} {ran}");
    let creates = |calls: &[String]| calls.iter().filter(|call| call.contains("CreateQueue")).count();
    let after = &proxy.calls()[before..];
    assert_eq!(creates(after), 1, "the call that had been sent, and no other: {after:?}");
    assert_eq!(bench.kept().await, state, "the state is the successor's");
    assert!(bench.lock().await.is_none());
    bench.settled();
    assert_eq!(inventory(&bench.aws).await, whole);
}

#[tokio::test]
async fn a_stopped_run_that_goes_on_after_its_lease_was_taken_does_nothing_more() {
    overtaken(IN_S3).await;
}

#[tokio::test]
async fn the_same_with_the_state_in_a_directory() {
    overtaken(IN_A_DIRECTORY).await;
}

#[tokio::test]
async fn a_run_that_cannot_renew_its_lease_starts_nothing_more_and_says_so() {
    let bench = Bench::new(&format!("{IN_S3}{QUEUES}")).await;
    let proxy = Gateway::start();
    proxy.hold_after("CreateQueue", 1);
    let mut child = bench.start_over(&proxy.endpoint_url, &[APPLY, &["-v"]].concat());
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.contains("action_done")), "one queue is made");
    proxy.await_held();
    // The lock cannot be reached until its lease has lapsed, and the run reports that. The state can still be reached.
    proxy.cut("shop.json.lock");
    let mut talk = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(talk.any(|line| line.contains("could not be renewed in time")), "it says so at once");
    proxy.release();
    let rest: Vec<String> = lines.collect();
    let ran = RunOutput::of(child.wait_with_output().expect("the process ends"));
    assert_eq!(ran.code, Some(1), "{rest:?} {ran}");
    assert!(rest.iter().any(|line| line.contains("state::fenced")), "{rest:?} {ran}");
    let summary: serde_json::Value = serde_json::from_str(rest.last().expect("a summary")).unwrap();
    assert_eq!(summary["result"], "failed", "{summary:#}");
    assert!(!summary["not_started"].as_array().unwrap().is_empty(), "{summary:#}");
    // No other run took over, so the finished steps are saved.
    let made = inventory(&bench.aws).await.len();
    let state = bench.state().await.unwrap();
    assert_eq!(state["resources"].as_object().unwrap().len(), made, "{state:#}");
    assert!(made < 6 && bench.lock().await.is_none());
    bench.apply();
    bench.settled();
}
