//! SIGINT and SIGTERM, sent once, twice or three times, as by people and CI runners.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;
use crate::gate::Gateway;

const QUEUES: &str = "queues: { a: {}, b: {}, c: {}, d: {}, e: {}, f: {} }\n";
const IN_S3: &str = "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\n";
const IN_A_DIRECTORY: &str = "stack: shop\nregion: eu-west-1\nstate: { path: kept }\n";
const APPLY: &[&str] = &["apply", "-y", "--parallelism", "1", "--lease", "3s"];

/// A run that waits for the answer about its second queue.
struct RunningApply {
    bench: Bench,
    proxy: Gateway,
    child: Child,
    talk: BufReader<ChildStderr>,
}

impl RunningApply {
    async fn new(head: &str) -> Self {
        let bench = Bench::new(&format!("{head}{QUEUES}")).await;
        let proxy = Gateway::start();
        proxy.hold_after("CreateQueue", 1);
        let mut child = bench.start_over(&proxy.endpoint_url, APPLY);
        let talk = BufReader::new(child.stderr.take().expect("a pipe"));
        proxy.await_held();
        Self { bench, proxy, child, talk }
    }

    /// Reads stderr until a line contains `words`.
    fn await_words(&mut self, words: &str) {
        let mut heard = String::new();
        while !heard.lines().any(|line| line.contains(words)) {
            assert_ne!(self.talk.read_line(&mut heard).expect("its talk"), 0, "{words:?} is not said: {heard}");
        }
    }

