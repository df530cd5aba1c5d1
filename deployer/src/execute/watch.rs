//! What AWS still does by itself after it has accepted a change. Only reads, so it needs no lock.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::running::{Said, telling};
use super::step::{Part, Unfinished};
use super::{Event, Failed, Observer, Outcome, Stop, stopped};
use crate::aws::{Aws, AwsError};
use crate::plan::Planned;

type Watch<'a> = BoxFuture<'a, (Watched<'a>, Result<(), AwsError>)>;

/// A step that is done but for what AWS does by itself.
struct Watched<'a> {
    planned: &'a Planned,
    part: Part,
    began: Instant,
}

/// Everything that is still to be watched.
pub struct Watching<'a> {
    observer: &'a dyn Observer,
    running: FuturesUnordered<Watch<'a>>,
    /// What is in `running`.
    left: BTreeSet<(&'a str, Part)>,
}

impl<'a> Watching<'a> {
    pub(super) fn new(observer: &'a dyn Observer) -> Self {
        Self { observer, running: FuturesUnordered::new(), left: BTreeSet::new() }
    }

    /// Takes a step whose own calls are made; where there is nothing to watch it is done.
    pub(super) fn add(
        &mut self,
        aws: &'a Aws,
        planned: &'a Planned,
        part: Part,
        began: Instant,
        unfinished: Unfinished,
        outcome: &mut Outcome,
    ) {
        let step = Watched { planned, part, began };
        let watch = unfinished.and_then(|(spec, event)| planned.kind.get().watch(aws, spec, event));
        let Some(watch) = watch else { return self.done(&step, Ok(()), outcome) };
        let observer = self.observer;
        let told = async move {
            let said = |said: Said<'_>| {
                observer.event(&said.event(&step.planned.address, step.part == Part::Removal));
            };
            let result = telling(watch, Arc::default(), said, drop).await;
            (step, result)
        };
        self.left.insert((&planned.address, part));
        self.running.push(told.boxed());
    }

    /// Nothing is left to be watched.
    pub fn is_over(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the next that ends.
    pub(super) async fn next(&mut self, outcome: &mut Outcome) {
        if let Some(ended) = self.running.next().await {
            self.ended(ended, outcome);
        }
    }

    fn ended(&mut self, (step, result): (Watched<'a>, Result<(), AwsError>), outcome: &mut Outcome) {
        self.left.remove(&(step.planned.address.as_str(), step.part));
        self.done(&step, result, outcome);
    }

    /// Watches all to their end, or until the run is asked to stop: AWS goes on without being watched.
    pub async fn finish(mut self, outcome: &mut Outcome, stop: &mut Stop) {
        while !self.is_over() {
            tokio::select! {
                biased;
                () = stopped(stop, 1) => {
                    outcome.interrupted = true;
                    // A watch that has nothing to wait for ends at its first look.
                    while let Some(Some(ended)) = self.running.next().now_or_never() {
                        self.ended(ended, outcome);
                    }
                    let addresses: BTreeSet<&str> = self.left.iter().map(|(address, _)| *address).collect();
                    outcome.unwatched = addresses.into_iter().map(str::to_owned).collect();
                    return;
                }
                () = self.next(outcome) => {}
            }
        }
    }

    fn done(&self, step: &Watched<'_>, result: Result<(), AwsError>, outcome: &mut Outcome) {
        let Planned { address, element, .. } = step.planned;
        let action = step.planned.action();
        let removal = step.part == Part::Removal;
        let took = step.began.elapsed();
        match result {
            Ok(()) => {
                self.observer.event(&Event::Done { address, action, removal, took });
                if !removal {
                    outcome.done.push((address.clone(), action, took));
                }
            }
            Err(error) => {
                self.observer.event(&Event::Failed { address, action, error: &error });
                outcome.failed.push(Failed { address: address.clone(), element: element.clone(), action, error });
            }
        }
    }
}
