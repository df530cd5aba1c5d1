//! `deployer queue redrive`: messages move from a dead-letter queue back.

use std::io::{BufRead as _, BufReader};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::bench::{Bench, RunOutput};
use crate::gate::Gateway;
use crate::queues::{REDRIVE, applied, failed, plain, receivable, send, signal};
use crate::seat::Seat;

/// SQS's message move tasks. Those of the local AWS are completed at once.
#[derive(Default)]
struct Tasks {
    /// The tasks as SQS lists them, the latest first.
    listed: Vec<Value>,
    /// States that the latest task passes through, one with each listing.
    coming: Vec<Value>,
    started: Vec<Value>,
    cancelled: Vec<Value>,
}

/// A gateway that also has message move tasks.
struct Mover {
    gateway: Gateway,
    tasks: Arc<Mutex<Tasks>>,
}

const EARLIER: i64 = 1_700_000_000_000;

fn task(status: &str, moved: i64) -> Value {
    let handle = (status == "RUNNING").then_some("handle-1");
    json!({
        "TaskHandle": handle, "Status": status, "SourceArn": "arn", "StartedTimestamp": EARLIER + 5_000,
        "ApproximateNumberOfMessagesMoved": moved, "ApproximateNumberOfMessagesToMove": 3,
    })
}

impl Mover {
    /// Starts with one completed task. The next one passes through `coming`.
    fn start(coming: Vec<Value>) -> Self {
        let gateway = Gateway::start();
        let done = json!({"Status": "COMPLETED", "StartedTimestamp": EARLIER, "ApproximateNumberOfMessagesMoved": 9});
        let tasks = Arc::new(Mutex::new(Tasks { listed: vec![done], coming, ..Tasks::default() }));
        let of = || tasks.clone();
        let (starting, listing, cancelling) = (of(), of(), of());
        gateway.answer("StartMessageMoveTask", move |asked| {
            let mut tasks = starting.lock().unwrap();
            tasks.started.push(asked.clone());
            tasks.listed.insert(0, task("RUNNING", 0));
            (200, json!({"TaskHandle": "handle-1"}))
        });
        gateway.answer("ListMessageMoveTasks", move |_| {
            let mut tasks = listing.lock().unwrap();
            if !tasks.started.is_empty() && !tasks.coming.is_empty() {
                tasks.listed[0] = tasks.coming.remove(0);
            }
            (200, json!({"Results": tasks.listed}))
        });
        gateway.answer("CancelMessageMoveTask", move |asked| {
            cancelling.lock().unwrap().cancelled.push(asked.clone());
            (200, json!({"ApproximateNumberOfMessagesMoved": 2}))
        });
        Self { gateway, tasks }
    }

    fn run(&self, bench: &Bench, arguments: &[&str]) -> RunOutput {
        let child = bench.start_over(&self.gateway.endpoint_url, arguments);
        RunOutput::of(child.wait_with_output().expect("the binary runs"))
    }

    fn started(&self) -> Vec<Value> {
        self.tasks.lock().unwrap().started.clone()
    }

    fn lists(&self, latest: Value) {
        self.tasks.lock().unwrap().listed.insert(0, latest);
    }
}

