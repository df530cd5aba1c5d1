//! The request inside an event of API Gateway (REST API, HTTP API) or of a function URL.

use super::answer::Refusal;
use crate::log;
use crate::text::unread;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The most bytes of a body: enough for the longest prompt with every character escaped.
const MAX_BODY_BYTES: usize = 256 * 1024;

const NOT_JSON: Refusal = Refusal::new(400, "The body must be JSON of the form {\"prompt\": \"…\"}.");
const NO_PROMPT: Refusal = Refusal::new(400, "The body has no \"prompt\", or it is not a text.");
const TOO_LARGE: Refusal = Refusal::new(413, "The body is too large.");
const NOT_DECLARED: Refusal = Refusal::new(415, "The Content-Type must be application/json.");
const BAD_KEY: Refusal = Refusal::new(400, "An Idempotency-Key has 1 to 255 printable ASCII characters.");

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    path: String,
    /// The path as the client wrote it, if the event contains it.
    client_path: Option<String>,
    domain: Option<String>,
    /// Names in lower case; `None` if the event has no headers.
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    is_base64: bool,
    gateway_id: Option<String>,
}

/// The part of an event that is read, in either version. API Gateway sends `null` for missing parts of a request.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    /// `2.0` for HTTP APIs and function URLs.
    version: Option<String>,
    http_method: Option<String>,
    path: Option<String>,
    raw_path: Option<String>,
    headers: Option<BTreeMap<String, Option<String>>>,
    multi_value_headers: Option<BTreeMap<String, Option<Vec<String>>>>,
    request_context: Option<Context>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Context {
    request_id: Option<String>,
    path: Option<String>,
    domain_name: Option<String>,
    http: Option<Http>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Http {
    method: Option<String>,
}

impl Request {
    /// Extracts the request from `event`. `Err` names the missing part.
    pub(super) fn read(event: Value) -> Result<Self, String> {
        let event = Event::deserialize(event).map_err(|error| unread(&error))?;
        let context = event.request_context.unwrap_or_default();
        let second = event.version.as_deref() == Some("2.0");
        let (method, path) = match second {
            true => (context.http.and_then(|http| http.method), event.raw_path),
            false => (event.http_method, event.path),
        };
        let method = method.ok_or("the event names no HTTP method")?;
        // An HTTP API does not report the path under which a custom domain was called.
        let own_domain = |domain: &str| !domain.contains(".execute-api.") && !domain.contains(".lambda-url.");
        let client_path = match second {
            true if context.domain_name.as_deref().is_some_and(own_domain) => None,
            true => path.clone(),
            false => context.path,
        };
        let many = event.multi_value_headers.map(|headers| {
            let last = |(name, values): (String, Option<Vec<String>>)| (name, values.and_then(|mut all| all.pop()));
            headers.into_iter().map(last).collect()
        });
        let headers = event.headers.or(many).map(|headers| {
            let given = headers.into_iter().filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value?)));
            given.map(|(name, value)| (name, value.trim().to_owned())).collect()
        });
        Ok(Self {
            method,
            path: path.unwrap_or_default(),
            client_path,
            domain: context.domain_name,
            headers,
            body: event.body,
            is_base64: event.is_base64_encoded.unwrap_or_default(),
            gateway_id: context.request_id,
        })
    }

    /// Returns the value of the header `name`, which is in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.as_ref()?.get(name).map(String::as_str)
    }

    /// Returns the parts of the path between slashes.
    pub(super) fn segments(&self) -> Vec<&str> {
        segments(&self.path)
    }

    /// Returns the caller's correlation id, else API Gateway's request id, else Lambda's.
    pub(super) fn correlation_id<'a>(&'a self, request_id: &'a str) -> &'a str {
        let given = log::correlation_id(self.header("x-correlation-id"));
        given.or_else(|| log::correlation_id(self.gateway_id.as_deref())).unwrap_or(request_id)
    }

    /// Returns the `Idempotency-Key`. An empty one is refused: its sender believes that it has sent one.
    pub(super) fn key(&self) -> Result<Option<&str>, Refusal> {
        let Some(key) = self.header("idempotency-key") else { return Ok(None) };
        let printable = |byte: u8| (b' '..=b'~').contains(&byte);
        match (1..=255).contains(&key.len()) && key.bytes().all(printable) {
            true => Ok(Some(key)),
            false => Err(BAD_KEY),
        }
    }

    /// Returns the prompt's text.
    pub(super) fn prompt(&self) -> Result<String, Refusal> {
        if !self.declares_json() {
            return Err(NOT_DECLARED);
        }
        let body = self.body.as_deref().unwrap_or_default();
        // Four characters of base64 stand for three bytes.
        let decoded_len = if self.is_base64 { body.len() / 4 * 3 } else { body.len() };
        if decoded_len > MAX_BODY_BYTES {
            return Err(TOO_LARGE);
        }
        let body = match self.is_base64 {
            true => Cow::Owned(STANDARD.decode(body).map_err(|_| NOT_JSON)?),
            false => Cow::Borrowed(body.as_bytes()),
        };
        let body: Value = serde_json::from_slice(&body).map_err(|_| NOT_JSON)?;
        match body {
            Value::Object(mut fields) => match fields.remove("prompt") {
                Some(Value::String(prompt)) => Ok(prompt),
                _ => Err(NO_PROMPT),
            },
            _ => Err(NOT_JSON),
        }
    }

    /// Tells whether the request declares its body as JSON. Any page in a browser can send a body of another type, or
    /// of none, across sites; for JSON the browser asks first (CORS).
    ///
    /// An event without any headers comes from Lambda's or API Gateway's own console, never over HTTP, which always has
    /// a `Host`. Its sender has proved an identity to AWS, and no browser can be made to send it.
    fn declares_json(&self) -> bool {
        self.headers.is_none() || self.header("content-type").is_some_and(is_json)
    }

    /// Returns the URL of `tail`, a neighbour of the last part of the requested path. If the event does not contain the
    /// path as the client wrote it, the URL is relative, which is correct as well.
    pub(super) fn reference(&self, tail: &str) -> String {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%:@+".contains(&byte);
        let path = self.client_path.as_deref().map(segments);
        let path = path.filter(|path| path.iter().all(|part| part.bytes().all(fits)));
        let Some((_, parents)) = path.as_deref().and_then(<[_]>::split_last) else {
            let up = if self.path.ends_with('/') { "../" } else { "" };
            return format!("{up}{tail}");
        };
        let host = self.domain.as_deref().filter(|_| self.header("x-forwarded-proto") == Some("https"));
        let origin = host.filter(|host| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)));
        let origin = origin.map(|host| format!("https://{host}")).unwrap_or_default();
        let parents: String = parents.iter().map(|part| format!("/{part}")).collect();
        format!("{origin}{parents}/{tail}")
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

