//! The binary, as users run it.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};

/// A stand-in for SQS that gives every request the same answer.
struct Sqs {
    url: String,
    requests: Receiver<(String, Value)>,
}

impl Sqs {
    /// Answers with `status`, the error's query code if any, and the body that `reply` builds from the request.
    fn answering(status: u16, query_code: &'static str, reply: fn(&Value) -> Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                while let Some((head, body)) = read(&stream) {
                    let answer = reply(&body).to_string();
                    let sent = write!(
                        &stream,
                        "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.0\r\n{query_code}\
                         x-amzn-RequestId: request-1\r\nContent-Length: {}\r\n\r\n{answer}",
                        answer.len()
                    );
                    if sent.is_err() || seen.send((head, body)).is_err() {
                        return;
                    }
                }
            }
        });
        Self { url, requests }
    }

    fn accepting() -> Self {
        Self::answering(200, "", |_| json!({"MessageId": "message-1"}))
    }

    fn queue_url(&self) -> String {
        format!("{}/000000000000/image-requests-32", self.url)
    }
}

/// Reads one request: its head in lower case, and its JSON body.
fn read(stream: &TcpStream) -> Option<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line.to_ascii_lowercase());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let mut body = vec![0; length.trim().parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((head, serde_json::from_slice(&body).ok()?))
}

/// Returns a command that runs the client with credentials and without the caller's environment.
fn client(queue_url: &str) -> Command {
    let mut command = bare();
    command
        .env("SQS_QUEUE_URL", queue_url)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret");
    command
}

fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_couch-client"));
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_prompt_is_sent_as_one_message_with_two_ids() {
    let sqs = Sqs::accepting();
    let (code, stdout, stderr) = run(client(&sqs.queue_url()).arg("a couch on the moon"));
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout, "Message sent successfully. Message ID: message-1\n");

    let (head, body) = sqs.requests.recv().unwrap();
    assert!(head.contains("x-amz-target: amazonsqs.sendmessage"), "{head}");
    assert!(head.contains("/eu-west-1/sqs/aws4_request"), "{head}");
    assert_eq!(body["QueueUrl"], sqs.queue_url());
    assert_eq!(body["MessageBody"], "a couch on the moon");
    let (picture_id, correlation_id) = (attribute(&body, "picture_id"), attribute(&body, "correlation_id"));
    assert_eq!(stderr, format!("picture id: {picture_id}\ncorrelation id: {correlation_id}\n"));
    assert_ne!(picture_id, correlation_id);
    assert!(sqs.requests.try_recv().is_err(), "one message only");
}

/// Returns the text of the message's attribute `name`.
fn attribute<'a>(body: &'a Value, name: &str) -> &'a str {
    let attribute = &body["MessageAttributes"][name];
    assert_eq!(attribute["DataType"], "String");
    attribute["StringValue"].as_str().unwrap()
}

#[test]
fn a_message_that_is_sent_again_after_a_lost_answer_names_the_same_picture() {
    let sqs = Sqs::answering(500, "", |_| json!({"message": "the message is stored, but this answer says otherwise"}));
    let (code, _, stderr) = run(client(&sqs.queue_url()).arg("a moon"));
    assert_eq!(code, Some(1), "{stderr}");
    let bodies: Vec<_> = sqs.requests.try_iter().map(|(_, body)| body).collect();
    assert!(bodies.len() > 1, "{bodies:?}");
    assert!(bodies.iter().all(|body| attribute(body, "picture_id") == attribute(&bodies[0], "picture_id")));
    run(client(&sqs.queue_url()).arg("a moon"));
    let (_, other) = sqs.requests.recv().unwrap();
    assert_ne!(attribute(&other, "picture_id"), attribute(&bodies[0], "picture_id"), "two commands, two pictures");
}

#[test]
fn the_region_is_the_queue_urls_and_the_endpoint_the_environments() {
    let sqs = Sqs::accepting();
    let url = "https://sqs.us-east-2.amazonaws.com/000000000000/image-requests-32";
    let (code, _, stderr) = run(client(url).env("AWS_ENDPOINT_URL", &sqs.url).arg("a moon"));
    assert_eq!(code, Some(0), "{stderr}");
    let (head, body) = sqs.requests.recv().unwrap();
    assert!(head.contains("/us-east-2/sqs/aws4_request"), "{head}");
    assert_eq!(body["QueueUrl"], url);
}

