//! Ten thousand messages under every kind of fault. Each ends as a picture, as a recorded rejection, or in the
//! dead-letter queue, and is paid for once.
//!
//! The queue, the bucket and the model are in memory. Faults follow from the numbers of the message and the call, so
//! that a run can be repeated. The clock is virtual.

mod fate;

use super::Invocation;
use super::queue::{Messages, answer};
use crate::aws::AwsFailure;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::id::PictureId;
use crate::log::{Level, Logger, Sink};
use crate::model::{ImageModel, ModelError};
use crate::picture::Picture;
use crate::prompt::Prompt;
use crate::records::{Record, Status, record_key};
use crate::sqs::{Postponement, Queue};
use crate::store::{Condition, Metadata, Store, StoreError, StoredRecord, Version};
use crate::studio::Studio;
use crate::studio::tests::FakeStore;
use fate::{Dice, Fate, Model};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::Instant;

const MESSAGES: u32 = 10_000;
/// The processes that receive from the queue at the same time.
const PROCESSES: u32 = 8;
const BATCH: usize = 10;
const MAX_RECEIVE_COUNT: u32 = 5;
const VISIBILITY: Duration = Duration::from_secs(720);
const TIMEOUT: Duration = Duration::from_secs(119);

/// A bucket that sometimes fails, before or after it has carried out a call.
struct Bucket<'a> {
    inner: &'a FakeStore,
    dice: &'a Dice,
}

impl Bucket<'_> {
    async fn reached<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let lost = || Err(StoreError::Unavailable(AwsFailure { transport: true, ..AwsFailure::default() }));
        tokio::time::sleep(Duration::from_millis(20)).await;
        match self.dice.throw() % 100 {
            0..2 => lost(),
            2..4 => {
                let _ = work.await;
                lost()
            }
            4 => Err(StoreError::Throttled(AwsFailure::default())),
            _ => work.await,
        }
    }
}

impl Store for Bucket<'_> {
    fn uri(&self, key: &str) -> String {
        self.inner.uri(key)
    }
    async fn put(&self, key: &str, picture: &Picture, metadata: &Metadata) -> Result<bool, StoreError> {
        self.reached(self.inner.put(key, picture, metadata)).await
    }
    async fn owner(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.reached(self.inner.owner(key)).await
    }
    async fn read(&self, key: &str) -> Result<Option<StoredRecord>, StoreError> {
        self.reached(self.inner.read(key)).await
    }
    async fn write(&self, key: &str, body: Vec<u8>, condition: &Condition) -> Result<Option<Version>, StoreError> {
        self.reached(self.inner.write(key, body, condition)).await
    }
    async fn url(&self, key: &str, ttl: Duration) -> Result<String, StoreError> {
        self.inner.url(key, ttl).await
    }
}

struct LedgerMessage {
    number: u32,
    visible_at: Instant,
    receives: u32,
}

/// A standard queue with a dead-letter queue. It delivers some messages twice, and in any order.
struct Standard {
    waiting: RefCell<Vec<LedgerMessage>>,
    dead: RefCell<BTreeSet<u32>>,
    dice: Dice,
}

impl Standard {
    fn receive(&self) -> Vec<u32> {
        let now = Instant::now();
        let mut batch = Vec::new();
        self.waiting.borrow_mut().retain_mut(|message| {
            if batch.len() >= BATCH || message.visible_at > now {
                return true;
            }
            if message.receives >= MAX_RECEIVE_COUNT {
                self.dead.borrow_mut().insert(message.number);
                return false;
            }
            message.receives += 1;
            // A message that was delivered and is still visible: it is delivered twice.
            if !self.dice.percent(8) {
                message.visible_at = now + VISIBILITY;
            }
            batch.push(message.number);
            true
        });
        batch
    }

    fn delete(&self, number: u32) {
        self.waiting.borrow_mut().retain(|message| message.number != number);
    }

    fn receives(&self, number: u32) -> u32 {
        let waiting = self.waiting.borrow();
        waiting.iter().find(|message| message.number == number).map_or(1, |message| message.receives)
    }
}