#[tokio::test]
async fn messages_are_moved_back_and_followed_to_the_end() {
    let bench = failed().await;
    let unasked = bench.fails(&["queue", "redrive", "orders"]);
    assert!(unasked.stderr.contains("run::approval-needed"), "{unasked}");
    let mover = Mover::start(vec![task("RUNNING", 1), task("RUNNING", 1), task("RUNNING", 2), task("COMPLETED", 3)]);
    let ran = mover.run(&bench, &[REDRIVE, &["--rate", "5"]].concat());
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(ran.stdout, "→ queues.orders.dead_letter: about 1 message back to queues.orders\n");
    assert_eq!(
        ran.stderr,
        "moved about 1 of 3\nmoved about 2 of 3\nDone: about 3 messages moved back to queues.orders.\n"
    );
    let dead = bench.aws.place.arn("sqs", "shop-orders-dlq");
    assert_eq!(mover.started(), [json!({"SourceArn": dead, "MaxNumberOfMessagesPerSecond": 5})]);
    let mover = Mover::start(vec![task("RUNNING", 1), task("COMPLETED", 3)]);
    let ran = mover.run(&bench, &[REDRIVE, &["--json"]].concat());
    let lines = ran.lines();
    let types: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(types, ["version", "action_started", "action_progress", "summary"], "{ran}");
    assert_eq!((&lines[3]["result"], &lines[3]["messages"]), (&json!("ok"), &json!(3)));
    assert_eq!(mover.started()[0].get("MaxNumberOfMessagesPerSecond"), None);
    for rate in ["0", "501"] {
        assert_eq!(bench.run(&[REDRIVE, &["--rate", rate]].concat()).code, Some(1));
    }
}

#[tokio::test]
async fn a_move_is_asked_for_at_a_terminal() {
    let bench = failed().await;
    let mover = Mover::start(vec![task("COMPLETED", 1)]);
    let seat = || {
        let mut command = bench.command(&["queue", "redrive", "orders"]);
        command.env("AWS_ENDPOINT_URL", &mover.gateway.endpoint_url);
        let mut seat = Seat::at(command);
        seat.until("Type `yes` to move these messages back:");
        seat
    };
    let (code, shown) = seat().answer("y");
    assert!(code == Some(1) && shown.contains("run::not-approved") && mover.started().is_empty(), "{shown}");
    let (code, shown) = seat().answer("yes");
    assert!(code == Some(0) && mover.started().len() == 1, "{shown}");
}

#[tokio::test]
async fn nothing_is_moved_where_nothing_waits() {
    let bench = applied(&plain()).await;
    let mover = Mover::start(Vec::new());
    let ran = mover.run(&bench, REDRIVE);
    assert!(
        ran.code == Some(0) && ran.stderr.contains("Nothing to move: queues.orders.dead_letter has about 0"),
        "{ran}"
    );
    assert!(mover.started().is_empty());
}

#[tokio::test]
async fn a_second_task_is_refused_and_the_first_can_be_cancelled() {
    let bench = failed().await;
    let mover = Mover::start(Vec::new());
    let cancel = &["queue", "redrive", "orders", "--cancel"];
    let idle = mover.run(&bench, cancel);
    assert!(idle.code == Some(0) && idle.stderr.contains("nothing to cancel"), "{idle}");
    mover.lists(task("RUNNING", 2));
    let second = mover.run(&bench, REDRIVE);
    assert!(second.code == Some(1) && second.stderr.contains("queue::moving"), "{second}");
    assert!(
        second.stderr.contains("moved about 2 of 3") && second.stderr.contains("redrive orders --cancel"),
        "{second}"
    );
    assert!(mover.started().is_empty());
    let cancelled = mover.run(&bench, cancel);
    assert!(
        cancelled.code == Some(0) && cancelled.stderr.contains("Cancelled: about 2 messages moved back"),
        "{cancelled}"
    );
    assert_eq!(mover.tasks.lock().unwrap().cancelled, [json!({"TaskHandle": "handle-1"})]);
    mover.lists(json!({"Status": "CANCELLING", "StartedTimestamp": EARLIER + 9_000}));
    let again = mover.run(&bench, cancel);
    assert!(again.code == Some(0) && again.stderr.contains("being cancelled already"), "{again}");
}

#[tokio::test]
async fn a_task_that_somebody_else_starts_first_is_the_reason_of_the_refusal() {
    let bench = failed().await;
    let mover = Mover::start(Vec::new());
    let gateway = Gateway::start();
    let tasks = mover.tasks.clone();
    gateway.answer("ListMessageMoveTasks", move |_| (200, json!({"Results": tasks.lock().unwrap().listed})));
    let tasks = mover.tasks.clone();
    gateway.answer("StartMessageMoveTask", move |_| {
        tasks.lock().unwrap().listed.insert(0, task("RUNNING", 1));
        (
            400,
            json!({"__type": "com.amazonaws.sqs#UnsupportedOperation", "message": "There is already a task running."}),
        )
    });
    let ran = RunOutput::of(bench.start_over(&gateway.endpoint_url, REDRIVE).wait_with_output().expect("an end"));
    assert!(ran.code == Some(1) && ran.stderr.contains("queue::moving"), "{ran}");
}