#[test]
fn wrong_use_exits_2_with_usage_and_sends_nothing() {
    let sqs = Sqs::accepting();
    let calls: [&[&str]; 4] = [&[], &["a", "moon"], &[""], &["  "]];
    for arguments in calls {
        let (code, stdout, stderr) = run(client(&sqs.queue_url()).args(arguments));
        assert_eq!(code, Some(2), "{arguments:?}");
        assert_eq!(stdout, "");
        assert!(stderr.contains("usage: couch-client PROMPT"), "{stderr}");
    }
    for url in ["", "not a url"] {
        let (code, _, stderr) = run(client(url).arg("a moon"));
        assert_eq!(code, Some(2));
        assert!(stderr.contains("SQS_QUEUE_URL"), "{stderr}");
    }
    assert!(sqs.requests.try_recv().is_err());
}

#[test]
fn a_prompt_that_the_model_would_refuse_is_not_sent() {
    let sqs = Sqs::accepting();
    let (code, stdout, stderr) = run(client(&sqs.queue_url()).arg("å".repeat(10_001)));
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.starts_with("couch-client: the prompt has 10001 characters; an image model takes at most 10000\n"));
    assert!(sqs.requests.try_recv().is_err());
    let (code, _, stderr) = run(client(&sqs.queue_url()).arg("å".repeat(10_000)));
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn help_is_no_wrong_use() {
    let (code, stdout, _) = run(bare().arg("--help"));
    assert_eq!(code, Some(0));
    assert!(stdout.starts_with("usage: couch-client PROMPT"));
}

#[test]
fn an_error_of_aws_is_one_line_with_code_and_hint() {
    let sqs = Sqs::answering(400, "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n", |_| {
        json!({
            "__type": "com.amazonaws.sqs#QueueDoesNotExist",
            "message": "The specified queue does not exist."
        })
    });
    let (code, stdout, stderr) = run(client(&sqs.queue_url()).arg("a moon"));
    assert_eq!(code, Some(1));
    assert_eq!(stdout, "");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("NonExistentQueue") || stderr.contains("QueueDoesNotExist"), "{stderr}");
    assert!(stderr.contains("hint: check account, region and name in SQS_QUEUE_URL"), "{stderr}");
    assert!(stderr.contains("request-1"), "{stderr}");
}

#[test]
fn refused_credentials_are_told_from_a_missing_queue() {
    let sqs = Sqs::answering(
        403,
        "",
        |_| json!({"__type": "InvalidClientTokenId", "message": "The security token included in the request is invalid."}),
    );
    let (code, _, stderr) = run(client(&sqs.queue_url()).arg("a moon"));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("InvalidClientTokenId"), "{stderr}");
    assert!(stderr.contains("hint: AWS does not know this AWS_ACCESS_KEY_ID"), "{stderr}");
}

#[test]
fn missing_credentials_are_said_to_be_missing() {
    let sqs = Sqs::accepting();
    let (code, _, stderr) = run(bare().env("SQS_QUEUE_URL", sqs.queue_url()).arg("a moon"));
    assert_eq!(code, Some(1));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("no AWS credentials"), "{stderr}");
    assert!(stderr.contains("AWS_ACCESS_KEY_ID"), "{stderr}");
    assert!(sqs.requests.try_recv().is_err());
}

#[test]
fn missing_ca_certificates_are_said_to_be_missing() {
    let url = "https://sqs.eu-west-1.amazonaws.com/000000000000/q";
    let (code, _, stderr) = run(client(url).env("SSL_CERT_FILE", "/nonexistent.pem").arg("a moon"));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("no CA certificates"), "{stderr}");
}

/// As the first process of a container it would otherwise continue: there a signal without a handler does nothing.
#[test]
fn a_signal_ends_a_client_that_waits_for_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/000000000000/q", listener.local_addr().unwrap());
    for (signal, expected) in [("INT", 130), ("TERM", 143)] {
        let mut command = client(&url);
        let waiting = command.arg("a moon").stderr(std::process::Stdio::piped()).spawn().unwrap();
        let silent = listener.accept().unwrap();
        let kill = Command::new("kill").args(["-s", signal, &waiting.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let ended = waiting.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(expected), "SIG{signal}");
        assert!(String::from_utf8(ended.stderr).unwrap().contains("SQS may have the message"), "SIG{signal}");
        drop(silent);
    }
}

#[test]
fn a_host_that_does_not_listen_is_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut command = client(&format!("http://{address}/000000000000/q"));
    let (code, _, stderr) = run(command.env("AWS_MAX_ATTEMPTS", "1").arg("a moon"));
    assert_eq!(code, Some(1));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("hint: check the network"), "{stderr}");
}
