//! The binary that receives messages itself, as a container runs it.

use crate::support::{Function, Process, QUEUE_URL, Reply, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_image-worker-poll");
const FUNCTION: &str = env!("CARGO_BIN_EXE_image-worker");

fn worker(world: &World, name: &str) -> Process {
    worker_with(world, name, &[])
}

fn worker_with(world: &World, name: &str, variables: &[(&str, &str)]) -> Process {
    // An idle worker waits for its call as long as the grace allows.
    let variables = [&[("QUEUE_URL", QUEUE_URL), ("STOP_GRACE", "0.3")], variables].concat();
    Process::start(world, BINARY, name, &variables)
}

fn is_empty(world: &World) -> bool {
    world.messages().is_empty()
}

fn prompts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("moon-{number}")).collect()
}

fn lines<'a>(log: &'a [Value], message: &str) -> Vec<&'a Value> {
    log.iter().filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message))).collect()
}

#[test]
fn every_message_becomes_a_picture_and_is_deleted() {
    let world = World::start(|_, _| Reply::Picture);
    let prompts = prompts(23);
    world.send(&prompts.iter().map(String::as_str).collect::<Vec<_>>());
    let worker = worker(&world, "A");
    world.until("the queue is empty", is_empty);
    worker.terminate();
    let (status, log) = worker.end();
    assert!(status.success(), "{log:?}");
    let ids: BTreeSet<_> = world.puts().iter().map(|put| put.header("x-amz-meta-correlation-id").to_owned()).collect();
    assert_eq!(ids.len(), 23);
    assert!(ids.contains("corr-m-moon-7"), "{ids:?}");
    assert_eq!(world.visibility_asked(), BTreeSet::from([120]));
    let stopped = lines(&log, "stopped")[0];
    assert_eq!((&stopped["received"], &stopped["over"], &stopped["left"]), (&json!(23), &json!(23), &json!(0)));
    assert!(log.iter().all(|line| line["function"] == "image-worker-poll"));
    assert_eq!(lines(&log, "ready")[0]["concurrency"], 5);
    let stored = lines(&log, "image stored")[0];
    assert_eq!(stored["_aws"]["CloudWatchMetrics"][0]["Namespace"], "CouchExplorers");
}

#[test]
fn function_and_container_share_a_queue_and_draw_each_prompt_once() {
    let function = Function::start(FUNCTION, |_, _| Reply::Picture);
    let prompts = prompts(40);
    function.send(&prompts.iter().map(String::as_str).collect::<Vec<_>>());
    let workers = [worker(&function, "A"), worker(&function, "B")];
    // Every message of the function is also delivered to a container while the function processes it.
    while !is_empty(&function) {
        let batch = function.take(5);
        if batch.is_empty() {
            function.until("a message is left or none", |world| {
                is_empty(world) || world.messages().iter().any(|message| world.is_visible(&message.id))
            });
            continue;
        }
        batch.iter().for_each(|message| function.show(message));
        let records = batch.iter().map(|message| json!({"messageId": message.id, "body": message.body}));
        let answer = function.invoke(json!({"Records": records.collect::<Vec<_>>()}));
        let failures = answer.body["batchItemFailures"].as_array().unwrap();
        let failed = |id: &str| failures.iter().any(|failure| failure["itemIdentifier"] == id);
        batch.iter().filter(|message| !failed(&message.id)).for_each(|message| function.delete(message));
        // Messages that the other side draws are postponed by seconds.
        function.pass(Duration::from_secs(200));
    }
    drop(workers);
    let mut asked = function.prompts();
    asked.sort();
    let mut prompts = prompts;
    prompts.sort();
    assert_eq!(asked, prompts);
    assert_eq!(function.puts().len(), 40);
}

#[test]
fn a_worker_that_is_told_to_end_finishes_what_it_has_and_leaves_the_rest() {
    let world = World::start(|prompt, _| match prompt {
        "slow" => Reply::Held,
        _ => Reply::Picture,
    });
    world.send(&["slow"]);
    let worker = worker_with(&world, "A", &[("CONCURRENCY", "1"), ("STOP_GRACE", "20")]);
    world.until("the model is asked", |world| world.prompts().len() == 1);
    worker.terminate();
    world.until("receiving has ended", |_| worker.has_written("stopping"));
    world.send(&["later"]);
    world.let_go();
    let (status, log) = worker.end();
    assert!(status.success());
    assert_eq!(world.puts().len(), 1);
    let left: Vec<_> = world.messages().iter().map(|message| (message.id.clone(), message.deliveries)).collect();
    assert_eq!(left, [("m-later".to_owned(), 0)]);
    assert_eq!(lines(&log, "stopping")[0]["under_way"], 1);
}

