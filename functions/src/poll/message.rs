//! Processes one message: keeps it hidden meanwhile, and then deletes it or gives it back.

use super::Worker;
use crate::budget::Budget;
use crate::events::Invocation;
use crate::events::queue::{self, Attribute, Outcome, RecordResult, SqsRecord};
use crate::log::{Log, Sink};
use crate::model::ImageModel;
use crate::random::Random;
use crate::retry::{Limits, RetryError, retry_within};
use crate::sqs::{Deliveries, Delivery, QueueError};
use crate::stop::Stop;
use crate::store::Store;
use serde_json::json;
use std::convert::Infallible;
use std::time::Duration;

/// The attempts at reporting a message's outcome to the queue.
const TELLING: Limits =
    Limits { attempts: 5, attempt_timeout: Duration::from_secs(5), least: Duration::ZERO, to_the_end: false };
/// The longest time for all these attempts.
const LONGEST_TELLING: Duration = Duration::from_secs(20);
/// A message is hidden again after a third of its time, so that two attempts may fail.
const PARTS: u32 = 3;

impl<M: ImageModel, S: Store, R: Random, K: Sink, Q: Deliveries> Worker<'_, M, S, R, K, Q> {
    /// Processes `delivered` until it is finished or `leave` is requested, and reports the outcome to the queue.
    pub(super) async fn work_on(&self, delivered: Delivery, leave: &Stop) -> RecordResult {
        let Delivery { message_id, receipt_handle, request_id, .. } = delivered.clone();
        let record = record(delivered);
        let invocation = Invocation {
            request_id: &request_id,
            trace_id: None,
            budget: Budget::lasting(self.settings.message_timeout),
            stop: Some(leave),
        };
        let log = self.logger.event(&request_id, record.correlation_id());
        let worked = tokio::select! {
            biased;
            worked = queue::work(self.studio, self.logger, &record, invocation) => worked,
            never = self.keep_hidden(&receipt_handle, &message_id, log) => match never {},
        };
        match worked.outcome {
            Outcome::Finished => {
                let delete = async || self.queue.delete(&self.settings.queue_url, &receipt_handle).await;
                self.tell_queue("not deleted, it comes again and is not drawn again", &message_id, log, delete).await;
            }
            Outcome::Redeliver(wait) => self.give_back(&receipt_handle, &message_id, wait, log).await,
        }
        worked
    }

    /// Lets the message be delivered again after `wait`.
    pub(super) async fn give_back(&self, receipt: &str, message_id: &str, wait: Duration, log: Log<'_>) {
        let hide = async || self.queue.hide(&self.settings.queue_url, receipt, wait).await;
        self.tell_queue("not postponed, the visibility timeout decides", message_id, log, hide).await;
    }

    /// Calls the queue, with retries. If all fail, logs `failed`; the message then returns after its visibility
    /// timeout.
    async fn tell_queue(
        &self,
        failed: &str,
        message_id: &str,
        log: Log<'_>,
        telling: impl AsyncFnMut() -> Result<(), QueueError>,
    ) {
        let told = retry_within(Budget::lasting(LONGEST_TELLING), TELLING, &self.studio.random, telling).await;
        let Err(stopped) = told else { return };
        let (error, attempts) = match stopped {
            RetryError::Failed { cause, attempts } => (Some(cause), attempts),
            RetryError::OutOfTime { cause, attempts } => (cause, attempts),
        };
        let error = error.map_or_else(|| "out of time".to_owned(), |error| error.to_string());
        log.warn(failed, json!({"error": error, "attempts": attempts, "message_id": message_id}));
    }

    /// Keeps the message hidden while it is processed. A failure is logged once: the claim on the prompt prevents
    /// another process from drawing it meanwhile.
    async fn keep_hidden(&self, receipt: &str, message_id: &str, log: Log<'_>) -> Infallible {
        let visibility = self.settings.visibility;
        let mut is_logged = false;
        loop {
            tokio::time::sleep(visibility / PARTS).await;
            let hide = self.queue.hide(&self.settings.queue_url, receipt, visibility);
            let error = match tokio::time::timeout(visibility / PARTS, hide).await {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            if !std::mem::replace(&mut is_logged, true) {
                log.warn("not kept hidden, the work goes on", json!({"error": error, "message_id": message_id}));
            }
        }
    }
}

fn record(delivered: Delivery) -> SqsRecord {
    let text = |(name, value)| (name, Attribute { string_value: Some(value) });
    let count = delivered.receive_count.map(|count| ("ApproximateReceiveCount".to_owned(), count));
    SqsRecord {
        message_id: Some(delivered.message_id),
        receipt_handle: Some(delivered.receipt_handle),
        event_source_arn: None,
        body: Some(delivered.body),
        attributes: Some(count.into_iter().collect()),
        message_attributes: Some(delivered.attributes.into_iter().map(text).collect()),
    }
}
