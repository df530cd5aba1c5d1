//! The worker over a queue, a model and a bucket in memory.

mod fakes;
mod faults;
mod stopping;

use super::*;
use crate::log::tests::logger;
use crate::studio::tests::{FakeStudio, studio};
use fakes::{FakeQueue, fault};
use serde_json::Value;

fn settings(concurrency: usize) -> Polling {
    Polling {
        queue_url: "https://sqs.eu-west-1.amazonaws.com/000000000000/q".into(),
        concurrency,
        visibility: Duration::from_secs(120),
        message_timeout: Duration::from_secs(110),
        stop_grace: Duration::from_secs(25),
    }
}

/// Returns a studio whose model takes this many seconds.
fn slow(seconds: u64) -> FakeStudio {
    let mut studio = studio();
    studio.model_timeout = Duration::from_secs(600);
    studio.models[0].takes(Duration::from_secs(seconds));
    studio
}

/// Runs a worker until `script` ends, which then stops it. Returns the worker's counts and its log.
async fn run(studio: &FakeStudio, queue: &FakeQueue, settings: &Polling, script: impl Future) -> (Counts, Vec<Value>) {
    let logger = logger();
    let worker = Worker { studio, logger: &logger, queue, settings };
    let stopping = Stop::default();
    let script = async {
        script.await;
        stopping.request();
    };
    let (counts, ()) = tokio::join!(worker.run(&stopping), script);
    (counts, logger.sink.parsed())
}

fn seconds(seconds: u64) -> impl Future {
    tokio::time::sleep(Duration::from_secs(seconds))
}

fn lines<'a>(log: &'a [Value], message: &str) -> Vec<&'a Value> {
    log.iter().filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message))).collect()
}

#[tokio::test(start_paused = true)]
async fn as_many_messages_are_worked_on_as_asked_for_and_no_more_are_received() {
    let (studio, queue) = (slow(3), FakeQueue::of(&["a moon"; 12]));
    let (counts, _) = run(&studio, &queue, &settings(5), seconds(10)).await;
    assert_eq!(queue.most_hidden.get(), 5);
    assert_eq!(queue.most_asked.get(), 5);
    // Three times three seconds.
    assert_eq!(studio.store.pictures(), 12);
    assert_eq!(counts, Counts { received: 12, over: 12, again: 0, left: 0 });
    assert_eq!(queue.left(), []);
}

#[tokio::test(start_paused = true)]
async fn a_call_asks_for_ten_messages_at_most() {
    let (studio, queue) = (slow(3), FakeQueue::of(&["a moon"; 12]));
    run(&studio, &queue, &settings(100), seconds(4)).await;
    assert_eq!((queue.most_asked.get(), queue.most_hidden.get()), (10, 12));
    assert_eq!(studio.store.pictures(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_takes_long_does_not_hold_the_others() {
    let (studio, queue) = (slow(1), FakeQueue::of(&["hang", "a", "b", "c", "d"]));
    run(&studio, &queue, &settings(2), seconds(5)).await;
    assert_eq!(studio.store.pictures(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_message_stays_hidden_while_it_is_worked_on() {
    let (studio, queue) = (slow(50), FakeQueue::of(&["a moon"]));
    let settings = Polling { visibility: Duration::from_secs(6), ..settings(2) };
    run(&studio, &queue, &settings, seconds(60)).await;
    assert_eq!(queue.delivered.borrow().len(), 1);
    assert_eq!(studio.store.pictures(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_could_not_be_kept_hidden_is_drawn_once_all_the_same() {
    let (studio, queue) = (slow(50), FakeQueue::of(&["a moon"]));
    queue.hide_fails.set(true);
    let settings = Polling { visibility: Duration::from_secs(6), ..settings(2) };
    let (_, log) = run(&studio, &queue, &settings, seconds(60)).await;
    assert!(queue.delivered.borrow().len() > 1);
    assert_eq!(studio.models[0].calls(), 1);
    assert_eq!(queue.left(), []);
    assert!(!lines(&log, "another delivery is being drawn").is_empty());
    let first = log.iter().filter(|line| line["message"] == "not kept hidden, the work goes on");
    assert_eq!(first.count(), 1, "the other deliveries end before they are hidden anew");
}

#[tokio::test(start_paused = true)]
async fn a_message_has_a_time_of_its_own_and_comes_again_after_it() {
    let (studio, queue) = (slow(0), FakeQueue::of(&["hang"]));
    let (counts, log) = run(&studio, &queue, &settings(1), seconds(112)).await;
    assert_eq!(counts.again, 1);
    let wait = lines(&log, "out of time")[0]["again_in_s"].as_u64().unwrap();
    assert!((30..=45).contains(&wait), "{wait}");
    assert!(queue.left()[0].1 <= wait);
}
