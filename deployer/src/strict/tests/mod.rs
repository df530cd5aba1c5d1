//! Rules judge requests as they arrive; the emulator is a table of answers.

mod apis;
mod buckets;
mod callers;
mod events;
mod functions;
mod interfaces;
mod limits;
mod line;
mod listings;
mod mappings;
mod overlaps;
mod queues;
mod rates;
mod roles;
mod tables;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::*;
use crate::mutex::lock;

const ACCOUNT: &str = "123456789012";

/// Behaviours of AWS that are off unless they are switched on.
const OFF_BY_DEFAULT: &[&str] = &["api-rates", "role-reads", "service-rates", "tag-listing", "young-buckets"];

/// A local AWS with a clock of its own, whose emulator accepts everything.
pub struct Trial {
    strict: Strict,
    now: Arc<Mutex<Duration>>,
    known: Known,
}

/// The emulator's answers to the rules' own questions.
#[derive(Debug, Clone, Default)]
struct Known(Arc<Mutex<Vec<KnownAnswer>>>);

#[derive(Debug, Clone)]
struct KnownAnswer {
    /// A part of the question: of its path, of the operation in its header, or of its body.
    part: String,
    status: u16,
    body: String,
    asked: usize,
}

impl HttpClient for Known {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Known {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let question = format!("{} {} {target} {body}", request.method(), request.uri());
        let mut known = lock(&self.0);
        let answer = known.iter_mut().rev().find(|answer| question.contains(&answer.part));
        let (status, body) = answer.map_or((500, "{}".to_owned()), |answer| {
            answer.asked += 1;
            (answer.status, answer.body.clone())
        });
        let status = StatusCode::try_from(status).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}

/// A request to a service.
pub struct Sent {
    /// The access key.
    key: &'static str,
    signing: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Trial {
    pub fn new() -> Self {
        let switches = Switches::as_slow_as_aws();
        Self::with(OFF_BY_DEFAULT.iter().fold(switches, |switches, rule| switches.with(rule, 1.0)))
    }

    pub fn with(switches: Switches) -> Self {
        let now = Arc::new(Mutex::new(Duration::from_secs(1000)));
        let clock = now.clone();
        let known = Known::default();
        let client = SharedHttpClient::new(known.clone());
        let emulator = Emulator::new("http://127.0.0.1:9".into(), "test".into(), Some(client));
        Self { strict: Strict::new(switches, Arc::new(move || *lock(&clock)), emulator), now, known }
    }

    /// Lets the emulator answer the questions of rules that contain `part`. Any other question fails.
    pub fn knows(&self, part: &str, status: u16, body: impl ToString) {
        lock(&self.known.0).push(KnownAnswer { part: part.into(), status, body: body.to_string(), asked: 0 });
    }

    /// Returns how often rules asked the emulator a question that contains `part`.
    pub fn asked(&self, part: &str) -> usize {
        lock(&self.known.0).iter().filter(|answer| answer.part == part).map(|answer| answer.asked).sum()
    }

    pub fn pass(&self, seconds: f64) {
        *lock(&self.now) += Duration::from_secs_f64(seconds);
    }

    /// Sends a request that the emulator answers with `answer`.
    pub async fn send(&self, sent: &Sent, answer: &Value) -> (u16, Value) {
        let answer = self.send_raw(sent, answer.to_string()).await;
        (answer.status, answer.json())
    }

    pub async fn send_raw(&self, sent: &Sent, body: String) -> Answer {
        self.forward(sent, async || (200, body)).await
    }

    fn request_of(sent: &Sent) -> Request<Bytes> {
        let scope = format!("{}/20261201/eu-west-1/{}/aws4_request", sent.key, sent.signing);
        let mut request = Request::builder()
            .method(sent.method)
            .uri(format!("http://127.0.0.1:9{}", sent.path))
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"));
        for (name, value) in &sent.headers {
            request = request.header(*name, value);
        }
        request.body(Bytes::from(sent.body.clone())).unwrap()
    }

    /// Sends a request that the emulator answers as `respond` does.
    pub async fn forward(&self, sent: &Sent, respond: impl AsyncFnOnce() -> (u16, String)) -> Answer {
        let request = Self::request_of(sent);
        let answered = self.strict.answer(request, async move |_| {
            let (status, body) = respond().await;
            let mut answer = Answer { status, headers: hyper::HeaderMap::new(), body: Bytes::new() };
            answer.set_body(body);
            Ok::<_, Infallible>(answer)
        });
        let Ok(answer) = answered.await;
        answer
    }
}

impl Sent {
    pub fn signed_by(self, key: &'static str) -> Self {
        Self { key, ..self }
    }
}

pub fn rest(signing: &'static str, method: &'static str, path: &str, body: &Value) -> Sent {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Sent { key: ACCOUNT, signing, method, path: path.into(), headers: Vec::new(), body }
}

pub fn target(signing: &'static str, target: &str, body: &Value) -> Sent {
    let headers = vec![("x-amz-target", target.to_owned())];
    Sent { key: ACCOUNT, signing, method: "POST", path: "/".into(), headers, body: body.to_string() }
}

pub fn form(signing: &'static str, body: &str) -> Sent {
    let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    Sent { key: ACCOUNT, signing, method: "POST", path: "/".into(), headers, body: body.into() }
}

pub fn create_function(name: &str, role: &str) -> Sent {
    let body = json!({"FunctionName": name, "Role": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "Code": {}});
    rest("lambda", "POST", "/2015-03-31/functions", &body)
}

pub fn update_function(name: &str, body: &Value) -> Sent {
    rest("lambda", "PUT", &format!("/2015-03-31/functions/{name}/configuration"), body)
}

/// Writes a form of IAM or SNS, with `fields` behind the action.
pub fn action(signing: &'static str, action: &str, fields: &[(&str, &str)]) -> Sent {
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let fields: String = fields.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
    form(signing, &format!("Action={action}{fields}"))
}

/// A refusal of a service with forms.
pub fn refused(code: &str) -> String {
    format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>")
}

pub fn create_role(name: &str) -> Sent {
    form("iam", &format!("Action=CreateRole&RoleName={name}&AssumeRolePolicyDocument=%7B%7D"))
}

#[test]
fn every_rule_has_a_name_of_its_own_a_sentence_and_a_source() {
    let rules: Vec<About> = rules::all().iter().map(|rule| rule.about()).collect();
    for about in &rules {
        let is_lower = about.name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
        assert!(is_lower && rules.iter().filter(|other| other.name == about.name).count() == 1, "{}", about.name);
        assert!(about.summary.len() > 20 && !about.summary.ends_with('.') && !about.source.is_empty(), "{about:?}");
    }
}

#[tokio::test]
async fn a_request_that_breaks_the_model_is_refused_in_the_form_of_its_service() {
    let trial = Trial::new();
    let (status, body) = trial.send(&target("sqs", "AmazonSQS.CreateQueue", &json!({})), &json!({})).await;
    assert_eq!((status, &body["__type"]), (400, &json!("InvalidParameterValue")));
    let answer = trial.send_raw(&create_role("a%20b"), String::new()).await;
    assert_eq!((answer.status, answer.xml("Code")), (400, Some("ValidationException")));
    let off = Trial::with(Switches::default().without(["model"]));
    assert_eq!(off.send(&target("sqs", "AmazonSQS.CreateQueue", &json!({})), &json!({})).await.0, 200);
}
