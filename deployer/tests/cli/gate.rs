//! A gateway to the local AWS that can hold calls until the test releases them.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::common;

/// How long a test waits for an event that is certain.
const PATIENCE: Duration = Duration::from_secs(60);

/// Forwards calls and records them: `POST / AmazonSQS.CreateQueue`, `PUT /bucket/key`.
pub struct Gateway {
    pub endpoint_url: String,
    shared: Arc<Shared>,
}

/// Answers a call in place of the local AWS: JSON to status and JSON.
type Stub = Box<dyn FnMut(&Value) -> (u16, Value) + Send>;

#[derive(Default)]
struct Shared {
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Default)]
struct Gate {
    /// Texts of calls to hold, each with the number of matching calls to let pass first.
    held: Vec<(String, usize)>,
    /// Texts of calls whose connection is cut.
    cut: Vec<String>,
    denied: Vec<String>,
    /// Texts of calls that a stub answers.
    stubs: Vec<(String, Stub)>,
    waiting: VecDeque<String>,
    calls: Vec<String>,
}

impl Gateway {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint_url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = own.clone();
                std::thread::spawn(move || serve(client, &shared));
            }
        });
        Self { endpoint_url, shared }
    }

    /// Holds every further call that contains `part`.
    pub fn hold(&self, part: &str) {
        self.hold_after(part, 0);
    }

    /// Holds every call that contains `part`, after letting `some` of them pass.
    pub fn hold_after(&self, part: &str, some: usize) {
        self.shared.gate.lock().unwrap().held.push((part.to_owned(), some));
    }

    /// Refuses calls that contain `part` as not permitted.
    pub fn deny(&self, part: &str) {
        self.shared.gate.lock().unwrap().denied.push(part.to_owned());
    }

    /// Lets `stub` answer calls that contain `part`.
    pub fn answer(&self, part: &str, stub: impl FnMut(&Value) -> (u16, Value) + Send + 'static) {
        self.shared.gate.lock().unwrap().stubs.push((part.to_owned(), Box::new(stub)));
    }

    /// Cuts the connection of calls that contain `part`.
    pub fn cut(&self, part: &str) {
        self.shared.gate.lock().unwrap().cut.push(part.to_owned());
    }

    /// Releases the held calls. Cuts and refusals stay.
    pub fn let_go(&self) {
        self.shared.gate.lock().unwrap().held.clear();
        self.shared.changed.notify_all();
    }

    /// Releases the held calls and removes all cuts and refusals.
    pub fn release(&self) {
        let mut gate = self.shared.gate.lock().unwrap();
        gate.held.clear();
        gate.cut.clear();
        gate.denied.clear();
        self.shared.changed.notify_all();
    }

    /// Waits until a call is held.
    pub fn await_held(&self) -> String {
        let gate = self.shared.gate.lock().unwrap();
        let (gate, late) =
            self.shared.changed.wait_timeout_while(gate, PATIENCE, |gate| gate.waiting.is_empty()).unwrap();
        assert!(!late.timed_out(), "no call waits: {:?}", gate.calls);
        gate.waiting[0].clone()
    }

    /// Tells whether a call is held before the run ends.
    pub fn holds_before_end(&self, child: &mut Child) -> bool {
        loop {
            let gate = self.shared.gate.lock().unwrap();
            let (gate, _) = self
                .shared
                .changed
                .wait_timeout_while(gate, Duration::from_millis(20), |gate| gate.waiting.is_empty())
                .unwrap();
            if !gate.waiting.is_empty() {
                return true;
            }
            if child.try_wait().expect("a child").is_some() {
                return false;
            }
        }
    }

    /// Returns every call that passed, in order.
    pub fn calls(&self) -> Vec<String> {
        self.shared.gate.lock().unwrap().calls.clone()
    }
}

/// Serves one request per connection and tells the client to close it.
fn serve(client: TcpStream, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let (mut head, mut length, mut target) = (String::new(), 0, String::new());
    let mut first = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if first.is_empty() {
            first.clone_from(&line);
        }
        let lower = line.to_ascii_lowercase();
        if let Some(text) = lower.strip_prefix("content-length:") {
            length = text.trim().parse().ok()?;
        }
        if let Some((_, text)) = line.split_once(':').filter(|_| lower.starts_with("x-amz-target:")) {
            text.trim().clone_into(&mut target);
        }
        if line == "\r\n" {
            head.push_str("connection: close\r\n\r\n");
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let form = std::str::from_utf8(&body).ok().filter(|text| text.starts_with("Action=")).unwrap_or_default();
    let name = [first.trim_end_matches(" HTTP/1.1\r\n"), &target, form.split('&').next().unwrap_or_default()].join(" ");
    if shared.denies(&name) {
        let text = "<Error><Code>AccessDenied</Code><Message>not allowed</Message></Error>";
        let head = format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
        let mut client = client;
        return client.write_all(format!("{head}{text}").as_bytes()).ok();
    }
    if !shared.pass(&name) {
        let _ = client.shutdown(Shutdown::Both);
        return None;
    }
    if let Some(answer) = shared.stubbed(&name, &body) {
        let mut client = client;
        return client.write_all(answer.as_bytes()).ok();
    }
    let mut server = TcpStream::connect(common::cloud().endpoint_url.trim_start_matches("http://")).ok()?;
    server.write_all(head.as_bytes()).ok()?;
    server.write_all(&body).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    let mut client = client;
    client.write_all(&closing(&answer)).ok()?;
    client.shutdown(Shutdown::Both).ok()
}

/// Adds a header that closes the connection after this response.
fn closing(answer: &[u8]) -> Vec<u8> {
    let end = answer.windows(2).position(|two| two == b"\r\n").map_or(0, |at| at + 2);
    let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(answer.len());
    let told = String::from_utf8_lossy(&answer[..head_end]).to_ascii_lowercase().contains("\r\nconnection: close");
    let extra: &[u8] = if told { b"" } else { b"connection: close\r\n" };
    [&answer[..end], extra, &answer[end..]].concat()
}

impl Shared {
    fn denies(&self, name: &str) -> bool {
        self.gate.lock().unwrap().denied.iter().any(|part| name.contains(part))
    }

    /// Returns the answer of the stub for the call `name`.
    fn stubbed(&self, name: &str, body: &[u8]) -> Option<String> {
        let mut gate = self.gate.lock().unwrap();
        let (_, stub) = gate.stubs.iter_mut().find(|(part, _)| name.contains(part.as_str()))?;
        let (status, value) = stub(&serde_json::from_slice(body).expect("JSON"));
        let text = value.to_string();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0");
        Some(format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len()))
    }

    /// Holds the call `name` while it must wait. Returns whether it may pass.
    fn pass(&self, name: &str) -> bool {
        let is_held = |gate: &Gate| {
            let before = |part: &str| gate.calls.iter().filter(|call| call.contains(part)).count();
            gate.held.iter().any(|(part, some)| name.contains(part) && before(part) >= *some)
        };
        let mut gate = self.gate.lock().unwrap();
        if is_held(&gate) {
            gate.waiting.push_back(name.to_owned());
            self.changed.notify_all();
            gate = self.changed.wait_while(gate, |gate| is_held(gate)).unwrap();
            gate.waiting.retain(|waiting| waiting != name);
        }
        if gate.cut.iter().any(|part| name.contains(part)) {
            return false;
        }
        gate.calls.push(name.to_owned());
        true
    }
}
