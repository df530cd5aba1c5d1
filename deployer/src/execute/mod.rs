//! Plan → [`Outcome`]: carries a plan out, keeps the state, stops when told to.

mod records;
mod retry;
mod schedule;
mod step;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::aws::{Aws, AwsError, wait};
use crate::graph::resolve::{self, Known};
use crate::plan::{Action, Plan, Planned};
use crate::spec::secrets::Secrets;
use crate::state::{Journal, State, StateError};

pub(crate) use schedule::removes_separately;
use schedule::{Schedule, StepId};
use step::{Context, Done, Part, Unfinished};

pub use watch::Watching;

/// What happens while a plan is carried out. Reports listen; nothing here prints.
#[derive(Debug)]
pub enum Event<'a> {
    Started {
        address: &'a str,
        action: Action,
        removal: bool,
    },
    /// It waits for something; told again and again while that lasts.
    Waiting {
        address: &'a str,
        removal: bool,
        why: &'a str,
    },
    Done {
        address: &'a str,
        action: Action,
        removal: bool,
        took: Duration,
    },
    Failed {
        address: &'a str,
        action: Action,
        error: &'a AwsError,
    },
}

/// Listens to an execution.
pub trait Observer: Send + Sync {
    fn event(&self, event: &Event<'_>);
}

/// How far a run was asked to stop: 0 go on, 1 start nothing new, 2 leave what is in flight.
pub type Stop = tokio::sync::watch::Receiver<u8>;

/// What came of a plan.
#[derive(Debug)]
pub struct Outcome {
    pub done: Vec<(String, Action, Duration)>,
    pub failed: Vec<Failed>,
    /// Addresses whose action never began.
    pub not_started: Vec<String>,
    /// Begun and left when the run was stopped the second time.
    pub abandoned: Vec<String>,
    /// Accepted by AWS, which goes on with them by itself; nobody saw to their end.
    pub unwatched: Vec<String>,
    pub interrupted: bool,
    pub state: State,
    pub known: Known,
    /// The state's lock was lost while something was left to do.
    pub fenced: bool,
    /// Why the state could not be kept, if so.
    pub state_error: Option<StateError>,
}

/// An action that AWS refused.
#[derive(Debug)]
pub struct Failed {
    pub address: String,
    pub element: String,
    pub action: Action,
    pub error: AwsError,
}

/// Everything that an execution works with.
pub struct Execution<'a> {
    pub aws: &'a Aws,
    pub stack: &'a str,
    pub plan: &'a Plan,
    /// Outputs known before anything was done.
    pub known: Known,
    pub state: State,
    pub journal: &'a dyn Journal,
    pub observer: &'a dyn Observer,
    pub secrets: &'a Secrets,
    /// The stack's outputs, with references.
    pub outputs: &'a BTreeMap<String, String>,
    pub parallelism: usize,
    pub stop: Stop,
    /// RFC 3339, UTC.
    pub now: String,
}

/// What was reached is noted this long after it, together with what was reached meanwhile: a note copies the whole
/// state, and what a cut-off run made is found without it.
const NOTED_APART: Duration = Duration::from_secs(1);

/// A step, when it began, what it was to make, and what came of it.
type Finished = (StepId, Instant, Option<Value>, Result<(Done, Unfinished), AwsError>);
type Running<'a> = FuturesUnordered<BoxFuture<'a, Finished>>;

impl<'a> Execution<'a> {
    /// Writes the intents, then runs each action the moment its own dependencies are done. Nothing is to be written any
    /// more when it returns; what AWS still does by itself is watched afterwards.
    ///
    /// # Errors
    /// When the intents cannot be written; nothing was done then. Later failures are in the outcome.
    pub async fn run(mut self) -> Result<(Outcome, Watching<'a>), StateError> {
        self.move_records();
        self.state.intents = self.intents();
        self.journal.commit(&self.state).await?;
        let mut schedule = Schedule::of(self.plan);
        let mut running: Running<'a> = FuturesUnordered::new();
        let mut in_flight: BTreeSet<StepId> = BTreeSet::new();
        let mut outcome = Outcome::new();
        let mut watching = Watching::new(self.observer);
        let mut note_at = None;
        let (made, mut there) = mpsc::unbounded_channel();
        loop {
            while *self.stop.borrow() == 0 && self.aws.may_write() && !outcome.lacks_credentials() {
                let at_work = in_flight.iter().filter(|id| !schedule.shares(**id)).count();
                let room = at_work < self.parallelism;
                let next = schedule.take_along().or_else(|| if room { schedule.take() } else { None });
                let Some(id) = next else { break };
                if self.starts_nothing(id) {
                    self.settle(id, None, Done::Gone);
                    self.restate(id);
                    schedule.finish(id);
                    continue;
                }
                in_flight.insert(id);
                running.push(self.start(id, made.clone()));
            }
            let finished = tokio::select! {
                biased;
                finished = running.next(), if !running.is_empty() => finished,
                Some(id) = there.recv() => {
                    schedule.there(id);
                    continue;
                }
                () = watching.next(&mut outcome), if !running.is_empty() && !watching.is_over() => continue,
                () = due(note_at) => {
                    note_at = None;
                    self.journal.note(&self.state);
                    continue;
                }
                () = stopped(&mut self.stop, 2) => break,
                () = std::future::ready(()), if running.is_empty() => None,
            };
            let Some(finished) = finished else { break };
            in_flight.remove(&finished.0);
            if let Some((id, began, unfinished)) = self.take_result(finished, &mut schedule, &mut outcome) {
                note_at.get_or_insert_with(|| Instant::now() + NOTED_APART);
                watching.add(self.aws, self.planned(id), id.1, began, unfinished, &mut outcome);
            }
        }
        drop(running);
        outcome.interrupted = *self.stop.borrow() > 0 && (!in_flight.is_empty() || schedule.left().next().is_some());
        outcome.abandoned = in_flight.iter().map(|id| self.planned(*id).address.clone()).collect();
        outcome.not_started =
            schedule.left().filter(|id| !self.starts_nothing(*id)).map(|id| self.planned(id).address.clone()).collect();
        outcome.not_started.dedup();
        outcome.fenced |= !outcome.not_started.is_empty() && !self.aws.may_write();
        Ok((self.finish(outcome).await?, watching))
    }

