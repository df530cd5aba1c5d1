//! The page to read first: one straight line from `stack.yaml` to AWS.
//!
//! `validate` is its first step, `plan` its first half, `apply` and `destroy` the whole of it; there is no second
//! wiring.

mod again;
mod begin;
mod check;
mod code;
mod credentials;
mod desk;
mod env;
mod look;
mod models;
mod permissions;
mod place;
mod rates;
mod recorded;
mod reviewed;
mod saved;
mod state;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::aws::clients::Transport;
use crate::aws::{Aws, AwsError, Place};
use crate::execute::{Execution, Observer, Outcome, Stop};
use crate::failure::Failure;
use crate::graph::Graph;
use crate::observe::{Depth, Observation};
use crate::package::{self, Artifact};
use crate::plan::{Action, Cost, Goal, Plan, Selection, plan, refresh_only};
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;
use crate::state::{Fetched, Holder, Lease, Snapshot, Store, Terms};

use begin::{Begun, begin, connect, read_and_observe};
use place::location;

pub use check::{check, validate};
pub use desk::Desk;
pub use env::{Environment, environments, erase};
pub use look::{Refreshed, Sight, look, reach};
pub use permissions::{Whereabouts, permissions, whereabouts};
pub use place::{kept_after_this_job, known_in_this_job};
pub use recorded::{Recorded, recorded};
pub use reviewed::{Other, Reviewed};
pub use state::{give_back, hold, open_store, read_state, write_state};

/// Settings from the command line and the environment.
#[derive(Clone)]
pub struct Settings {
    /// `stack.yaml`.
    pub file: PathBuf,
    pub inputs: Inputs,
    /// Address of the local cloud or another endpoint that replaces AWS's own.
    pub endpoint_url: Option<String>,
    /// Fixed credentials for the local cloud: key id and secret.
    pub credentials: Option<(String, String)>,
    pub transport: Transport,
    /// Keeps a local cloud's state apart from the real one.
    pub local: bool,
    pub parallelism: usize,
    pub lock_timeout: Duration,
    pub lock_terms: Terms,
    pub selection: Selection,
    pub create_state_bucket: bool,
    /// Update only the state from AWS; AWS stays unchanged.
    pub refresh_only: bool,
    /// Ask Bedrock whether it serves the models that the stack's roles may invoke.
    pub ask_bedrock: bool,
    /// An address and the resource id that the user gave for it, if AWS has no name to find it by.
    pub claim: Option<(String, String)>,
    /// The environment variables for cargo.
    pub build: package::Environment,
    /// The directory for the user's files that belong to no stack.
    pub own_directory: Option<PathBuf>,
    /// The run is a CI job: files on this machine are lost with it unless somebody keeps them.
    pub in_ci: bool,
    /// The run's identity in the lock.
    pub holder: Holder,
    /// The wall clock, RFC 3339 in UTC.
    pub now: fn() -> String,
}

/// Reports slow operations before there is a plan.
pub trait Progress: package::Progress {
    fn say(&self, text: &str);

    /// Prints warnings, which do not prevent a plan.
    fn warn(&self, warnings: &Findings, source: &SourceText);
}

/// `stack.yaml`, checked as far as it can be without AWS.
pub struct Loaded {
    pub document: Document,
    pub graph: Graph,
    pub warnings: Findings,
}

/// Reads and checks `stack.yaml`: text → document → graph.
///
/// # Errors
/// Every finding at once.
pub fn load(settings: &Settings) -> Result<Loaded, Failure> {
    let source = SourceText::read(&settings.file).map_err(|error| Failure::unreadable(&settings.file, &error))?;
    check(source, &settings.inputs)
}

/// A plan and everything needed to carry it out.
pub struct Ready {
    pub loaded: Loaded,
    pub aws: Aws,
    pub plan: Plan,
    pub cost: Cost,
    store: Store,
    lease: Option<Lease>,
    snapshot: Snapshot,
    observation: Observation,
    artifacts: BTreeMap<String, Artifact>,
}

