//! The page to read first: one straight line from `stack.yaml` to AWS.
//!
//! ```text
//! text → Document → Graph → Observation → Plan → Outcome
//!        load               gather        decide  execute
//! ```
//!
//! `validate` is the first stage, and a question to cargo. `plan` is all stages but the last. `apply`, `destroy` and
//! `adopt` are the whole line. There is no second wiring: verbs differ in their [`Request`] alone.
//!
//! **Load** ([`load`]) takes the text of `stack.yaml` and the values of its variables. It gives a [`LoadedStack`]: the
//! document, the graph of resources and the warnings. It needs neither AWS nor credentials, and reports all findings at
//! once. Where some elements are wrong, it still checks the others together.
//!
//! **Begin** ([`begin`]) takes the document. It asks for the account, the state and, for a run that will write, the
//! lock, all at once. It gives AWS, the state's store and the lease. The state that it fetches only tells where to look:
//! the state under the lock counts, and it is fetched again beside the reads. That costs one more request to S3 and
//! saves the time of waiting for the lock.
//!
//! **Values** (`values`) reads the values of variables that AWS stores, where a desired value is computed, and loads the
//! stack again with them. Stacks without such variables skip it.
//!
//! **Gather** ([`gather`]) takes the graph and the state. It reads AWS while cargo builds the functions and Bedrock
//! answers about models, and gives the results of all three. It asks AWS about every resource, changed or not. A large
//! stack pays for that with many calls, and the plan never trusts a record that AWS contradicts.
//!
//! **Complete** ([`complete`]) takes the stack and the answers. It adds the secrets of earlier applies and the hashes of
//! the packaged code to the stack. Then the limits of AWS are checked again, with references resolved.
//!
//! **Decide** ([`decide`]) compares the stack with AWS and gives the plan. It is pure: the same inputs give the same
//! plan, byte for byte, so a plan can be reviewed, saved and compared.
//!
//! **Execute** ([`Ready::execute`]) carries the plan out under the lock and gives the outcome. A step that fails does
//! not stop the steps that do not depend on it. Each step is recorded in the state before and after, which costs a write
//! to S3 for a group of steps, and lets the next run continue wherever this one was interrupted. A goal that leaves AWS
//! as it is ends with [`Ready::refresh`] instead.
//!
//! The price of the design is that nothing is streamed: no step starts before everything has been read and planned. A
//! user sees the whole plan before the first change, and pays with the time of the slowest read.

mod again;
mod begin;
mod check;
mod code;
mod credentials;
mod desk;
mod env;
mod env_file;
mod execute;
mod gather;
mod kept;
mod look;
mod models;
mod permissions;
mod place;
mod rates;
mod read;
mod recall;
mod recorded;
mod rehearse;
mod reviewed;
mod saved;
mod settings;
mod state;
mod values;

use std::collections::BTreeMap;
use std::future::Future;

use tokio::time::Instant;

use crate::aws::Place;
use crate::execute::Stop;
use crate::failure::{self, Failure};
use crate::graph::limits;
use crate::log;
use crate::observe::Observation;
use crate::package;
use crate::plan::{Cost, Goal, Note, Plan, Question, plan};
use crate::spec::finding::Findings;
use crate::spec::source::SourceText;

use begin::{Home, RunStart, begin, connect};
use gather::{GatheredInputs, gather};

pub use check::{LoadedStack, check, load, validate};
pub use desk::Desk;
pub use env::{AbsentEnvironment, Environment, Environments, environments, erase, in_each_environment};
pub use env_file::declared;
pub use execute::ApplyResult;
pub use look::{RefreshResult, Sight, look, reach};
pub use permissions::{Extent, Whereabouts, permissions, whereabouts};
pub use place::{kept_after_this_job, known_in_this_job};
pub use recall::{all_lowered, recall};
pub use recorded::{RecordedPlan, plan_from_state};
pub use rehearse::{Difference, Kills, Loss, Rehearsal, RehearsalCloud, Remains, Wound};
pub use reviewed::{DifferentPlan, Review};
pub use settings::{AwsSettings, LockSettings, Machine, Settings, root};
pub use state::{give_back, hold, open_store, read_state, write_state};

/// The goal of a run, and the means to watch and to stop it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub settings: &'a Settings,
    pub goal: &'a Goal,
    /// Hold the state's lock, so that the plan can be carried out.
    pub hold: bool,
    pub progress: &'a dyn Progress,
    pub stop: &'a Stop,
}

/// Reports slow operations before there is a plan.
pub trait Progress: package::BuildProgress {
    fn say(&self, text: &str);

    /// Prints warnings, which do not prevent a plan.
    fn warn(&self, warnings: &Findings, source: &SourceText);
}

/// A plan and everything needed to carry it out.
pub struct Ready {
    pub loaded: LoadedStack,
    pub plan: Plan,
    pub cost: Cost,
    settings: Settings,
    goal: Goal,
    home: Home,
    gathered: GatheredInputs,
}

