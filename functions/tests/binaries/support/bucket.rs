//! The part of S3 that the functions use: one bucket, conditional writes.

use super::http::{HttpRequest, Response};
use aws_smithy_types::date_time::{DateTime, Format};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// An object, and the request that wrote it.
#[derive(Clone, Debug)]
pub struct Put {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    tag: String,
    /// By the bucket's clock.
    written: SystemTime,
}

impl Put {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// An answer to a write that is not carried out.
#[derive(Clone, Copy, Debug)]
pub enum WriteFault {
    Refusal,
    /// A page of somebody on the way, with status 200.
    Page,
}

#[derive(Default)]
pub struct Bucket {
    objects: Vec<Put>,
    written: u64,
    refuses: bool,
    /// Each applies once, to the next write of a key that ends so.
    faults: Vec<(&'static str, WriteFault)>,
    /// Methods of requests, with the bucket's owner that they expected.
    expected: BTreeSet<(String, String)>,
    /// How far the bucket's clock is ahead of this host's.
    ahead: Duration,
}

impl Bucket {
    /// Returns a bucket that refuses every write.
    pub fn refusing() -> Self {
        Self { refuses: true, ..Self::default() }
    }

    /// Lets the next write of a key that ends in `end` fail.
    pub fn fail(&mut self, end: &'static str, fault: WriteFault) {
        self.faults.push((end, fault));
    }

    /// Returns the methods of the requests so far, with the bucket's owner that they expected.
    pub fn expected_owners(&self) -> BTreeSet<(String, String)> {
        self.expected.clone()
    }

    /// Advances the bucket's clock.
    pub fn pass(&mut self, time: Duration) {
        self.ahead += time;
    }

    fn now(&self) -> SystemTime {
        SystemTime::now() + self.ahead
    }

    pub fn pictures(&self) -> Vec<Put> {
        self.objects.iter().filter(|put| put.path.ends_with(".png")).cloned().collect()
    }

    pub fn json(&self, path: &str) -> Option<Value> {
        let found = self.objects.iter().find(|put| put.path == path)?;
        serde_json::from_slice(&found.body).ok()
    }

    pub fn place(&mut self, path: String, body: &Value) {
        let request = HttpRequest {
            method: "PUT".to_owned(),
            path: path.clone(),
            headers: Vec::new(),
            body: body.to_string().into(),
        };
        let found = self.objects.iter().position(|put| put.path == path);
        self.put(request, found);
    }

    pub fn respond(&mut self, request: HttpRequest) -> Response {
        let found = self.objects.iter().position(|put| put.path == request.path);
        let owner = request.header("x-amz-expected-bucket-owner").to_owned();
        self.expected.insert((request.method.clone(), owner));
        match request.method.as_str() {
            "PUT" => self.put(request, found),
            "GET" | "HEAD" => match found.map(|at| &self.objects[at]) {
                Some(put) => {
                    let metadata = put.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-"));
                    let response = Response::new(200, put.body.clone()).header("ETag", &put.tag);
                    let response = response.header("Date", &http_date(self.now()));
                    let response = response.header("Last-Modified", &http_date(put.written));
                    metadata.fold(response, |response, (name, value)| response.header(name, value))
                }
                // S3 does not report a missing object as missing to a caller without ListBucket.
                None => error(403, "AccessDenied"),
            },
            other => panic!("{other} {}", request.path),
        }
    }

    fn put(&mut self, request: HttpRequest, found: Option<usize>) -> Response {
        if self.refuses {
            return error(403, "AccessDenied");
        }
        if let Some(at) = self.faults.iter().position(|(end, _)| request.path.ends_with(end)) {
            return match self.faults.remove(at).1 {
                WriteFault::Refusal => error(403, "AccessDenied"),
                WriteFault::Page => Response::new(200, b"<html>Welcome to this network</html>".to_vec()),
            };
        }
        let tag = found.map(|at| self.objects[at].tag.clone());
        let expected = request.header("if-match");
        if (request.header("if-none-match") == "*" && tag.is_some())
            || (!expected.is_empty() && tag.as_deref() != Some(expected))
        {
            return error(412, "PreconditionFailed");
        }
        self.written += 1;
        let tag = format!("\"{}\"", self.written);
        let HttpRequest { path, headers, body, .. } = request;
        let put = Put { path, headers, body, tag: tag.clone(), written: self.now() };
        match found {
            Some(at) => self.objects[at] = put,
            None => self.objects.push(put),
        }
        Response::new(200, Vec::new()).header("ETag", &tag)
    }
}

fn http_date(time: SystemTime) -> String {
    DateTime::from(time).fmt(Format::HttpDate).unwrap()
}

fn error(status: u16, code: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>arn:aws:iam::123456789012:role/x may not</Message></Error>");
    Response::new(status, body.into()).header("Content-Type", "application/xml")
}
