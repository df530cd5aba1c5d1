//! SIGINT and SIGTERM, once, twice, three times, as people and CI runners send them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::Bench;
use crate::gate::Gateway;
use crate::inventory::inventory;

const QUEUES: &str = "queues: { a: {}, b: {}, c: {}, d: {}, e: {}, f: {} }\n";
const IN_S3: &str = "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\n";
const IN_A_DIRECTORY: &str = "stack: shop\nregion: eu-west-1\nstate: { path: kept }\n";
const APPLY: &[&str] = &["apply", "-y", "--parallelism", "1", "--lease", "3s"];

/// A run whose second queue waits for its answer.
struct Underway {
    bench: Bench,
    proxy: Gateway,
    child: Child,
    talk: BufReader<ChildStderr>,
}

impl Underway {
    async fn new(head: &str) -> Self {
        let bench = Bench::new(&format!("{head}{QUEUES}")).await;
        let proxy = Gateway::start();
        proxy.hold_after("CreateQueue", 1);
        let mut child = bench.start_over(&proxy.endpoint_url, APPLY);
        let talk = BufReader::new(child.stderr.take().expect("a pipe"));
        proxy.await_held();
        Self { bench, proxy, child, talk }
    }

    /// Reads the talk until a line with `words` comes.
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

    /// Holds that the next run goes on by itself.
    async fn goes_on(&self) {
        let ran = self.bench.run(&["apply", "-y"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        self.bench.settled();
        assert_eq!(inventory(&self.bench.aws).await.len(), 6);
        assert!(self.bench.lock().await.is_none());
    }
}

const FIRST: &str = "Stopping";
const SECOND: &str = "Leaving";

#[tokio::test]
async fn one_signal_ends_what_is_in_flight_saves_and_lets_go() {
    for (signal, head) in [(Signal::INT, IN_S3), (Signal::TERM, IN_S3), (Signal::TERM, IN_A_DIRECTORY)] {
        let mut run = Underway::new(head).await;
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
        let mut run = Underway::new(head).await;
        run.signal(Signal::INT, FIRST);
        run.signal(second, SECOND);
        assert_eq!(run.end(), Some(130), "the call that waits is not waited for");
        assert_eq!(run.resources().await, 1, "{second:?}");
        assert!(run.bench.lock().await.is_none());
        // Now the call that was left arrives.
        run.proxy.release();
        run.goes_on().await;
    }
}

#[tokio::test]
async fn three_signals_end_the_run_at_once() {
    let mut run = Underway::new(IN_S3).await;
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
        let mut run = Underway::new(head).await;
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
