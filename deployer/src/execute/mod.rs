//! Plan → [`Outcome`]: carries a plan out, keeps the state, stops when told to.

mod retry;
mod schedule;
mod step;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
use crate::graph::identity;
use crate::graph::resolve::{self, Known};
use crate::kinds::by_name;
use crate::plan::{Action, Plan, Planned};
use crate::spec::secrets::Secrets;
use crate::state::{Intent, Journal, Record, State, StateError, fingerprint, leftover};

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
        let mut ready: VecDeque<StepId> = schedule.take_ready().into();
        let mut running: Running<'a> = FuturesUnordered::new();
        let mut in_flight: BTreeSet<StepId> = BTreeSet::new();
        let mut outcome = Outcome::new();
        let mut watching = Watching::new(self.observer);
        loop {
            while running.len() < self.parallelism
                && *self.stop.borrow() == 0
                && self.aws.may_write()
                && !outcome.lacks_credentials()
            {
                let Some(id) = ready.pop_front() else { break };
                if self.starts_nothing(id) {
                    self.settle(id, None, Done::Gone);
                    self.restate(id);
                    schedule.finish(id);
                    ready.extend(schedule.take_ready());
                    continue;
                }
                in_flight.insert(id);
                running.push(self.start(id));
            }
            let finished = tokio::select! {
                biased;
                finished = running.next(), if !running.is_empty() => finished,
                () = watching.next(&mut outcome), if !running.is_empty() && !watching.is_over() => continue,
                () = stopped(&mut self.stop, 2) => break,
                () = std::future::ready(()), if running.is_empty() => None,
            };
            let Some(finished) = finished else { break };
            in_flight.remove(&finished.0);
            if let Some((id, began, unfinished)) = self.take_result(finished, &mut schedule, &mut ready, &mut outcome) {
                watching.add(self.aws, self.planned(id), id.1, began, unfinished, &mut outcome);
            }
        }
        drop(running);
        outcome.interrupted =
            *self.stop.borrow() > 0 && (!ready.is_empty() || !in_flight.is_empty() || schedule.left().next().is_some());
        outcome.abandoned = in_flight.iter().map(|id| self.planned(*id).address.clone()).collect();
        outcome.not_started = ready
            .iter()
            .copied()
            .chain(schedule.left())
            .filter(|id| !self.starts_nothing(*id))
            .map(|id| self.planned(id).address.clone())
            .collect();
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

    fn start(&self, id: StepId) -> BoxFuture<'a, Finished> {
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
            let result = telling(step::run(&context, planned, part, desired.as_ref()), |why| {
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
        ready: &mut VecDeque<StepId>,
        outcome: &mut Outcome,
    ) -> Option<(StepId, Instant, Unfinished)> {
        let planned = self.planned(id);
        let (address, action) = (&planned.address, planned.action);
        match result {
            Ok((done, unfinished)) => {
                self.settle(id, desired, done);
                self.journal.note(&self.state);
                schedule.finish(id);
                ready.extend(schedule.take_ready());
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

    /// What the run is about to do, written down before it does it.
    fn intents(&self) -> Vec<Intent> {
        let begins = |planned: &&Planned| !matches!(planned.action, Action::Unchanged | Action::Forget);
        let intent = |planned: &Planned| {
            let spec = planned.desired.as_ref().or(planned.live.as_ref().map(|live| &live.spec));
            let name = by_name(planned.kind)
                .zip(spec)
                .map(|(kind, spec)| resolve::readable(&identity(kind.identity(), spec)))
                .unwrap_or_default();
            Intent {
                address: planned.address.clone(),
                action: format!("{:?}", planned.action).to_lowercase(),
                kind: planned.kind.to_owned(),
                identity: name,
                since: self.now.clone(),
                inputs: wanted_or_found(planned).map_or(Value::Null, |spec| self.hidden_for(planned, spec)),
                element: planned.element.clone(),
                dependencies: planned.dependencies.clone(),
            }
        };
        self.plan.actions().iter().filter(begins).map(intent).collect()
    }

    /// Follows elements that were renamed, all at once: they may hand their names on to each other.
    fn move_records(&mut self) {
        let moves: Vec<(&Planned, Record)> = self
            .plan
            .actions()
            .iter()
            .filter_map(|planned| Some((planned, self.state.resources.remove(planned.moved_from.as_ref()?)?)))
            .collect();
        for (planned, record) in moves {
            let own = self.state.resources.insert(planned.address.clone(), record);
            if let Some((key, own)) = predecessor_key(planned).zip(own) {
                self.state.resources.insert(key, to_be_deleted(own));
            }
        }
    }

    /// What the state may keep of a spec.
    fn hidden(&self, spec: &Value) -> Value {
        fingerprint::hide(spec, &self.state.lineage, &|text| self.secrets.touches(text))
    }

    /// What an intent may keep: of what AWS holds, nothing that the prior state kept as a fingerprint.
    fn hidden_for(&self, planned: &Planned, spec: &Value) -> Value {
        let hidden = self.hidden(spec);
        match self.state.resources.get(&planned.address) {
            Some(record) if planned.desired.is_none() => {
                fingerprint::like(&hidden, &record.inputs, &self.state.lineage)
            }
            _ => hidden,
        }
    }

    /// Writes down what a finished step left.
    fn settle(&mut self, id: StepId, desired: Option<Value>, done: Done) {
        let planned = self.planned(id);
        let address = &planned.address;
        let pending_removal = id.1 == Part::Main && planned.predecessor.is_some() && planned.action != Action::Delete;
        if !pending_removal {
            self.state.intents.retain(|intent| intent.address != *address);
        }
        match done {
            Done::Made(created) => {
                // Kept until it is deleted, so that a cut-off run leaves no orphan.
                if pending_removal
                    && planned.moved_from.is_none()
                    && let Some(key) = predecessor_key(planned)
                    && let Some(old) = self.state.resources.get(address).cloned()
                {
                    self.state.resources.insert(key, to_be_deleted(old));
                }
                self.known.insert(address.clone(), created.outputs.clone());
                let secrets = self.secrets;
                let inputs = desired.unwrap_or(Value::Null);
                let record = Record {
                    kind: planned.kind.to_owned(),
                    element: planned.element.clone(),
                    physical_id: created.physical_id,
                    inputs: fingerprint::hide(&inputs, &self.state.lineage, &|text| secrets.touches(text)),
                    outputs: created.outputs,
                    dependencies: planned.dependencies.clone(),
                    protect: planned.protect,
                    retain: planned.retain,
                };
                self.state.resources.insert(address.clone(), record);
            }
            Done::Gone if matches!(planned.action, Action::Delete | Action::Forget) => {
                self.state.resources.remove(address);
            }
            Done::Gone => {
                if let Some(key) = predecessor_key(planned) {
                    self.state.resources.remove(&key);
                }
            }
        }
    }

    /// Keeps an unchanged resource's record in step with what AWS was found to hold, and with what only the state
    /// knows: `protect`, `retain`, dependencies, and properties that AWS does not hold.
    fn restate(&mut self, id: StepId) {
        let planned = self.planned(id);
        let Some(spec) = planned.spec.as_ref().filter(|_| planned.action == Action::Unchanged) else { return };
        let desired = resolve::value(spec, &self.known, &self.aws.place);
        let (secrets, lineage) = (self.secrets, self.state.lineage.clone());
        if let Some(record) = self.state.resources.get_mut(&planned.address) {
            record.inputs = fingerprint::hide(&desired, &lineage, &|text| secrets.touches(text));
            record.element.clone_from(&planned.element);
            record.dependencies.clone_from(&planned.dependencies);
            (record.protect, record.retain) = (planned.protect, planned.retain);
            if let Some(live) = &planned.live {
                record.physical_id.clone_from(&live.physical_id);
                record.outputs.extend(live.outputs.clone());
            }
        }
    }

    /// The stack's outputs as far as they are known now; secrets stay out.
    fn outputs_now(&self) -> BTreeMap<String, String> {
        let wanted = self.outputs.iter().filter(|(name, _)| self.plan.outputs().contains_key(*name));
        let resolved = wanted.map(|(name, text)| (name.clone(), resolve::text(text, &self.known, &self.aws.place)));
        resolved
            .filter(|(_, text)| !resolve::is_unknown(&Value::from(text.as_str())) && !self.secrets.touches(text))
            .collect()
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

/// Where the state keeps what a replacement has yet to delete: `queues.orders#orders-32`.
fn predecessor_key(planned: &Planned) -> Option<String> {
    let (predecessor, kind) = (planned.predecessor.as_ref()?, by_name(planned.kind)?);
    Some(leftover(&planned.address, &identity(kind.identity(), &predecessor.spec)))
}

/// The plan has decided that a predecessor goes; a run that is cut off before it does must not bring its protection back.
fn to_be_deleted(record: Record) -> Record {
    Record { protect: false, retain: false, ..record }
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
            interrupted: false,
            state: State::default(),
            known: Known::new(),
            fenced: false,
            state_error: None,
        }
    }
}

/// The spec that an action is about: the desired one, or that of what is deleted.
fn wanted_or_found(planned: &Planned) -> Option<&Value> {
    planned.desired.as_ref().or(planned.live.as_ref().map(|live| &live.spec))
}

/// Completes when the run is asked to stop at `level` or harder.
async fn stopped(stop: &mut Stop, level: u8) {
    if stop.wait_for(|now| *now >= level).await.is_err() {
        // Nobody can ask any more.
        std::future::pending::<()>().await;
    }
}