#[tokio::test]
async fn a_move_that_sqs_or_somebody_stops_is_an_error_with_its_reason() {
    let bench = failed().await;
    let mut broken = task("FAILED", 1);
    broken["FailureReason"] = json!("AccessDenied\u{1b}[2J");
    let ran = Mover::start(vec![broken.clone()]).run(&bench, REDRIVE);
    assert!(ran.code == Some(1) && ran.stderr.contains("queue::partly-moved"), "{ran}");
    assert!(ran.stderr.contains("after about 1 message: AccessDenied") && !ran.stderr.contains('\u{1b}'), "{ran}");
    let ran = Mover::start(vec![task("CANCELLED", 2)]).run(&bench, REDRIVE);
    assert!(ran.code == Some(1) && ran.stderr.contains("was cancelled after about 2 messages"), "{ran}");
    let ran = Mover::start(vec![broken]).run(&bench, &[REDRIVE, &["--json"]].concat());
    let results: Vec<Value> = ran.lines().into_iter().map(|line| line["result"].clone()).collect();
    assert!(ran.code == Some(1) && results.contains(&json!("failed")), "{ran}");
}

#[tokio::test]
async fn an_interrupt_leaves_sqs_moving_and_says_how_to_stop_it() {
    let bench = failed().await;
    let mover = Mover::start(vec![task("RUNNING", 1)]);
    mover.gateway.hold_after("ListMessageMoveTasks", 2);
    let mut child = bench.start_over(&mover.gateway.endpoint_url, REDRIVE);
    let mut talk = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    mover.gateway.await_held();
    signal(&child, &mut talk, "Stopping");
    let said: Vec<String> = talk.collect();
    assert_eq!(child.wait().expect("an end").code(), Some(130), "{said:?}");
    assert!(said.iter().any(|line| line.contains("`deployer queue redrive orders --cancel`")), "{said:?}");
    assert!(mover.tasks.lock().unwrap().cancelled.is_empty());
}

#[tokio::test]
async fn messages_move_back_in_the_local_aws() {
    let bench = applied(&plain()).await;
    send(&bench, "shop-orders", "one").await;
    for expected in [1, 1, 1, 0] {
        assert_eq!(receivable(&bench, "shop-orders").await, expected, "three receipts are allowed");
    }
    let ran = bench.run(REDRIVE);
    assert!(ran.code == Some(0) && ran.stdout.contains("back to queues.orders"), "{ran}");
    assert_eq!((receivable(&bench, "shop-orders").await, receivable(&bench, "shop-orders-dlq").await), (1, 0));
}

#[tokio::test]
async fn a_message_of_an_unknown_queue_stays_where_it_is() {
    let bench = failed().await;
    let ran = bench.run(REDRIVE);
    assert!(ran.code == Some(1) && ran.to_string().contains("CouldNotDetermineMessageSource"), "{ran}");
    assert_eq!(receivable(&bench, "shop-orders-dlq").await, 1);
}

#[tokio::test]
async fn an_emulator_without_move_tasks_is_named_as_the_reason() {
    let bench = failed().await;
    let gateway = Gateway::start();
    gateway.answer("MessageMoveTask", |_| (400, json!({ "__type": "InvalidAction", "message": "not valid" })));
    let child = bench.start_over(&gateway.endpoint_url, REDRIVE);
    let ran = RunOutput::of(child.wait_with_output().expect("the binary runs"));
    assert!(
        ran.code == Some(1)
            && ran.stderr.contains("queue::unsupported")
            && ran.stderr.contains("sqs:ListMessageMoveTasks"),
        "{ran}"
    );
}