impl Queue for Standard {
    async fn postpone(&self, _: &str, messages: &[Postponement]) -> Result<(), AwsFailure> {
        for postponed in messages {
            let number: u32 = postponed.receipt_handle.parse().unwrap();
            for message in self.waiting.borrow_mut().iter_mut().filter(|message| message.number == number) {
                message.visible_at = Instant::now() + postponed.wait;
            }
        }
        Ok(())
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn write(&self, line: String) {
        assert!(!line.contains("a couch on a mountain"), "a prompt in the log: {line}");
    }
}

fn id(number: u32) -> String {
    format!("message-{number}")
}

fn event(numbers: &[u32], queue: &Standard) -> Value {
    let records = numbers.iter().map(|number| {
        json!({
            "messageId": id(*number),
            "receiptHandle": number.to_string(),
            "body": Fate::of(*number).prompt(*number),
            "attributes": {"ApproximateReceiveCount": queue.receives(*number).to_string()},
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

/// Receives batches until the queue is empty. Some batches are killed while in progress, and the answers of some are
/// lost.
async fn process(number: u32, queue: &Standard, bucket: &FakeStore, model: &Model, killed: &RefCell<BTreeSet<u32>>) {
    let dice = Dice(Cell::new(u64::from(number) << 32 | 7));
    let begun = Instant::now();
    // The processes' clocks differ by up to 4 minutes; AWS accepts requests from hosts with a skew of 5.
    let skewed = Duration::from_secs(1_800_000_000 + u64::from(number) * 240 / u64::from(PROCESSES - 1));
    let studio = Studio {
        models: vec![Shared(model)],
        store: Bucket { inner: bucket, dice: &dice },
        random: Dice(Cell::new(u64::from(number) << 40)),
        clock: Clock::of(move || UNIX_EPOCH + skewed + begun.elapsed()),
        prefix: "32/pictures".into(),
        // A narrow range, so that many ids share a seed.
        seeds: (1, 20_000),
        model_timeout: Duration::from_secs(45),
        daily_limit: None,
    };
    let logger = Logger { function: "f".into(), version: None, least: Level::Debug, sink: Nowhere };
    let messages = Messages { queue, url: Some("https://queue") };
    while !queue.waiting.borrow().is_empty() {
        let batch = queue.receive();
        if batch.is_empty() {
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        }
        let event = event(&batch, queue);
        let invocation = Invocation { request_id: "r", trace_id: None, budget: Budget::lasting(TIMEOUT), stop: None };
        let work = answer(&studio, &logger, &messages, &event, invocation);
        let lifetime = if dice.percent(4) { Duration::from_millis(dice.throw() % 9_000) } else { TIMEOUT * 2 };
        let Ok(answer) = tokio::time::timeout(lifetime, work).await else {
            killed.borrow_mut().extend(&batch);
            continue;
        };
        let failed: BTreeSet<_> = answer.batch_item_failures.iter().map(|failure| &*failure.item_identifier).collect();
        if dice.percent(2) {
            continue;
        }
        batch.iter().filter(|number| !failed.contains(&*id(**number))).for_each(|number| queue.delete(*number));
    }
}

struct Shared<'a>(&'a Model);

impl ImageModel for Shared<'_> {
    fn prompt_limit(&self) -> usize {
        self.0.prompt_limit()
    }
    fn id(&self) -> &str {
        self.0.id()
    }
    async fn draw(&self, prompt: &Prompt, seed: u32) -> Result<Picture, ModelError> {
        self.0.draw(prompt, seed).await
    }
}

#[tokio::test(start_paused = true)]
async fn of_ten_thousand_messages_none_is_lost_and_none_is_paid_twice() {
    let now = Instant::now();
    let waiting = (0..MESSAGES).map(|number| LedgerMessage { number, visible_at: now, receives: 0 });
    let queue =
        Standard { waiting: RefCell::new(waiting.collect()), dead: RefCell::default(), dice: Dice(Cell::new(1)) };
    let (bucket, model, killed) = (FakeStore::default(), Model::default(), RefCell::default());
    let processes = (0..PROCESSES).map(|number| process(number, &queue, &bucket, &model, &killed));
    futures::future::join_all(processes).await;

    let owners = bucket.owners();
    let record = |number: u32| -> Option<Record> {
        bucket.record(&record_key("32/pictures", &PictureId::parse(&id(number)).unwrap()))
    };
    let (mut drawn, mut rejected, mut dead) = (0, 0, 0);
    for number in 0..MESSAGES {
        let fate = Fate::of(number);
        let pictures = owners.get(&id(number)).copied().unwrap_or_default();
        let record = record(number);
        let buried = queue.dead.borrow().contains(&number);
        let on_record = record.as_ref().is_some_and(|record| record.rejection.is_some());
        assert!(pictures == 1 || on_record || buried, "message {number} ({fate:?}) is lost: {record:?}");
        assert!(pictures <= 1, "message {number} ({fate:?}) has {pictures} pictures");
        let paid = model.paid.borrow().get(&number).copied().unwrap_or_default();
        // A process that is killed between the model's answer and the write to the bucket loses the picture.
        let most = if killed.borrow().contains(&number) { MAX_RECEIVE_COUNT } else { 1 };
        assert!(paid <= most, "message {number} ({fate:?}) was paid {paid} times");
        match fate {
            Fate::Filtered | Fate::FilteredByText | Fate::Blank | Fate::TooLong => {
                let asked = model.calls.borrow().get(&number).copied().unwrap_or_default();
                assert!(on_record || buried, "message {number} ({fate:?}): {record:?}");
                assert!(asked <= most, "message {number} ({fate:?}) was asked for {asked} times");
            }
            Fate::NotAllowed | Fate::ModelEnded | Fate::AlwaysThrottled => {
                assert!(buried && !on_record, "message {number} ({fate:?}) is held against its prompt: {record:?}");
            }
            _ if !buried => assert_eq!(record.map(|record| record.status), Some(Status::Done), "message {number}"),
            _ => {}
        }
        drawn += pictures;
        rejected += u32::from(on_record);
        dead += u32::from(buried);
    }
    // The faults do occur, and most messages survive them.
    assert!(drawn > 7_800 && rejected > 1_000 && dead > 700, "{drawn} drawn, {rejected} rejected, {dead} dead");
    let paid: u32 = model.paid.borrow().values().sum();
    assert!(paid < drawn + drawn / 50, "{paid} paid for {drawn} pictures");
}
