//! A DNS server for one name, which the image has to resolve by itself.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::thread;

/// The only name that the server knows; it resolves to `ADDRESS`.
pub const NAME: &str = "queue.couch.test";
const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// The query type of an IPv4 address (RFC 1035, 3.2.2).
const A: [u8; 2] = [0, 1];

/// Serves on port 53, the only port that `resolv.conf` supports, of an unused loopback address, and returns that
/// address. It requires root, like changing the root directory. It lives as long as the process.
pub fn serve() -> io::Result<Ipv4Addr> {
    let mut refused = io::Error::other("no address");
    for last in 1..=20 {
        let address = Ipv4Addr::new(127, 53, 53, last);
        match UdpSocket::bind((address, 53)) {
            Ok(socket) => {
                thread::spawn(move || answer_all(&socket));
                return Ok(address);
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn answer_all(socket: &UdpSocket) {
    let mut query = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut query) {
        if let Some(answer) = answer(&query[..length]) {
            // The resolver repeats a query whose answer is lost.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// Builds the answer to a query with one question (RFC 1035, 4.1). [`NAME`] has one IPv4 address and no other record;
/// no other name exists.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut labels: Vec<String> = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind: [u8; 2] = query.get(at..at + 2)?.try_into().ok()?;
    let question = query.get(12..at + 4)?;
    let known = labels.join(".") == NAME;
    let records = u8::from(known && kind == A);
    // Flags: a response, recursion desired and available; 3 is "no such name".
    let mut answer = [query.get(..2)?, &[0x81, if known { 0x80 } else { 0x83 }, 0, 1, 0, records, 0, 0, 0, 0]].concat();
    answer.extend(question);
    if records == 1 {
        // The question's name, A, IN, 60 s, 4 bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(ADDRESS.octets());
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: u8) -> Vec<u8> {
        let mut query = vec![7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(u8::try_from(label.len()).unwrap());
            query.extend(label.bytes());
        }
        query.extend([0, 0, kind, 0, 1]);
        query
    }

    #[test]
    fn one_name_has_one_address() {
        let found = answer(&query("Queue.couch.test", 1)).unwrap();
        assert_eq!(found[..4], [7, 8, 0x81, 0x80]);
        assert!(found.ends_with(&[127, 0, 0, 1]));
        assert_eq!(answer(&query(NAME, 28)).unwrap()[7], 0, "no IPv6 address");
        assert_eq!(answer(&query("sqs.eu-west-1.amazonaws.com", 1)).unwrap()[3], 0x83, "no such name");
        assert_eq!(answer(&[0; 5]), None);
    }
}
