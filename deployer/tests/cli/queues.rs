//! `deployer queue`: looking at failed messages, purging, and the choice of queues.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use aws_sdk_sqs::types::MessageAttributeValue;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::bench::{Bench, RunOutput};
use crate::gate::Gateway;
use crate::seat::Seat;

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars:
  token: { secret: true, default: \"\" }
queues:
  orders: { redrive: { max_receive_count: 3 } }
  spare: {}
";

/// Returns the same stack without a secret, for tests that need no variable.
pub fn plain() -> String {
    STACK.replace("vars:\n  token: { secret: true, default: \"\" }\n", "")
}

async fn url(bench: &Bench, name: &str) -> String {
    bench.aws.clients.sqs.get_queue_url().queue_name(name).send().await.expect("it exists").queue_url.expect("a URL")
}

pub async fn send(bench: &Bench, name: &str, body: &str) {
    let text = |text: &str| MessageAttributeValue::builder().data_type("String").string_value(text).build().unwrap();
    let send = bench.aws.clients.sqs.send_message().queue_url(url(bench, name).await).message_body(body);
    send.message_attributes("correlation_id", text("c-7")).send().await.expect("a queue takes it");
}

/// Returns how many messages a consumer can receive right now.
pub async fn receivable(bench: &Bench, name: &str) -> usize {
    let receive = bench.aws.clients.sqs.receive_message().queue_url(url(bench, name).await);
    let received = receive.max_number_of_messages(10).visibility_timeout(0).send().await.expect("an answer");
    received.messages.unwrap_or_default().len()
}

pub async fn applied(stack: &str) -> Bench {
    let bench = Bench::new(stack).await;
    bench.apply();
    bench
}

pub const REDRIVE: &[&str] = &["queue", "redrive", "orders", "-y"];

/// Applies a stack and leaves one failed message in it.
pub async fn failed() -> Bench {
    let bench = applied(&plain()).await;
    send(&bench, "shop-orders-dlq", "one").await;
    bench
}

#[tokio::test]
async fn failed_messages_are_shown_and_stay_where_they_are() {
    let bench = applied(&plain()).await;
    let empty = bench.run(&["queue", "peek", "orders"]);
    assert!(empty.code == Some(0) && empty.stderr.contains("No message can be received now."), "{empty}");
    send(&bench, "shop-orders-dlq", r#"{"prompt": "a sofa"}"#).await;
    for name in ["orders", "queues.orders", "queues.orders.dead_letter", "shop-orders"] {
        let ran = bench.run(&["queue", "peek", name]);
        assert!(ran.stdout.starts_with("queues.orders.dead_letter  shop-orders-dlq  about 1 waiting"), "{ran}");
        assert!(ran.stdout.contains("correlation_id=c-7\n    {\"prompt\": \"a sofa\"}\n"), "{ran}");
        assert!(ran.stderr.contains("counts as a receive") && ran.stderr.contains("queue redrive orders"), "{ran}");
    }
    let ran = bench.run(&["queue", "peek", "orders", "--json"]);
    let peeked = ran.lines().remove(0);
    assert_eq!(
        (&peeked["address"], &peeked["queue_name"]),
        (&json!("queues.orders.dead_letter"), &json!("shop-orders-dlq"))
    );
    let message = &peeked["messages"][0];
    assert_eq!((&message["correlation_id"], &message["receive_count"]), (&json!("c-7"), &json!(5)), "{peeked:#}");
    assert_eq!(message["body"], json!(r#"{"prompt": "a sofa"}"#));
    assert_eq!(receivable(&bench, "shop-orders-dlq").await, 1, "it was given back");
    send(&bench, "shop-orders", "waits").await;
    let main = bench.run(&["queue", "peek", "orders", "--main"]);
    assert!(main.stdout.contains("shop-orders  ") && main.stdout.contains("    waits\n"), "{main}");
    assert!(main.stderr.contains("goes to the dead-letter queue (`max_receive_count`)"), "{main}");
}

#[tokio::test]
async fn more_messages_than_one_call_returns_are_shown_once_each() {
    let bench = applied(&plain()).await;
    for number in 0..23 {
        send(&bench, "shop-orders-dlq", &format!("body-{number:02}")).await;
    }
    let all = bench.ok(&["queue", "peek", "orders", "--limit", "100"]);
    let bodies: Vec<&str> = all.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(bodies, (0..23).map(|number| format!("body-{number:02}")).collect::<Vec<_>>());
    let some = bench.ok(&["queue", "peek", "orders"]);
    assert_eq!(some.matches("    body-").count(), 10, "{some}");
    for limit in ["0", "101"] {
        assert_eq!(bench.run(&["queue", "peek", "orders", "--limit", limit]).code, Some(1));
    }
}

#[tokio::test]
async fn a_hostile_body_neither_moves_the_cursor_nor_shows_a_secret() {
    let bench = applied(STACK).await;
    let hostile = "\u{9b}31mred\nm-2  sent 1 s ago\n::error::forged\n{\"key\": \"s3cret-token-0123\"}";
    send(&bench, "shop-orders-dlq", hostile).await;
    for arguments in [&["queue", "peek", "orders"][..], &["queue", "peek", "orders", "--json"]] {
        let mut command = bench.command(arguments);
        command.env("DEPLOYER_VAR_token", "s3cret-token-0123").env("GITHUB_ACTIONS", "true");
        let ran = RunOutput::of(command.output().expect("the binary runs"));
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(!ran.stdout.contains('\u{9b}') && ran.stdout.contains("\\u009b31mred"), "{ran}");
        assert!(!ran.stdout.contains("s3cret") && ran.stdout.contains("(sensitive)"), "{ran}");
        assert!(!ran.stdout.lines().any(|line| line.starts_with("::") || line.starts_with("m-2")), "{ran}");
        assert!(!ran.stdout.lines().any(|line| line.trim_start().starts_with("::error")), "{ran}");
    }
}

pub fn signal(child: &Child, talk: &mut impl Iterator<Item = String>, answer: &str) {
    kill_process(Pid::from_child(child), Signal::INT).expect("the process takes a signal");
    assert!(talk.any(|line| line.contains(answer)), "{answer:?} is said");
}

#[tokio::test]
async fn an_interrupted_look_gives_the_messages_back() {
    let bench = applied(&plain()).await;
    send(&bench, "shop-orders-dlq", "one").await;
    let gateway = Gateway::start();
    gateway.hold("ReceiveMessage");
    let mut child = bench.start_over(&gateway.endpoint_url, &["queue", "peek", "orders"]);
    let mut talk = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    gateway.await_held();
    signal(&child, &mut talk, "Stopping");
    gateway.release();
    let said: Vec<String> = talk.collect();
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(said.iter().any(|line| line.contains("received messages were given back")), "{said:?}");
    assert_eq!(receivable(&bench, "shop-orders-dlq").await, 1);
}

#[tokio::test]
async fn messages_that_may_not_be_given_back_are_shown_with_a_warning() {
    let bench = applied(&plain()).await;
    send(&bench, "shop-orders-dlq", "one").await;
    let gateway = Gateway::start();
    gateway.deny("ChangeMessageVisibility");
    let child = bench.start_over(&gateway.endpoint_url, &["queue", "peek", "orders"]);
    let ran = RunOutput::of(child.wait_with_output().expect("an end"));
    assert!(ran.code == Some(0) && ran.stdout.contains("    one\n"), "{ran}");
    assert!(ran.stderr.contains("could not be given back") && ran.stderr.contains("within 30 s"), "{ran}");
}

#[tokio::test]
async fn a_purge_needs_the_name_of_the_queue() {
    let bench = failed().await;
    send(&bench, "shop-orders", "kept").await;
    let unasked = bench.fails(&["queue", "purge", "orders"]);
    assert!(unasked.stderr.contains("run::approval-needed"), "{unasked}");
    let seat = || {
        let mut seat = Seat::at(bench.command(&["queue", "purge", "orders"]));
        seat.until("Type the queue's name, shop-orders-dlq, to delete its messages:");
        seat
    };
    let (code, shown) = seat().answer("yes");
    assert!(code == Some(1) && shown.contains("run::not-approved"), "{shown}");
    assert_eq!(receivable(&bench, "shop-orders-dlq").await, 1);
    let (code, shown) = seat().answer("shop-orders-dlq");
    assert!(code == Some(0) && shown.contains("about 1 message lost for good"), "{shown}");
    assert_eq!((receivable(&bench, "shop-orders-dlq").await, receivable(&bench, "shop-orders").await), (0, 1));
    bench.ok(&["queue", "purge", "orders", "--main", "-y"]);
    assert_eq!(receivable(&bench, "shop-orders").await, 0);
}

#[tokio::test]
async fn a_second_purge_within_a_minute_is_refused_by_sqs_and_says_when_to_come_back() {
    let bench = failed().await;
    let gateway = Gateway::start();
    gateway.answer("PurgeQueue", |_| {
        (400, json!({"__type": "com.amazonaws.sqs#PurgeQueueInProgress", "message": "60 s"}))
    });
    let child = bench.start_over(&gateway.endpoint_url, &["queue", "purge", "orders", "-y"]);
    let ran = RunOutput::of(child.wait_with_output().expect("an end"));
    assert!(
        ran.code == Some(1) && ran.stderr.contains("queue::purging") && ran.stderr.contains("wait a minute"),
        "{ran}"
    );
}

#[tokio::test]
async fn queues_of_others_and_queues_that_do_not_exist_are_left_alone() {
    let bench = Bench::new(&plain()).await;
    let absent = bench.fails(&["queue", "peek", "orders"]);
    assert!(absent.stderr.contains("queue::absent"), "{absent}");
    bench.apply();
    let unknown = bench.fails(&["queue", "peek", "ordrs"]);
    assert!(
        unknown.stderr.contains("queue::unknown") && unknown.stderr.contains("did you mean `orders`?"),
        "{unknown}"
    );
    let without = bench.fails(&["queue", "redrive", "spare", "-y"]);
    assert!(
        without.stderr.contains("queue::without-dead-letters") && without.stderr.contains("stack.yaml:"),
        "{without}"
    );
    let dead = url(&bench, "shop-orders-dlq").await;
    let tag = bench.aws.clients.sqs.tag_queue().queue_url(&dead).tags("deployer:stack", "bank");
    tag.send().await.expect("a tag");
    send(&bench, "shop-orders-dlq", "theirs").await;
    for arguments in [&["queue", "peek", "orders"][..], REDRIVE, &["queue", "purge", "orders", "-y"]] {
        let foreign = bench.fails(arguments);
        assert!(
            foreign.stderr.contains("queue::foreign") && foreign.stderr.contains("the stack \"bank\""),
            "{foreign}"
        );
        assert!(!foreign.stdout.contains("theirs"), "{foreign}");
    }
    assert_eq!(receivable(&bench, "shop-orders-dlq").await, 1);
}

#[tokio::test]
async fn an_environment_has_its_own_dead_letters() {
    let bench = Bench::new(&plain()).await;
    bench.ok(&["--env", "pr-7", "apply", "-y"]);
    send(&bench, "shop-orders-pr-7-dlq", "of the preview").await;
    let ran = bench.run(&["--env", "pr-7", "queue", "peek", "orders"]);
    assert!(ran.stdout.contains("shop-orders-pr-7-dlq") && ran.stdout.contains("    of the preview\n"), "{ran}");
    assert!(bench.fails(&["queue", "peek", "orders"]).stderr.contains("queue::absent"));
}
