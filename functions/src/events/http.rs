//! An API Gateway REST (`AWS_PROXY`) event, and the answer API Gateway accepts.

use crate::budget::{Budget, Deadlines};
use crate::id::PictureId;
use crate::log::{self, Level, Log, Logger, Sink};
use crate::model::ImageModel;
use crate::random::Random;
use crate::store::Store;
use crate::studio::{Failure, Job, Kept, Studio};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// API Gateway gives up after 29 s whatever the function's timeout is; the answer must be out before.
pub const GATEWAY_LIMIT: Duration = Duration::from_millis(28_500);
/// What is kept of the function's own time for the answer.
pub const MARGIN: Duration = Duration::from_millis(500);
/// What is kept of the time for storing what was drawn.
const STORING: Duration = Duration::from_millis(1_500);
/// The longest that one call of a model may take, unless the environment says otherwise: room for a second one.
pub const MODEL_TIMEOUT: Duration = Duration::from_secs(14);
/// The most bytes of a body: room for the longest prompt with every character escaped.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// Holds what is read of the event; API Gateway sends `null` for what a request lacks.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpEvent {
    pub http_method: Option<String>,
    pub headers: Option<BTreeMap<String, Option<String>>>,
    pub request_context: Option<RequestContext>,
    pub body: Option<String>,
    pub is_base64_encoded: Option<bool>,
}

/// Holds what is read of the event's context.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestContext {
    pub request_id: Option<String>,
}

/// Holds the answer, in the only shape API Gateway passes on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAnswer {
    pub status_code: u16,
    pub headers: BTreeMap<&'static str, String>,
    pub body: String,
    pub is_base64_encoded: bool,
}

/// Says why a request is answered without asking the model.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    status: u16,
    error: &'static str,
}

const NOT_JSON: Refusal = Refusal { status: 400, error: "The body must be JSON of the form {\"prompt\": \"…\"}." };
const NO_PROMPT: Refusal = Refusal { status: 400, error: "The body has no \"prompt\", or it is not a text." };
const TOO_LARGE: Refusal = Refusal { status: 413, error: "The body is too large." };
const NOT_POST: Refusal = Refusal { status: 405, error: "Only POST is allowed." };

impl HttpEvent {
    /// Returns the caller's correlation id, else API Gateway's request id, else Lambda's.
    pub fn correlation_id<'a>(&'a self, request_id: &'a str) -> &'a str {
        let header = self.headers.iter().flatten();
        let header = header
            .filter(|(name, _)| name.eq_ignore_ascii_case("x-correlation-id"))
            .find_map(|(_, value)| log::correlation_id(value.as_deref()));
        let gateway = || self.request_context.as_ref()?.request_id.as_deref();
        header.or_else(|| log::correlation_id(gateway())).unwrap_or(request_id)
    }

    /// Returns the value of the header `name`, whatever its case.
    fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.iter().flatten();
        let found = headers.filter(|(key, _)| key.eq_ignore_ascii_case(name)).find_map(|(_, value)| value.as_deref());
        found.map(str::trim).filter(|value| !value.is_empty())
    }

    /// Returns the prompt's text.
    fn prompt(&self) -> Result<String, Refusal> {
        if self.http_method.as_deref() != Some("POST") {
            return Err(NOT_POST);
        }
        let body = self.body.as_deref().unwrap_or_default();
        let encoded = self.is_base64_encoded.unwrap_or_default();
        // Four characters of base64 stand for three bytes.
        let decoded_len = if encoded { body.len() / 4 * 3 } else { body.len() };
        if decoded_len > MAX_BODY_BYTES {
            return Err(TOO_LARGE);
        }
        let body = match encoded {
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
}

impl HttpAnswer {
    fn new(status_code: u16, body: &Value, correlation_id: &str) -> Self {
        let mut headers = BTreeMap::from([
            ("Content-Type", "application/json".to_owned()),
            ("X-Correlation-Id", correlation_id.to_owned()),
        ]);
        if status_code == NOT_POST.status {
            headers.insert("Allow", "POST".to_owned());
        }
        Self { status_code, headers, body: body.to_string(), is_base64_encoded: false }
    }

    fn kept(kept: &Kept, correlation_id: &str) -> Self {
        let body = json!({"message": "Image generated successfully", "image_uri": kept.picture.uri});
        Self::new(200, &body, correlation_id)
    }

    fn error(status_code: u16, error: &str, correlation_id: &str) -> Self {
        Self::new(status_code, &json!({ "error": error }), correlation_id)
    }
}

/// Answers one request. Whatever goes wrong becomes an answer: the function itself never fails.
///
/// Lambda's `deadline` is already in `budget`; API Gateway's is added here.
pub async fn answer<M: ImageModel, S: Store, R: Random, K: Sink>(
    studio: &Studio<M, S, R>,
    logger: &Logger<K>,
    event: &HttpEvent,
    request_id: &str,
    budget: Budget,
) -> HttpAnswer {
    let correlation_id = event.correlation_id(request_id);
    let log = logger.event(request_id, correlation_id);
    let prompt = match event.prompt() {
        Ok(prompt) => prompt,
        Err(Refusal { status, error }) => {
            log.warn("request refused", json!({"status": status, "error": error}));
            return HttpAnswer::error(status, error, correlation_id);
        }
    };
    let id = event.header("idempotency-key").map(PictureId::of_key);
    let job = Job { id: id.as_ref(), prompt: &prompt, correlation_id, request_id };
    // The gateway's limit is for the answer: what was drawn is stored in all the time that Lambda gives.
    let drawing = Deadlines::reserving(budget.at_most(GATEWAY_LIMIT), STORING).drawing;
    let time = Deadlines { drawing, storing: budget, stop: None };
    match studio.produce(job, time, log).await {
        Ok(kept) => HttpAnswer::kept(&kept, correlation_id),
        Err(failure) => failed(&failure, log, correlation_id),
    }
}

/// Logs the failure in full and answers without any of AWS's own words.
fn failed(failure: &Failure, log: Log<'_>, correlation_id: &str) -> HttpAnswer {
    let (status, error) = match failure {
        Failure::Rejected(_) => {
            let rejection = failure.rejection();
            (400, rejection.map(|rejection| Cow::Owned(rejection.message)).unwrap_or_default())
        }
        Failure::OtherPrompt => (422, "This Idempotency-Key was used for another prompt.".into()),
        Failure::Busy { .. } => (409, "A request with this Idempotency-Key is being worked on.".into()),
        Failure::LimitReached { .. } => (429, "No more pictures are drawn today.".into()),
        Failure::Model { .. } => (502, "The image model failed. Try again later.".into()),
        Failure::Store { .. } => (502, "The image could not be stored. Try again later.".into()),
        Failure::OutOfTime { .. } | Failure::Interrupted => (504, "The image was not ready in time.".into()),
    };
    let level = if status < 500 { Level::Warn } else { Level::Error };
    let fields = json!({"status": status, "error": failure.to_string()});
    log.line(level, "no image", fields);
    HttpAnswer::error(status, &error, correlation_id)
}
