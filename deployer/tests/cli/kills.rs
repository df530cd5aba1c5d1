//! Runs that are killed at any moment: the next run continues, without orphans or duplicates.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, RunOutput};
use crate::catalog::{inventory, names};
use crate::dice::{Dice, seed};
use crate::lifecycle::SHOP;

const ROUNDS: u64 = 8;

/// Returns dice with a different seed in each process.
pub fn dice() -> Dice {
    Dice::of(seed(u64::from(std::process::id())))
}

/// Runs the binary and kills it after `lines` lines of output. Returns whether it was still running.
fn cut_off(bench: &Bench, arguments: &[&str], lines: usize) -> bool {
    let mut child = bench.start(arguments);
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let seen = output.lines().map_while(Result::ok).take(lines).count();
    // After SIGKILL the run cannot clean up.
    let _ = child.kill();
    let status = child.wait().expect("the process ends");
    seen == lines && status.code().is_none()
}

/// Deletes a killed run's lock, whose lease would lapse after half a minute. The state's own tests check that, on a
/// virtual clock.
async fn forget_lock(bench: &Bench) {
    bench.delete_object("shop.json.lock").await;
}

#[tokio::test]
async fn a_killed_apply_update_or_destroy_is_finished_by_the_next_run() {
    let mut dice = dice();
    let bench = Bench::new(SHOP).await;
    bench.apply();
    let whole = names(&bench.aws).await;
    bench.ok(&["destroy", "-y"]);
    assert_eq!(inventory(&bench.aws).await, BTreeSet::new());
    let other = SHOP
        .replace("shop-orders", "shop-requests")
        .replace("threshold: 30", "threshold: 40")
        .replace("timeout: 10s", "timeout: 12s")
        .replace("  spare: {}\n", "  extra: {}\n");
    for round in 0..ROUNDS {
        let mut cuts = Vec::new();
        for (what, text, arguments) in [
            ("apply", SHOP, &["apply", "-y", "--json"]),
            ("update", other.as_str(), &["apply", "-y", "--json"]),
            ("destroy", other.as_str(), &["destroy", "-y", "--json"]),
        ] {
            bench.write("stack.yaml", text);
            let lines = dice.below(if what == "update" { 14 } else { 36 });
            let cut = cut_off(&bench, arguments, lines);
            cuts.push(format!("{what} after {lines} lines{}", if cut { "" } else { " (had ended)" }));
            eprintln!("round {round}: {}", cuts.join(", "));
            forget_lock(&bench).await;
            if what == "destroy" {
                bench.ok(&["destroy", "-y"]);
                assert_eq!(inventory(&bench.aws).await, BTreeSet::new(), "{cuts:?}");
                continue;
            }
            bench.apply();
            bench.settled();
            if what == "apply" {
                assert_eq!(names(&bench.aws).await, whole, "{cuts:?}");
            } else {
                let left = inventory(&bench.aws).await;
                let stale = ["queue shop-orders", "queue shop-orders-dlq", "queue shop-spare"];
                assert!(!stale.iter().any(|queue| left.contains(*queue)), "{cuts:?}: {left:?}");
                assert_eq!(left.len(), whole.len(), "{cuts:?}: {left:?}");
            }
        }
    }
}

/// The state's own tests check the time that its last calls get, and the model why.
#[tokio::test]
async fn the_lock_of_a_killed_run_is_taken_over_because_its_process_has_ended() {
    let bench = Bench::new(SHOP).await;
    let signs = bench.path().join(".local/state/deployer/runs");
    let signs = || std::fs::read_dir(&signs).map(|entries| entries.count()).unwrap_or_default();
    let mut command = bench.command(&["apply", "-y", "--json"]);
    let started = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = started.expect("the binary starts");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    assert_eq!(output.lines().map_while(Result::ok).take(3).count(), 3, "the run is in the middle");
    child.kill().expect("it is killed");
    assert_eq!(child.wait().expect("the process ends").code(), None);
    assert_eq!(signs(), 1, "a killed run leaves its sign of life");
    let mut command = bench.command(&["apply", "-y"]);
    let ran = RunOutput::of(command.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("whose process has ended"), "{ran}");
    assert_eq!(signs(), 0, "both signs are gone");
    bench.settled();
}

#[tokio::test]
async fn many_kills_in_a_row_do_not_add_up() {
    let mut dice = dice();
    let bench = Bench::new(SHOP).await;
    for _ in 0..ROUNDS {
        let (verb, lines) = (["apply", "apply", "destroy"][dice.below(3)], dice.below(20));
        cut_off(&bench, &[verb, "-y", "--json"], lines);
        forget_lock(&bench).await;
    }
    bench.apply();
    bench.settled();
    bench.ok(&["destroy", "-y"]);
    assert_eq!(inventory(&bench.aws).await, BTreeSet::new());
}

