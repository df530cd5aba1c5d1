//! The connection between the deployer and AWS. It counts the calls, passes one at a time, and spoils the Nth.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::deployed;
use crate::needs::{Need, needs};
use crate::strict::StrictRun;

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The process dies before it sends the call.
    Unsent,
    /// The call arrives; the process dies before it gets the answer.
    Lost,
    /// The process dies when it wants to send the call after this one.
    Answered,
    /// AWS answers HTTP 500 and does nothing.
    Broken,
    Throttled,
    /// The call arrives; the deployer gets no answer in time, and keeps running.
    TimedOut,
    Denied,
    /// The credentials have expired: this call and all further ones are refused.
    Expired,
    /// The process dies while this call and the concurrent ones are in flight. Every second call arrives.
    Together,
    /// Like [`FaultKind::Together`], but the other half of the calls arrives.
    Others,
}

impl FaultKind {
    pub fn kills(self) -> bool {
        matches!(self, Self::Unsent | Self::Lost | Self::Answered | Self::Together | Self::Others)
    }
}

pub const ALL: &[(&str, FaultKind)] = &[
    ("unsent", FaultKind::Unsent),
    ("lost", FaultKind::Lost),
    ("answered", FaultKind::Answered),
    ("500", FaultKind::Broken),
    ("throttled", FaultKind::Throttled),
    ("timeout", FaultKind::TimedOut),
    ("denied", FaultKind::Denied),
    ("expired", FaultKind::Expired),
    ("together", FaultKind::Together),
    ("others", FaultKind::Others),
];

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ALL.iter().find(|(_, wrong)| wrong == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        ALL.iter().find(|(name, _)| *name == text).map(|(_, wrong)| *wrong).ok_or_else(|| format!("no fault {text:?}"))
    }
}

/// A fault at call `at`, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub at: usize,
    pub wrong: FaultKind,
}

/// Passes calls one after another, so that the Nth call is the same in every run. Passes them concurrently for faults
/// in which they die together.
#[derive(Debug, Clone)]
pub struct Wire {
    real: SharedHttpClient,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    aws: StrictRun,
    fault: Option<Fault>,
    turn: tokio::sync::Mutex<()>,
    calls: Mutex<Vec<String>>,
    needs: Mutex<Vec<Need>>,
    /// The snapshots of API deployments, by the deployments' ids.
    deployed: Mutex<BTreeMap<String, Value>>,
    dead: watch::Sender<bool>,
    flying: AtomicUsize,
    parked: AtomicUsize,
    settled: AtomicUsize,
}

impl Wire {
    pub fn new(aws: StrictRun, fault: Option<Fault>) -> Self {
        let shared = Shared {
            aws,
            fault,
            turn: tokio::sync::Mutex::default(),
            calls: Mutex::default(),
            needs: Mutex::default(),
            deployed: Mutex::default(),
            dead: watch::Sender::new(false),
            flying: AtomicUsize::default(),
            parked: AtomicUsize::default(),
            settled: AtomicUsize::default(),
        };
        Self { real: aws_smithy_http_client::Builder::new().build_http(), shared: Arc::new(shared) }
    }

    /// Lists every call that was made, by service and target.
    pub fn calls(&self) -> Vec<String> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// Lists the permissions that IAM checks for these calls.
    pub fn needs(&self) -> Vec<Need> {
        self.shared.needs.lock().unwrap().clone()
    }

    /// Returns the snapshots of the API deployments that were made, by the deployments' ids.
    pub fn deployed(&self) -> BTreeMap<String, Value> {
        self.shared.deployed.lock().unwrap().clone()
    }

