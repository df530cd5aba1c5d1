//! HTTP requests in events of API Gateway (REST API, HTTP API) and function URLs, and their answers.
//!
//! | file | content |
//! | --- | --- |
//! | `request` | the part of an event that is read |
//! | `route` | the routes, by method and path |
//! | `pictures` | `POST /pictures` and `GET /pictures/{id}` |
//! | `answer`, `failure`, `cors` | answers, refusals, and the answers to failures |

mod answer;
mod cors;
mod failure;
mod pictures;
mod request;
mod route;

pub use answer::HttpAnswer;

use super::Invocation;
use crate::budget::Deadlines;
use crate::config::Settings;
use crate::id::PictureId;
use crate::log::{Log, Logger, Sink};
use crate::model::ImageModel;
use crate::probe;
use crate::random::Random;
use crate::sqs::Outbox;
use crate::store::Store;
use crate::studio::{Failure, Job, Studio};
use answer::Refusal;
use request::Request;
use route::Route;
use serde_json::{Value, json};
use std::time::Duration;

/// The part of the function's time that is reserved for the answer.
pub const MARGIN: Duration = Duration::from_millis(500);
/// The part of the time that is reserved to store a drawn picture.
const STORING: Duration = Duration::from_millis(1_500);
/// The longest call of a model, unless the environment states another: it leaves time for a second call.
pub const MODEL_TIMEOUT: Duration = Duration::from_secs(14);
/// The longest time to sign a URL. Credentials that must be fetched first are not worth a longer wait.
const SIGNING: Duration = Duration::from_secs(1);

/// Answers requests.
pub struct HttpApi<'a, M, S, R, Q> {
    pub studio: &'a Studio<M, S, R>,
    pub outbox: &'a Q,
    pub settings: &'a Settings,
}

/// One request and the event that it came with.
#[derive(Clone, Copy)]
struct Exchange<'a> {
    request: &'a Request,
    correlation_id: &'a str,
    invocation: Invocation<'a>,
    log: Log<'a>,
}

impl<M: ImageModel, S: Store, R: Random, Q: Outbox> HttpApi<'_, M, S, R, Q> {
    /// Answers the request in `event`. Every failure becomes an answer and a log line: the function itself never fails.
    pub async fn answer<K: Sink>(&self, logger: &Logger<K>, event: Value, invocation: Invocation<'_>) -> HttpAnswer {
        let request_id = invocation.request_id;
        let request = match Request::read(event) {
            Ok(request) => request,
            Err(error) => {
                let log = logger.event(request_id, "").trace(invocation.trace_id);
                log.error("not an HTTP event", json!({"status": 400, "error": error}));
                let answer = HttpAnswer::error(400, "The event is no HTTP request.");
                return answer.with("X-Correlation-Id", request_id);
            }
        };
        let correlation_id = request.correlation_id(request_id);
        let log = logger.event(request_id, correlation_id).trace(invocation.trace_id);
        let exchange = Exchange { request: &request, correlation_id, invocation, log };
        let answer = match self.dispatch(exchange).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.answer(log),
        };
        let answer = answer.with("X-Correlation-Id", correlation_id);
        cors::allow(&self.settings.cors_origins, request.header("origin"), answer)
    }

    async fn dispatch(&self, exchange: Exchange<'_>) -> Result<HttpAnswer, Refusal> {
        if let Some(word) = probe::word(exchange.request.header(probe::HEADER)) {
            exchange.log.info("a probe of `deployer verify`", json!({"probe": word}));
            return Ok(HttpAnswer::json(200, &json!({(probe::ATTRIBUTE): word})));
        }
        let segments = exchange.request.segments();
        let route = Route::of(&segments);
        let shared = !self.settings.cors_origins.is_empty();
        match (exchange.request.method.as_str(), route) {
            ("OPTIONS", route) if shared => Ok(cors::preflight(route.method())),
            ("POST", Route::Generate) => self.generate(exchange).await,
            ("POST", Route::Pictures) => self.enqueue(exchange).await,
            ("GET", Route::Picture(id)) => self.show(id, exchange).await,
            (_, route) => {
                let method = route.method();
                let refusal = Refusal::saying(405, format!("Only {method} is allowed."));
                let allowed = if shared { format!("{method}, OPTIONS") } else { method.to_owned() };
                Ok(refusal.answer(exchange.log).with("Allow", allowed))
            }
        }
    }

    /// Answers `POST /generate-image`: draws the prompt while the client waits.
    async fn generate(&self, exchange: Exchange<'_>) -> Result<HttpAnswer, Refusal> {
        let id = exchange.request.key()?.map(PictureId::of_key);
        let prompt = exchange.request.prompt()?;
        let Exchange { invocation, correlation_id, .. } = exchange;
        let job = Job { id: id.as_ref(), prompt: &prompt, correlation_id, request_id: invocation.request_id };
        // The gateway's limit applies to the answer. A drawn picture may be stored in all the time that Lambda gives.
        let answering = invocation.budget.at_most(self.settings.gateway_limit);
        let drawing = Deadlines::reserving(answering, STORING).drawing;
        let time = Deadlines { drawing, storing: invocation.budget, stop: invocation.stop };
        match self.studio.produce(job, time, exchange.log).await {
            Ok(kept) => {
                let mut body = json!({"message": "Image generated successfully", "image_uri": kept.picture.uri});
                self.add_url(&mut body, &kept.picture.key, exchange).await;
                Ok(HttpAnswer::json(200, &body))
            }
            Err(failure) => Ok(self.answer_failure(&failure, exchange)),
        }
    }

    /// Adds the URL that shows the picture at `key`. If that fails, the answer has no URL but is still a success.
    async fn add_url(&self, body: &mut Value, key: &str, exchange: Exchange<'_>) {
        let url = self.studio.store.url(key, self.settings.url_ttl);
        let error = match tokio::time::timeout(SIGNING, url).await {
            Ok(Ok(url)) => {
                body["image_url"] = json!(url);
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no credentials in time".to_owned(),
        };
        exchange.log.error("no URL for the picture", json!({"error": error}));
    }

    fn answer_failure(&self, failure: &Failure, exchange: Exchange<'_>) -> HttpAnswer {
        failure::answer(failure, self.studio.clock.now(), exchange.log)
    }
}

#[cfg(test)]
mod tests;
