//! An SQS event, and the partial batch response.
//!
//! The event source mapping must have `ReportBatchItemFailures`; the queue must be a standard one.

use super::Invocation;
use crate::budget::Deadlines;
use crate::id::PictureId;
use crate::log::{self, Level, Logger, Metric, Sink, Unit};
use crate::model::{ImageModel, ModelError};
use crate::probe;
use crate::random::Random;
use crate::sqs::{self, Postponement, Queue};
use crate::store::{Store, StoreError};
use crate::studio::{Failure, Job, Studio};
use crate::text::unread;
use futures::StreamExt;
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The longest call of a model, unless the environment states another.
pub const MODEL_TIMEOUT: Duration = Duration::from_secs(45);
/// The part of the function's time that is reserved for the answer.
pub const MARGIN: Duration = Duration::from_secs(1);
/// The part of the function's time that is reserved to store drawn pictures.
const STORING: Duration = Duration::from_secs(5);
/// The longest time for SQS to postpone the failed records.
const POSTPONING: Duration = Duration::from_millis(700);
/// The shortest and the longest wait before another delivery, in seconds.
const FIRST_WAIT_S: u32 = 30;
const LAST_WAIT_S: u32 = 900;
/// The most records in progress at once. A batch has 5 or 10; a larger one must not hold all its pictures in memory.
const CONCURRENT: usize = 10;

/// The part of a record that is read. Its body is the prompt.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SqsRecord {
    pub message_id: Option<String>,
    pub receipt_handle: Option<String>,
    #[serde(rename = "eventSourceARN")]
    pub event_source_arn: Option<String>,
    pub body: Option<String>,
    pub attributes: Option<BTreeMap<String, String>>,
    pub message_attributes: Option<BTreeMap<String, Attribute>>,
}

/// A message attribute that is a text.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attribute {
    pub string_value: Option<String>,
}

/// The records that are to be delivered again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    pub batch_item_failures: Vec<ItemFailure>,
}

/// One record that is to be delivered again. An empty identifier makes Lambda return the whole batch, which is right
/// for a record without an id.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    pub item_identifier: String,
}

impl SqsRecord {
    /// Reads a record of an event. SQS accepts no message without a body, so a record without one does not show the
    /// sender's prompt, and is no reason to reject it.
    fn read(record: &Value) -> Result<Self, String> {
        let record = Self::deserialize(record).map_err(|error| unread(&error))?;
        if record.body.is_none() {
            return Err("it has no body".to_owned());
        }
        Ok(record)
    }

    fn id(&self) -> &str {
        self.message_id.as_deref().unwrap_or_default()
    }

    /// Returns the sender's correlation id, else the message id; empty if neither is valid.
    pub fn correlation_id(&self) -> &str {
        let given = log::correlation_id(self.attribute("correlation_id"));
        given.or_else(|| log::correlation_id(Some(self.id()))).unwrap_or_default()
    }

    /// Returns the picture's id: the sender's, else the message's. The sender's id survives a dead-letter queue, from
    /// which messages return with new ids.
    fn picture_id(&self) -> Option<PictureId> {
        let given = self.attribute("picture_id").and_then(PictureId::parse);
        given.or_else(|| PictureId::of_message(self.id()))
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.message_attributes.as_ref()?.get(name)?.string_value.as_deref()
    }

    /// Returns how often the record was delivered, as SQS counts it.
    fn receive_count(&self) -> Option<u32> {
        self.attributes.as_ref()?.get("ApproximateReceiveCount")?.parse().ok()
    }
}

/// The queue that records come from.
pub struct Messages<'a, Q> {
    pub queue: &'a Q,
    /// The queue's URL, if it is known. Otherwise it follows from the records' ARN.
    pub url: Option<&'a str>,
}

