//! The gateway: a server in front of an emulator.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::{Answer, Strict};
use crate::local::{early_refusal, is_open};

/// The largest request of an AWS client: 50 MiB of code for Lambda, in base64 and JSON.
const LARGEST: usize = 72 * 1024 * 1024;

type Reply = Response<Full<Bytes>>;

/// A gateway, and the emulator to which it passes requests.
pub struct Gateway {
    pub strict: Strict,
    /// The emulator's port on this machine.
    pub emulator_port: u16,
    /// Refuses requests of web pages and of unsigned clients before their bodies are read.
    pub guards: bool,
}

struct Server {
    gateway: Gateway,
    port: u16,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Serves until the task is dropped.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, gateway: Gateway) -> io::Result<Infallible> {
    let port = listener.local_addr()?.port();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let server = Arc::new(Server { gateway, port, client });
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
                async move { Ok::<_, Infallible>(server.answer(request).await) }
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
        if self.gateway.guards
            && !is_open(&head.uri)
            && let Some(why) = early_refusal(&head, self.port, SystemTime::now())
        {
            return failure(StatusCode::FORBIDDEN, why);
        }
        let body = match Limited::new(body, LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return failure(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 72 MiB");
            }
            Err(error) => return failure(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let request = Request::from_parts(head, body);
        match self.gateway.strict.answer(request, async |request| self.forward(request).await).await {
            Ok(answer) => reply(answer),
            Err(why) => failure(StatusCode::BAD_GATEWAY, &why),
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

fn reply(answer: Answer) -> Reply {
    let mut reply = Response::new(Full::new(answer.body));
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
