//! The part of HTTP/1.1 that the functions' clients use.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

pub struct HttpRequest {
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// Returns the value of the header `name`, which is in lower case; empty if the request does not have it.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    pub fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string().into_bytes()).header("Content-Type", "application/json")
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Answers the requests of one connection until either side ends it.
pub fn serve(stream: TcpStream, respond: impl Fn(HttpRequest) -> Option<Response>) {
    let Ok(mut writer) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        // The answer to HEAD has the length of the body, but no body.
        let bodiless = request.method == "HEAD";
        let Some(response) = respond(request) else {
            return;
        };
        let mut head = format!("HTTP/1.1 {} X\r\n", response.status);
        for (name, value) in &response.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", response.body.len()));
        let body = if bodiless { &[][..] } else { &response.body };
        let whole = [head.as_bytes(), body].concat();
        if writer.write_all(&whole).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<HttpRequest> {
    let first = line(reader)?;
    let mut words = first.split(' ');
    let method = words.next()?.to_owned();
    let path = words.next()?.split('?').next()?.to_owned();
    let mut headers = Vec::new();
    loop {
        let header = line(reader)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(Some(0), |(_, value)| value.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(HttpRequest { method, path, headers, body })
}

/// Returns the next line without its end; `None` if the connection ended.
fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}