impl<Q> Messages<'_, Q> {
    fn url_for(&self, records: &[SqsRecord]) -> Option<String> {
        let arn = || sqs::url_of(records.first()?.event_source_arn.as_deref()?);
        self.url.map(ToOwned::to_owned).or_else(arn)
    }
}

/// The outcome for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its picture is stored, or its prompt is recorded as rejected: it is not delivered again.
    Finished,
    /// The record is to be delivered again after this time.
    Redeliver(Duration),
}

/// The meaning of a record's outcome for the records after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// No meaning: the prompt was at fault, or no model was called.
    None,
    /// A picture was drawn and stored.
    Drawn,
    /// Model or bucket failed in a way that the next prompt is likely to meet as well.
    Failing,
    /// The day's limit is reached: no picture is drawn before then.
    LimitReached { until: SystemTime },
}

/// The end of the work on a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordResult {
    pub outcome: Outcome,
    pub sign: Sign,
}

/// Processes one record. A probe of `deployer verify` is finished without drawing.
///
/// A prompt that can never succeed is logged as `rejected`, recorded with the reason, and finished: another delivery
/// would only delay the other records. Every other failed record is delivered again, and ends in the dead-letter queue
/// if it never succeeds.
pub async fn work<M: ImageModel, S: Store, R: Random, K: Sink>(
    studio: &Studio<M, S, R>,
    logger: &Logger<K>,
    record: &SqsRecord,
    invocation: Invocation<'_>,
) -> RecordResult {
    let correlation_id = record.correlation_id();
    let log = logger.event(invocation.request_id, correlation_id).trace(invocation.trace_id);
    if let Some(word) = probe::word(record.attribute(probe::ATTRIBUTE)) {
        log.info("a probe of `deployer verify`", json!({"message_id": record.id(), "probe": word}));
        return RecordResult { outcome: Outcome::Finished, sign: Sign::None };
    }
    let id = record.picture_id();
    let job = Job {
        id: id.as_ref(),
        prompt: record.body.as_deref().unwrap_or_default(),
        correlation_id,
        request_id: invocation.request_id,
    };
    let time = Deadlines::reserving(invocation.budget, STORING).until(invocation.stop);
    let failure = match studio.produce(job, time, log).await {
        Ok(kept) => {
            let sign = if kept.found { Sign::None } else { Sign::Drawn };
            return RecordResult { outcome: Outcome::Finished, sign };
        }
        Err(failure) => failure,
    };
    let mut fields = json!({
        "message_id": record.id(),
        "receive_count": record.receive_count(),
        "error": failure.to_string(),
    });
    if let Some(rejection) = failure.rejection() {
        fields["picture_id"] = json!(id.as_ref().map(PictureId::as_str));
        fields["reason"] = json!(rejection.reason);
        log.measure(
            Level::Warn,
            "rejected",
            fields,
            &[Metric { name: "PromptsRejected", unit: Unit::Count, value: 1.0 }],
        );
        return RecordResult { outcome: Outcome::Finished, sign: Sign::None };
    }
    let wait = failure.wait(studio.clock.now()).unwrap_or_else(|| back_off(&failure, record, &studio.random));
    fields["again_in_s"] = json!(wait.as_secs());
    match &failure {
        Failure::Busy { .. } => log.info("another delivery is being drawn", fields),
        Failure::Interrupted => log.info("interrupted, to be delivered again", fields),
        Failure::LimitReached { .. } => log.warn("the limit of pictures of this day is reached", fields),
        _ => {
            let message = match failure {
                Failure::Model { cause: ModelError::Refused { .. }, .. } => {
                    "the model refuses this function, the message is kept"
                }
                Failure::OutOfTime { .. } => "out of time, to be delivered again",
                _ => "failed, to be delivered again",
            };
            let metric = Metric { name: "AttemptsFailed", unit: Unit::Count, value: 1.0 };
            log.measure(Level::Error, message, fields, &[metric]);
        }
    }
    RecordResult { outcome: Outcome::Redeliver(wait), sign: sign(&failure) }
}