    fn signal(&mut self, signal: Signal, answer: &str) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process takes a signal");
        self.await_words(answer);
    }

    fn end(&mut self) -> Option<i32> {
        self.child.wait().expect("the process ends").code()
    }

    async fn resources(&self) -> usize {
        let state: serde_json::Value = serde_json::from_slice(&self.bench.kept().await.expect("a state")).unwrap();
        state["resources"].as_object().unwrap().len()
    }

    /// Asserts that the next run continues without help.
    async fn goes_on(&self) {
        let ran = self.bench.run(&["apply", "-y"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        self.bench.settled();
        assert_eq!(inventory(&self.bench.aws).await.len(), 6);
        assert!(self.bench.lock().await.is_none());
    }
}

const FIRST: &str = "Stopping";
const SECOND: &str = "Abandoning";

#[tokio::test]
async fn one_signal_ends_what_is_in_flight_saves_and_lets_go() {
    for (signal, head) in [(Signal::INT, IN_S3), (Signal::TERM, IN_S3), (Signal::TERM, IN_A_DIRECTORY)] {
        let mut run = RunningApply::new(head).await;
        run.signal(signal, FIRST);
        run.proxy.release();
        assert_eq!(run.end(), Some(130));
        assert_eq!((inventory(&run.bench.aws).await.len(), run.resources().await), (2, 2), "{signal:?}");
        assert!(run.bench.lock().await.is_none());
        run.goes_on().await;
    }
}

#[tokio::test]
async fn two_signals_leave_what_is_in_flight_save_and_let_go() {
    // A cancelled job of GitHub Actions gets SIGINT, and SIGTERM 7.5 s later.
    for (second, head) in [(Signal::INT, IN_S3), (Signal::TERM, IN_S3), (Signal::TERM, IN_A_DIRECTORY)] {
        let mut run = RunningApply::new(head).await;
        run.signal(Signal::INT, FIRST);
        run.signal(second, SECOND);
        assert_eq!(run.end(), Some(130), "the call that waits is not waited for");
        assert_eq!(run.resources().await, 1, "{second:?}");
        assert!(run.bench.lock().await.is_none());
        // Now the abandoned call arrives.
        run.proxy.release();
        run.goes_on().await;
    }
}

#[tokio::test]
async fn three_signals_end_the_run_at_once() {
    let mut run = RunningApply::new(IN_S3).await;
    run.proxy.hold("shop.json?");
    run.signal(Signal::INT, FIRST);
    run.signal(Signal::INT, SECOND);
    kill_process(Pid::from_child(&run.child), Signal::INT).expect("the process takes a signal");
    assert_eq!(run.end(), Some(130), "the state that cannot be saved is not waited for");
    assert!(run.bench.lock().await.is_some(), "its lock is left, and runs out");
    run.proxy.release();
    run.goes_on().await;
}

#[tokio::test]
async fn a_cancelled_job_that_cannot_save_in_time_is_killed_and_goes_on_later() {
    for head in [IN_S3, IN_A_DIRECTORY] {
        let mut run = RunningApply::new(head).await;
        run.proxy.hold("shop.json?");
        run.signal(Signal::INT, FIRST);
        if head == IN_S3 {
            run.signal(Signal::TERM, SECOND);
        }
        run.child.kill().expect("SIGKILL");
        assert_eq!(run.end(), None);
        assert!(run.bench.lock().await.is_some(), "its lock is left, and runs out");
        run.proxy.release();
        run.goes_on().await;
    }
}

/// Sends signals while the call after `calls` others waits for its answer. Releases that call afterwards.
fn interrupted_after(calls: usize, bench: &Bench, arguments: &[&str], signals: &[(Signal, &str)]) -> RunOutput {
    let proxy = Gateway::start();
    proxy.hold_after("", calls);
    let mut child = bench.start_over(&proxy.endpoint_url, arguments);
    let mut talk = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    proxy.await_held();
    for (signal, answer) in signals {
        kill_process(Pid::from_child(&child), *signal).expect("the process takes a signal");
        assert!(talk.any(|line| line.contains(answer)), "{answer:?} is said: {arguments:?} after {calls} calls");
    }
    proxy.release();
    let ran = RunOutput::of(child.wait_with_output().expect("the process ends"));
    RunOutput { stderr: talk.collect::<Vec<_>>().join("\n"), ..ran }
}

#[tokio::test]
async fn a_signal_at_any_of_the_first_calls_leaves_no_lock() {
    let once: &[(Signal, &str)] = &[(Signal::INT, FIRST)];
    let twice: &[(Signal, &str)] = &[(Signal::INT, FIRST), (Signal::TERM, SECOND)];
    let bench = Bench::new(&format!("{IN_S3}{QUEUES}")).await;
    let leaves_no_lock = async |arguments: &[&str], calls, signals| {
        let ran = interrupted_after(calls, &bench, arguments, signals);
        assert_eq!(ran.code, Some(130), "{arguments:?} after {calls} calls: {ran}");
        assert!(ran.stderr.contains("nothing was changed"), "{arguments:?} after {calls} calls: {ran}");
        assert!(bench.lock().await.is_none(), "{arguments:?} after {calls} calls");
    };
    for calls in 0..6 {
        leaves_no_lock(&["apply", "-y"], calls, once).await;
    }
    // The first call asks for the account and ends at the first signal. A lock request in flight is waited for.
    for calls in 1..3 {
        leaves_no_lock(&["apply", "-y"], calls, twice).await;
    }
    for calls in 0..3 {
        leaves_no_lock(&["apply", "-y", "--create-state-bucket"], calls, once).await;
    }
    bench.apply();
    for calls in 0..6 {
        leaves_no_lock(&["destroy", "-y"], calls, once).await;
    }
    for calls in 0..2 {
        leaves_no_lock(&["state", "forget", "queues.a", "-y"], calls, once).await;
    }
    bench.settled();
}

#[tokio::test]
async fn a_signal_while_the_account_is_asked_for_leaves_no_lock_in_a_directory() {
    let bench = Bench::new(&format!("{IN_A_DIRECTORY}{QUEUES}")).await;
    let ran = interrupted_after(0, &bench, &["apply", "-y"], &[(Signal::TERM, FIRST)]);
    assert_eq!(ran.code, Some(130), "{ran}");
    assert!(bench.lock().await.is_none());
}

/// Interrupts a command at each of its calls, none of which is answered. Returns the number of calls.
fn interrupted_at_each(bench: &Bench, arguments: &[&str]) -> usize {
    for calls in 0.. {
        let proxy = Gateway::start();
        proxy.hold_after("", calls);
        let mut child = bench.start_over(&proxy.endpoint_url, arguments);
        if !proxy.holds_before_end(&mut child) {
            return calls;
        }
        kill_process(Pid::from_child(&child), Signal::INT).expect("the process takes a signal");
        let ran = RunOutput::of(child.wait_with_output().expect("the process ends"));
        assert_eq!(ran.code, Some(130), "{arguments:?} after {calls} calls: {ran}");
    }
    unreachable!("a command has an end")
}

#[tokio::test]
async fn one_signal_ends_whatever_only_reads() {
    let stack = "functions: { worker: { zip: worker.zip, handler: bootstrap } }\noutputs: { name: a }\n";
    let bench = Bench::new(&format!("{IN_S3}{stack}")).await;
    bench.apply();
    for arguments in [
        &["output"] as &[&str],
        &["output", "name"],
        &["output", "--json"],
        &["state", "list"],
        &["state", "show", "functions.worker"],
        &["state", "history"],
        &["env", "list"],
        &["iam", "plan", "--with-state"],
        &["plan"],
        &["drift"],
        &["status"],
        &["logs"],
        &["trace", "an-id"],
        &["invoke", "worker"],
    ] {
        assert!(interrupted_at_each(&bench, arguments) > 0, "{arguments:?} asks AWS");
    }
}

/// Tells whether the process handles SIGINT.
fn listens(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("its signals");
    u64::from_str_radix(caught.trim(), 16).expect("a mask") & (1 << (Signal::INT.as_raw() - 1)) != 0
}

#[tokio::test]
async fn one_signal_ends_the_wait_for_a_payload() {
    let bench = Bench::new(&format!("{IN_S3}functions: {{ worker: {{ zip: worker.zip }} }}\n")).await;
    let mut command = bench.command(&["invoke", "worker", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let typing = child.stdin.take();
    let deadline = Instant::now() + Duration::from_secs(30);
    let until = |met: &mut dyn FnMut() -> bool| {
        while !met() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    until(&mut || listens(&child));
    kill_process(Pid::from_child(&child), Signal::INT).expect("the process takes a signal");
    until(&mut || child.try_wait().expect("a child").is_some());
    let ended = child.try_wait().expect("a child");
    drop(typing);
    let _ = child.wait();
    assert_eq!(ended.and_then(|status| status.code()), Some(130));
}
