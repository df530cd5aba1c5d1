//! A run that dies at one of its writes, as by SIGKILL: the machine goes on, and nobody tells AWS.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use hyper::body::Bytes;
use tokio::sync::{oneshot, watch};

use super::play::Play;
use crate::aws::is_write;
use crate::aws::network::Network;
use crate::execute::Stop;
use crate::failure::Failure;
use crate::mutex::lock;
use crate::strict::Call;

/// The moment at which a run dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Death {
    /// The number of the write, counted from 1.
    pub at: usize,
    /// Whether that write still arrives. Its answer does not.
    pub arrives: bool,
}

/// The bytes of a run's stack: as many as the main thread has on Linux, for which a run is made.
const STACK: usize = 8 << 20;

/// Runs `play` until it dies. Returns the write at which it died, or None if it came to its end before.
///
/// # Errors
/// When no thread can be started.
pub(super) async fn run(play: Play, death: Death, stop: Stop) -> Result<Option<String>, Failure> {
    let (ended, end) = oneshot::channel();
    let builder = std::thread::Builder::new().name("mortal".to_owned()).stack_size(STACK);
    let spawned = builder.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        let life = Arc::new(Life::new(death));
        let died = runtime.block_on(async {
            let client = Network::default().to(play.settings.aws.endpoint_url.as_deref()).client();
            let client = SharedHttpClient::new(Mortal { real: client, life: life.clone() });
            let mut is_dead = life.is_dead.subscribe();
            tokio::select! {
                // A failure shows in the next run.
                _ = play.run(Some(client), &stop) => None,
                _ = is_dead.wait_for(|dead| *dead) => life.last_write(),
            }
        });
        // The background tasks of the run die with it. A file that is half written is finished.
        drop(runtime);
        let _ = ended.send(died);
    });
    let failed = |why: String| {
        let message = format!("the rehearsed run cannot be started: {why}");
        Failure::plain("rehearse::not-set-up", message, "run the same command again")
    };
    spawned.map_err(|error| failed(error.to_string()))?;
    end.await.map_err(|_| failed("it has no runtime".to_owned()))
}

#[derive(Debug)]
struct Life {
    death: Death,
    writes: Mutex<Vec<String>>,
    is_dead: watch::Sender<bool>,
}

impl Life {
    fn new(death: Death) -> Self {
        Self { death, writes: Mutex::default(), is_dead: watch::Sender::new(false) }
    }

    fn last_write(&self) -> Option<String> {
        lock(&self.writes).get(self.death.at - 1).cloned()
    }

    async fn pass(&self, real: SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        if let Some(write) = writing_operation(&request) {
            let number = {
                let mut writes = lock(&self.writes);
                writes.push(write);
                writes.len()
            };
            if number == self.death.at {
                if self.death.arrives {
                    let _ = real.call(request).await;
                }
                self.is_dead.send_replace(true);
                return std::future::pending().await;
            }
        }
        if *self.is_dead.borrow() {
            return std::future::pending().await;
        }
        real.call(request).await
    }
}

/// Names the operation of a request that changes something: `SQS CreateQueue`.
fn writing_operation(request: &HttpRequest) -> Option<String> {
    let (service, operation) = operation(request)?;
    is_write(&operation).then(|| format!("{service} {operation}"))
}

/// Returns the service and the operation of a request.
fn operation(request: &HttpRequest) -> Option<(String, String)> {
    let mut read = hyper::Request::builder().method(request.method()).uri(request.uri());
    for (name, value) in request.headers() {
        read = read.header(name, value);
    }
    let body = Bytes::copy_from_slice(request.body().bytes().unwrap_or_default());
    let read = read.body(body.clone()).ok()?;
    if let Some(call) = Call::of(&read, "") {
        return Some((call.service.to_owned(), call.operation.to_owned()));
    }
    // A call of a kind that another program has added, and of whose operations nothing is known here.
    let scope = request.headers().get("authorization")?.split("Credential=").nth(1)?.split('/').nth(3)?.to_owned();
    let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
    let form = std::str::from_utf8(&body).ok().and_then(|form| form.strip_prefix("Action=")?.split('&').next());
    let named = target.or(form).map(str::to_owned);
    let is_read = matches!(request.method(), "GET" | "HEAD");
    let path = || if is_read { "Get".to_owned() } else { format!("{} {}", request.method(), read.uri().path()) };
    Some((scope, named.unwrap_or_else(path)))
}

/// The connection between a run and the private cloud.
#[derive(Debug, Clone)]
struct Mortal {
    real: SharedHttpClient,
    life: Arc<Life>,
}

impl HttpClient for Mortal {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let real = self.real.http_connector(settings, components);
        SharedHttpConnector::new(Connection { real, life: self.life.clone() })
    }
}

#[derive(Debug)]
struct Connection {
    real: SharedHttpConnector,
    life: Arc<Life>,
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (real, life) = (self.real.clone(), self.life.clone());
        HttpConnectorFuture::new(async move { life.pass(real, request).await })
    }
}