/// Returns the meaning of `failure` for the records after it. A fault inside the model may concern this prompt alone. So
/// may a reply that is no picture, but it is billed: if several follow each other, the next one likely costs as much.
fn sign(failure: &Failure) -> Sign {
    match failure {
        Failure::LimitReached { until } => Sign::LimitReached { until: *until },
        Failure::Model { cause: ModelError::Faulty(_), .. } => Sign::None,
        Failure::Store { cause: StoreError::Contended(_) | StoreError::Unreadable(_), .. } => Sign::None,
        Failure::Model { .. } | Failure::Store { .. } | Failure::OutOfTime { .. } => Sign::Failing,
        Failure::Rejected(_) | Failure::Busy { .. } | Failure::Interrupted | Failure::OtherPrompt => Sign::None,
    }
}

/// Returns the time until another delivery: 30 s, doubling with each delivery to 15 minutes, and up to a half more. A
/// record that was never attempted is delivered again soon.
fn back_off(failure: &Failure, record: &SqsRecord, random: &impl Random) -> Duration {
    if matches!(failure, Failure::OutOfTime { attempts: 0, .. }) {
        return Duration::from_secs(2);
    }
    let deliveries = record.receive_count().unwrap_or(1);
    let doubled = FIRST_WAIT_S << deliveries.saturating_sub(1).min(5);
    let seconds = doubled.min(LAST_WAIT_S);
    Duration::from_secs(u64::from(seconds + random.up_to(seconds / 2)))
}

/// Processes all records at once, within one common budget, and names the records that are to be delivered again. SQS
/// then waits as long as the failure requires, instead of the queue's whole visibility timeout.
pub async fn answer<M: ImageModel, S: Store, R: Random, K: Sink, Q: Queue>(
    studio: &Studio<M, S, R>,
    logger: &Logger<K>,
    queue: &Messages<'_, Q>,
    event: &Value,
    invocation: Invocation<'_>,
) -> BatchAnswer {
    let log = logger.event(invocation.request_id, "").trace(invocation.trace_id);
    let Some(all) = event.get("Records").and_then(Value::as_array) else {
        log.error("not an SQS event", json!({"error": "the event has no list of records"}));
        return BatchAnswer { batch_item_failures: vec![ItemFailure::default()] };
    };
    let mut records = Vec::new();
    let mut failures = Vec::new();
    for record in all {
        match SqsRecord::read(record) {
            Ok(record) => records.push(record),
            Err(error) => {
                log.error("not an SQS record", json!({ "error": error }));
                let id = record.get("messageId").and_then(Value::as_str).unwrap_or_default();
                failures.push(ItemFailure { item_identifier: id.to_owned() });
            }
        }
    }
    let work = stream::iter(&records).map(|record| async move {
        let worked = work(studio, logger, record, invocation).await;
        (record, worked.outcome)
    });
    let outcomes: Vec<_> = work.buffer_unordered(CONCURRENT).collect().await;
    let mut waits = Vec::new();
    for (record, outcome) in &outcomes {
        let Outcome::Redeliver(wait) = outcome else { continue };
        failures.push(ItemFailure { item_identifier: record.id().to_owned() });
        let receipt_handle = record.receipt_handle.clone();
        waits.extend(receipt_handle.map(|receipt_handle| Postponement { receipt_handle, wait: *wait }));
    }
    if let (Some(url), false) = (queue.url_for(&records), waits.is_empty()) {
        let postponed = tokio::time::timeout(POSTPONING, queue.queue.postpone(&url, &waits)).await;
        let failure = match postponed {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure.to_string()),
            Err(_) => Some("no answer".to_owned()),
        };
        if let Some(error) = failure {
            log.warn("not postponed, the visibility timeout decides", json!({ "error": error, "queue_url": url }));
        }
    }
    BatchAnswer { batch_item_failures: failures }
}
