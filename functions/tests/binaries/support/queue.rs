//! The part of SQS that the worker uses: one standard queue, whose clock the test can advance.

use super::http::{HttpRequest, Response};
use super::{Shared, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The queue's URL for the processes.
pub const QUEUE_URL: &str = "https://sqs.eu-west-1.amazonaws.com/000000000000/image-requests-32";

/// A message in the queue.
#[derive(Clone)]
pub struct Message {
    pub id: String,
    pub body: String,
    pub deliveries: u32,
    visible: Instant,
}

impl Message {
    /// Returns the handle of the last delivery.
    pub fn receipt(&self) -> String {
        format!("{}#{}", self.id, self.deliveries)
    }
}

/// The messages that were not deleted.
#[derive(Default)]
pub struct Queue {
    messages: Vec<Message>,
    ahead: Duration,
    /// Access keys of ended processes: their calls receive no messages.
    gone: BTreeSet<String>,
    /// The code with which every call for messages is refused.
    fault: Option<&'static str>,
    /// The times for which calls asked to hide messages.
    asked: BTreeSet<u64>,
}

impl Queue {
    fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    fn take(&mut self, most: u64, hidden_s: u64) -> Vec<Message> {
        let now = self.now();
        let visible = self.messages.iter_mut().filter(|message| message.visible <= now);
        let taken = visible.take(usize::try_from(most).unwrap()).map(|message| {
            message.visible = now + Duration::from_secs(hidden_s);
            message.deliveries += 1;
            message.clone()
        });
        taken.collect()
    }

    /// Hides the message of `receipt`. A receipt that another delivery has replaced has no effect.
    pub fn hide(&mut self, receipt: &str, seconds: u64) {
        let visible = self.now() + Duration::from_secs(seconds);
        if let Some(message) = self.messages.iter_mut().find(|message| message.receipt() == receipt) {
            message.visible = visible;
        }
    }

    fn delete(&mut self, receipt: &str) {
        let id = receipt.split('#').next().unwrap_or_default();
        self.messages.retain(|message| message.id != id);
    }

    pub fn leave(&mut self, access_key: &str) {
        self.gone.insert(access_key.to_owned());
    }
}

impl Shared {
    pub(super) fn respond_as_queue(&self, operation: &str, request: &HttpRequest) -> Option<Response> {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["QueueUrl"], QUEUE_URL);
        let receipt = body["ReceiptHandle"].as_str().unwrap_or_default();
        match operation {
            "ReceiveMessage" => return self.receive(request, &body),
            "DeleteMessage" => self.lock().queue.delete(receipt),
            "ChangeMessageVisibility" => {
                let seconds = body["VisibilityTimeout"].as_u64().unwrap();
                let mut state = self.lock();
                state.queue.hide(receipt, seconds);
                state.postponed.push((receipt.to_owned(), seconds));
            }
            other => panic!("{other}"),
        }
        self.changed.notify_all();
        Some(Response::json(200, &json!({})))
    }

    /// Waits for messages as long as the call says.
    fn receive(&self, request: &HttpRequest, body: &Value) -> Option<Response> {
        let number = |name: &str| body[name].as_u64().unwrap();
        let end = Instant::now() + Duration::from_secs(number("WaitTimeSeconds"));
        let caller = request.header("authorization").to_owned();
        let mut state = self.lock();
        loop {
            if state.over || state.queue.gone.iter().any(|key| caller.contains(&format!("Credential={key}/"))) {
                return None;
            }
            if let Some(code) = state.queue.fault {
                let response =
                    Response::json(400, &json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": "no"}));
                return Some(response);
            }
            let hidden_s = number("VisibilityTimeout");
            state.queue.asked.insert(hidden_s);
            let taken = state.queue.take(number("MaxNumberOfMessages"), hidden_s);
            self.changed.notify_all();
            let left = end.saturating_duration_since(Instant::now());
            if !taken.is_empty() || left.is_zero() {
                let messages: Vec<_> = taken.iter().map(|message| as_json(message, body)).collect();
                return Some(Response::json(200, &json!({"Messages": messages})));
            }
            // Messages become visible by time alone, so the queue checks repeatedly.
            state = self.changed.wait_timeout(state, left.min(Duration::from_millis(50))).unwrap().0;
        }
    }
}

/// Returns the parts of `message` that the call requested.
fn as_json(message: &Message, body: &Value) -> Value {
    let asked = |list: &str, name: &str| body[list].as_array().is_some_and(|names| names.contains(&json!(name)));
    let mut found = json!({"MessageId": message.id, "ReceiptHandle": message.receipt(), "Body": message.body});
    if asked("MessageSystemAttributeNames", "ApproximateReceiveCount") {
        found["Attributes"] = json!({"ApproximateReceiveCount": message.deliveries.to_string()});
    }
    if asked("MessageAttributeNames", "correlation_id") {
        let text = format!("corr-{}", message.id);
        found["MessageAttributes"] = json!({"correlation_id": {"StringValue": text, "DataType": "String"}});
    }
    found
}

impl World {
    /// Sends a message `m-PROMPT` for each prompt.
    pub fn send(&self, prompts: &[&str]) {
        let mut state = self.shared.lock();
        let visible = Instant::now();
        let message =
            |prompt: &&str| Message { id: format!("m-{prompt}"), body: (*prompt).to_owned(), deliveries: 0, visible };
        state.queue.messages.extend(prompts.iter().map(message));
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Receives messages as an event source mapping does.
    pub fn take(&self, most: u64) -> Vec<Message> {
        self.shared.lock().queue.take(most, 720)
    }

    /// Makes the message visible to others, as if its time were over.
    pub fn show(&self, message: &Message) {
        self.shared.lock().queue.hide(&message.receipt(), 0);
        self.shared.changed.notify_all();
    }

    /// Deletes the message as an event source mapping does.
    pub fn delete(&self, message: &Message) {
        self.shared.lock().queue.delete(&message.receipt());
        self.shared.changed.notify_all();
    }

    /// Returns the messages that were not deleted.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.lock().queue.messages.clone()
    }

    /// Tells whether the message `id` exists and is visible.
    pub fn is_visible(&self, id: &str) -> bool {
        let state = self.shared.lock();
        state.queue.messages.iter().any(|message| message.id == id && message.visible <= state.queue.now())
    }

    /// Returns the seconds for which calls asked that messages be hidden.
    pub fn visibility_asked(&self) -> BTreeSet<u64> {
        self.shared.lock().queue.asked.clone()
    }

    /// Advances the queue's clock.
    pub fn pass(&self, time: Duration) {
        self.shared.lock().queue.ahead += time;
        self.shared.changed.notify_all();
    }

    /// Makes the queue refuse every call for messages with `code`; `None` ends that.
    pub fn break_queue(&self, code: Option<&'static str>) {
        self.shared.lock().queue.fault = code;
        self.shared.changed.notify_all();
    }

    /// Advances the bucket's clock, which decides when claims end.
    pub fn pass_in_bucket(&self, time: Duration) {
        self.shared.lock().bucket.pass(time);
    }

    /// Waits until `holds`, which is checked again after each change.
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !holds(self) {
            assert!(Instant::now() < end, "never: {what}");
            let state = self.shared.lock();
            drop(self.shared.changed.wait_timeout(state, Duration::from_millis(20)).unwrap());
        }
    }
}
