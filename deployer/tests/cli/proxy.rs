//! A proxy in front of the local AWS. It refuses the calls that a test chooses, and quotes their values.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

/// The calls to refuse, and how many of them.
#[derive(Clone)]
pub struct Refusal {
    /// The end of the path.
    pub path: &'static str,
    pub method: &'static str,
    pub times: usize,
}

/// An answer to calls whose head and body contain all of `holds`.
#[derive(Clone)]
pub struct CannedAnswer {
    pub holds: &'static [&'static str],
    pub status: u16,
    /// `json` or `xml`.
    pub form: &'static str,
    pub body: &'static str,
}

impl CannedAnswer {
    fn to(&self, sent: &str) -> Option<Vec<u8>> {
        let Self { holds, status, form, body } = self;
        let fits = holds.iter().all(|part| sent.contains(part));
        fits.then(|| answer(*status, &format!("application/{form}"), body.as_bytes()))
    }
}

/// Builds a response with this body.
pub fn answer(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} No\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close");
    [format!("{head}\r\n\r\n").as_bytes(), body].concat()
}

/// Returns the answer to a call (head and body) that replaces AWS's, if any.
type Substitute = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

/// Listens until the test's process ends.
pub struct Proxy {
    pub url: String,
    refusal: Arc<Mutex<Refusal>>,
}

impl Proxy {
    pub fn start(upstream: &str) -> Self {
        Self::answering(upstream, &[])
    }

    /// Answers some calls instead of AWS.
    pub fn answering(upstream: &str, answers: &[CannedAnswer]) -> Self {
        let answers = answers.to_vec();
        Self::in_stead(upstream, move |sent| answers.iter().find_map(|answer| answer.to(sent)))
    }

    /// Answers every call for which `stead` has an answer, instead of AWS.
    pub fn in_stead(upstream: &str, stead: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let stead: Arc<Substitute> = Arc::new(stead);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let refusal = Arc::new(Mutex::new(Refusal { path: "", method: "", times: 0 }));
        let (upstream, shared) = (upstream.trim_start_matches("http://").to_owned(), refusal.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (upstream, shared, stead) = (upstream.clone(), shared.clone(), stead.clone());
                std::thread::spawn(move || {
                    // A client that disconnects is no error of the proxy.
                    let _ = serve(stream, &upstream, &shared, &*stead);
                });
            }
        });
        Self { url, refusal }
    }

    /// Refuses the next calls that match.
    pub fn refuse(&self, refusal: Refusal) {
        *self.refusal.lock().unwrap() = refusal;
    }
}

/// Answers one request and closes the connection.
fn serve(mut client: TcpStream, upstream: &str, refusal: &Mutex<Refusal>, stead: &Substitute) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let refused = {
        let mut refusal = refusal.lock().unwrap();
        let fits = refusal.times > 0 && refusal.method == method && path.ends_with(refusal.path);
        refusal.times -= usize::from(fits);
        fits
    };
    if refused {
        return client.write_all(&quoting(&body));
    }
    let sent = format!("{head}{}", String::from_utf8_lossy(&body));
    if let Some(answer) = stead(&sent) {
        return client.write_all(&answer);
    }
    let mut server = TcpStream::connect(upstream)?;
    let lines = head.trim_end().lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head: String = lines.map(|line| format!("{line}\r\n")).collect();
    server.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut client)?;
    client.shutdown(std::net::Shutdown::Both)
}

/// Builds a refusal that repeats the values it received: plain, escaped and encoded.
fn quoting(body: &[u8]) -> Vec<u8> {
    let sent = String::from_utf8_lossy(body).into_owned();
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let token = value["Environment"]["Variables"]["TOKEN"].as_str().unwrap_or_default();
    let encoded: String = token.bytes().map(|b| format!("%{b:02X}")).collect();
    let message = format!("quoting {token} and {sent} and {encoded}");
    let text = json!({ "message": message, "Message": message, "Type": "User" }).to_string();
    format!(
        "HTTP/1.1 400 Bad Request\r\nx-amzn-errortype: InvalidParameterValueException\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
    .into_bytes()
}
