//! A stand-in for the parts of GitHub's and GitLab's APIs that the deployer uses.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// The forge's data and the requests that it received.
#[derive(Default)]
pub struct ForgeData {
    /// The comments, as the API lists them.
    pub comments: Vec<Value>,
    /// The answer to `commits/SHA/pulls`.
    pub pulls: Value,
    /// The requests in order: `POST /repos/a/b/issues/7/comments`.
    pub asked: Vec<String>,
    /// Whether writes are refused.
    pub closed: bool,
    /// The last editor of the comments, if any.
    pub editor: Option<&'static str>,
    /// The app that the token belongs to, if it is not the job's own.
    pub app: Option<&'static str>,
    /// Whether the GraphQL API does not answer.
    pub silent: bool,
}

/// A forge on a free port, which stops when it is dropped.
pub struct Forge {
    pub url: String,
    pub held: Arc<Mutex<ForgeData>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The token that the forge accepts.
pub const TOKEN: &str = "ghs_token-of-the-job";
const AUTHOR: &str = "github-actions[bot]";

impl Forge {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (held, stop) = (Arc::new(Mutex::new(ForgeData::default())), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (held, stop) = (held.clone(), stop.clone());
            move || {
                for stream in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    answer(stream.expect("a connection"), &held);
                }
            }
        });
        Self { url, held, stop, thread: Some(thread) }
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut ForgeData) -> T) -> T {
        work(&mut self.held.lock().expect("nobody panicked"))
    }

    pub fn bodies(&self) -> Vec<String> {
        self.with(|held| held.comments.iter().map(|c| c["body"].as_str().expect("a text").to_owned()).collect())
    }

    pub fn asked(&self) -> Vec<String> {
        self.with(|held| std::mem::take(&mut held.asked))
    }

    /// Makes the forge report that the commit came from pull request 7, merged into main.
    pub fn merge(&self) {
        let merged = json!({"number": 7, "merged_at": "2026-01-01T00:00:00Z", "base": {"ref": "main"}});
        let given_up = json!({"number": 6, "merged_at": null, "base": {"ref": "main"}});
        self.with(|held| held.pulls = json!([given_up, merged]));
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(stream: TcpStream, held: &Mutex<ForgeData>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let (mut length, mut known) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).expect("a header");
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a number"),
            "authorization" => known = value == format!("Bearer {TOKEN}"),
            "private-token" => known = value == TOKEN,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let mut held = held.lock().expect("nobody panicked");
    held.asked.push(format!("{method} {path}"));
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, value) =
        if known { route(&mut held, method, path, &body) } else { (401, json!({"message": "Bad credentials"})) };
    let text = value.to_string();
    let mut stream = reader.into_inner();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}", text.len());
    let _ = write!(stream, "{head}\r\nconnection: close\r\n\r\n{text}");
}

/// Answers the GraphQL API: the token's owner, and the last editor of a comment. It names apps differently.
fn second(held: &ForgeData, body: &Value) -> (u16, Value) {
    let query = body["query"].as_str().expect("a query");
    if held.silent {
        return (502, json!({"message": "Bad gateway"}));
    }
    if query.contains("viewer") {
        return (200, json!({"data": {"viewer": {"login": held.app.unwrap_or(AUTHOR)}}}));
    }
    let id = body["variables"]["id"].as_str().expect("an id");
    let (at, field, author) = match id.strip_prefix("gid://gitlab/Note/") {
        Some(_) => ("note", "username", "bot"),
        None => ("node", "login", "github-actions"),
    };
    let known = held.comments.iter().any(|comment| {
        comment["node_id"] == id || Some(comment["id"].to_string().as_str()) == id.strip_prefix("gid://gitlab/Note/")
    });
    assert!(known, "{id}");
    let editor = held.editor.map(|name| json!({ field: name }));
    (200, json!({"data": {at: {"author": {field: author}, "editor": editor}}}))
}

fn route(held: &mut ForgeData, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let list = path.ends_with("/comments") || path.ends_with("/notes");
    if path.ends_with("/graphql") {
        return second(held, body);
    }
    match method {
        "GET" if list => (200, Value::Array(held.comments.clone())),
        "GET" if path.ends_with("/pulls") || path.ends_with("/merge_requests") => (200, held.pulls.clone()),
        "GET" if path.starts_with("/api/v4") && path.ends_with("/user") => (200, json!({"username": "bot"})),
        "GET" => (403, json!({"message": "Resource not accessible by integration"})),
        _ if held.closed => (403, json!({"message": "Resource not accessible by integration"})),
        "POST" => {
            let id = 100 + held.comments.len();
            let mut comment = json!({"id": id, "node_id": format!("IC_{id}"), "body": body["body"]});
            if path.starts_with("/api/v4") {
                comment["author"] = json!({"username": "bot"});
            } else {
                comment["user"] = json!({"login": held.app.unwrap_or(AUTHOR)});
            }
            held.comments.push(comment.clone());
            (201, comment)
        }
        _ => {
            let id: u64 = path.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an id");
            let comment = held.comments.iter_mut().find(|c| c["id"] == id).expect("a known comment");
            comment["body"] = body["body"].clone();
            (200, comment.clone())
        }
    }
}
