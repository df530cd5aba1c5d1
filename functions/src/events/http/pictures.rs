//! `/pictures`: accepts a prompt now, lets the queue's function draw it later, and reports its state by its id.

use super::answer::{HttpAnswer, Refusal};
use super::{Exchange, HttpApi, failure};
use crate::clock;
use crate::id::PictureId;
use crate::model::ImageModel;
use crate::prompt::Prompt;
use crate::random::Random;
use crate::records::{PromptIdentity, Record, Records, Status};
use crate::retry::{Limits, RetryError, retry_within};
use crate::sqs::{Outbox, OutgoingMessage, unsendable};
use crate::store::{Store, StoreError};
use crate::studio::{Failure, storing};
use serde_json::{Value, json};
use std::time::Duration;

const SENDING: Limits =
    Limits { attempts: 4, attempt_timeout: Duration::from_secs(5), least: Duration::ZERO, to_the_end: false };
/// When the client may ask again for a picture that is not drawn yet: about the time that a model takes.
const POLL: Duration = Duration::from_secs(3);
/// The same answer for unknown ids and impossible ids, so that it reveals nothing.
const UNKNOWN: Refusal = Refusal::new(404, "There is no picture of this id.");

impl<M: ImageModel, S: Store, R: Random, Q: Outbox> HttpApi<'_, M, S, R, Q> {
    /// Answers `POST /pictures`: writes a record of the prompt and sends it to the queue.
    ///
    /// The record is written first, so that the client can ask for the id at once. A prompt that is only recorded is
    /// sent again: the first attempt may have failed, and the queue's function draws each id once.
    pub(super) async fn enqueue(&self, exchange: Exchange<'_>) -> Result<HttpAnswer, Refusal> {
        let key = exchange.request.key()?;
        let prompt = self.sendable(&exchange.request.prompt()?)?;
        let Some(url) = &self.settings.queue_url else {
            exchange.log.error("no queue to send to", json!({"status": 501, "error": "QUEUE_URL is not set"}));
            return Ok(HttpAnswer::error(501, "This API takes no prompts for later."));
        };
        let random = || self.studio.random.secret().map(PictureId::random);
        let Some(id) = key.map(PictureId::of_key).or_else(random) else {
            exchange
                .log
                .error("no id for the prompt", json!({"status": 503, "error": "the system has no random numbers"}));
            return Ok(HttpAnswer::error(503, "The prompt cannot be taken now. Try again later.").retry_after(POLL));
        };
        let budget = exchange.invocation.budget.at_most(self.settings.gateway_limit);
        let prompt_sha256 = prompt.sha256();
        let asked = PromptIdentity { id: &id, correlation_id: exchange.correlation_id, prompt_sha256: &prompt_sha256 };
        let found = match self.records().enqueue(asked, budget).await {
            Ok(found) => found,
            Err(stopped) => return Ok(self.answer_failure(&storing(stopped), exchange)),
        };
        if found.as_ref().is_some_and(|record| record.prompt_sha256 != prompt_sha256) {
            return Ok(self.answer_failure(&Failure::OtherPrompt, exchange));
        }
        let fields = json!({"picture_id": id.as_str(), "status": found.as_ref().map(|record| record.status)});
        match found.filter(|record| self.is_taken(record)) {
            Some(record) => {
                exchange.log.info("prompt known by its key", fields);
                Ok(accepted(&id, record.status, exchange))
            }
            None => {
                let message = OutgoingMessage {
                    prompt: &prompt,
                    picture_id: id.as_str(),
                    correlation_id: exchange.correlation_id,
                };
                let send = async || self.outbox.send(url, message).await;
                if let Err(stopped) = retry_within(budget, SENDING, &self.studio.random, send).await {
                    return Ok(failure::not_sent(stopped, exchange.log));
                }
                exchange.log.info("prompt queued", fields);
                Ok(accepted(&id, Status::Queued, exchange))
            }
        }
    }

    /// Accepts a prompt that a model and the queue can take.
    fn sendable(&self, text: &str) -> Result<Prompt, Refusal> {
        let prompt = self.studio.prompt(text).map_err(|error| Refusal::saying(400, error.to_string()))?;
        match unsendable(text) {
            None => Ok(prompt),
            Some(letter) => {
                let code = u32::from(letter);
                Err(Refusal::saying(400, format!("The prompt has a character that cannot be queued: U+{code:04X}.")))
            }
        }
    }

    /// Tells whether the prompt needs no further message. A claim that has ended needs one: its process died, and its
    /// message may have been lost with it.
    fn is_taken(&self, record: &Record) -> bool {
        match record.status {
            Status::Done | Status::Rejected => true,
            Status::Queued => false,
            Status::Drawing => {
                let until = record.claim.as_ref().map_or(0, |claim| claim.until_ms);
                until > clock::millis(self.studio.clock.now())
            }
        }
    }

    /// Answers `GET /pictures/{id}` from the record.
    pub(super) async fn show(&self, id: &str, exchange: Exchange<'_>) -> Result<HttpAnswer, Refusal> {
        let id = PictureId::parse(id).ok_or(UNKNOWN)?;
        let budget = exchange.invocation.budget.at_most(self.settings.gateway_limit);
        let record = match self.records().find(&id, budget).await {
            Ok(record) => record.ok_or(UNKNOWN)?,
            // S3 does not report a missing object as missing to a caller without `s3:ListBucket`.
            Err(RetryError::Failed { cause: StoreError::Refused(cause), .. }) if cause.status == Some(403) => {
                return Err(UNKNOWN.because(format!("no such record, or no s3:GetObject on it: {cause}")));
            }
            Err(stopped) => return Ok(self.answer_failure(&storing(stopped), exchange)),
        };
        let mut body = json!({"id": id.as_str(), "status": shown(record.status)});
        match (record.picture, record.rejection) {
            (Some(picture), _) => {
                body["image_uri"] = json!(picture.uri);
                self.add_url(&mut body, &picture.key, exchange).await;
            }
            (None, Some(rejection)) => {
                body["reason"] = json!(rejection.reason);
                body["error"] = json!(rejection.message);
            }
            (None, None) if is_pending(record.status) => return Ok(HttpAnswer::json(200, &body).retry_after(POLL)),
            (None, None) => {
                let cause = StoreError::Unreadable(format!("of {id}"));
                return Ok(self.answer_failure(&Failure::Store { cause, attempts: 1 }, exchange));
            }
        }
        Ok(HttpAnswer::json(200, &body))
    }

    /// Returns the records of the queue's function.
    fn records(&self) -> Records<'_, S, R> {
        Records { prefix: &self.settings.pictures_prefix, ..self.studio.records() }
    }
}

/// Answers with the id, and the URL under which its state is reported.
fn accepted(id: &PictureId, status: Status, exchange: Exchange<'_>) -> HttpAnswer {
    let url = exchange.request.reference(&format!("pictures/{id}"));
    let code = if is_pending(status) { 202 } else { 200 };
    let body: Value = json!({"id": id.as_str(), "status": shown(status), "status_url": url});
    HttpAnswer::json(code, &body).with("Location", url)
}

fn is_pending(status: Status) -> bool {
    matches!(status, Status::Queued | Status::Drawing)
}

fn shown(status: Status) -> &'static str {
    match status {
        Status::Queued | Status::Drawing => "pending",
        Status::Done => "done",
        Status::Rejected => "rejected",
    }
}
