//! The steps in progress, and their messages to the executor.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::schedule::{Schedule, StepId};
use super::step::{RemainingWork, StepResult};
use super::{ExecutionEvent, Stop, wait_for_stop};
use crate::aws::AwsError;
use crate::aws::wait::{self, Listener, StepSignal};

/// A step that has ended.
pub(super) struct FinishedStep {
    pub id: StepId,
    pub began: Instant,
    /// The desired spec; null for a deletion.
    pub desired: Value,
    /// `None` if the run was stopped before the step made its first call.
    pub result: Option<Result<(StepResult, RemainingWork), AwsError>>,
}

/// A step to start.
pub(super) struct NewStep {
    pub id: StepId,
    /// Another step may have made this step's call.
    pub sharing: bool,
    /// The desired spec; null for a deletion.
    pub desired: Value,
}

/// The steps in progress.
pub(super) struct RunningSteps<'a> {
    steps: FuturesUnordered<BoxFuture<'a, FinishedStep>>,
    in_flight: BTreeMap<StepId, Arc<AtomicBool>>,
    /// The steps that wait for AWS's rate, with the number of their waiting calls.
    parked: BTreeMap<StepId, usize>,
    signs: UnboundedSender<(StepId, StepSignal)>,
    heard: UnboundedReceiver<(StepId, StepSignal)>,
    /// Ends the steps that have not made a call yet, as the run's stop does.
    halted: Stop,
}

/// The result of [`RunningSteps::next`].
pub(super) enum RunningEvent {
    Finished(Box<FinishedStep>),
    /// The resource that a step creates exists.
    Exists(StepId),
    /// More or fewer steps wait for AWS's rate.
    Parking,
}

