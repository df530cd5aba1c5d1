//! A queue in memory, on a virtual clock.

use super::*;
use crate::aws::AwsFailure;
use std::cell::{Cell, RefCell};

struct FakeMessage {
    id: String,
    body: String,
    deliveries: u32,
    visible: Instant,
}

/// A queue that hides the messages that it delivers, as SQS does, and counts its calls.
#[derive(Default)]
pub(super) struct FakeQueue {
    messages: RefCell<Vec<FakeMessage>>,
    /// The errors of the next calls for messages.
    pub(super) receive_faults: RefCell<Vec<AwsFailure>>,
    /// How many of the next deletions fail.
    pub(super) delete_faults: Cell<u32>,
    /// Whether hiding fails.
    pub(super) hide_fails: Cell<bool>,
    pub(super) calls: Cell<u32>,
    /// The times of the deliveries.
    pub(super) delivered: RefCell<Vec<Instant>>,
    pub(super) most_hidden: Cell<usize>,
    pub(super) most_asked: Cell<usize>,
}

impl FakeQueue {
    pub(super) fn of(bodies: &[&str]) -> Self {
        let queue = Self::default();
        bodies.iter().for_each(|body| queue.send(body));
        queue
    }

    pub(super) fn send(&self, body: &str) {
        let mut messages = self.messages.borrow_mut();
        let id = format!("m-{}", messages.len());
        messages.push(FakeMessage { id, body: body.to_owned(), deliveries: 0, visible: Instant::now() });
    }

    /// Returns the messages that were not deleted, with the seconds until each is visible.
    pub(super) fn left(&self) -> Vec<(String, u64)> {
        let seconds = |message: &FakeMessage| message.visible.saturating_duration_since(Instant::now()).as_secs();
        self.messages.borrow().iter().map(|message| (message.id.clone(), seconds(message))).collect()
    }

    fn take(&self, wanted: ReceiveParameters) -> Vec<Delivery> {
        let now = Instant::now();
        let mut messages = self.messages.borrow_mut();
        // SQS keeps no order. The least delivered messages come first, so that each is delivered at some time.
        messages.sort_by_key(|message| message.deliveries);
        let visible = messages.iter_mut().filter(|message| message.visible <= now).take(wanted.most);
        let taken = visible.map(|message| {
            message.visible = now + wanted.visibility;
            message.deliveries += 1;
            self.delivered.borrow_mut().push(now);
            Delivery {
                message_id: message.id.clone(),
                receipt_handle: format!("{}/{}", message.id, message.deliveries),
                body: message.body.clone(),
                receive_count: Some(message.deliveries.to_string()),
                ..Delivery::default()
            }
        });
        let taken: Vec<_> = taken.collect();
        let hidden = messages.iter().filter(|message| message.visible > now).count();
        self.most_hidden.set(self.most_hidden.get().max(hidden));
        taken
    }
}

pub(super) fn fault(code: &str) -> AwsFailure {
    AwsFailure { operation: "sqs:ReceiveMessage", code: code.into(), status: Some(400), ..AwsFailure::default() }
}

impl Deliveries for FakeQueue {
    async fn receive(&self, _: &str, wanted: ReceiveParameters) -> Result<Vec<Delivery>, QueueError> {
        self.calls.set(self.calls.get() + 1);
        self.most_asked.set(self.most_asked.get().max(wanted.most));
        if let Some(failure) = self.receive_faults.borrow_mut().pop() {
            return Err(QueueError::Aws(failure));
        }
        let end = Instant::now() + LONG_POLL;
        loop {
            let taken = self.take(wanted);
            if !taken.is_empty() || Instant::now() >= end {
                return Ok(taken);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn delete(&self, _: &str, receipt_handle: &str) -> Result<(), QueueError> {
        if let Some(left) = self.delete_faults.get().checked_sub(1) {
            self.delete_faults.set(left);
            return Err(QueueError::Aws(AwsFailure { status: Some(500), ..AwsFailure::default() }));
        }
        let id = receipt_handle.split('/').next().unwrap();
        self.messages.borrow_mut().retain(|message| message.id != id);
        Ok(())
    }

    async fn hide(&self, _: &str, receipt_handle: &str, time: Duration) -> Result<(), QueueError> {
        if self.hide_fails.get() {
            return Err(QueueError::Aws(fault("ReceiptHandleIsInvalid")));
        }
        let mut messages = self.messages.borrow_mut();
        let found = messages.iter_mut().find(|m| format!("{}/{}", m.id, m.deliveries) == receipt_handle);
        found.unwrap().visible = Instant::now() + time;
        Ok(())
    }
}
