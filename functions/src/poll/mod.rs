//! Processes the queue outside Lambda: receives messages, processes a limited number at once, and ends cleanly.
//!
//! A message is claimed through its record, as in the function, so that both may process one queue at the same time.

mod faults;
mod gate;
mod message;

use crate::config::Polling;
use crate::events::queue::{Outcome, RecordResult};
use crate::log::{Level, Logger, Metric, Sink, Unit};
use crate::model::ImageModel;
use crate::random::Random;
use crate::sqs::{Deliveries, Delivery, LONG_POLL, MOST, QueueError, ReceiveParameters};
use crate::stop::Stop;
use crate::store::Store;
use crate::studio::Studio;
use crate::{clock, retry::Retryable};
use faults::Faults;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use gate::{Gate, GateChange};
use serde_json::json;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// The longest time that an answer may take beyond the long poll.
const OVERDUE: Duration = Duration::from_secs(10);
/// The shortest time between two calls that return nothing, for a queue that does not wait.
const LEAST_POLL: Duration = Duration::from_secs(1);
/// How long a call for messages may still answer after the grace is over and everything else is finished.
const LAST_ANSWER: Duration = Duration::from_millis(200);
const LAST_GIVEN_BACK: Duration = Duration::from_secs(1);
/// The time to store drawn pictures and to give the other messages back. With all these times the process ends 29.7 s
/// after SIGTERM; ECS kills it at 30 s.
const LEAVING: Duration = Duration::from_millis(3_500);

/// A worker on the messages of one queue.
pub struct Worker<'a, M, S, R, K, Q> {
    pub studio: &'a Studio<M, S, R>,
    pub logger: &'a Logger<K>,
    pub queue: &'a Q,
    pub settings: &'a Polling,
}

/// The numbers of messages by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub received: u32,
    /// Messages that were deleted, or whose prompt will be found finished when they return.
    pub over: u32,
    /// Messages that are delivered again.
    pub again: u32,
    /// Messages in progress when the process ended. They return after their visibility timeout.
    pub left: u32,
}

/// The state that decides about receiving.
#[derive(Default)]
struct State {
    gate: Gate,
    faults: Faults,
    /// No call is made before this time.
    resting: Option<Instant>,
    counts: Counts,
}

type ReceiveResult = Result<Vec<Delivery>, QueueError>;
type Call<'c> = Pin<Box<dyn Future<Output = ReceiveResult> + 'c>>;

impl State {
    /// Returns the time before which no call is made.
    fn opens(&self) -> Option<Instant> {
        self.resting.max(self.gate.trial())
    }

    /// Returns how many messages to request if `room` more can be processed.
    fn most(&self, room: usize) -> usize {
        if self.gate.trial().is_some() { 1 } else { room.min(MOST) }
    }
}