/// The material of a plan.
#[derive(Clone, Copy)]
struct Material<'a> {
    loaded: &'a LoadedStack,
    observation: &'a Observation,
    gathered: &'a GatheredInputs,
    place: &'a Place,
    settings: &'a Settings,
    goal: &'a Goal,
}

/// Makes a plan: begin, gather, complete, decide. With `hold` the state stays locked.
///
/// # Errors
/// Any error that prevents a plan; the lock is released then.
pub async fn prepare(loaded: LoadedStack, request: &Request<'_>) -> Result<Ready, Failure> {
    let began = Instant::now();
    if request.hold && *request.goal != Goal::Destroy && values::stays_incomplete(&loaded.document, request) {
        return Err(Failure::internal("a plan with unknown variables was about to be carried out"));
    }
    let RunStart { home, fetched } = Box::pin(begin(&loaded.document, request)).await?;
    let planning = async {
        let loaded = values::with_stored(loaded, &home, request).await?;
        let loaded = kept::keep_identities(loaded, &home, request.settings).await?;
        let gathered = Box::pin(gather(&loaded, &home, fetched, request)).await?;
        let loaded = complete(loaded, &gathered, home.place());
        let Request { settings, goal, .. } = *request;
        let (observation, place) = (&gathered.observation, home.place());
        let material = Material { loaded: &loaded, observation, gathered: &gathered, place, settings, goal };
        check_limits(&material)?;
        let plan = decide(&material)?;
        Ok((loaded, gathered, plan))
    };
    match unless_stopped(request.stop, planning).await {
        Ok((loaded, gathered, plan)) => {
            rates::tell(&plan, home.place(), request.progress);
            if let Some(running) = &home.running {
                request
                    .progress
                    .say(&format!("warning: a run is changing this stack, and the plan may change: {running}"));
            }
            let (reads, waves) = (home.aws.calls().0, gathered.observation.waves);
            let cost = Cost { reads, waves, seconds: began.elapsed().as_secs_f64() };
            let Request { settings, goal, .. } = *request;
            Ok(Ready { loaded, plan, cost, settings: settings.clone(), goal: goal.clone(), home, gathered })
        }
        Err(failure) => {
            home.leave().await;
            Err(failure)
        }
    }
}

/// Completes the stack with facts from AWS and cargo: secrets of earlier applies, and the hashes of the code.
fn complete(mut loaded: LoadedStack, gathered: &GatheredInputs, place: &Place) -> LoadedStack {
    for text in gathered.observation.secrets_of_before(&loaded.graph, place) {
        loaded.document.add_secret(&text);
    }
    log::mask(loaded.document.secrets());
    for (address, artifact) in &gathered.artifacts {
        loaded.graph.set_artifact(address, &artifact.code_sha256, Some(artifact.size));
    }
    loaded
}

/// Repeats the checks against AWS's limits, now that references are resolved. A destroy exceeds none, and a
/// stack with unknown variables is not applied.
fn check_limits(material: &Material<'_>) -> Result<(), Failure> {
    let Material { loaded: LoadedStack { document, graph, .. }, observation, place, goal, .. } = *material;
    if *goal == Goal::Destroy || !document.lacking().is_empty() {
        return Ok(());
    }
    let mut findings = Findings::default();
    limits::check_in(graph, document, &observation.known, place, &mut findings);
    if !findings.has_errors() {
        // Warnings were reported when the stack was loaded.
        return Ok(());
    }
    document.place(&mut findings);
    Err(Failure::of(findings, Some(document)))
}

/// Compares the stack with AWS.
fn decide(material: &Material<'_>) -> Result<Plan, Failure> {
    let Material { loaded: LoadedStack { document, graph, .. }, observation, gathered, place, settings, goal } =
        *material;
    let question = Question {
        graph,
        seen: observation,
        stack: document.stack(),
        place,
        goal,
        selection: &settings.selection,
        secrets: document.secrets(),
    };
    let plan = plan(&question).map_err(|error| Failure::plan(error, document))?;
    let origin = |address: &str| gathered.artifacts.get(address)?.origin.clone();
    let plan = plan.with_code_changes(&observation.prior, origin);
    let notes = models::notes(&gathered.models, &plan, graph, document, &(settings.now)())?;
    let unread = observation.unread.iter().map(|read| Note::text(&read.address, failure::unread(&read.error)));
    let values = env_file::notes(document, settings);
    let kept = settings.inputs.keep_secrets.then(|| kept::note(&plan, document)).flatten();
    let notes = notes.into_iter().chain(unread).chain(values).chain(kept).collect();
    Ok(plan.with_notes(notes))
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

/// Reads the outputs of the last apply from the state.
///
/// # Errors
/// When the state cannot be read.
pub async fn outputs(
    loaded: &LoadedStack,
    settings: &Settings,
    stop: &Stop,
) -> Result<BTreeMap<String, String>, Failure> {
    let read = async {
        let store = connect(&loaded.document, settings).await?.store;
        Ok(store.read().await.map_err(Failure::state)?.state.outputs)
    };
    unless_stopped(stop, read).await
}
