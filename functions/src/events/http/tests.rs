use super::*;
use crate::aws::AwsFailure;
use crate::budget::Budget;
use crate::log::tests::logger;
use crate::sqs::{OutgoingMessage, QueueError};
use crate::studio::tests::{FakeStudio, studio};
use std::cell::{Cell, RefCell};
use tokio::time::Instant;

/// An outbox that accepts messages after the failures that it holds.
#[derive(Default)]
struct Outgoing {
    failures: RefCell<Vec<QueueError>>,
    calls: Cell<u32>,
    sent: Cell<u32>,
}

impl Outgoing {
    fn failing(failures: &[QueueError]) -> Self {
        Self { failures: RefCell::new(failures.to_vec()), ..Self::default() }
    }
}

impl Outbox for Outgoing {
    async fn send(&self, _: &str, _: OutgoingMessage<'_>) -> Result<String, QueueError> {
        self.calls.set(self.calls.get() + 1);
        match self.failures.borrow_mut().pop() {
            Some(failure) => Err(failure),
            None => {
                self.sent.set(self.sent.get() + 1);
                Ok("m-1".to_owned())
            }
        }
    }
}

/// A source of random numbers that is empty.
struct EmptyRandom;

impl Random for EmptyRandom {
    fn up_to(&self, _: u32) -> u32 {
        0
    }
    fn secret(&self) -> Option<u128> {
        None
    }
}

fn settings() -> Settings {
    let variables = [
        ("BUCKET", "images"),
        ("MODEL_ID", "stability.stable-image-core-v1:1"),
        ("MODEL_REGION", "us-west-2"),
        ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/q"),
        ("PICTURES_PREFIX", "32/pictures"),
    ];
    let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Settings::read(get).unwrap()
}

fn post(path: &str, prompt: &str) -> Value {
    let headers = json!({"content-type": "application/json"});
    let body = json!({ "prompt": prompt }).to_string();
    json!({"httpMethod": "POST", "path": path, "headers": headers, "body": body})
}

/// Answers `event` with `studio` and `outbox`, in a function that may run for `seconds`.
async fn answered<R: Random>(
    studio: &Studio<crate::studio::tests::FakeModel, crate::studio::tests::FakeStore, R>,
    outbox: &Outgoing,
    event: Value,
    seconds: u64,
) -> (HttpAnswer, Vec<Value>) {
    let (settings, logger) = (settings(), logger());
    let front = HttpApi { studio, outbox, settings: &settings };
    let budget = Budget::lasting(Duration::from_secs(seconds));
    let invocation = Invocation { request_id: "r-1", trace_id: None, budget, stop: None };
    let answer = front.answer(&logger, event, invocation).await;
    (answer, logger.sink.parsed())
}

fn aws(status: u16, code: &str) -> QueueError {
    QueueError::Aws(AwsFailure { status: Some(status), code: code.to_owned(), ..AwsFailure::default() })
}

#[tokio::test(start_paused = true)]
async fn a_prompt_whose_sending_fails_in_passing_is_sent_again() {
    let outbox = Outgoing::failing(&[aws(400, "RequestThrottled"), aws(503, "ServiceUnavailable")]);
    let (answer, _) = answered(&studio(), &outbox, post("/pictures", "a moon"), 30).await;
    assert_eq!((answer.status_code, outbox.calls.get(), outbox.sent.get()), (202, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stays_shut_tells_when_to_come_again() {
    for (failure, status, retry_after, calls) in [
        (aws(400, "RequestThrottled"), 503, Some("10"), 4),
        (aws(400, "KMS.ThrottlingException"), 503, Some("10"), 4),
        (aws(500, "InternalFailure"), 503, Some("5"), 4),
        (aws(400, "QueueDoesNotExist"), 502, None, 1),
    ] {
        let outbox = Outgoing::failing(&vec![failure.clone(); 9]);
        let (answer, log) = answered(&studio(), &outbox, post("/pictures", "a moon"), 30).await;
        assert_eq!((answer.status_code, outbox.calls.get()), (status, calls), "{failure}");
        assert_eq!(answer.headers.get("Retry-After").map(String::as_str), retry_after, "{failure}");
        assert_eq!(log.last().unwrap()["level"], "ERROR");
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_without_random_numbers_gives_no_id_that_could_be_guessed() {
    let FakeStudio { models, store, clock, prefix, model_timeout, daily_limit, .. } = studio();
    let seeds = crate::seed::RANGE;
    let studio = Studio { models, store, random: EmptyRandom, clock, prefix, seeds, model_timeout, daily_limit };
    let outbox = Outgoing::default();
    let (answer, _) = answered(&studio, &outbox, post("/pictures", "a moon"), 30).await;
    assert_eq!((answer.status_code, outbox.calls.get()), (503, 0));
    assert!(studio.store.keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_picture_whose_url_cannot_be_signed_is_answered_without_it() {
    let studio = studio();
    studio.store.sign_nothing();
    let (answer, log) = answered(&studio, &Outgoing::default(), post("/generate-image", "a moon"), 30).await;
    assert_eq!(answer.status_code, 200);
    assert!(answer.body.contains("image_uri") && !answer.body.contains("image_url"), "{}", answer.body);
    assert_eq!(log.last().unwrap()["message"], "no URL for the picture");
}

#[tokio::test(start_paused = true)]
async fn drawing_ends_before_the_gateway_gives_up_however_long_the_function_may_run() {
    let begun = Instant::now();
    let (answer, _) = answered(&studio(), &Outgoing::default(), post("/generate-image", "hang"), 120).await;
    assert_eq!(answer.status_code, 504);
    assert_eq!(begun.elapsed(), Duration::from_secs(27));
}

#[tokio::test(start_paused = true)]
async fn a_prompt_for_later_leaves_its_record_where_the_worker_looks() {
    let studio = studio();
    let (answer, _) = answered(&studio, &Outgoing::default(), post("/pictures", "a moon"), 30).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(studio.store.keys(), [format!("32/pictures/requests/{}.json", body["id"].as_str().unwrap())]);
}