    fn planned(&self, (index, _): StepId) -> &'a Planned {
        &self.plan.actions()[index]
    }

    /// Unchanged resources need no call unless something unknown before turned out different.
    fn starts_nothing(&self, id: StepId) -> bool {
        matches!(self.planned(id).action, Action::Unchanged | Action::Forget)
    }

    /// `made` hears when what the step makes is there.
    fn start(&self, id: StepId, made: mpsc::UnboundedSender<StepId>) -> BoxFuture<'a, Finished> {
        let planned = self.planned(id);
        let desired = planned.spec.as_ref().map(|spec| resolve::value(spec, &self.known, &self.aws.place));
        let (aws, stack, observer, part) = (self.aws, self.stack, self.observer, id.1);
        async move {
            let began = Instant::now();
            observer.event(&Event::Started {
                address: &planned.address,
                action: planned.action,
                removal: part == Part::Removal,
            });
            let context = Context { aws, stack };
            let step = announced(step::run(&context, planned, part, desired.as_ref()), move || {
                let _ = made.send(id);
            });
            let result = telling(step, |why| {
                observer.event(&Event::Waiting { address: &planned.address, removal: part == Part::Removal, why });
            })
            .await;
            (id, began, desired, result)
        }
        .boxed()
    }

    fn take_result(
        &mut self,
        (id, began, desired, result): Finished,
        schedule: &mut Schedule,
        outcome: &mut Outcome,
    ) -> Option<(StepId, Instant, Unfinished)> {
        let planned = self.planned(id);
        let (address, action) = (&planned.address, planned.action);
        match result {
            Ok((done, unfinished)) => {
                self.settle(id, desired, done);
                schedule.finish(id);
                Some((id, began, unfinished))
            }
            Err(error) => {
                self.observer.event(&Event::Failed { address, action, error: &error });
                outcome.fenced |= matches!(error, AwsError::Fenced { .. });
                let element = planned.element.clone();
                outcome.failed.push(Failed { address: address.clone(), element, action, error });
                None
            }
        }
    }

    async fn finish(mut self, mut outcome: Outcome) -> Result<Outcome, StateError> {
        if outcome.failed.is_empty() && !outcome.interrupted && outcome.abandoned.is_empty() {
            self.state.intents.clear();
        }
        self.state.outputs = self.outputs_now();
        outcome.state_error = self.journal.commit(&self.state).await.err();
        outcome.state = self.state;
        outcome.known = self.known;
        Ok(outcome)
    }
}

/// Runs `work`, and calls `there` when what it makes is there.
async fn announced<T>(work: impl Future<Output = T>, mut there: impl FnMut()) -> T {
    let (listener, mut heard) = mpsc::unbounded_channel();
    let mut work = pin!(wait::heard(listener, work));
    loop {
        tokio::select! {
            biased;
            Some(()) = heard.recv() => there(),
            result = &mut work => return result,
        }
    }
}

/// Runs `work` and hands on why it waits, while it does.
async fn telling<T>(work: impl Future<Output = T>, mut waiting: impl FnMut(&str)) -> T {
    let (listener, mut heard) = mpsc::unbounded_channel();
    let mut work = pin!(wait::told(listener, work));
    loop {
        tokio::select! {
            biased;
            Some(why) = heard.recv() => waiting(&why),
            result = &mut work => return result,
        }
    }
}

impl Outcome {
    /// Whatever else was to be done would be refused, too.
    fn lacks_credentials(&self) -> bool {
        self.failed.iter().any(|failed| failed.error.is_credentials())
    }

    fn new() -> Self {
        Self {
            done: Vec::new(),
            failed: Vec::new(),
            not_started: Vec::new(),
            abandoned: Vec::new(),
            unwatched: Vec::new(),
            interrupted: false,
            state: State::default(),
            known: Known::new(),
            fenced: false,
            state_error: None,
        }
    }
}

/// Completes at `moment`, never without one.
async fn due(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Completes when the run is asked to stop at `level` or harder.
async fn stopped(stop: &mut Stop, level: u8) {
    if stop.wait_for(|now| *now >= level).await.is_err() {
        // Nobody can ask any more.
        std::future::pending::<()>().await;
    }
}
