//! The steps that are at work, and what they let the executor know meanwhile.

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
use super::step::{Done, Unfinished};
use super::{Event, Stop, stopped};
use crate::aws::AwsError;
use crate::aws::wait::{self, Listener, Told};

/// A step that ended.
pub(super) struct Finished {
    pub id: StepId,
    pub began: Instant,
    /// The spec that it was to create or change; null for a deletion.
    pub desired: Value,
    /// `None` where the run was stopped before the step made its first call.
    pub result: Option<Result<(Done, Unfinished), AwsError>>,
}

/// The steps at work.
pub(super) struct Running<'a> {
    steps: FuturesUnordered<BoxFuture<'a, Finished>>,
    in_flight: BTreeMap<StepId, Arc<AtomicBool>>,
    /// Those of them that wait for AWS's rate, with how many calls.
    parked: BTreeMap<StepId, usize>,
    signs: UnboundedSender<(StepId, Told)>,
    heard: UnboundedReceiver<(StepId, Told)>,
    /// Asks those that have sent nothing to end, as the run's stop does.
    halted: Stop,
}

/// What [`Running::next`] met.
pub(super) enum Met {
    Finished(Box<Finished>),
    /// What a step makes is there.
    There(StepId),
    /// More or fewer are parked than before.
    Parking,
}