impl<'a> RunningSteps<'a> {
    pub(super) fn new(halted: Stop) -> Self {
        let (signs, heard) = unbounded_channel();
        let (steps, in_flight, parked) = (FuturesUnordered::new(), BTreeMap::new(), BTreeMap::new());
        Self { steps, in_flight, parked, signs, heard, halted }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Counts the steps that take a place: all but those that wait for AWS's rate or share a call.
    pub(super) fn at_work(&self, schedule: &Schedule) -> usize {
        self.in_flight.keys().filter(|id| !schedule.shares(**id) && !self.parked.contains_key(id)).count()
    }

    /// Iterates over the steps that have made a call, and may have changed AWS.
    pub(super) fn with_calls(&self) -> impl Iterator<Item = StepId> {
        self.in_flight.iter().filter(|(_, begun)| begun.load(Ordering::Relaxed)).map(|(id, _)| *id)
    }

    /// Iterates over the steps that have not made a call.
    pub(super) fn without_calls(&self) -> impl Iterator<Item = StepId> {
        self.in_flight.iter().filter(|(_, begun)| !begun.load(Ordering::Relaxed)).map(|(id, _)| *id)
    }

    /// Starts a step. On `stop` it ends at once, unless its call was made.
    pub(super) fn start(
        &mut self,
        NewStep { id, sharing, desired }: NewStep,
        work: impl Future<Output = Result<(StepResult, RemainingWork), AwsError>> + Send + 'a,
        mut stop: Stop,
        on_message: impl FnMut(StepMessage<'_>) + Send + 'a,
    ) {
        let begun = Arc::new(AtomicBool::new(sharing));
        self.in_flight.insert(id, begun.clone());
        let (signs, mut halted) = (self.signs.clone(), self.halted.clone());
        let sign = move |told| {
            let _ = signs.send((id, told));
        };
        let step = async move {
            let began = Instant::now();
            if *stop.borrow() > 0 || *halted.borrow() > 0 {
                return FinishedStep { id, began, desired, result: None };
            }
            let unbegun = begun.clone();
            let work = with_messages(work, begun, on_message, sign);
            let stopped = async move {
                tokio::select! {
                    () = wait_for_stop(&mut stop, 1) => {}
                    () = wait_for_stop(&mut halted, 1) => {}
                }
                if unbegun.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
            };
            let result = tokio::select! {
                biased;
                result = work => Some(result),
                () = stopped => None,
            };
            FinishedStep { id, began, desired, result }
        };
        self.steps.push(step.boxed());
    }

    /// Waits for the next event that concerns the schedule; never returns if no step is in progress.
    pub(super) async fn next(&mut self) -> RunningEvent {
        loop {
            let (id, told) = tokio::select! {
                biased;
                Some(finished) = self.steps.next() => {
                    self.in_flight.remove(&finished.id);
                    self.parked.remove(&finished.id);
                    return RunningEvent::Finished(Box::new(finished));
                }
                Some(heard) = self.heard.recv() => heard,
                else => std::future::pending().await,
            };
            match told {
                StepSignal::There => return RunningEvent::Exists(id),
                StepSignal::Parked if self.in_flight.contains_key(&id) => {
                    *self.parked.entry(id).or_default() += 1;
                    return RunningEvent::Parking;
                }
                StepSignal::Resumed => match self.parked.get_mut(&id) {
                    Some(calls @ 2..) => *calls -= 1,
                    _ => drop(self.parked.remove(&id)),
                },
                StepSignal::Parked | StepSignal::Waiting(_) | StepSignal::Note(_) => {}
            }
        }
    }
}

/// A message of a step to the user.
#[derive(Debug, Clone, Copy)]
pub(super) enum StepMessage<'a> {
    /// The reason why the step waits.
    Waiting(&'a str),
    Note(&'a str),
}

impl<'a> StepMessage<'a> {
    pub(super) fn event(self, address: &'a str, removal: bool) -> ExecutionEvent<'a> {
        match self {
            Self::Waiting(why) => ExecutionEvent::Waiting { address, removal, why },
            Self::Note(text) => ExecutionEvent::Note { address, text },
        }
    }
}

/// Runs `work`. Passes its messages to the user to `on_message`, and its other messages to `sign`.
pub(super) async fn with_messages<T>(
    work: impl Future<Output = T>,
    begun: Arc<AtomicBool>,
    mut on_message: impl FnMut(StepMessage<'_>),
    mut sign: impl FnMut(StepSignal),
) -> T {
    let (told, mut heard) = unbounded_channel();
    let mut work = pin!(wait::with_listener(Listener { told, begun }, work));
    let mut hear = |told| match told {
        StepSignal::Waiting(why) => on_message(StepMessage::Waiting(&why)),
        StepSignal::Note(text) => on_message(StepMessage::Note(&text)),
        told => sign(told),
    };
    loop {
        tokio::select! {
            biased;
            Some(told) = heard.recv() => hear(told),
            result = &mut work => {
                // The last message may arrive together with the result.
                while let Ok(told) = heard.try_recv() {
                    hear(told);
                }
                return result;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::super::step::StepPart;
    use super::*;
    use crate::aws::rate::Budgets;
    use crate::plan::Plan;

    const STEP: StepId = (0, StepPart::Main);

    fn absent_result() -> Result<(StepResult, RemainingWork), AwsError> {
        Ok((StepResult::Absent, None))
    }

    fn start<'a>(
        running: &mut RunningSteps<'a>,
        sharing: bool,
        work: impl Future<Output = Result<(StepResult, RemainingWork), AwsError>> + Send + 'a,
        stop: &Stop,
    ) {
        running.start(NewStep { id: STEP, sharing, desired: Value::Null }, work, stop.clone(), |_| {});
    }

    #[tokio::test]
    async fn what_a_step_says_last_is_heard() {
        let work = async { wait::note("eni-1 stays".to_owned()) };
        let mut heard = Vec::new();
        let on_message = |message: StepMessage<'_>| {
            let ExecutionEvent::Note { address, text } = message.event("functions.f", false) else { panic!("no note") };
            heard.push(format!("{address}: {text}"));
        };
        with_messages(work, Arc::default(), on_message, drop).await;
        assert_eq!(heard, ["functions.f: eni-1 stays"]);
    }

    #[tokio::test]
    async fn a_stopped_run_does_not_wait_for_what_has_sent_nothing() {
        let (stopping, stop) = watch::channel(0);
        let (_halt, halted) = watch::channel(0);
        let mut running = RunningSteps::new(halted);
        start(&mut running, false, std::future::pending(), &stop);
        assert_eq!((running.with_calls().count(), running.without_calls().count()), (0, 1));
        stopping.send(1).unwrap();
        let RunningEvent::Finished(finished) = running.next().await else { panic!("it has ended") };
        assert!(finished.result.is_none() && running.is_empty());
    }

    #[tokio::test]
    async fn what_has_sent_nothing_ends_when_the_run_cannot_go_on() {
        let (_stopping, stop) = watch::channel(0);
        let (halt, halted) = watch::channel(0);
        let mut running = RunningSteps::new(halted);
        start(&mut running, false, std::future::pending(), &stop);
        halt.send(1).unwrap();
        let RunningEvent::Finished(finished) = running.next().await else { panic!("it has ended") };
        assert!(finished.result.is_none());
    }

    #[tokio::test]
    async fn a_stopped_run_waits_for_what_may_have_changed_aws() {
        let (stopping, stop) = watch::channel(0);
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        let (_halt, halted) = watch::channel(0);
        let mut running = RunningSteps::new(halted);
        let work = async {
            let _ = answered.await;
            absent_result()
        };
        start(&mut running, true, work, &stop);
        assert_eq!((running.with_calls().count(), running.without_calls().count()), (1, 0));
        assert!(futures::poll!(std::pin::pin!(running.next())).is_pending());
        stopping.send(1).unwrap();
        assert!(futures::poll!(std::pin::pin!(running.next())).is_pending());
        answer.send(()).unwrap();
        let RunningEvent::Finished(finished) = running.next().await else { panic!("it has ended") };
        assert!(matches!(finished.result, Some(Ok((StepResult::Absent, None)))));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_rate_has_no_place_among_those_at_work() {
        let (_stopping, stop) = watch::channel(0);
        let (budgets, schedule) = (Budgets::default(), Schedule::of(&Plan::default()));
        let (_halt, halted) = watch::channel(0);
        let mut running = RunningSteps::new(halted);
        let work = async {
            for _ in 0..4 {
                budgets.take("cloudwatch:DeleteAlarms", false).await;
            }
            absent_result()
        };
        start(&mut running, false, work, &stop);
        assert_eq!(running.at_work(&schedule), 1);
        assert!(matches!(running.next().await, RunningEvent::Parking));
        assert_eq!(running.at_work(&schedule), 0);
        assert!(matches!(running.next().await, RunningEvent::Finished(_)));
        assert_eq!(running.at_work(&schedule), 0);
    }
}
