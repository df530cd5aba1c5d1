//! A refusal, written in the form of the service.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::json;

use super::answer::Answer;
use super::call::{Call, Form};
use crate::aws::cbor;

/// Why a request is refused, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the error, such as `ResourceConflictException`.
    pub code: &'static str,
    pub message: String,
    pub status: u16,
    /// In seconds, for the header `Retry-After`.
    pub retry_after_s: Option<u64>,
}

impl Refusal {
    /// A refusal with the status 400.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    pub fn with_status(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status, retry_after_s: None }
    }

    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// Writes the refusal in the form of the call's service.
    pub fn answer(&self, call: &Call) -> Answer {
        let (code, message) = (self.code, self.message.as_str());
        let mut headers = HeaderMap::new();
        let mut header = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        header("x-amzn-requestid", "strict");
        let (content_type, body): (_, Bytes) = match call.form {
            Form::Json => {
                if call.service == "SQS" {
                    header("x-amzn-query-error", &format!("{code};Sender"));
                }
                // SQS's codes from before it spoke JSON are longer: AWS.SimpleQueueService.QueueDeletedRecently.
                let name = code.rsplit('.').next().unwrap_or(code);
                ("application/x-amz-json-1.0", json!({"__type": name, "message": message}).to_string().into())
            }
            Form::RestJson => {
                header("x-amzn-errortype", code);
                ("application/json", json!({"message": message, "Message": message}).to_string().into())
            }
            Form::Cbor => {
                header("smithy-protocol", "rpc-v2-cbor");
                header("x-amzn-query-error", &format!("{code};Sender"));
                ("application/cbor", cbor::from_json(&json!({"__type": code, "message": message})).into())
            }
            Form::Query => {
                let inner = format!("<Type>Sender</Type><Code>{code}</Code><Message>{}</Message>", escaped(message));
                ("text/xml", format!("<ErrorResponse><Error>{inner}</Error></ErrorResponse>").into())
            }
            Form::RestXml => {
                let inner = format!("<Code>{code}</Code><Message>{}</Message>", escaped(message));
                ("application/xml", format!("<Error>{inner}<RequestId>strict</RequestId></Error>").into())
            }
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        let mut answer = Answer { status: self.status, headers, body: Bytes::new() };
        answer.set_body(body);
        answer
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
