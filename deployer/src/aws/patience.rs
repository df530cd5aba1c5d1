//! The time to wait for an answer, measured from the last byte sent, not from the first.
//!
//! **Guarantees**: a call whose bytes flow continues, however slow the line is. A call that stalls ends.
//! **Caveats**: bytes that the operating system holds for a socket count as sent, so a large body gets the time that a
//! very slow line needs for them.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Instant;

use super::cause::Silence;
use super::upload::Turn;
use crate::mutex::lock;

/// A body is sent in pieces of this size, each of which is a sign of life. A smaller body is one piece.
const PIECE: usize = 64 * 1024;
/// Bytes that an operating system accepts for a socket before they are sent.
const AHEAD: u64 = 4 * 1024 * 1024;
/// Bytes a second. A slower line counts as broken.
const SLOWEST: u64 = 16 * 1024;

/// An HTTP client that measures the SDK's read timeout from the last piece of the body.
#[derive(Debug, Clone)]
pub(super) struct Patience(SharedHttpClient);

impl Patience {
    pub(super) fn new(real: SharedHttpClient) -> Self {
        Self(real)
    }
}

impl HttpClient for Patience {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let Some(quiet) = settings.read_timeout() else { return self.0.http_connector(settings, components) };
        let mut without = HttpConnectorSettings::builder();
        without.set_connect_timeout(settings.connect_timeout());
        let real = self.0.http_connector(&without.build(), components);
        SharedHttpConnector::new(Connector { real, quiet })
    }
}

#[derive(Debug)]
struct Connector {
    real: SharedHttpConnector,
    quiet: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let life = Life::default();
        let quiet = self.quiet + drain_time(request.body().content_length());
        // A body of one piece stays as it is.
        if request.body().content_length().is_none_or(|length| length > PIECE as u64) {
            let body = std::mem::replace(request.body_mut(), SdkBody::taken());
            *request.body_mut() =
                SdkBody::from_body_1_x(Pieces { body, rest: Bytes::new(), life: life.clone(), turn: Turn::current() });
        }
        let answer = self.real.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = pin!(answer);
            loop {
                let end = life.last() + quiet;
                tokio::select! {
                    biased;
                    answer = &mut answer => return answer,
                    () = tokio::time::sleep_until(end) => {
                        if life.last() + quiet <= Instant::now() {
                            return Err(ConnectorError::timeout(Silence(quiet).into()));
                        }
                    }
                }
            }
        })
    }
}

/// Returns how long the slowest line may take for the bytes of a body that the operating system holds.
fn drain_time(length: Option<u64>) -> Duration {
    let length = length.unwrap_or(AHEAD).min(AHEAD);
    if length <= PIECE as u64 { Duration::ZERO } else { Duration::from_secs(length / SLOWEST) }
}

/// The last moment at which a call sent bytes.
#[derive(Debug, Clone)]
struct Life(Arc<Mutex<Instant>>);

impl Default for Life {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Life {
    fn last(&self) -> Instant {
        *lock(&self.0)
    }

    fn sign(&self) {
        *lock(&self.0) = Instant::now();
    }
}

/// A body in pieces. Each piece is a sign of life when it is taken to be sent.
struct Pieces {
    body: SdkBody,
    /// The bytes that `body` has returned and that are not taken yet.
    rest: Bytes,
    life: Life,
    /// Given back with the last piece.
    turn: Option<Turn>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.life.sign();
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(piece);
        // Not every client polls a body again after its last piece.
        if self.is_end_stream() {
            self.turn.take().iter().for_each(Turn::give_back);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        match Body::size_hint(&self.body).exact() {
            Some(more) => SizeHint::with_exact(rest + more),
            None => SizeHint::default(),
        }
    }
}