impl<M: ImageModel, S: Store, R: Random, K: Sink, Q: Deliveries> Worker<'_, M, S, R, K, Q> {
    /// Receives and processes messages until `stopping` is requested. Then finishes the messages in progress within the
    /// grace of the settings, and gives the remaining ones back with their claims.
    pub async fn run(&self, stopping: &Stop) -> Counts {
        self.log_ready();
        let leave = Stop::default();
        let mut state = State::default();
        let mut under_way = FuturesUnordered::new();
        let mut call: Option<Call<'_>> = None;
        let mut called = Instant::now();
        loop {
            let room = self.settings.concurrency.saturating_sub(under_way.len());
            let opens = state.opens().filter(|opens| *opens > Instant::now());
            if call.is_none() && room > 0 && opens.is_none() {
                call = Some(Box::pin(self.receive(state.most(room))));
                called = Instant::now();
            }
            tokio::select! {
                biased;
                () = stopping.wait() => break,
                Some(ended) = under_way.next() => self.note_ended(&ended, &mut state),
                received = wait_for_answer(&mut call) => {
                    call = None;
                    let messages = self.note_received(received, called, &mut state);
                    under_way.extend(messages.into_iter().map(|message| self.work_on(message, &leave)));
                }
                () = sleep_to(opens), if call.is_none() && room > 0 => {}
            }
        }
        self.logger.start().info("stopping", json!({"under_way": under_way.len()}));
        let finished = Stop::default();
        let finish = async {
            self.finish(&mut under_way, &leave, &mut state).await;
            finished.request();
        };
        tokio::join!(self.give_back_late(call, &finished), finish);
        state.counts.left = u32::try_from(under_way.len()).unwrap_or(u32::MAX);
        self.log_stopped(&state.counts);
        state.counts
    }

    /// Finishes the messages in progress, or interrupts them when the grace is over.
    async fn finish(
        &self,
        under_way: &mut (impl Stream<Item = RecordResult> + Unpin),
        leave: &Stop,
        state: &mut State,
    ) {
        let mut rest = async || {
            while let Some(ended) = under_way.next().await {
                self.note_ended(&ended, state);
            }
        };
        if timeout(self.settings.stop_grace, rest()).await.is_err() {
            leave.request();
            // Unfinished messages return after their visibility timeout.
            let _ = timeout(LEAVING, rest()).await;
        }
    }

    /// Gives back the messages of a call that was in progress when receiving ended.
    ///
    /// SQS does not notice at once that a caller has disconnected. It may still deliver a message to that call, which
    /// stays hidden until its time is over (github.com/aws/aws-sdk-java-v2/issues/1395). So the call stays open within
    /// the grace.
    async fn give_back_late(&self, call: Option<Call<'_>>, finished: &Stop) {
        let Some(call) = call else { return };
        let last = async {
            tokio::join!(finished.wait(), tokio::time::sleep(self.settings.stop_grace));
            tokio::time::sleep(LAST_ANSWER).await;
        };
        let messages = tokio::select! {
            biased;
            received = call => received.unwrap_or_default(),
            () = last => return,
        };
        let give_back = async |message: &Delivery| {
            let log = self.logger.event(&message.request_id, "");
            log.info("received too late, to be delivered again", json!({"message_id": message.message_id}));
            self.give_back(&message.receipt_handle, &message.message_id, Duration::ZERO, log).await
        };
        // Remaining messages return after their visibility timeout.
        let _ = timeout(LAST_GIVEN_BACK, futures::future::join_all(messages.iter().map(give_back))).await;
    }

    async fn receive(&self, most: usize) -> ReceiveResult {
        let limit = LONG_POLL + OVERDUE;
        let wanted = ReceiveParameters { most, visibility: self.settings.visibility };
        let received = timeout(limit, self.queue.receive(&self.settings.queue_url, wanted)).await;
        received.unwrap_or_else(|_| Err(QueueError::stalled(limit)))
    }

    /// Records the answer to the call of `called`, and returns its messages.
    fn note_received(&self, received: ReceiveResult, called: Instant, state: &mut State) -> Vec<Delivery> {
        let log = self.logger.start();
        let messages = match received {
            Ok(messages) => messages,
            Err(error) => {
                let (wait, changed) = state.faults.note_fault(error.state(), &self.studio.random);
                state.resting = Some(Instant::now() + wait);
                if changed {
                    let fields = json!({"error": error.to_string(), "queue_url": self.settings.queue_url});
                    let metric = Metric { name: "QueueFaults", unit: Unit::Count, value: 1.0 };
                    log.measure(
                        Level::Error,
                        "the queue does not answer, asked again at most 30 s later",
                        fields,
                        &[metric],
                    );
                }
                return Vec::new();
            }
        };
        state.resting = messages.is_empty().then(|| called + LEAST_POLL);
        if let Some(faults) = state.faults.note_answer() {
            log.info("the queue answers again", json!({ "faults": faults }));
        }
        if !messages.is_empty() {
            state.gate.note_receipt(Instant::now());
            state.counts.received += u32::try_from(messages.len()).unwrap_or_default();
        }
        messages
    }

    /// Records the end of the work on a message.
    fn note_ended(&self, worked: &RecordResult, state: &mut State) {
        match worked.outcome {
            Outcome::Finished => state.counts.over += 1,
            Outcome::Redeliver(_) => state.counts.again += 1,
        }
        let Some(change) = state.gate.note_end(worked.sign, Instant::now(), self.studio.clock.now()) else {
            return;
        };
        let log = self.logger.start();
        match change {
            GateChange::Closed { failures } => {
                let fields = json!({"failures": failures});
                let metric = Metric { name: "ReceivingSlowed", unit: Unit::Count, value: 1.0 };
                let message = "nothing is drawn, one message a minute is tried until one is";
                log.measure(Level::Error, message, fields, &[metric]);
            }
            GateChange::Spent { until } => {
                let fields = json!({"until": clock::written(until)});
                log.warn("the limit of pictures of this day is reached, nothing is received", fields);
            }
            GateChange::Opened => log.info("pictures are drawn again, receiving goes on", json!({})),
        }
    }

    fn log_ready(&self) {
        let Polling { queue_url, concurrency, visibility, message_timeout, stop_grace } = self.settings;
        let models: Vec<_> = self.studio.models.iter().map(ImageModel::id).collect();
        let fields = json!({
            "queue_url": queue_url,
            "models": models,
            "concurrency": concurrency,
            "visibility_timeout_s": visibility.as_secs(),
            "message_timeout_s": message_timeout.as_secs_f64(),
            "stop_grace_s": stop_grace.as_secs_f64(),
        });
        self.logger.start().info("ready", fields);
    }

    fn log_stopped(&self, counts: &Counts) {
        let Counts { received, over, again, left } = counts;
        let fields = json!({"received": received, "over": over, "again": again, "left": left});
        self.logger.start().info("stopped", fields);
    }
}

/// Waits for the answer to `call`; forever if no call is in progress.
async fn wait_for_answer(call: &mut Option<Call<'_>>) -> ReceiveResult {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

/// Waits until `time`; forever if it is `None`.
async fn sleep_to(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