/// Tells whether `content_type` is `application/json` or another type of JSON such as `application/ld+json`, with or
/// without parameters. An invalid type does not count: browsers treat some of those as plain text.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((kind, sub)) = essence.split_once('/') else { return false };
    let token = |text: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(fits)
    };
    token(kind) && token(sub) && (essence == "application/json" || sub.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rest(path: &str, headers: Value) -> Request {
        let context = json!({"path": format!("/Prod{path}"), "domainName": "a1.execute-api.eu-west-1.amazonaws.com"});
        Request::read(json!({"httpMethod": "POST", "path": path, "headers": headers, "requestContext": context}))
            .unwrap()
    }

    fn second(domain: &str, raw_path: &str) -> Request {
        let context = json!({"http": {"method": "POST"}, "domainName": domain});
        let headers = json!({"x-forwarded-proto": "https"});
        Request::read(json!({"version": "2.0", "rawPath": raw_path, "headers": headers, "requestContext": context}))
            .unwrap()
    }

    #[test]
    fn json_is_told_from_what_a_page_may_send_unasked() {
        for good in
            ["application/json", "Application/JSON; charset=utf-8", "application/ld+json", "application/json ;x"]
        {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "text/plain;charset=application/json",
            "text/plain, application/json",
            "text/plain,x+json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=+json",
            "json",
            "/+json",
            "application/jsonp",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }

    #[test]
    fn the_status_url_is_the_clients_own() {
        let https = json!({"X-Forwarded-Proto": "https"});
        let base = "https://a1.execute-api.eu-west-1.amazonaws.com/Prod";
        assert_eq!(rest("/pictures", https.clone()).reference("pictures/x"), format!("{base}/pictures/x"));
        assert_eq!(rest("/pictures/", https).reference("pictures/x"), format!("{base}/pictures/x"));
        assert_eq!(rest("/pictures", json!({})).reference("pictures/x"), "/Prod/pictures/x");
        let url = "https://abc.lambda-url.eu-west-1.on.aws/pictures/x";
        assert_eq!(second("abc.lambda-url.eu-west-1.on.aws", "/pictures").reference("pictures/x"), url);
    }

    #[test]
    fn the_status_url_is_relative_where_the_clients_path_is_not_known_or_odd() {
        assert_eq!(second("api.example.com", "/dev/pictures").reference("pictures/x"), "pictures/x");
        assert_eq!(second("api.example.com", "/dev/pictures/").reference("pictures/x"), "../pictures/x");
        assert_eq!(rest("/a\r\nSet-Cookie: b/pictures", json!({})).reference("pictures/x"), "pictures/x");
        assert_eq!(rest("//evil.example/pictures", json!({})).reference("pictures/x"), "/Prod/evil.example/pictures/x");
    }

    #[test]
    fn headers_in_lists_are_read_as_headers() {
        let event = json!({"httpMethod": "POST", "multiValueHeaders": {"Content-Type": ["text/plain"]}});
        let request = Request::read(event).unwrap();
        assert_eq!(request.prompt().unwrap_err().status, 415);
    }

    #[test]
    fn an_event_of_another_kind_is_no_request() {
        let bodies =
            [json!({"source": "warmup"}), json!({"httpMethod": "POST", "headers": {"a": 5}}), json!(null), json!([])];
        for event in bodies {
            assert!(Request::read(event.clone()).is_err(), "{event}");
        }
    }
}
