//! Restores the previous code of functions.

use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use deployer::aws::Aws;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::bench::{Bench, RunOutput, changes, ready_zip};
use crate::common;
use crate::proxy::{Proxy, answer};

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
functions:
  worker: { zip: worker.zip }
";

/// Starts a proxy that serves codes of the test's choice. The code of version N of every function is built from the Nth
/// of `words`. `on_fetch` runs before a code is sent.
pub fn keeper(upstream: &str, words: &[&str], on_fetch: impl Fn() + Send + Sync + 'static) -> Proxy {
    let zips: Vec<Vec<u8>> = words.iter().map(|word| ready_zip(word)).collect();
    Proxy::in_stead(upstream, move |sent| {
        let target = sent.split(' ').nth(1)?;
        let after = |mark: &str| target.split_once(mark)?.1.split('&').next()?.parse::<usize>().ok();
        if let Some(number) = after("/code-of/") {
            on_fetch();
            return Some(answer(200, "application/zip", &zips[number - 1]));
        }
        let number = after("?Qualifier=").filter(|_| sent.starts_with("GET "))?;
        let host = sent.lines().find_map(|line| line.strip_prefix("host: "))?;
        let found = json!({ "Code": { "Location": format!("http://{host}/code-of/{number}&X-Amz-Signature=secret") } });
        Some(answer(200, "application/json", found.to_string().as_bytes()))
    })
}

fn kept(words: &[&str]) -> Proxy {
    keeper(&common::cloud().endpoint_url, words, || {})
}

fn over(bench: &Bench, proxy: &Proxy, arguments: &[&str]) -> RunOutput {
    RunOutput::of(bench.start_over(&proxy.url, arguments).wait_with_output().expect("the binary runs"))
}

/// Applies code built from this word.
fn deploy(bench: &Bench, word: &str) {
    std::fs::write(bench.path().join("worker.zip"), ready_zip(word)).expect("a file");
    bench.apply();
}

/// Returns the first line about the stack.
fn head(bench: &Bench) -> String {
    format!("shop · eu-west-1 · {}", bench.aws.place.account)
}

/// Returns the hash of a function's current code.
async fn runs(aws: &Aws, name: &str) -> String {
    let found = aws.clients.lambda.get_function().function_name(name).send().await.expect("a function");
    found.configuration.and_then(|c| c.code_sha256).expect("a hash")
}

fn hash(word: &str) -> String {
    STANDARD.encode(Sha256::digest(ready_zip(word)))
}