impl<'a> Running<'a> {
    pub(super) fn new(halted: Stop) -> Self {
        let (signs, heard) = unbounded_channel();
        let (steps, in_flight, parked) = (FuturesUnordered::new(), BTreeMap::new(), BTreeMap::new());
        Self { steps, in_flight, parked, signs, heard, halted }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many have a place among those at work: who waits for AWS's rate or shares a call has none.
    pub(super) fn at_work(&self, schedule: &Schedule) -> usize {
        self.in_flight.keys().filter(|id| !schedule.shares(**id) && !self.parked.contains_key(id)).count()
    }

    /// Those that have sent anything, and may have changed AWS.
    pub(super) fn begun(&self) -> impl Iterator<Item = StepId> {
        self.in_flight.iter().filter(|(_, begun)| begun.load(Ordering::Relaxed)).map(|(id, _)| *id)
    }

    /// Those that have sent nothing.
    pub(super) fn unbegun(&self) -> impl Iterator<Item = StepId> {
        self.in_flight.iter().filter(|(_, begun)| !begun.load(Ordering::Relaxed)).map(|(id, _)| *id)
    }

    /// Starts a step. Asked to `stop` it ends at once if it has not made a call yet; `sharing` one it may be made by
    /// another step.
    pub(super) fn start(
        &mut self,
        (id, sharing): (StepId, bool),
        desired: Value,
        work: impl Future<Output = Result<(Done, Unfinished), AwsError>> + Send + 'a,
        mut stop: Stop,
        said: impl FnMut(Said<'_>) + Send + 'a,
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
                return Finished { id, began, desired, result: None };
            }
            let unbegun = begun.clone();
            let work = telling(work, begun, said, sign);
            let stopped = async move {
                tokio::select! {
                    () = stopped(&mut stop, 1) => {}
                    () = stopped(&mut halted, 1) => {}
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
            Finished { id, began, desired, result }
        };
        self.steps.push(step.boxed());
    }

    /// Waits for the next thing that the schedule has to know of; never returns where nothing is at work.
    pub(super) async fn next(&mut self) -> Met {
        loop {
            let (id, told) = tokio::select! {
                biased;
                Some(finished) = self.steps.next() => {
                    self.in_flight.remove(&finished.id);
                    self.parked.remove(&finished.id);
                    return Met::Finished(Box::new(finished));
                }
                Some(heard) = self.heard.recv() => heard,
                else => std::future::pending().await,
            };
            match told {
                Told::There => return Met::There(id),
                Told::Parked if self.in_flight.contains_key(&id) => {
                    *self.parked.entry(id).or_default() += 1;
                    return Met::Parking;
                }
                Told::Resumed => match self.parked.get_mut(&id) {
                    Some(calls @ 2..) => *calls -= 1,
                    _ => drop(self.parked.remove(&id)),
                },
                Told::Parked | Told::Waiting(_) | Told::Note(_) => {}
            }
        }
    }
}

/// What a step says to people.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said<'a> {
    /// Why it waits, while it does.
    Waiting(&'a str),
    Note(&'a str),
}

impl<'a> Said<'a> {
    pub(super) fn event(self, address: &'a str, removal: bool) -> Event<'a> {
        match self {
            Self::Waiting(why) => Event::Waiting { address, removal, why },
            Self::Note(text) => Event::Note { address, text },
        }
    }
}

/// Runs `work`; hands on to `said` what it says to people, and to `sign` what else it tells.
pub(super) async fn telling<T>(
    work: impl Future<Output = T>,
    begun: Arc<AtomicBool>,
    mut said: impl FnMut(Said<'_>),
    mut sign: impl FnMut(Told),
) -> T {
    let (told, mut heard) = unbounded_channel();
    let mut work = pin!(wait::told(Listener { told, begun }, work));
    let mut hear = |told| match told {
        Told::Waiting(why) => said(Said::Waiting(&why)),
        Told::Note(text) => said(Said::Note(&text)),
        told => sign(told),
    };
    loop {
        tokio::select! {
            biased;
            Some(told) = heard.recv() => hear(told),
            result = &mut work => {
                // It may have ended with its last word.
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

    use super::super::step::Part;
    use super::*;
    use crate::aws::rate::Budgets;
    use crate::plan::Plan;

    const STEP: StepId = (0, Part::Main);

    fn gone() -> Result<(Done, Unfinished), AwsError> {
        Ok((Done::Gone, None))
    }

    fn start<'a>(
        running: &mut Running<'a>,
        sharing: bool,
        work: impl Future<Output = Result<(Done, Unfinished), AwsError>> + Send + 'a,
        stop: &Stop,
    ) {
        running.start((STEP, sharing), Value::Null, work, stop.clone(), |_| {});
    }

    #[tokio::test]
    async fn what_a_step_says_last_is_heard() {
        let work = async { wait::note("eni-1 stays".to_owned()) };
        let mut heard = Vec::new();
        let said = |said: Said<'_>| {
            let Event::Note { address, text } = said.event("functions.f", false) else { panic!("no note") };
            heard.push(format!("{address}: {text}"));
        };
        telling(work, Arc::default(), said, drop).await;
        assert_eq!(heard, ["functions.f: eni-1 stays"]);
    }

    #[tokio::test]
    async fn a_stopped_run_does_not_wait_for_what_has_sent_nothing() {
        let (stopping, stop) = watch::channel(0);
        let (_halt, halted) = watch::channel(0);
        let mut running = Running::new(halted);
        start(&mut running, false, std::future::pending(), &stop);
        assert_eq!((running.begun().count(), running.unbegun().count()), (0, 1));
        stopping.send(1).unwrap();
        let Met::Finished(finished) = running.next().await else { panic!("it has ended") };
        assert!(finished.result.is_none() && running.is_empty());
    }

    #[tokio::test]
    async fn what_has_sent_nothing_ends_when_the_run_cannot_go_on() {
        let (_stopping, stop) = watch::channel(0);
        let (halt, halted) = watch::channel(0);
        let mut running = Running::new(halted);
        start(&mut running, false, std::future::pending(), &stop);
        halt.send(1).unwrap();
        let Met::Finished(finished) = running.next().await else { panic!("it has ended") };
        assert!(finished.result.is_none());
    }

    #[tokio::test]
    async fn a_stopped_run_waits_for_what_may_have_changed_aws() {
        let (stopping, stop) = watch::channel(0);
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        let (_halt, halted) = watch::channel(0);
        let mut running = Running::new(halted);
        let work = async {
            let _ = answered.await;
            gone()
        };
        start(&mut running, true, work, &stop);
        assert_eq!((running.begun().count(), running.unbegun().count()), (1, 0));
        assert!(futures::poll!(std::pin::pin!(running.next())).is_pending());
        stopping.send(1).unwrap();
        assert!(futures::poll!(std::pin::pin!(running.next())).is_pending());
        answer.send(()).unwrap();
        let Met::Finished(finished) = running.next().await else { panic!("it has ended") };
        assert!(matches!(finished.result, Some(Ok((Done::Gone, None)))));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_rate_has_no_place_among_those_at_work() {
        let (_stopping, stop) = watch::channel(0);
        let (budgets, schedule) = (Budgets::default(), Schedule::of(&Plan::default()));
        let (_halt, halted) = watch::channel(0);
        let mut running = Running::new(halted);
        let work = async {
            for _ in 0..4 {
                budgets.take("cloudwatch:DeleteAlarms", false).await;
            }
            gone()
        };
        start(&mut running, false, work, &stop);
        assert_eq!(running.at_work(&schedule), 1);
        assert!(matches!(running.next().await, Met::Parking));
        assert_eq!(running.at_work(&schedule), 0);
        assert!(matches!(running.next().await, Met::Finished(_)));
        assert_eq!(running.at_work(&schedule), 0);
    }
}
