//! The gateway: a server in front of an emulator.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

use super::body::{self, Held, LARGEST, LARGEST_OF_API, Room};
use super::{Answer, Strict};
use crate::local::{HEALTH, early_refusal, is_of_api, is_open, is_signed, listen};

/// An AWS client sends the body together with the head. A body that is not there by now is of somebody else, or large.
const PROMPT: Duration = Duration::from_millis(20);
/// Where `guard.py` says whether it would let a request pass.
const ADMISSION: &str = "/_deployer/admission";
/// The method, path and query of that request.
const ADMISSION_METHOD: &str = "x-deployer-admission-method";
const ADMISSION_OF: &str = "x-deployer-admission-of";
/// The header `Content-Length` of a request whose body is not read yet.
const ADMISSION_LENGTH: &str = "x-deployer-admission-length";

type Reply = Response<Full<Bytes>>;

/// Marks an answer that does not arrive.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the answer is lost")]
struct Lost;

/// A gateway, and the emulator to which it passes requests.
pub struct Gateway {
    pub strict: Strict,
    /// The emulator's port on this machine.
    pub emulator_port: u16,
    /// The secret of the root user, if the emulator runs behind `guard.py`. No rule then sees a request before the guard
    /// would let it pass with its body, and web pages and strangers are refused before their bodies are read.
    pub guarded_by: Option<String>,
}

struct Server {
    gateway: Gateway,
    port: u16,
    client: Client<HttpConnector, Full<Bytes>>,
    room: Room,
}

/// Serves until the future is dropped.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, gateway: Gateway) -> io::Result<Infallible> {
    let port = listener.local_addr()?.port();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let server = Arc::new(Server { gateway, port, client, room: Room::default() });
    listen(listener, move |request| {
        let server = Arc::clone(&server);
        async move { sent(server.answer(request).await) }
    })
    .await
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let is_guarded = self.gateway.guarded_by.is_some();
        let is_open = is_guarded && is_open(&head);
        if is_guarded
            && !is_open
            && let Some(why) = early_refusal(&head, self.port, SystemTime::now())
        {
            return failure(StatusCode::FORBIDDEN, why);
        }
        let body = match self.body(&head, body).await {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        let request = Request::from_parts(head, body.bytes.clone());
        // The guard decides about addresses that are open to everybody. They are no calls of an operation.
        let answered = match is_open {
            true => self.forward(request).await,
            false => match self.admit(&request).await {
                Ok(()) => self.gateway.strict.answer(request, async |request| self.forward(request).await).await,
                Err(refused) => return refused,
            },
        };
        match answered {
            Ok(answer) => reply(answer),
            Err(why) => failure(StatusCode::BAD_GATEWAY, &why),
        }
    }

    /// Reads the body of a request. One that takes its time is read only if the guard would let the head pass.
    async fn body(&self, head: &Parts, body: Incoming) -> Result<Held, Reply> {
        let path = head.uri.path();
        if path == HEALTH {
            return Ok(Held::default());
        }
        let is_of_api = is_of_api(path);
        let largest = if is_of_api { LARGEST_OF_API } else { LARGEST };
        let is_too_large = body::early_refusal(&body, largest);
        let mut reading = pin!(self.room.read(body, largest));
        if is_too_large.is_none()
            && let Ok(read) = tokio::time::timeout(PROMPT, &mut reading).await
        {
            return read.map_err(|(status, why)| failure(status, &why));
        }
        if self.gateway.guarded_by.is_some() && !is_of_api {
            let length = head.headers.get(CONTENT_LENGTH).cloned().unwrap_or_else(|| 0.into());
            let mut question = Request::from_parts(head.clone(), Bytes::new());
            question.headers_mut().insert(ADMISSION_LENGTH, length);
            self.ask_guard(question).await?;
        }
        if let Some((status, why)) = is_too_large {
            return Err(failure(status, &why));
        }
        reading.await.map_err(|(status, why)| failure(status, &why))
    }

    /// Lets a request pass that the guard would let pass. Most are signed with keys that are known here, so that the
    /// guard need not be asked.
    async fn admit(&self, request: &Request<Bytes>) -> Result<(), Reply> {
        let Some(secret) = &self.gateway.guarded_by else { return Ok(()) };
        let (mut head, body) = request.clone().into_parts();
        if is_signed(&head, &body, secret) {
            return Ok(());
        }
        // With this header the guard would not look at the body.
        head.headers.remove(ADMISSION_LENGTH);
        self.ask_guard(Request::from_parts(head, body)).await
    }

    /// Asks the guard whether it would let a request pass.
    async fn ask_guard(&self, mut question: Request<Bytes>) -> Result<(), Reply> {
        let address = question.uri().path_and_query().map_or("/", |path| path.as_str());
        let (of, method) = (HeaderValue::from_str(address), HeaderValue::from_str(question.method().as_str()));
        let (Ok(of), Ok(method)) = (of, method) else {
            return Err(failure(StatusCode::BAD_REQUEST, "the address has another form"));
        };
        question.headers_mut().insert(ADMISSION_OF, of);
        question.headers_mut().insert(ADMISSION_METHOD, method);
        *question.method_mut() = Method::POST;
        *question.uri_mut() = Uri::from_static(ADMISSION);
        match self.forward(question).await {
            Ok(answer) if answer.is_success() => Ok(()),
            Ok(answer) => Err(reply(answer)),
            Err(why) => Err(failure(StatusCode::BAD_GATEWAY, &why)),
        }
    }

    /// Passes a request to the emulator. The header `Host` stays as it is: the signature covers it.
    async fn forward(&self, request: Request<Bytes>) -> Result<Answer, String> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("http://127.0.0.1:{}{path}", self.gateway.emulator_port)
            .parse::<Uri>()
            .map_err(|error| error.to_string())?;
        for name in [CONNECTION, TRANSFER_ENCODING] {
            head.headers.remove(name);
        }
        head.headers.insert(CONTENT_LENGTH, body.len().into());
        let request = Request::from_parts(head, Full::new(body));
        let answer =
            self.client.request(request).await.map_err(|error| format!("the emulator does not answer: {error}"))?;
        let (head, body) = answer.into_parts();
        let body =
            body.collect().await.map_err(|error| format!("the emulator's answer breaks off: {error}"))?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// Closes the connection in place of an answer that is lost.
fn sent(reply: Reply) -> Result<Reply, Lost> {
    match reply.extensions().get::<Lost>() {
        Some(lost) => Err(*lost),
        None => Ok(reply),
    }
}

fn reply(answer: Answer) -> Reply {
    let is_lost = answer.is_lost();
    let mut reply = Response::new(Full::new(answer.body));
    if is_lost {
        reply.extensions_mut().insert(Lost);
    }
    *reply.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *reply.headers_mut() = answer.headers;
    for name in [CONNECTION, TRANSFER_ENCODING] {
        reply.headers_mut().remove(name);
    }
    reply
}

fn failure(status: StatusCode, why: &str) -> Reply {
    let body = serde_json::json!({"message": why}).to_string();
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply
}