#[tokio::test]
async fn a_replacement_that_was_cut_off_loses_neither_queue() {
    let stack = |name: &str| {
        format!(
            "stack: shop\nregion: eu-west-1\nstate: {{ bucket: BUCKET, key: shop.json }}\nqueues:\n  orders: {{ name: {name} }}\n"
        )
    };
    let bench = Bench::new(&stack("first")).await;
    // Each line of output (`version`, started, done, started, done, summary) is a moment to kill the run. The third run
    // changes the name again, possibly before the second's predecessor was deleted.
    for lines in 0..7 {
        for name in ["first", "second", "third"] {
            bench.write("stack.yaml", &stack(name));
            cut_off(&bench, &["apply", "-y", "--json"], lines);
            forget_lock(&bench).await;
        }
        bench.apply();
        bench.settled();
        assert_eq!(inventory(&bench.aws).await, BTreeSet::from(["queue third".to_owned()]), "cut off after {lines}");
        bench.ok(&["destroy", "-y"]);
        assert_eq!(inventory(&bench.aws).await, BTreeSet::new(), "cut off after {lines}");
    }
}

#[tokio::test]
async fn the_first_interrupt_finishes_what_is_in_flight_and_lets_go() {
    let queues: String = (0..30).map(|n| format!("  q{n:02}: {{}}\n")).collect();
    let stack =
        format!("stack: shop\nregion: eu-west-1\nstate: {{ bucket: BUCKET, key: shop.json }}\nqueues:\n{queues}");
    let bench = Bench::new(&stack).await;
    let mut child = bench.start(&["apply", "-y", "--json", "--parallelism", "1"]);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let started = lines.by_ref().find(|line| line.contains("action_started"));
    assert!(started.is_some(), "the first queue is being made");
    kill_process(Pid::from_child(&child), Signal::INT).expect("the process takes a signal");
    let rest: Vec<String> = lines.collect();
    let ran = RunOutput::of(child.wait_with_output().expect("the process ends"));
    assert_eq!(ran.code, Some(130), "{rest:?} {ran}");
    let summary: serde_json::Value = serde_json::from_str(rest.last().expect("a summary")).unwrap();
    assert_eq!(summary["result"], "interrupted", "{summary:#}");
    let done = summary["done"].as_array().unwrap().len();
    assert_eq!(done + summary["not_started"].as_array().unwrap().len(), 30, "{summary:#}");
    assert!((1..30).contains(&done), "{summary:#}");
    assert!(bench.object("shop.json.lock").await.is_none(), "the lock is released");
    let state = bench.state().await.expect("the state is saved");
    assert_eq!(state["resources"].as_object().unwrap().len(), done, "{state:#}");
    assert_eq!(inventory(&bench.aws).await.len(), done);
    bench.apply();
    bench.settled();
    assert_eq!(inventory(&bench.aws).await.len(), 30);
}

/// Returns edits of the stack: names changed and swapped, elements removed and restored.
pub fn edits() -> Vec<String> {
    let part = |from: &str, to: &str| SHOP.find(from).unwrap()..SHOP.find(to).unwrap();
    let (functions, rest) = (part("functions:", "roles:"), part("apis:", "outputs:"));
    let without_functions = format!("{}{}", &SHOP[..functions.start], &SHOP[functions.end..rest.start]);
    vec![
        SHOP.to_owned(),
        without_functions,
        SHOP.replace("    zip: worker.zip\n", "    zip: worker.zip\n    name: shop-taker\n"),
        SHOP.replace("  spare: {}\n", "  spare: { name: shop-orders }\n")
            .replace("name: shop-orders\n", "name: shop-spare\n"),
        SHOP.replace("worker:\n", "taker:\n")
            .replace("\": worker", "\": taker")
            .replace("functions.worker", "functions.taker"),
        SHOP.replace("POST /orders", "PUT /orders/{id}").replace("ops@example.com", "boss@example.com"),
    ]
}

#[tokio::test]
async fn edits_between_killed_runs_leave_no_orphan() {
    let mut dice = dice();
    let bench = Bench::new(SHOP).await;
    let edits = edits();
    for round in 0..ROUNDS / 2 {
        let mut cuts = Vec::new();
        for _ in 0..4 {
            let (edit, lines) = (dice.below(edits.len()), dice.below(30));
            bench.write("stack.yaml", &edits[edit]);
            let cut = cut_off(&bench, &["apply", "-y", "--json"], lines);
            cuts.push(format!("edit {edit} after {lines} lines{}", if cut { "" } else { " (had ended)" }));
            eprintln!("round {round}: {}", cuts.join(", "));
            forget_lock(&bench).await;
        }
        bench.apply();
        bench.settled();
        let left = names(&bench.aws).await;
        bench.ok(&["destroy", "-y"]);
        assert_eq!(inventory(&bench.aws).await, BTreeSet::new(), "{cuts:?}");
        bench.apply();
        assert_eq!(left, names(&bench.aws).await, "as if nothing had been before: {cuts:?}");
    }
}

#[tokio::test]
async fn an_interrupt_ends_the_wait_for_a_lock_at_once() {
    let bench = Bench::new(SHOP).await;
    let put = bench.aws.clients.s3.put_object().bucket(bench.bucket()).key("shop.json.lock");
    put.body(b"{}".to_vec().into()).send().await.unwrap();
    let mut child = bench.start(&["apply", "-y", "--lock-timeout", "10m"]);
    let mut talk = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let waiting = talk.by_ref().find(|line| line.contains("waiting: "));
    assert!(waiting.is_some(), "it says that it waits");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("the process takes a signal");
    let rest: Vec<String> = talk.collect();
    let ran = RunOutput::of(child.wait_with_output().expect("the process ends"));
    assert_eq!(ran.code, Some(130), "{rest:?} {ran}");
    assert_eq!(inventory(&bench.aws).await, BTreeSet::new());
}