/// Reads AWS and the state, packages the functions, and plans. With `hold` the state stays locked.
///
/// # Errors
/// Any error that prevents a plan; the lock is released then.
pub async fn prepare(
    loaded: Loaded,
    settings: &Settings,
    goal: Goal,
    hold: bool,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<Ready, Failure> {
    let began = Instant::now();
    let Begun { aws, store, lease, fetched } =
        begin(&loaded.document, settings, hold.then_some(progress), stop).await?;
    let seen = observe_and_plan(loaded, (&aws, &store), (fetched, hold), settings, goal, progress);
    match unless_stopped(stop, seen).await {
        Ok((loaded, snapshot, observation, plan, artifacts)) => {
            rates::tell(&plan, &aws.place, progress);
            let reads = aws.calls().0;
            let cost = Cost { reads, waves: observation.waves, seconds: began.elapsed().as_secs_f64() };
            Ok(Ready { loaded, aws, plan, cost, store, lease, snapshot, observation, artifacts })
        }
        Err(failure) => {
            if let Some(lease) = lease {
                give_back(lease).await;
            }
            Err(failure)
        }
    }
}

/// Runs work that changes nothing; the first signal ends it at once.
///
/// # Errors
/// The work's own errors, and `run::interrupted`.
pub async fn unless_stopped<T>(stop: &Stop, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        result = work => result,
        () = signals(stop, 1) => Err(Failure::interrupted()),
    }
}

/// Returns once this many signals have arrived.
async fn signals(stop: &Stop, number: u8) {
    if stop.clone().wait_for(|asked| *asked >= number).await.is_err() {
        std::future::pending().await
    }
}

type Planned = (Loaded, Snapshot, Observation, Plan, BTreeMap<String, Artifact>);

async fn observe_and_plan(
    mut loaded: Loaded,
    (aws, store): (&Aws, &Store),
    state: (Fetched, bool),
    settings: &Settings,
    goal: Goal,
    progress: &dyn Progress,
) -> Result<Planned, Failure> {
    let seen = read_and_observe(&loaded, aws, store, state, settings, depth(goal), progress);
    let built = async {
        match goal {
            Goal::Apply if !settings.refresh_only => code::package(&loaded, settings, progress).await,
            _ => Ok(BTreeMap::new()),
        }
    };
    let used = models::in_question(&loaded.graph, &aws.place, goal, settings);
    let work = async {
        let (seen, artifacts) = tokio::join!(seen, built);
        Ok::<_, Failure>((artifacts?, seen?))
    };
    let (done, told) = models::beside(work, used, async |model| aws.lifecycle(model).await).await;
    let (artifacts, (snapshot, observation)) = done?;
    for text in observation.secrets_of_before(&loaded.graph, &aws.place) {
        loaded.document.add_secret(&text);
    }
    crate::log::mask(loaded.document.secrets());
    for (address, artifact) in &artifacts {
        loaded.graph.set_artifact(address, &artifact.code_sha256, Some(artifact.size));
    }
    if goal == Goal::Apply {
        refuse_excess(&loaded, &observation, &aws.place)?;
    }
    let stack = loaded.document.stack();
    let mut plan =
        plan(&loaded.graph, &observation, stack, &aws.place, goal, &settings.selection, loaded.document.secrets())
            .map_err(|error| Failure::plan(error, &loaded.document))?;
    models::tell(&told, &mut plan, &loaded.graph, &loaded.document, &(settings.now)())?;
    let plan = if settings.refresh_only { refresh_only(plan) } else { plan };
    Ok((loaded, snapshot, observation, plan, artifacts))
}

/// Repeats the checks against AWS's limits, now that references are resolved.
fn refuse_excess(loaded: &Loaded, seen: &Observation, place: &Place) -> Result<(), Failure> {
    let Loaded { document, graph, .. } = loaded;
    let mut findings = Findings::default();
    crate::graph::limits::check_in(graph, document, &seen.known, place, &mut findings);
    if !findings.has_errors() {
        // Warnings were reported when the stack was loaded.
        return Ok(());
    }
    document.place(&mut findings);
    Err(Failure::of(findings, Some(document)))
}

