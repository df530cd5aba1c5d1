//! Watches the work that AWS finishes on its own after it has accepted a change. Only reads, so it needs no lock.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::running::{StepMessage, with_messages};
use super::step::{RemainingWork, StepPart};
use super::{ExecutionEvent, ExecutionOutcome, FailedAction, Observer, Stop, wait_for_stop};
use crate::aws::{Aws, AwsError};
use crate::plan::PlannedResource;

type Watch<'a> = BoxFuture<'a, (WatchedStep<'a>, Result<(), AwsError>)>;

/// A step whose calls are made, and whose work AWS finishes on its own.
pub(super) struct WatchedStep<'a> {
    pub planned: &'a PlannedResource,
    pub part: StepPart,
    pub began: Instant,
}

/// The steps that are still watched.
pub struct Watching<'a> {
    observer: &'a dyn Observer,
    running: FuturesUnordered<Watch<'a>>,
    /// The steps in `running`.
    left: BTreeSet<(&'a str, StepPart)>,
}

impl<'a> Watching<'a> {
    pub(super) fn new(observer: &'a dyn Observer) -> Self {
        Self { observer, running: FuturesUnordered::new(), left: BTreeSet::new() }
    }

    /// Adds a step whose calls are made. If there is nothing to watch, the step is finished.
    pub(super) fn add(
        &mut self,
        aws: &'a Aws,
        step: WatchedStep<'a>,
        unfinished: RemainingWork,
        outcome: &mut ExecutionOutcome,
    ) {
        let WatchedStep { planned, part, .. } = step;
        let watch = unfinished.and_then(|(spec, event)| planned.kind.get().watch(aws, spec, event));
        let Some(watch) = watch else { return self.record_result(&step, Ok(()), outcome) };
        let observer = self.observer;
        let told = async move {
            let on_message = |message: StepMessage<'_>| {
                observer.event(&message.event(&step.planned.address, step.part == StepPart::Removal));
            };
            let result = with_messages(watch, Arc::default(), on_message, drop).await;
            (step, result)
        };
        self.left.insert((&planned.address, part));
        self.running.push(told.boxed());
    }

    /// Tells whether no step is watched any more.
    pub fn is_over(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the next step that ends.
    pub(super) async fn next(&mut self, outcome: &mut ExecutionOutcome) {
        if let Some(ended) = self.running.next().await {
            self.record_end(ended, outcome);
        }
    }

    fn record_end(&mut self, (step, result): (WatchedStep<'a>, Result<(), AwsError>), outcome: &mut ExecutionOutcome) {
        self.left.remove(&(step.planned.address.as_str(), step.part));
        self.record_result(&step, result, outcome);
    }

    /// Watches all steps to their end, or until the run is stopped. AWS then continues unwatched.
    pub async fn finish(mut self, outcome: &mut ExecutionOutcome, stop: &mut Stop) {
        while !self.is_over() {
            tokio::select! {
                biased;
                () = wait_for_stop(stop, 1) => {
                    outcome.interrupted = true;
                    // A watch that has nothing to wait for ends at its first poll.
                    while let Some(Some(ended)) = self.running.next().now_or_never() {
                        self.record_end(ended, outcome);
                    }
                    let addresses: BTreeSet<&str> = self.left.iter().map(|(address, _)| *address).collect();
                    outcome.unwatched = addresses.into_iter().map(str::to_owned).collect();
                    return;
                }
                () = self.next(outcome) => {}
            }
        }
    }

    fn record_result(&self, step: &WatchedStep<'_>, result: Result<(), AwsError>, outcome: &mut ExecutionOutcome) {
        let PlannedResource { address, element, .. } = step.planned;
        let action = step.planned.action();
        let removal = step.part == StepPart::Removal;
        let took = step.began.elapsed();
        match result {
            Ok(()) => {
                self.observer.event(&ExecutionEvent::Done { address, action, removal, took });
                if !removal {
                    outcome.done.push((address.clone(), action, took));
                }
            }
            Err(error) => {
                self.observer.event(&ExecutionEvent::Failed { address, action, error: &error });
                outcome.failed.push(FailedAction { address: address.clone(), element: element.clone(), action, error });
            }
        }
    }
}
