//! `deployer trace` prints whole invocations and their ends.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::operate::{log, log_stream};

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
queues:
  jobs: { redrive: { max_receive_count: 3 } }
functions:
  api: { zip: worker.zip }
  worker: { zip: worker.zip, log_format: JSON }
";

const PANICKED: &[(i64, &str)] = &[
    (9_300, "START RequestId: r-0 Version: 1"),
    (9_200, "the request before"),
    (9_200, "END RequestId: r-0"),
    (9_200, "REPORT RequestId: r-0\tDuration: 1.0 ms\tMemory Size: 128 MB\tMax Memory Used: 33 MB\t"),
    (9_100, "START RequestId: r-1 Version: 1"),
    (9_000, "INFO taken m-7"),
    (8_900, "thread 'main' panicked at worker/src/main.rs:7:63:"),
    (8_900, "cannot handle \u{1b}[31mboom"),
    (8_800, "END RequestId: r-1"),
    (8_800, "REPORT RequestId: r-1\tDuration: 2.0 ms\tMemory Size: 128 MB\tMax Memory Used: 33 MB\t"),
];
const TIMED_OUT: &[(i64, &str)] = &[
    (7_000, r#"{"time":"x","type":"platform.start","record":{"requestId":"r-2","version":"1"}}"#),
    (
        6_900,
        r#"{"timestamp":"x","level":"WARN","fields":{"message":"slow","tries":2},"target":"worker","span":{"name":"take","message_id":"m-7"}}"#,
    ),
    (4_000, r#"{"time":"x","type":"platform.report","record":{"requestId":"r-2","status":"timeout"}}"#),
];

async fn with_logs() -> Bench {
    let bench = Bench::new(STACK).await;
    bench.apply();
    log_stream(&bench, "/aws/lambda/shop-worker", "first", PANICKED).await;
    log_stream(&bench, "/aws/lambda/shop-worker", "second", TIMED_OUT).await;
    bench
}

async fn send(bench: &Bench, queue: &str) {
    let sqs = &bench.aws.clients.sqs;
    let url = sqs.get_queue_url().queue_name(queue).send().await.expect("the queue").queue_url;
    sqs.send_message().set_queue_url(url).message_body("a job").send().await.expect("it is sent");
}

#[tokio::test]
async fn each_invocation_that_mentions_the_id_is_printed_whole_with_its_end() {
    let bench = with_logs().await;
    log(&bench, "/aws/lambda/shop-api", &[(9_500, "sent m-7 before any START")]).await;
    let ran = bench.run(&["trace", "m-7"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let blocks: Vec<&str> = ran.stdout.split("\n\n").collect();
    let [panicked, timed_out, loose, verdict] = blocks[..] else { panic!("four blocks: {ran}") };
    assert!(panicked.lines().next().unwrap().ends_with("  request r-1: panicked at worker/src/main.rs:7:63"), "{ran}");
    assert_eq!(panicked.lines().count(), 7, "{ran}");
    assert!(!ran.stdout.contains("the request before") && !ran.stdout.contains("r-0"), "{ran}");
    assert!(panicked.contains("cannot handle \\u001b[31mboom"), "{ran}");
    assert!(timed_out.contains("request r-2: timed out") && timed_out.lines().count() == 4, "{ran}");
    assert!(timed_out.contains("WARN  slow  tries=2  target=worker  message_id=m-7  span=take"), "{ran}");
    let marked: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with('>')).collect();
    assert_eq!((marked.len(), marked.iter().all(|line| line.contains("m-7"))), (3, true), "{ran}");
    assert!(loose.ends_with("api     sent m-7 before any START"), "{ran}");
    let expected = "worker: 2 attempts: 1 panicked at worker/src/main.rs:7:63, 1 timed out\n\
        No dead-letter queue of the stack has a message, nor has a queue before it, by SQS's approximate counts.\n";
    assert_eq!(verdict, expected, "{ran}");
}

#[tokio::test]
async fn the_verdict_names_the_queues_that_hold_messages_and_receives_none() {
    let bench = with_logs().await;
    send(&bench, "shop-jobs-dlq").await;
    let of_request = bench.ok(&["trace", "r-1", "worker"]);
    let verdict = "\nworker: 1 attempt, panicked at worker/src/main.rs:7:63\n\
        shop-jobs-dlq has 1 message: `deployer queue peek jobs` shows whether this one is it, and counts as a receive\n";
    assert!(of_request.ends_with(verdict), "{of_request}");
    let looked = bench.run(&["queue", "peek", "jobs", "--json"]).lines().remove(0);
    assert_eq!(looked["messages"][0]["receive_count"], 1, "the trace received nothing: {looked}");

    let lines = bench.run(&["trace", "m-7", "--json"]).lines();
    let of = |kind: &str| -> Vec<&Value> { lines.iter().filter(|line| line["type"] == kind).collect() };
    assert_eq!((of("line").len(), of("invocation").len()), (9, 2));
    assert_eq!(of("line").iter().filter(|line| line["matches"] == true).count(), 2);
    assert_eq!(of("invocation")[0]["ending"], "panicked");
    assert_eq!(of("invocation")[0]["detail"], "worker/src/main.rs:7:63");
    let verdict = lines.last().expect("a verdict");
    let endings = json!([
        { "ending": "panicked", "detail": "worker/src/main.rs:7:63", "count": 1 },
        { "ending": "timed_out", "detail": null, "count": 1 },
    ]);
    assert_eq!(verdict["functions"], json!([{ "function": "worker", "attempts": 2, "endings": endings }]));
    let queue = json!({ "address": "queues.jobs.dead_letter", "queue_name": "shop-jobs-dlq", "messages": 1, "dead_letters": true });
    assert!(verdict["queues"].as_array().expect("queues").contains(&queue), "{verdict}");
}

#[tokio::test]
async fn a_trace_looks_only_at_the_time_and_functions_asked_for() {
    let bench = with_logs().await;
    let nothing = bench.fails(&["trace", "m-7", "--since", "2h", "--until", "1h"]);
    assert!(nothing.stderr.contains("up to 3600 s ago holds `m-7`"), "{nothing}");
    assert!(bench.fails(&["trace", "m-7", "api"]).stderr.contains("trace::nothing"));
    let backwards = bench.fails(&["logs", "--since", "1h", "--until", "2h"]);
    assert!(backwards.stderr.contains("`--since` must be longer ago than `--until`"), "{backwards}");
    assert_eq!(bench.ok(&["logs", "--since", "2h", "--until", "1h"]), "");
}
