//! The gateway: a server in front of an emulator.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::body::{self, Held, LARGEST, LARGEST_OF_API, Room};
use super::{Answer, Strict};
use crate::local::{HEALTH, early_refusal, is_of_api, is_open};

/// An AWS client sends the body together with the head. A body that is not there by now is of somebody else, or large.
const PROMPT: Duration = Duration::from_millis(20);
/// Where `guard.py` says whether the head of a request is one that it would let pass.
const ADMISSION: &str = "/_deployer/admission";
/// The method, path and query of that request, and its header `Content-Length`.
const ADMISSION_METHOD: &str = "x-deployer-admission-method";
const ADMISSION_OF: &str = "x-deployer-admission-of";
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
    /// The emulator runs behind `guard.py`: requests of web pages and of strangers are refused before their bodies are
    /// read.
    pub is_guarded: bool,
}

struct Server {
    gateway: Gateway,
    port: u16,
    client: Client<HttpConnector, Full<Bytes>>,
    room: Room,
}

/// Serves until the task is dropped.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, gateway: Gateway) -> io::Result<Infallible> {
    let port = listener.local_addr()?.port();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let server = Arc::new(Server { gateway, port, client, room: Room::default() });
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // The client closed the connection before it was accepted; the next connection may work.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { sent(server.answer(request).await) }
            });
            // Ignores a broken connection: the client sees the failure itself.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        if self.gateway.is_guarded
            && !is_open(&head.uri)
            && let Some(why) = early_refusal(&head, self.port, SystemTime::now())
        {
            return failure(StatusCode::FORBIDDEN, why);
        }
        let body = match self.body(&head, body).await {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        let request = Request::from_parts(head, body.bytes.clone());
        match self.gateway.strict.answer(request, async |request| self.forward(request).await).await {
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
        if self.gateway.is_guarded && !is_of_api {
            self.admit(head).await?;
        }
        if let Some((status, why)) = is_too_large {
            return Err(failure(status, &why));
        }
        reading.await.map_err(|(status, why)| failure(status, &why))
    }

    /// Asks the guard whether it would let the head of a request pass.
    async fn admit(&self, head: &Parts) -> Result<(), Reply> {
        let mut ask = Request::builder().method(Method::POST).uri(ADMISSION);
        for (name, value) in &head.headers {
            let name = if *name == CONTENT_LENGTH { ADMISSION_LENGTH } else { name.as_str() };
            ask = ask.header(name, value);
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let ask = ask.header(ADMISSION_OF, path).header(ADMISSION_METHOD, head.method.as_str()).body(Bytes::new());
        let ask = ask.map_err(|error| failure(StatusCode::BAD_REQUEST, &error.to_string()))?;
        match self.forward(ask).await {
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
