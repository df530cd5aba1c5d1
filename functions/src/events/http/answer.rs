//! The answer to a request, and the refusal of one.

use crate::log::Log;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The answer, in the form that API Gateway and function URLs pass on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAnswer {
    pub status_code: u16,
    pub headers: BTreeMap<&'static str, String>,
    pub body: String,
    pub is_base64_encoded: bool,
}

impl HttpAnswer {
    /// Returns an answer without a body.
    pub(super) fn empty(status_code: u16) -> Self {
        let headers = BTreeMap::from([("Cache-Control", "no-store".to_owned())]);
        Self { status_code, headers, body: String::new(), is_base64_encoded: false }
    }

    pub(super) fn json(status_code: u16, body: &Value) -> Self {
        let answer = Self { body: body.to_string(), ..Self::empty(status_code) };
        answer.with("Content-Type", "application/json")
    }

    pub(super) fn error(status_code: u16, error: &str) -> Self {
        Self::json(status_code, &json!({ "error": error }))
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// Adds the whole seconds after which the client may try again.
    #[must_use]
    pub(super) fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000).max(1);
        self.with("Retry-After", seconds.to_string())
    }
}

/// A refusal of a request whose sender is at fault.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    error: Cow<'static, str>,
    /// Details for the log only.
    cause: Option<String>,
}

impl Refusal {
    pub(super) const fn new(status: u16, error: &'static str) -> Self {
        Self { status, error: Cow::Borrowed(error), cause: None }
    }

    /// Returns a refusal with a sentence that contains a detail.
    pub(super) fn saying(status: u16, error: String) -> Self {
        Self { status, error: Cow::Owned(error), cause: None }
    }

    #[must_use]
    pub(super) fn because(self, cause: String) -> Self {
        Self { cause: Some(cause), ..self }
    }

    /// Logs the refusal and answers with its sentence.
    pub(super) fn answer(&self, log: Log<'_>) -> HttpAnswer {
        let mut fields = json!({"status": self.status, "error": self.error});
        if let Some(cause) = &self.cause {
            fields["cause"] = json!(cause);
        }
        log.warn("request refused", fields);
        let answer = HttpAnswer::error(self.status, &self.error);
        match self.status {
            415 => answer.with("Accept-Post", "application/json"),
            _ => answer,
        }
    }
}
