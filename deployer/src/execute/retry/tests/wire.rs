//! Answers of AWS as it writes them on the wire, and an HTTP client that gives them.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::json;

use crate::aws::clients::{Connection, Transport};
use crate::aws::{Aws, Clients};
use crate::plan::tests::world::place;

/// An answer of AWS.
#[derive(Clone)]
pub struct AwsResponse {
    pub status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

pub fn answer(status: u16, headers: &[(&'static str, &str)], body: impl Into<String>) -> AwsResponse {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    AwsResponse { status, headers, body: body.into() }
}

/// A refusal of Lambda or API Gateway.
pub fn rest(status: u16, code: &str, message: &str) -> AwsResponse {
    answer(status, &[("x-amzn-errortype", code)], json!({ "message": message, "Message": message }).to_string())
}

/// A refusal of IAM or SNS.
pub fn query(status: u16, code: &str, message: &str) -> AwsResponse {
    answer(
        status,
        &[("content-type", "text/xml")],
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        ),
    )
}

pub fn sqs(code: &str, header: &str) -> AwsResponse {
    let body = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": code }).to_string();
    answer(400, &[("x-amzn-query-error", &format!("{header};Sender"))], body)
}

pub fn sqs_says(code: &str, message: &str) -> AwsResponse {
    let body = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": message }).to_string();
    answer(400, &[("x-amzn-query-error", &format!("{code};Sender"))], body)
}

pub fn logs(code: &str) -> AwsResponse {
    answer(400, &[], json!({ "__type": code, "message": "try again" }).to_string())
}

pub fn s3(status: u16, code: &str) -> AwsResponse {
    answer(status, &[], format!("<Error><Code>{code}</Code><Message>Please try again.</Message></Error>"))
}

pub type Script = dyn FnMut(&str) -> AwsResponse + Send;

/// Answers each request by the script's entry for its method, path, target and form.
#[derive(Clone)]
pub struct ScriptedClient {
    script: Arc<Mutex<Box<Script>>>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for ScriptedClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedClient")
    }
}

impl ScriptedClient {
    pub fn new(script: impl FnMut(&str) -> AwsResponse + Send + 'static) -> Self {
        Self { script: Arc::new(Mutex::new(Box::new(script))), sent: Arc::default() }
    }

    pub async fn aws(&self) -> Aws {
        let transport = Transport { http_client: Some(self.clone().into_shared()), ..Transport::default() };
        let connection = Connection {
            region: "eu-west-1".into(),
            endpoint_url: Some("http://127.0.0.1:1".into()),
            credentials: Some(("123456789012".into(), "key".into())),
            transport,
        };
        Aws::new(Arc::new(Clients::connect(&connection).await), place())
    }

    pub fn into_shared(self) -> SharedHttpClient {
        SharedHttpClient::new(self)
    }

    /// Returns how many requests were made whose line contains `part`.
    pub fn count(&self, part: &str) -> usize {
        self.sent.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }
}

impl HttpClient for ScriptedClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ScriptedClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = request.uri().to_owned();
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let form = request.body().bytes().map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default();
        let line = format!("{} {} {target} {form}", request.method(), uri.trim_start_matches("http://127.0.0.1:1"));
        self.sent.lock().unwrap().push(line.clone());
        let AwsResponse { status, headers, body } = (self.script.lock().unwrap())(&line);
        let status = StatusCode::try_from(status).expect("a status");
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}
