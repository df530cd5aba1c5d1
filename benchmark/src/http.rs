//! The part of HTTP/1.1 that the proxy, the floor and the checks need: heads, bodies, and a client that keeps its
//! connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::SCOPE_DATE;

/// A start line and its header fields.
pub struct Head {
    pub start: String,
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Reads a head; `None` at the end of the stream.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut start = String::new();
        if reader.read_line(&mut start)? == 0 {
            return Ok(None);
        }
        let mut fields = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                return Ok(Some(Self { start: start.trim_end().to_owned(), fields }));
            }
            if let Some((name, value)) = line.split_once(':') {
                fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }

    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// Tells whether the sender closes the connection after this message.
    pub fn closes(&self) -> bool {
        self.get("connection").eq_ignore_ascii_case("close") || self.start.ends_with("HTTP/1.0")
    }

    pub fn bytes(&self) -> Vec<u8> {
        let fields: String = self.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{}\r\n{fields}\r\n", self.start).into_bytes()
    }
}

/// Reads a body. A chunked body is joined, and its head gets a content-length instead. `answer_to` is the method of the
/// request that an answer belongs to.
pub fn read_body(reader: &mut impl BufRead, head: &mut Head, answer_to: Option<&str>) -> io::Result<Vec<u8>> {
    if answer_to == Some("HEAD") || (answer_to.is_some() && matches!(head.status(), 100..=199 | 204 | 304)) {
        return Ok(Vec::new());
    }
    let mut body = Vec::new();
    if head.get("transfer-encoding").to_ascii_lowercase().contains("chunked") {
        read_chunks(reader, &mut body)?;
        head.fields.retain(|(name, _)| name != "transfer-encoding" && name != "content-length");
        head.fields.push(("content-length".to_owned(), body.len().to_string()));
    } else if let Ok(length) = head.get("content-length").parse() {
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
    } else if answer_to.is_some() {
        reader.read_to_end(&mut body)?;
    }
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let digits = line.split(';').next().unwrap_or("").trim();
        let size = u64::from_str_radix(digits, 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        if size > 0 {
            reader.take(size).read_to_end(body)?;
        }
        // Skips the line end of the chunk, or the trailers up to the empty line.
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.trim().is_empty() {
                break;
            }
        }
        if size == 0 {
            return Ok(());
        }
    }
}

/// A request of a minimal deployer. It is unsigned, since the emulator reads only the credential's scope.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub service: &'static str,
    pub fields: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that is kept, and reopened when the other side closed it.
pub struct Client {
    address: String,
    region: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// `address` is HOST:PORT.
    pub fn new(address: &str, region: &str) -> Self {
        Self { address: address.to_owned(), region: region.to_owned(), connection: None }
    }

    pub fn send(&mut self, request: &Request) -> io::Result<Answer> {
        let fields: String = request.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=test/{SCOPE_DATE}/{}/{}/aws4_request\r\n{fields}\r\n",
            request.method,
            request.path,
            self.address,
            request.body.len(),
            self.region,
            request.service,
        );
        let bytes = [head.as_bytes(), &request.body].concat();
        let reused = self.connection.is_some();
        match self.exchange(&bytes, request.method) {
            Err(_) if reused => {
                self.connection = None;
                self.exchange(&bytes, request.method)
            }
            result => result,
        }
    }

    fn exchange(&mut self, bytes: &[u8], method: &str) -> io::Result<Answer> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            empty => empty.insert(connect(&self.address)?),
        };
        connection.get_mut().write_all(bytes)?;
        let mut head = Head::read(connection)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let body = read_body(connection, &mut head, Some(method))?;
        if head.closes() {
            self.connection = None;
        }
        Ok(Answer { status: head.status(), body })
    }
}

pub fn connect(address: &str) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

/// Builds a request of AWS's query protocol.
pub fn query(service: &'static str, action: &str, version: &str, parameters: &[(&str, &str)]) -> Request {
    let pairs = [("Action", action), ("Version", version)];
    let pairs = pairs.iter().chain(parameters).map(|(name, value)| format!("{name}={}", encode(value)));
    Request {
        method: "POST",
        path: "/".to_owned(),
        service,
        fields: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
        body: pairs.collect::<Vec<_>>().join("&").into_bytes(),
    }
}

/// Builds a request of AWS's JSON protocol; `target` is PREFIX.ACTION.
pub fn json_rpc(service: &'static str, target: &str, body: &serde_json::Value) -> Request {
    Request {
        method: "POST",
        path: "/".to_owned(),
        service,
        fields: vec![("content-type", "application/x-amz-json-1.0".to_owned()), ("x-amz-target", target.to_owned())],
        body: body.to_string().into_bytes(),
    }
}

/// Builds a request of AWS's REST protocol; a null body is left out.
pub fn rest(service: &'static str, method: &'static str, path: &str, body: &serde_json::Value) -> Request {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let fields = vec![("content-type", "application/json".to_owned())];
    Request { method, path: path.to_owned(), service, fields, body }
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_is_read_whole_and_given_a_length() {
        let mut bytes: &[u8] =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=1\r\n world\r\n0\r\n\r\nrest";
        let mut head = Head::read(&mut bytes).unwrap().unwrap();
        assert_eq!(read_body(&mut bytes, &mut head, Some("GET")).unwrap(), b"hello world");
        assert_eq!(head.get("content-length"), "11");
        assert_eq!(bytes, b"rest");
    }

    #[test]
    fn an_answer_to_head_has_no_body_whatever_its_length_says() {
        let mut bytes: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        let mut head = Head::read(&mut bytes).unwrap().unwrap();
        assert_eq!((head.status(), read_body(&mut bytes, &mut head, Some("HEAD")).unwrap().len()), (200, 0));
    }
}