#[tokio::test]
async fn the_previous_code_runs_until_the_next_apply_brings_the_newer_again() {
    let bench = Bench::new(STACK).await;
    deploy(&bench, "one");
    deploy(&bench, "two");
    bench.settled();
    let (state, proxy) = (bench.state().await, kept(&["one", "two"]));
    let ran = over(&bench, &proxy, &["rollback", "-y"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(
        ran.stdout.starts_with(&format!("{}\n\n~ functions.worker: version 2 → version 1  (", head(&bench))),
        "{ran}"
    );
    assert!(ran.stderr.contains("the next apply takes it back"), "{ran}");
    assert!(
        ran.stderr.contains(&format!("Rolled back 1 function of shop (eu-west-1, {}) in ", bench.aws.place.account)),
        "{ran}"
    );
    assert_eq!(runs(&bench.aws, "shop-worker").await, hash("one"));
    assert_eq!(bench.state().await, state, "the state holds what was applied");
    assert!(bench.lock().await.is_none(), "the lock was given back");
    let plan = bench.plan();
    assert_eq!(changes(&plan), ["update functions.worker code.sha256"]);
    assert_eq!(plan["drift"][0]["path"], "code.sha256");
    assert_eq!(bench.run(&["drift"]).code, Some(2));
    let again = over(&bench, &proxy, &["rollback", "worker", "-y"]);
    assert!(again.code == Some(0) && again.stdout.contains("runs the code of version 1 already"), "{again}");
    assert!(again.stderr.contains("Nothing to do in shop (") && again.stderr.contains(", 0 writes)"), "{again}");
    bench.apply();
    assert_eq!(runs(&bench.aws, "shop-worker").await, hash("two"));
    bench.settled();
    bench.ok(&["destroy", "-y"]);
    let left = bench.aws.clients.lambda.list_versions_by_function().function_name("shop-worker").send().await;
    assert!(left.is_err(), "its versions went with it");
}

#[tokio::test]
async fn versions_are_listed_and_one_can_be_named() {
    let bench = Bench::new(STACK).await;
    for word in ["one", "two", "three"] {
        deploy(&bench, word);
    }
    let text = bench.ok(&["rollback", "--list"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "functions.worker  shop-worker");
    assert!(lines[1].starts_with("  3  ") && lines[1].ends_with("  runs") && lines[1].contains(" UTC  "), "{text}");
    assert!(lines[3].starts_with("  1  ") && lines[3].contains(&hash("one")[..12]), "{text}");
    let list: Value = serde_json::from_str(&bench.ok(&["rollback", "--list", "--json", "worker"])).expect("an object");
    let worker = &list["functions"][0];
    assert_eq!((&worker["address"], &worker["runs"]), (&json!("functions.worker"), &json!(3)), "{list:#}");
    assert_eq!(worker["versions"][2]["code_sha256"], hash("one"));
    let proxy = kept(&["one", "two", "three"]);
    let ran = over(&bench, &proxy, &["rollback", "worker", "--to", "1", "-y", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let lines = ran.lines();
    let types: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(types, ["version", "action_started", "action_done", "summary"]);
    assert_eq!((&lines[2]["from"], &lines[2]["to"]), (&json!(3), &json!(1)));
    assert_eq!((&lines[3]["result"], &lines[3]["done"]), (&json!("ok"), &json!(["functions.worker"])));
    assert_eq!(runs(&bench.aws, "shop-worker").await, hash("one"));
    let forward = over(&bench, &proxy, &["rollback", "worker", "--to", "2", "-y"]);
    assert!(forward.code == Some(0) && forward.stdout.contains("version 4 → version 2"), "{forward}");
    let unknown = bench.fails(&["rollback", "worker", "--to", "9", "-y"]);
    assert!(unknown.stderr.contains("rollback::unknown-version"), "{unknown}");
    assert!(
        unknown.stderr.contains("AWS keeps 5, 4, 3, 2, 1") && unknown.stderr.contains("stack.yaml:6:"),
        "{unknown}"
    );
}

#[tokio::test]
async fn what_cannot_go_back_says_why_and_what_to_do() {
    let bench = Bench::new(STACK).await;
    let absent = bench.fails(&["rollback", "-y"]);
    assert!(
        absent.stderr.contains("rollback::absent") && absent.stderr.contains("`deployer apply` makes it"),
        "{absent}"
    );
    deploy(&bench, "one");
    for arguments in [&["rollback", "-y"][..], &["rollback", "worker", "-y"]] {
        let alone = bench.fails(arguments);
        assert!(alone.stderr.contains("rollback::no-earlier") && alone.stderr.contains("stack.yaml:6:"), "{alone}");
    }
    let unknown = bench.fails(&["rollback", "wroker", "-y"]);
    assert!(unknown.stderr.contains("function::unknown") && unknown.stderr.contains("`worker`?"), "{unknown}");
    let unknown = bench.fails(&["rollback", "wroker"]);
    assert!(unknown.stderr.contains("function::unknown"), "a wrong name is told before an answer is missed: {unknown}");
    let which = bench.fails(&["rollback", "--to", "1", "-y", "--json"]);
    assert_eq!(which.lines()[0]["code"], "run::usage", "{which}");
    deploy(&bench, "two");
    let unasked = bench.fails(&["rollback"]);
    assert!(
        unasked.stdout.starts_with(&format!("{}\n\n~ functions.worker: version 2 → version 1  (", head(&bench))),
        "{unasked}"
    );
    assert!(unasked.stderr.contains("run::approval-needed") && unasked.stderr.contains("--auto-approve"), "{unasked}");
    let unasked = bench.fails(&["rollback", "--json"]);
    assert_eq!(unasked.lines()[0]["code"], "run::approval-needed", "{unasked}");
    assert!(bench.lock().await.is_none(), "a rollback that is only shown takes no lock");
    let other = over(&bench, &kept(&["another", "two"]), &["rollback", "-y"]);
    assert!(other.code == Some(1) && other.stderr.contains("rollback::other-code"), "{other}");
    assert!(!other.stderr.contains("X-Amz-"), "who has the address has the code: {other}");
    assert_eq!(runs(&bench.aws, "shop-worker").await, hash("two"));
    let lambda = &bench.aws.clients.lambda;
    let arn = bench.aws.place.arn("lambda", "function:shop-worker");
    lambda.tag_resource().resource(arn).tags("deployer:stack", "cafe").send().await.expect("another mark");
    let foreign = bench.fails(&["rollback", "-y"]);
    assert!(foreign.stderr.contains("rollback::foreign"), "{foreign}");
    assert!(foreign.stderr.contains("belongs to the stack \"cafe\""), "{foreign}");
    assert_eq!(runs(&bench.aws, "shop-worker").await, hash("two"));
    assert!(bench.lock().await.is_none());
}

#[tokio::test]
async fn functions_go_back_together_and_those_without_earlier_code_stay() {
    let functions = "  other: { zip: other.zip }\n  third: { zip: worker.zip }\n";
    let bench = Bench::new(&format!("{STACK}{functions}")).await;
    std::fs::write(bench.path().join("other.zip"), ready_zip("only")).expect("a file");
    deploy(&bench, "one");
    deploy(&bench, "two");
    let lambda = &bench.aws.clients.lambda;
    lambda.update_function_configuration().function_name("shop-third").timeout(9).send().await.expect("a change");
    let ran = over(&bench, &kept(&["one", "two"]), &["rollback", "-y"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stdout.contains("· functions.other: the last apply left its code as it was"), "{ran}");
    assert!(ran.stdout.contains("# its settings stay; version 1 had other: timeout"), "{ran}");
    assert!(ran.stderr.contains("Rolled back 2 functions of "), "{ran}");
    for name in ["shop-worker", "shop-third"] {
        assert_eq!(runs(&bench.aws, name).await, hash("one"), "{name}");
    }
    assert_eq!(runs(&bench.aws, "shop-other").await, hash("only"));
}

#[tokio::test]
async fn what_the_last_apply_left_alone_goes_back_only_by_its_name() {
    let bench = Bench::new(&format!("{STACK}  other: {{ zip: other.zip }}\n")).await;
    let other = |word: &str| std::fs::write(bench.path().join("other.zip"), ready_zip(word)).expect("a file");
    other("one");
    deploy(&bench, "one");
    deploy(&bench, "two");
    other("two");
    bench.apply();
    let proxy = kept(&["one", "two"]);
    assert_eq!(over(&bench, &proxy, &["rollback", "-y"]).code, Some(0));
    assert_eq!(runs(&bench.aws, "shop-other").await, hash("one"));
    assert_eq!(runs(&bench.aws, "shop-worker").await, hash("two"), "it came with the apply before");
    assert_eq!(over(&bench, &proxy, &["rollback", "worker", "-y"]).code, Some(0));
    assert_eq!(runs(&bench.aws, "shop-worker").await, hash("one"));
    bench.apply();
    bench.delete_object("shop.json").await;
    bench.apply();
    let unsaid = over(&bench, &proxy, &["rollback", "-y"]);
    assert!(unsaid.code == Some(1) && unsaid.stderr.contains("rollback::unnamed"), "{unsaid}");
}

/// Starts a rollback, and returns once it fetches the earlier code.
fn fetching(bench: &Bench, proxy: &Proxy, fetched: &Receiver<()>) -> Child {
    let mut command = bench.command(&["rollback", "-y", "--lease", "3s"]);
    command.env("AWS_ENDPOINT_URL", &proxy.url).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the binary starts");
    fetched.recv_timeout(Duration::from_secs(60)).expect("it fetches the code");
    child
}

#[tokio::test]
async fn a_signal_before_anything_was_sent_changes_nothing_and_a_kill_needs_no_repair() {
    let bench = Bench::new(STACK).await;
    deploy(&bench, "one");
    deploy(&bench, "two");
    let (fetches, fetched) = channel();
    let silent = keeper(&common::cloud().endpoint_url, &["one", "two"], move || {
        fetches.send(()).expect("the test listens");
        loop {
            std::thread::park();
        }
    });
    let child = fetching(&bench, &silent, &fetched);
    kill_process(Pid::from_child(&child), Signal::INT).expect("a signal");
    let ran = RunOutput::of(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, Some(130), "{ran}");
    assert!(ran.stderr.contains("not started: functions.worker"), "{ran}");
    assert!(bench.lock().await.is_none());
    let mut child = fetching(&bench, &silent, &fetched);
    child.kill().expect("a kill");
    child.wait().expect("it ends");
    assert_eq!(runs(&bench.aws, "shop-worker").await, hash("two"));
    let ran = over(&bench, &kept(&["one", "two"]), &["rollback", "-y"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(runs(&bench.aws, "shop-worker").await, hash("one"));
}
