//! Answers that no emulator gives, given to the SDK's clients in tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use super::clients::{Connection, Transport};
use super::{Aws, Clients, Place};

/// An AWS that gives these answers in turn, one per connection.
pub(crate) async fn answering(answers: &[&str]) -> Aws {
    answering_to(answers.iter().map(|answer| ("", answer.as_bytes().to_vec())).collect()).await
}

/// An AWS that gives each of these answers once: to the first call whose body contains the text beside it.
pub(crate) async fn answering_to(mut answers: Vec<(&'static str, Vec<u8>)>) -> Aws {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        while !answers.is_empty() {
            let (mut stream, _) = listener.accept().expect("a connection");
            let asked = body(&stream);
            let Some(at) = answers.iter().position(|(text, _)| asked.contains(text)) else { continue };
            let answer = answers.remove(at).1;
            stream.write_all(&[b"HTTP/1.1 ", answer.as_slice()].concat()).expect("an answer");
        }
    });
    connect_to(endpoint, Transport::default()).await
}

/// The server at `endpoint`, treated as AWS itself.
pub(crate) async fn connect_to(endpoint: String, transport: Transport) -> Aws {
    let connection = Connection {
        region: "eu-west-1".into(),
        endpoint_url: Some(endpoint),
        credentials: Some(("key".into(), "secret".into())),
        transport,
    };
    let place = Place {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        partition: "aws".into(),
        endpoint_url: None,
    };
    Aws::new(Arc::new(Clients::connect(&connection).await), place)
}

/// The part after `HTTP/1.1 ` of an answer in JSON.
pub(crate) fn json(body: &str) -> String {
    let length = body.len();
    format!("200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// The part after `HTTP/1.1 ` of an answer in CBOR, as CloudWatch gives it.
pub(crate) fn cbor(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = "200 OK\r\nconnection: close\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor";
    [format!("{head}\r\ncontent-length: {length}\r\n\r\n").as_bytes(), body].concat()
}

fn body(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole body");
    String::from_utf8_lossy(&body).into_owned()
}
