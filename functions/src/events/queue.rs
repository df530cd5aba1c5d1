//! An SQS event, and the partial batch response.
//!
//! The event source mapping must have `ReportBatchItemFailures`; the queue must be a standard one.

use crate::budget::Budget;
use crate::log::{self, Logger, Sink};
use crate::model::ImageModel;
use crate::random::Random;
use crate::store::Store;
use crate::studio::{Failure, Job, Studio};
use futures::StreamExt;
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is kept of the function's time for the answer.
pub const MARGIN: Duration = Duration::from_secs(1);
/// The most records worked on at a time: a batch is 5 or 10, a larger one must not hold all its pictures in memory.
const CONCURRENT: usize = 10;

/// Holds what is read of the event.
#[derive(Debug, Default, Deserialize)]
pub struct QueueEvent {
    #[serde(rename = "Records", default)]
    pub records: Vec<Record>,
}

/// Holds what is read of a record; its body is the prompt.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    pub message_id: Option<String>,
    pub body: Option<String>,
    pub attributes: Option<BTreeMap<String, String>>,
    pub message_attributes: Option<BTreeMap<String, Attribute>>,
}

/// Holds a message attribute that is a text.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attribute {
    pub string_value: Option<String>,
}

/// Names the records that are to come again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    pub batch_item_failures: Vec<ItemFailure>,
}

/// Names one record that is to come again. An empty identifier makes Lambda return the whole batch, which is right for a
/// record that has none.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    pub item_identifier: String,
}

impl Record {
    fn id(&self) -> &str {
        self.message_id.as_deref().unwrap_or_default()
    }

    /// Returns the sender's correlation id, else the message id.
    fn correlation_id(&self) -> &str {
        let attributes = self.message_attributes.as_ref();
        let attribute = attributes.and_then(|all| all.get("correlation_id"));
        log::correlation_id(attribute.and_then(|a| a.string_value.as_deref())).unwrap_or_else(|| self.id())
    }

    /// Returns how often the record has come, as SQS counts it.
    fn receive_count(&self) -> Option<&str> {
        let attributes = self.attributes.as_ref()?;
        Some(attributes.get("ApproximateReceiveCount")?.as_str())
    }
}

/// Works on all records at once, within one common budget, and names those worth another delivery.
///
/// A record whose prompt can never succeed is logged as `rejected` and acknowledged: delivering it again would only
/// delay the others.
pub async fn answer<M: ImageModel, S: Store, R: Random, K: Sink>(
    studio: &Studio<M, S, R>,
    logger: &Logger<K>,
    event: &QueueEvent,
    request_id: &str,
    budget: Budget,
) -> BatchAnswer {
    let work = stream::iter(&event.records).map(|record| async move {
        let log = logger.event(request_id, record.correlation_id());
        let job = Job {
            prompt: record.body.as_deref().unwrap_or_default(),
            correlation_id: record.correlation_id(),
            request_id,
        };
        let failure = studio.produce(job, budget, log).await.err()?;
        let fields = json!({
            "message_id": record.id(),
            "receive_count": record.receive_count(),
            "error": failure.to_string(),
        });
        if failure.is_permanent() {
            log.warn("rejected", fields);
            return None;
        }
        let message = match failure {
            Failure::OutOfTime { .. } => "out of time, to be delivered again",
            _ => "failed, to be delivered again",
        };
        log.error(message, fields);
        Some(ItemFailure { item_identifier: record.id().to_owned() })
    });
    let outcomes: Vec<_> = work.buffer_unordered(CONCURRENT).collect().await;
    BatchAnswer { batch_item_failures: outcomes.into_iter().flatten().collect() }
}