#[test]
fn work_that_outlasts_the_grace_is_drawn_by_the_next_worker_at_once() {
    let world = World::start(|prompt, call| match (prompt, call) {
        ("slow", 1) => Reply::Hang,
        _ => Reply::Picture,
    });
    world.send(&["slow"]);
    let first = worker(&world, "A");
    world.until("the model is asked", |world| world.prompts().len() == 1);
    first.terminate();
    let (status, log) = first.end();
    assert!(status.success());
    assert_eq!(lines(&log, "interrupted, to be delivered again").len(), 1);
    assert!(world.is_visible("m-slow"));
    assert_eq!(world.record("m-slow").unwrap()["status"], "queued");
    let _second = worker(&world, "B");
    world.until("the queue is empty", is_empty);
    assert_eq!(world.puts().len(), 1);
}

#[test]
fn a_killed_worker_loses_no_message_and_what_it_drew_is_not_paid_twice() {
    let world = World::start(|prompt, call| match (prompt, call) {
        ("slow", 1) => Reply::Hang,
        _ => Reply::Picture,
    });
    world.send(&["a", "slow", "b"]);
    let first = worker(&world, "A");
    world.until("two are drawn and one is being drawn", |world| {
        world.puts().len() == 2 && world.prompts().len() == 3 && world.messages().len() == 1
    });
    first.kill();
    assert!(!world.is_visible("m-slow"));

    let second = worker(&world, "B");
    world.pass(Duration::from_secs(121));
    world.until("the claim is respected", |world| {
        world.postponed().iter().any(|(receipt, seconds)| receipt == "m-slow#2" && (100..=117).contains(seconds))
    });
    assert_eq!(world.prompts().len(), 3);
    world.pass_in_bucket(Duration::from_secs(121));
    world.pass(Duration::from_secs(121));
    world.until("the queue is empty", is_empty);
    second.terminate();
    let (_, log) = second.end();
    assert_eq!(lines(&log, "another delivery is being drawn").len(), 1);
    assert_eq!(world.puts().len(), 3);
    // The interrupted call, and its repetition.
    assert_eq!(world.prompts().iter().filter(|prompt| *prompt == "slow").count(), 2);
    assert_eq!(world.prompts().len(), 4);
}

#[test]
fn a_second_signal_ends_the_worker_at_once() {
    let world = World::start(|_, _| Reply::Hang);
    world.send(&["slow"]);
    let worker = worker(&world, "A");
    world.until("the model is asked", |world| world.prompts().len() == 1);
    worker.terminate();
    world.until("the first signal is heard", |_| worker.has_written("stopping"));
    worker.terminate();
    let (status, log) = worker.end();
    assert_eq!(status.code(), Some(1));
    assert_eq!(lines(&log, "ended by a second signal").len(), 1);
}

#[test]
fn a_worker_counts_as_the_function_that_it_stands_in_for() {
    let world = World::start(|_, _| Reply::Picture);
    world.send(&["a"]);
    let worker = worker_with(&world, "A", &[("FUNCTION_NAME", "image-worker-32")]);
    world.until("the queue is empty", is_empty);
    worker.terminate();
    let (_, log) = worker.end();
    assert!(log.iter().all(|line| line["function"] == "image-worker-32"), "{log:?}");
    let stored = lines(&log, "image stored")[0];
    assert_eq!(stored["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["function"]]));
}

#[test]
fn a_queue_that_is_gone_for_a_while_does_not_end_the_worker() {
    let world = World::start(|_, _| Reply::Picture);
    world.break_queue(Some("QueueDoesNotExist"));
    world.send(&["a"]);
    let worker = worker(&world, "A");
    world.until("the fault is noticed", |_| worker.has_written("the queue does not answer"));
    world.break_queue(None);
    world.until("the queue is empty", is_empty);
    worker.terminate();
    let (status, log) = worker.end();
    assert!(status.success());
    let told = lines(&log, "the queue does not answer");
    assert!(told[0]["error"].as_str().unwrap().contains("QueueDoesNotExist"), "{told:?}");
    assert_eq!(lines(&log, "the queue answers again").len(), 1);
}

#[test]
fn a_worker_without_a_queue_ends_with_one_line_that_names_every_gap() {
    let world = World::start(|_, _| Reply::Picture);
    let worker = Process::start(&world, BINARY, "A", &[("BUCKET", ""), ("CONCURRENCY", "many")]);
    let (status, log) = worker.end();
    assert_eq!(status.code(), Some(1));
    assert_eq!(log.len(), 1);
    let error = log[0]["error"].as_str().unwrap();
    for name in ["QUEUE_URL is not set", "BUCKET is not set", "CONCURRENCY"] {
        assert!(error.contains(name), "{error}");
    }
}
