//! The line to AWS is slow, and loses answers.

use http_body_util::Full;
use hyper::Response;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::super::serve::{Gateway, serve};
use super::*;

const READ: &str = "/2015-03-31/functions/draw";

#[tokio::test(start_paused = true)]
async fn uploads_share_a_thin_line() {
    let trial = Trial::with(Switches::as_slow_as_aws().with("thin-line", 1000.0));
    let sent = target("sqs", "AmazonSQS.CreateQueue", &json!({"QueueName": "orders", "tags": {"a": "b".repeat(200)}}));
    let (start, length) = (Instant::now(), f64::from(u32::try_from(sent.body.len()).unwrap()));
    futures::future::join_all((0..4).map(|_| trial.send_raw(&sent, String::new()))).await;
    let took = start.elapsed().as_secs_f64();
    assert!((took - 4.0 * length / 1000.0).abs() < 0.01, "{took} s for four requests of {length} bytes");
    let off = Trial::new();
    let start = Instant::now();
    off.send(&sent, &json!({})).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_share_of_the_answers_is_lost_after_the_effect() {
    let trial = Trial::with(Switches::as_slow_as_aws().with("lost-answers", 0.25));
    let mut lost = Vec::new();
    for _ in 0..8 {
        lost.push(trial.send_raw(&rest("lambda", "GET", READ, &Value::Null), "{}".into()).await.is_lost());
    }
    assert_eq!(lost, [false, false, false, true, false, false, false, true]);
    // The rules know what happened: the role of the lost answer is new.
    let trial = Trial::with(Switches::as_slow_as_aws().with("lost-answers", 1.0));
    assert!(trial.send_raw(&create_role("draw"), String::new()).await.is_lost());
    assert_eq!(trial.send(&create_function("draw", "draw"), &json!({})).await.0, 400);
}

/// Starts an emulator that answers every request, and counts them.
async fn emulator() -> (u16, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, requests) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(0)));
    let counted = requests.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counted = counted.clone();
            let answer = service_fn(move |_| {
                *lock(&counted) += 1;
                async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}")))) }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            tokio::spawn(async move { connection.await.unwrap_or_default() });
        }
    });
    (port, requests)
}

#[tokio::test]
async fn the_gateway_closes_the_connection_in_place_of_a_lost_answer() {
    let (emulator_port, requests) = emulator().await;
    for (share, first) in [(0.0, "HTTP/1.1 200 OK"), (1.0, "")] {
        let switches = Switches::as_slow_as_aws().with("lost-answers", share);
        let emulator = Emulator::new(format!("http://127.0.0.1:{emulator_port}"), "test".into(), None);
        let strict = Strict::new(switches, Arc::new(|| Duration::from_secs(1)), emulator);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, Gateway { strict, emulator_port, guarded_by: None }));
        let mut client = TcpStream::connect(address).await.unwrap();
        let scope = format!("{ACCOUNT}/20261201/eu-west-1/lambda/aws4_request");
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let head = format!("GET {READ} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: {signed}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.lines().next().unwrap_or_default(), first, "{answer}");
        serving.abort();
    }
    assert_eq!(*lock(&requests), 2, "the emulator carried out both");
}
