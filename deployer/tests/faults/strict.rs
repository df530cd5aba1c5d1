//! The rules of AWS in front of the local AWS, with time that passes only while a run waits.
//!
//! A run's runtime has a paused clock, which jumps to the next timer as soon as nothing else is left to do. Requests are
//! sent from a thread of their own, during which the clock stands still. So the delays are AWS's own, and take no time.
//! The state's lock also reads a clock that cannot be paused, so the run's clock never stays behind it.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use deployer::strict::{Answer, Emulator, Strict, Switches};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// Sends the requests of all runs.
static SENDER: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
});

/// An AWS with the rules, shared by all runs of an account.
#[derive(Clone)]
pub struct StrictAws {
    strict: Arc<Strict>,
    time: Arc<Mutex<Duration>>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl StrictAws {
    pub fn new(endpoint_url: &str, switches: Switches) -> Self {
        let time = Arc::new(Mutex::new(Duration::ZERO));
        let clock = time.clone();
        let emulator = Emulator::new(endpoint_url.to_owned(), "test".into(), None);
        let strict = Strict::new(switches, Arc::new(move || *clock.lock().unwrap()), emulator);
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { strict: Arc::new(strict), time, client }
    }

    /// Begins a run: its time goes on where the time of the run before ended.
    pub fn begin(&self) -> StrictRun {
        StrictRun { aws: self.clone(), began: Mutex::new(None) }
    }
}

/// The AWS of a run.
pub struct StrictRun {
    aws: StrictAws,
    began: Mutex<Option<Began>>,
}

/// The beginning of a run, by the real clock and by the run's, and when the run's clock was last read.
#[derive(Clone, Copy)]
struct Began {
    real: std::time::Instant,
    run: Instant,
    read: Instant,
}

impl std::fmt::Debug for StrictRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StrictRun").finish_non_exhaustive()
    }
}

impl StrictRun {
    /// Sends a request through the rules.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Answer, String> {
        self.pass_time().await;
        let (strict, client) = (self.aws.strict.clone(), self.aws.client.clone());
        let sent = tokio::task::spawn_blocking(move || {
            SENDER.block_on(strict.answer(request, async |request| forward(&client, request).await))
        });
        sent.await.expect("it does not panic")
    }

    /// Adds the time that has passed in the run.
    async fn pass_time(&self) {
        let now = Instant::now();
        let began =
            *self.began.lock().unwrap().get_or_insert(Began { real: std::time::Instant::now(), run: now, read: now });
        let behind = began.real.elapsed().saturating_sub(began.run.elapsed());
        if !behind.is_zero() {
            tokio::time::advance(behind).await;
        }
        let now = Instant::now();
        if let Some(began) = self.began.lock().unwrap().as_mut() {
            *self.aws.time.lock().unwrap() += now - began.read;
            began.read = now;
        }
    }
}

async fn forward(client: &Client<HttpConnector, Full<Bytes>>, request: Request<Bytes>) -> Result<Answer, String> {
    let answer = client.request(request.map(Full::new)).await.map_err(|error| error.to_string())?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}
