//! The parts of a request that IAM reads.

use std::collections::BTreeMap;

use aws_smithy_cbor::Decoder;
use aws_smithy_cbor::data::Type;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The parts of a request that tell its action and resource.
pub struct ApiRequest<'a> {
    pub request: &'a HttpRequest,
    pub service: &'a str,
    pub account: &'a str,
    pub region: &'a str,
    /// The parts of the path after the first slash.
    pub path: Vec<String>,
    pub query: BTreeMap<String, String>,
    pub body: Value,
}

impl<'a> ApiRequest<'a> {
    pub fn of(request: &'a HttpRequest) -> Self {
        let signed = request.headers().get("authorization").expect("a signed request");
        let scope: Vec<&str> = signed.split("Credential=").nth(1).expect("a scope").split(['/', ',']).collect();
        let [account, _, region, service, ..] = scope[..] else { panic!("a strange scope: {signed}") };
        let rest = request.uri().split("//").nth(1).and_then(|rest| rest.split_once('/')).map_or("", |(_, rest)| rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.split('/').map(decoded).collect();
        Self { request, service, account, region, path, query: pairs(query), body: body(request) }
    }

    /// Returns the operation, if a header or the path names it.
    pub fn operation(&self) -> String {
        let target = self.request.headers().get("x-amz-target").and_then(|t| t.rsplit('.').next());
        target.map_or_else(|| self.path.last().cloned().unwrap_or_default(), str::to_owned)
    }

    pub fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }

    pub fn has(&self, key: &str) -> bool {
        match &self.body[key] {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(items) => !items.is_empty(),
            _ => true,
        }
    }

    /// Tells whether a form has a key such as `Tags.member.1.Key`.
    pub fn has_form(&self, prefix: &str) -> bool {
        self.body.as_object().is_some_and(|all| all.keys().any(|key| key.starts_with(prefix)))
    }

    pub fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account)
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(key), decoded(value))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// Parses the body into a JSON object, whatever its format; null for XML, zips and an empty body.
fn body(request: &HttpRequest) -> Value {
    let Some(bytes) = request.body().bytes() else { return Value::Null };
    let form = request.headers().get("content-type").unwrap_or_default();
    if form.starts_with("application/x-www-form-urlencoded") {
        let all = pairs(&String::from_utf8_lossy(bytes));
        return all.into_iter().map(|(key, value)| (key, Value::String(value))).collect::<Map<_, _>>().into();
    }
    if form == "application/cbor" {
        return from_cbor(&mut Decoder::new(bytes));
    }
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}

/// Parses texts, lists and maps. Numbers do not matter to IAM.
fn from_cbor(decoder: &mut Decoder<'_>) -> Value {
    match decoder.datatype().expect("CBOR") {
        Type::String | Type::StringIndef => decoder.string().expect("a text").into(),
        Type::Array | Type::ArrayIndef => {
            let length = decoder.list().expect("a list");
            let mut items = Vec::new();
            while more(decoder, length, items.len()) {
                items.push(from_cbor(decoder));
            }
            items.into()
        }
        Type::Map | Type::MapIndef => {
            let length = decoder.map().expect("a map");
            let (mut items, mut read) = (Map::new(), 0);
            while more(decoder, length, read) {
                let key = decoder.string().expect("a key");
                items.insert(key, from_cbor(decoder));
                read += 1;
            }
            items.into()
        }
        _ => {
            decoder.skip().expect("a value");
            Value::Bool(true)
        }
    }
}

fn more(decoder: &mut Decoder<'_>, length: Option<u64>, read: usize) -> bool {
    match length {
        Some(length) => (read as u64) < length,
        None if decoder.datatype().expect("CBOR") == Type::Break => {
            decoder.skip().expect("a break");
            false
        }
        None => true,
    }
}
