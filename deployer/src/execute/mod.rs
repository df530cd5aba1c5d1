//! Plan → [`ExecutionOutcome`]: carries out a plan, keeps the state, and stops on request.

mod estimate;
mod records;
mod retry;
mod running;
mod schedule;
mod step;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::time::Instant;

use crate::aws::{Aws, AwsError};
use crate::graph::resolve::{self, KnownOutputs};
use crate::graph::{Graph, own};
use crate::origin::WholeOrigin;
use crate::plan::{Action, Plan, PlannedResource};
use crate::spec::secrets::Secrets;
use crate::state::{Journal, State, StateError};

pub use estimate::{Estimate, step_key};
pub(crate) use retry::retrying;
use running::{FinishedStep, NewStep, RunningEvent, RunningSteps};
pub(crate) use schedule::removes_separately;
use schedule::{Schedule, StepId};
use step::{Context, RemainingWork, StepPart, StepResult};

use watch::WatchedStep;
pub use watch::Watching;

/// Events while a plan is carried out. Reports receive them; nothing here prints.
#[derive(Debug)]
pub enum ExecutionEvent<'a> {
    Started {
        address: &'a str,
        action: Action,
        removal: bool,
    },
    /// The step waits for something. Sent again and again while it waits.
    Waiting {
        address: &'a str,
        removal: bool,
        why: &'a str,
    },
    /// The step continues or succeeds, and leaves something that the user should know or do.
    Note {
        address: &'a str,
        text: &'a str,
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

/// Receives the events of an execution.
pub trait Observer: Send + Sync {
    fn event(&self, event: &ExecutionEvent<'_>);
}

/// How urgently the run is to stop: 0 not at all, 1 start nothing new, 2 leave the calls in flight.
pub type Stop = tokio::sync::watch::Receiver<u8>;

/// The result of carrying out a plan.
#[derive(Debug)]
pub struct ExecutionOutcome {
    pub done: Vec<(String, Action, Duration)>,
    pub failed: Vec<FailedAction>,
    /// The addresses whose action never started.
    pub not_started: Vec<String>,
    /// The addresses whose action was in progress when the run was stopped the second time.
    pub abandoned: Vec<String>,
    /// The addresses that AWS accepted and still finishes on its own, without being watched to the end.
    pub unwatched: Vec<String>,
    pub interrupted: bool,
    pub state: State,
    pub known: KnownOutputs,
    /// The state's lock was lost while actions remained.
    pub fenced: bool,
    /// The reason why the state could not be stored, if so.
    pub state_error: Option<StateError>,
}

/// An action that AWS refused.
#[derive(Debug)]
pub struct FailedAction {
    pub address: String,
    pub element: String,
    pub action: Action,
    pub error: AwsError,
}

/// The inputs of an execution.
pub struct Execution<'a> {
    pub aws: &'a Aws,
    pub stack: &'a str,
    pub plan: &'a Plan,
    /// Outputs that are known before the first action.
    pub known: KnownOutputs,
    pub state: State,
    pub journal: &'a dyn Journal,
    pub observer: &'a dyn Observer,
    pub secrets: &'a Secrets,
    /// The resources of `stack.yaml`, and the stack's outputs.
    pub graph: &'a Graph,
    /// The origins of the packaged code, by address.
    pub origins: BTreeMap<String, WholeOrigin>,
    pub parallelism: usize,
    pub stop: Stop,
    /// RFC 3339, UTC.
    pub now: String,
}

/// How long after a result the state is written, together with the results since. Each write copies the whole state,
/// and a later run finds the resources of an interrupted run without it.
const NOTED_APART: Duration = Duration::from_secs(2);

impl<'a> Execution<'a> {
    /// Writes the intents, then runs each action as soon as its own dependencies are finished. If the plan only deletes
    /// resources that the state records, the intents are written alongside the first deletions. When this returns, no
    /// writes remain; work that AWS finishes on its own is watched afterwards.
    ///
    /// # Errors
    /// When the intents cannot be written; AWS is unchanged then. Later failures are in the outcome.
    pub async fn run(mut self) -> Result<(ExecutionOutcome, Watching<'a>), StateError> {
        let recorded = self.removes_what_is_recorded();
        self.move_records();
        self.record_ids();
        self.hide_secrets();
        self.note_deployed_code();
        self.state.intents = self.intents();
        let begun = recorded.then(|| self.state.clone());
        let mut committing = begun.as_ref().map(|state| self.journal.commit(state));
        if committing.is_none() {
            self.journal.commit(&self.state).await?;
        }
        let mut schedule = Schedule::of(self.plan);
        let (halt, halted) = tokio::sync::watch::channel(0);
        let mut running = RunningSteps::new(halted);
        let mut outcome = ExecutionOutcome::new();
        let mut watching = Watching::new(self.observer);
        let mut note_at = None;
        loop {
            self.fill(&mut schedule, &mut running, &outcome);
            let event = tokio::select! {
                biased;
                result = commit_ends(&mut committing) => {
                    committing = None;
                    outcome.state_error = result.err();
                    if outcome.state_error.is_some() {
                        halt.send_replace(1);
                    }
                    continue;
                }
                event = running.next(), if !running.is_empty() => event,
                () = watching.next(&mut outcome), if !running.is_empty() && !watching.is_over() => continue,
                () = moment_comes(note_at) => {
                    note_at = None;
                    self.journal.note(&self.state);
                    continue;
                }
                () = wait_for_stop(&mut self.stop, 2) => break,
                () = std::future::ready(()), if running.is_empty() => break,
            };
            let finished = match event {
                RunningEvent::Finished(finished) => finished,
                RunningEvent::Exists(id) => {
                    schedule.exists(id);
                    continue;
                }
                RunningEvent::Parking => continue,
            };
            if let Some((step, unfinished)) = self.take_result(*finished, &mut schedule, &mut outcome) {
                note_at.get_or_insert_with(|| Instant::now() + NOTED_APART);
                watching.add(self.aws, step, unfinished, &mut outcome);
            }
        }
        self.account_for_the_rest(&schedule, running, &mut outcome);
        if let Some(committing) = committing {
            outcome.state_error = committing.await.err();
        }
        Ok((self.finish(outcome).await?, watching))
    }

    /// Starts the steps that are ready, as far as there is room.
    fn fill(&mut self, schedule: &mut Schedule, running: &mut RunningSteps<'a>, outcome: &ExecutionOutcome) {
        while *self.stop.borrow() == 0
            && outcome.state_error.is_none()
            && self.aws.may_write()
            && !outcome.lacks_credentials()
        {
            let next = schedule.take_along().or_else(|| {
                let room = running.at_work(schedule) < self.parallelism;
                if room { schedule.take() } else { None }
            });
            let Some(id) = next else {
                if running.is_empty() && schedule.relent() {
                    continue;
                }
                break;
            };
            if self.starts_nothing(id) {
                self.settle(id, &Value::Null, StepResult::Absent);
                self.restate(id);
                schedule.finish(id);
                continue;
            }
            self.start(id, schedule.shares(id), running);
        }
    }

    /// Records the steps that did not start or did not finish, and drops them.
    fn account_for_the_rest(&self, schedule: &Schedule, running: RunningSteps<'a>, outcome: &mut ExecutionOutcome) {
        let left: Vec<StepId> = schedule.not_taken().chain(running.without_calls()).collect();
        outcome.interrupted = *self.stop.borrow() > 0 && (!running.is_empty() || !left.is_empty());
        outcome.abandoned = running.with_calls().map(|id| self.planned_resource(id).address.clone()).collect();
        drop(running);
        let mut left: Vec<StepId> = left.into_iter().filter(|id| !self.starts_nothing(*id)).collect();
        left.sort_unstable();
        outcome.not_started = left.into_iter().map(|id| self.planned_resource(id).address.clone()).collect();
        outcome.not_started.dedup();
        outcome.fenced |= !outcome.not_started.is_empty() && !self.aws.may_write();
    }

    fn planned_resource(&self, (index, _): StepId) -> &'a PlannedResource {
        &self.plan.actions()[index]
    }

    /// Tells whether a step needs no call to AWS.
    fn starts_nothing(&self, id: StepId) -> bool {
        !self.planned_resource(id).action().calls_aws()
    }

    fn start(&self, id: StepId, sharing: bool, running: &mut RunningSteps<'a>) {
        let planned = self.planned_resource(id);
        let desired = self.desired_spec(planned);
        let (aws, stack, plan) = (self.aws, self.stack, self.plan);
        let (observer, part) = (self.observer, id.1);
        let withdraws = schedule::withdraws(self.plan.actions(), planned);
        let wanted = desired.clone();
        let work = async move {
            observer.event(&ExecutionEvent::Started {
                address: &planned.address,
                action: planned.action(),
                removal: part == StepPart::Removal,
            });
            step::run(&Context { aws, stack, plan, withdraws }, planned, part, &wanted).await
        };
        running.start(NewStep { id, sharing, desired }, work, self.stop.clone(), move |message| {
            observer.event(&message.event(&planned.address, part == StepPart::Removal));
        });
    }

    /// Fills every value that is known by now into the desired spec. Null if the resource leaves the stack.
    fn desired_spec(&self, planned: &PlannedResource) -> Value {
        let place = &self.aws.place;
        let Some(wanted) = planned.effect.desired_spec() else { return Value::Null };
        own::fill_own_outputs(&*planned.kind, &planned.address, resolve::value(&wanted.spec, &self.known, place), place)
    }

    fn take_result(
        &mut self,
        FinishedStep { id, began, desired, result }: FinishedStep,
        schedule: &mut Schedule,
        outcome: &mut ExecutionOutcome,
    ) -> Option<(WatchedStep<'a>, RemainingWork)> {
        let Some(result) = result else {
            schedule.put_back(id);
            return None;
        };
        let planned = self.planned_resource(id);
        let address = &planned.address;
        let action = planned.action();
        match result {
            Ok((done, unfinished)) => {
                self.settle(id, &desired, done);
                schedule.finish(id);
                Some((WatchedStep { planned, part: id.1, began }, unfinished))
            }
            Err(error) => {
                self.observer.event(&ExecutionEvent::Failed { address, action, error: &error });
                outcome.fenced |= matches!(error, AwsError::Fenced { .. });
                let element = planned.element.clone();
                outcome.failed.push(FailedAction { address: address.clone(), element, action, error });
                schedule.fail(id);
                None
            }
        }
    }

    async fn finish(mut self, mut outcome: ExecutionOutcome) -> Result<ExecutionOutcome, StateError> {
        if outcome.failed.is_empty() && !outcome.interrupted && outcome.abandoned.is_empty() {
            self.state.intents.retain(|intent| self.plan.leaves_out(intent));
        }
        self.state.outputs = self.outputs_now();
        let first = if outcome.not_started.is_empty() { None } else { outcome.state_error };
        outcome.state_error = self.journal.commit(&self.state).await.err().or(first);
        outcome.state = self.state;
        outcome.known = self.known;
        Ok(outcome)
    }
}

impl ExecutionOutcome {
    /// Tells whether the credentials are missing or expired, so that every further call would be refused.
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
            known: KnownOutputs::new(),
            fenced: false,
            state_error: None,
        }
    }
}

/// Completes with the write to the state; never, if there is none.
async fn commit_ends(committing: &mut Option<BoxFuture<'_, Result<(), StateError>>>) -> Result<(), StateError> {
    match committing {
        Some(committing) => committing.await,
        None => std::future::pending().await,
    }
}

/// Completes at `moment`; never, if there is none.
async fn moment_comes(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Completes once the run is to stop at `level` or more urgently.
pub(crate) async fn wait_for_stop(stop: &mut Stop, level: u8) {
    if stop.wait_for(|now| *now >= level).await.is_err() {
        // Nobody is left to stop the run.
        std::future::pending::<()>().await;
    }
}