/// Returns how much of each resource a plan has to read.
fn depth(goal: Goal) -> Depth {
    if goal == Goal::Destroy { Depth::Presence } else { Depth::Whole }
}

/// Reads the outputs of the last apply from the state.
///
/// # Errors
/// When the state cannot be read.
pub async fn outputs(loaded: &Loaded, settings: &Settings, stop: &Stop) -> Result<BTreeMap<String, String>, Failure> {
    let read = async {
        let (_, store) = connect(&loaded.document, settings).await?;
        Ok(store.read().await.map_err(Failure::state)?.state.outputs)
    };
    unless_stopped(stop, read).await
}

/// Returns the directory of `stack.yaml`.
pub fn root(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

impl Ready {
    /// Carries the plan out under the lock, releases it, and watches the work that AWS finishes on its own.
    ///
    /// # Errors
    /// When nothing could be started. Later failures are in the outcome.
    pub async fn execute(
        mut self,
        settings: &Settings,
        observer: &dyn Observer,
        mut stop: Stop,
    ) -> Result<Applied, Failure> {
        let Some(lease) = self.lease.take() else {
            return Err(Failure::internal("a plan was executed without the state's lock"));
        };
        if let Err(failure) = self.begin_writing(&lease) {
            give_back(lease).await;
            return Err(failure);
        }
        let Self { loaded, aws, plan, store, snapshot, observation, .. } = self;
        let journal = store.journal(&snapshot, &lease);
        let execution = Execution {
            aws: &aws,
            stack: loaded.document.stack(),
            plan: &plan,
            known: observation.known,
            state: observation.prior,
            journal: &journal,
            observer,
            secrets: loaded.document.secrets(),
            graph: &loaded.graph,
            parallelism: settings.parallelism,
            stop: stop.clone(),
            now: (settings.now)(),
        };
        let (mut outcome, watching) = match execution.run().await {
            Ok(done) => done,
            Err(error) => {
                give_back(lease).await;
                return Err(Failure::state(error));
            }
        };
        if outcome.fenced && outcome.state_error.is_none() {
            outcome.state_error = Some(lease.why_lost());
        }
        // The state is final: only a copy of it remains to be written, so the next run need not wait.
        let (kept, (), ()) = tokio::join!(journal.finish(), give_back(lease), watching.finish(&mut outcome, &mut stop));
        outcome.state_error = outcome.state_error.or(kept.err());
        Ok(Applied { outcome, loaded, calls: aws.calls() })
    }

    /// Makes changed code available for upload, and allows writing calls as long as the lease holds.
    fn begin_writing(&self, lease: &Lease) -> Result<(), Failure> {
        for planned in self.plan.actions() {
            // A replaced function is recreated, so its code is uploaded even if it is unchanged.
            let anew = planned.live().is_none() || planned.action() == Action::Replace;
            let uploads = |path: &str| planned.kind.artifact().is_some_and(|artifact| artifact.is_uploaded_for(path));
            let changed = anew || planned.changes().iter().any(|change| uploads(&change.path));
            if let Some(artifact) = self.artifacts.get(&planned.address).filter(|_| changed) {
                let zip = artifact.clone();
                let read =
                    move || zip.bytes().map_err(|e| AwsError::Package { code: e.code(), message: e.to_string() });
                self.aws.put_code(&artifact.code_sha256, artifact.size, read);
            }
        }
        if !lease.holds() {
            return Err(Failure::state(lease.why_lost()));
        }
        let mark = lease.mark();
        self.aws.write_while(move || mark.holds());
        Ok(())
    }

    /// Releases the lock without carrying out the plan.
    pub async fn abandon(self) -> Loaded {
        if let Some(lease) = self.lease {
            give_back(lease).await;
        }
        self.loaded
    }
}

/// The result of carrying out a plan.
pub struct Applied {
    pub outcome: Outcome,
    pub loaded: Loaded,
    /// Number of read and write calls in total.
    pub calls: (u64, u64),
}
