//! The answer of the emulator on its way back.

use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use serde_json::Value;

/// An answer, which rules may change.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 0 if the answer is lost on its way.
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Loses the answer: the client sees a connection that is closed without one.
    pub fn lose(&mut self) {
        self.status = 0;
    }

    pub fn is_lost(&self) -> bool {
        self.status == 0
    }

    /// Returns the body as JSON, or null.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Replaces the body.
    pub fn set_body(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        self.headers.insert(CONTENT_LENGTH, self.body.len().into());
    }

    /// Changes a body in JSON. Any other body stays as it is.
    pub fn change_json(&mut self, change: impl FnOnce(&mut Value)) {
        let Ok(mut value) = serde_json::from_slice(&self.body) else { return };
        change(&mut value);
        self.set_body(value.to_string());
    }

    /// Returns the text between the first `<tag>` and `</tag>` of a body in XML.
    pub fn xml(&self, tag: &str) -> Option<&str> {
        let text = std::str::from_utf8(&self.body).ok()?;
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(inner, _)| inner)
    }
}
