//! Code on a slow line: the server reads slowly, does not read at all, or answers late.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use serde_json::json;

use super::versions::{self, Version};
use super::*;
use crate::aws::clients::Transport;
use crate::aws::played::connect_to;

/// Large enough for many pieces.
const ZIP: usize = 1024 * 1024;

async fn aws(listener: &TcpListener, quiet: Duration) -> Aws {
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let transport = Transport { retry: Some(RetryConfig::disabled()), quiet: Some(quiet), ..Transport::default() };
    let aws = connect_to(endpoint, transport).await;
    for name in ["draw", "other"] {
        aws.put_code(name, ZIP as u64, || Ok(vec![7; ZIP]));
    }
    aws
}

fn function(name: &str) -> Function {
    let spec = json!({
        "function_name": name, "role": "arn:aws:iam::123456789012:role/r", "code": { "sha256": name },
        "runtime": "provided.al2023", "handler": "bootstrap", "architectures": ["x86_64"], "memory_size": 128, "timeout": 3,
        "ephemeral_storage": 512, "tracing_config": { "mode": "PassThrough" },
        "logging_config": { "log_format": "Text", "log_group": "g" },
    });
    serde_json::from_value(spec).expect("a function")
}

/// Reads a call's head, and returns the length of its body.
fn head(stream: &mut TcpStream) -> usize {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).expect("a length");
    length.trim().parse().expect("a number")
}

/// Reads a body in small pieces with a pause before each.
fn body(stream: &mut TcpStream, mut left: usize, pause: Duration) {
    let mut piece = vec![0; 64 * 1024];
    while left > 0 {
        std::thread::sleep(pause);
        let most = left.min(piece.len());
        left -= stream.read(&mut piece[..most]).expect("more of the body");
    }
}

fn accept(stream: &mut TcpStream) {
    const ACCEPTED: &[u8] =
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{\"Version\":\"2\"}";
    stream.write_all(ACCEPTED).expect("an answer");
}

#[tokio::test]
async fn an_upload_goes_on_for_as_long_as_its_bytes_flow() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    // A twentieth of the time that the whole body takes.
    let aws = aws(&listener, Duration::from_millis(25)).await;
    std::thread::spawn(move || {
        for stream in listener.incoming().take(3) {
            let mut stream = stream.expect("a call");
            let length = head(&mut stream);
            body(&mut stream, length, Duration::from_millis(20));
            accept(&mut stream);
        }
    });
    let want = function("draw");
    LambdaFunction::create(&aws, &want).await.expect("CreateFunction");
    let live = ObservedResource::new("draw", want.clone(), Outputs::new());
    let changes = Changes(vec!["code.sha256".into()]);
    LambdaFunction::update(&aws, &live, &want, &changes).await.expect("UpdateFunctionCode");
    let version = Version { number: 1, published: String::new(), function: want };
    versions::put_back(&aws, &version, &vec![7; ZIP]).await.expect("a rollback's UpdateFunctionCode");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stands_still_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let aws = aws(&listener, Duration::from_secs(60)).await;
    // The listener holds the connection, but nobody reads the call.
    let refused = LambdaFunction::create(&aws, &function("draw")).await.expect_err("nobody listens");
    assert!(refused.to_string().contains("nothing was sent and nothing came back"), "{refused}");
    drop(listener);
}

/// Each zip is larger than the line may hold at once. The server answers the first call only after the second has
/// arrived.
#[tokio::test]
async fn the_next_upload_begins_when_the_last_byte_of_the_one_before_is_sent_not_when_it_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let aws = aws(&listener, Duration::from_secs(60)).await;
    for name in ["draw", "other"] {
        aws.put_code(name, 60 << 20, || Ok(vec![7; ZIP]));
    }
    let (come, first) = mpsc::channel();
    std::thread::spawn(move || {
        let calls: Vec<TcpStream> = listener
            .incoming()
            .take(2)
            .map(|stream| {
                let mut stream = stream.expect("a call");
                let length = head(&mut stream);
                body(&mut stream, length, Duration::ZERO);
                come.send(()).expect("the test listens");
                stream
            })
            .collect();
        calls.into_iter().for_each(|mut stream| accept(&mut stream));
    });
    let (one, other) = (function("draw"), function("other"));
    let (one, other) = tokio::join!(LambdaFunction::create(&aws, &one), LambdaFunction::create(&aws, &other));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    assert_eq!(first.try_iter().count(), 2);
}

#[tokio::test]
async fn uploads_take_turns_in_their_order_and_a_small_one_does_not_overtake_a_large_one() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let aws = aws(&listener, Duration::from_secs(60)).await;
    let (ended, held) = tokio::sync::oneshot::channel::<()>();
    let order = std::sync::Mutex::new(Vec::new());
    let note = |what: &'static str| order.lock().expect("no panic").push(what);
    let mut ended = Some(ended);
    let (mut small, mut held) = (None, Some(held));
    let large = aws.in_turn(60 << 20, async || note("large"));
    let first = aws.in_turn(1, async || {
        note("first");
        let _ = held.take().expect("once").await;
    });
    let mut first = std::pin::pin!(first);
    let mut large = std::pin::pin!(large);
    assert!(futures::poll!(&mut first).is_pending());
    assert!(futures::poll!(&mut large).is_pending(), "all of the line is not free");
    let third = aws.in_turn(1, async || note("small"));
    assert!(futures::poll!(&mut Box::pin(third)).is_pending(), "it comes after the large one");
    small.replace(aws.in_turn(1, async || note("last")));
    ended.take().expect("once").send(()).expect("it waits");
    first.await;
    large.await;
    small.expect("set").await;
    assert_eq!(*order.lock().expect("no panic"), ["first", "large", "last"]);
}
