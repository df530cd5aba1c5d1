//! Serves HTTP on a listener: each connection has a task of its own.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Answers the requests of all connections until the future is dropped, which also ends the connections. A request
/// whose answer is an error gets none: its connection is closed.
///
/// # Errors
/// When the listener fails for good.
pub(crate) async fn listen<A, F, E>(listener: TcpListener, answer: A) -> io::Result<Infallible>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            // The client closed the connection before it was accepted; the next connection may work.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        let _ = stream.set_nodelay(true);
        let service = service_fn(answer.clone());
        connections.spawn(async move {
            // Ignores a broken connection: the client sees the failure itself.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