    /// Completes when the process is to die.
    pub async fn death(&self) {
        let _ = self.shared.dead.subscribe().wait_for(|dead| *dead).await;
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let real = self.real.http_connector(settings, components);
        SharedHttpConnector::new(Connector { real, shared: self.shared.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    real: SharedHttpConnector,
    shared: Arc<Shared>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (real, shared) = (self.real.clone(), self.shared.clone());
        // Runs in a separate task: a call whose turn has come must proceed even while its caller waits for another
        // call's turn.
        HttpConnectorFuture::new(async move {
            let mut alone = JoinSet::new();
            alone.spawn(async move { shared.pass(&real, request).await });
            alone.join_next().await.expect("a task").expect("it does not panic")
        })
    }
}

impl Shared {
    async fn pass(&self, real: &SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        if let Some(Fault { at, wrong: wrong @ (FaultKind::Together | FaultKind::Others) }) = self.fault {
            return self.beside_others(at, wrong, real, request).await;
        }
        let _turn = self.turn.lock().await;
        let at = self.count(&request);
        match self.fault {
            Some(fault) if fault.at == at => self.spoil(fault.wrong, real, request).await,
            Some(Fault { at: last, wrong: FaultKind::Answered }) if at > last => self.die().await,
            Some(Fault { at: last, wrong: FaultKind::Expired }) if at > last => Ok(refusal(&request, Refusal::Expired)),
            _ => self.deliver(real, request).await,
        }
    }

    fn count(&self, request: &HttpRequest) -> usize {
        let name = name_of(request);
        self.needs.lock().unwrap().extend(needs(&name, request));
        let mut calls = self.calls.lock().unwrap();
        calls.push(name);
        calls.len()
    }

    /// Passes a call on. If it creates a deployment, also records the deployment's snapshot.
    async fn deliver(&self, real: &SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let look = deployed::look(&request);
        let mut answer = self.send(request).await?;
        if let Some(look) = look
            && let Some(id) = deployed::document(&mut answer).await["id"].as_str()
        {
            let mut listed = real.call(look).await?;
            let paths = deployed::paths(deployed::document(&mut listed).await);
            self.deployed.lock().unwrap().insert(id.to_owned(), paths);
        }
        Ok(answer)
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let other = |error: String| ConnectorError::other(error.into(), None);
        let (head, body) = request.try_into_http1x().map_err(|error| other(error.to_string()))?.into_parts();
        let body = body.collect().await.map_err(|error| other(error.to_string()))?.to_bytes();
        let answer = self.aws.send(hyper::Request::from_parts(head, body)).await.map_err(other)?;
        let mut response = HttpResponse::new(status(answer.status), SdkBody::from(answer.body));
        for (name, value) in &answer.headers {
            response.headers_mut().append(name.to_string(), value.to_str().expect("text").to_owned());
        }
        Ok(response)
    }

    /// Holds every call from the fatal one on until no more calls come. Then every second of the held calls arrives,
    /// and the process dies.
    async fn beside_others(
        &self,
        fatal: usize,
        wrong: FaultKind,
        real: &SharedHttpConnector,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let at = self.count(&request);
        if at < fatal {
            self.flying.fetch_add(1, Ordering::SeqCst);
            let answer = self.deliver(real, request).await;
            self.flying.fetch_sub(1, Ordering::SeqCst);
            return answer;
        }
        self.parked.fetch_add(1, Ordering::SeqCst);
        let (mut quiet, mut seen) = (0, 0);
        while quiet < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let now = self.calls.lock().unwrap().len();
            quiet = if now == seen && self.flying.load(Ordering::SeqCst) == 0 { quiet + 1 } else { 0 };
            seen = now;
        }
        if at.is_multiple_of(2) == (wrong == FaultKind::Together) {
            let _ = self.deliver(real, request).await;
        }
        let settled = self.settled.fetch_add(1, Ordering::SeqCst) + 1;
        if settled == self.parked.load(Ordering::SeqCst) {
            self.dead.send_replace(true);
        }
        std::future::pending().await
    }

    async fn spoil(
        &self,
        wrong: FaultKind,
        real: &SharedHttpConnector,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        match wrong {
            FaultKind::Unsent => self.die().await,
            FaultKind::Lost => {
                let _ = self.deliver(real, request).await;
                self.die().await
            }
            FaultKind::Answered => self.deliver(real, request).await,
            FaultKind::TimedOut => {
                let _ = self.deliver(real, request).await;
                Err(ConnectorError::timeout("no answer in time".into()))
            }
            FaultKind::Broken => Ok(HttpResponse::new(status(500), SdkBody::empty())),
            FaultKind::Throttled => Ok(refusal(&request, Refusal::Throttled)),
            FaultKind::Denied => Ok(refusal(&request, Refusal::Denied)),
            FaultKind::Expired => Ok(refusal(&request, Refusal::Expired)),
            FaultKind::Together | FaultKind::Others => unreachable!("these calls run side by side"),
        }
    }

    /// Announces the death and never returns: nobody sees what this process does afterwards.
    async fn die(&self) -> Result<HttpResponse, ConnectorError> {
        self.dead.send_replace(true);
        std::future::pending().await
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::try_from(code).expect("a valid status")
}

/// Returns the service that a request is signed for.
fn service(request: &HttpRequest) -> String {
    let signed = request.headers().get("authorization").unwrap_or_default();
    signed.split("Credential=").nth(1).and_then(|scope| scope.split('/').nth(3)).unwrap_or_default().to_owned()
}

/// Names a request: `sqs CreateQueue`, `s3 PUT /bucket/key`, `iam Action=CreateRole`.
fn name_of(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").and_then(|t| t.rsplit('.').next()).map(str::to_owned);
    let body = request.body().bytes().and_then(|body| std::str::from_utf8(body).ok()).unwrap_or_default();
    let action = body.split('&').find(|part| part.starts_with("Action=")).map(str::to_owned);
    let path = request.uri().split("//").nth(1).and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path);
    let what = target.or(action).unwrap_or_else(|| format!("{} /{}", request.method(), path));
    format!("{} {what}", service(request))
}

#[derive(Clone, Copy, PartialEq)]
enum Refusal {
    Throttled,
    Denied,
    Expired,
}

impl Refusal {
    fn of<T>(self, throttled: T, denied: T, expired: T) -> T {
        match self {
            Self::Throttled => throttled,
            Self::Denied => denied,
            Self::Expired => expired,
        }
    }
}

/// Builds a refusal in the format of the service's protocol.
fn refusal(request: &HttpRequest, why: Refusal) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).unwrap_or_default();
    let service = service(request);
    if service == "s3" {
        let code = why.of("SlowDown", "AccessDenied", "ExpiredToken");
        let xml = format!("<Error><Code>{code}</Code><Message>spoiled</Message><RequestId>r</RequestId></Error>");
        return answer(why.of(503, 403, 400), xml.into_bytes(), &[]);
    }
    if header("smithy-protocol") == "rpc-v2-cbor" {
        let code = why.of("ThrottlingException", "AccessDeniedException", "ExpiredTokenException");
        let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
        return answer(400, cbor("__type", code), &headers);
    }
    if header("content-type").starts_with("application/x-www-form-urlencoded") {
        let code = why.of("Throttling", "AccessDenied", "ExpiredToken");
        let xml = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>spoiled</Message></Error></ErrorResponse>"
        );
        return answer(why.of(400, 403, 403), xml.into_bytes(), &[]);
    }
    let rest = matches!(service.as_str(), "lambda" | "apigateway");
    let throttled = if rest { ("TooManyRequestsException", 429) } else { ("ThrottlingException", 400) };
    let (code, status) = why.of(throttled, ("AccessDeniedException", 403), ("ExpiredTokenException", 403));
    let json = format!("{{\"__type\":\"{code}\",\"message\":\"spoiled\"}}");
    answer(status, json.into_bytes(), &[("x-amzn-errortype", code), ("content-type", "application/json")])
}

fn answer(code: u16, body: Vec<u8>, headers: &[(&'static str, &'static str)]) -> HttpResponse {
    let mut response = HttpResponse::new(status(code), SdkBody::from(body));
    for (name, value) in headers {
        response.headers_mut().insert(*name, *value);
    }
    response
}

/// Encodes a map with one short text.
fn cbor(key: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).expect("a short text");
        let mut bytes = if length < 24 { vec![0x60 + length] } else { vec![0x78, length] };
        bytes.extend(text.as_bytes());
        bytes
    };
    [vec![0xa1], text(key), text(value)].concat()
}
