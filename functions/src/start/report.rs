//! Reports a failed start to Lambda's Runtime API.

use crate::text::clip;
use serde_json::json;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// The type under which Lambda records the error.
const ERROR_TYPE: &str = "Runtime.InvalidConfiguration";
/// The longest time for each step: the Runtime API is on the same machine.
const TIMEOUT: Duration = Duration::from_millis(500);
/// The most characters of the reason.
const MAX_REASON: usize = 4_000;

/// Reports to the Runtime API at `address` (`HOST:PORT`) that the function cannot start: `POST /runtime/init/error`.
///
/// Needs no HTTP client, because the client's creation may be the failure to report.
pub(super) fn init_error(address: &str, reason: &str) -> io::Result<()> {
    let body = json!({"errorType": ERROR_TYPE, "errorMessage": clip(reason, MAX_REASON), "stackTrace": []}).to_string();
    let request = format!(
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Function-Error-Type: {ERROR_TYPE}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let peer = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&peer, TIMEOUT)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(request.as_bytes())?;
    // A process that ends before the answer could abort the request.
    stream.read(&mut [0; 64]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    #[test]
    fn lambda_hears_why_the_function_cannot_start() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let reporting = std::thread::spawn(move || init_error(&address, "MODEL_ID is not set; BUCKET is “odd”"));
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nLambda-Runtime-Function-Error-Type: Runtime.InvalidConfiguration\r\n"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let reason = "MODEL_ID is not set; BUCKET is “odd”";
        let expected = json!({"errorType": "Runtime.InvalidConfiguration", "errorMessage": reason, "stackTrace": []});
        assert_eq!(body, expected);
        reporting.join().unwrap().unwrap();
    }

    #[test]
    fn a_runtime_api_that_is_not_there_is_no_obstacle() {
        assert!(init_error("not an address", "reason").is_err());
    }
}
