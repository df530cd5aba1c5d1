//! Carries a plan out in a private local cloud that has AWS's rules, filled with what the plan has read.
//!
//! AWS is only read. The plan's clients are dropped before the first write, and all other clients have the address and
//! the keys of the private cloud.

mod cloud;
mod fill;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::begin::{RunStart, begin};
use super::gather::GatheredInputs;
use super::read::read_and_observe;
use super::{ApplyResult, LoadedStack, Material, Progress, Ready, Request, complete, decide, rates, unless_stopped};
use crate::aws::{Place, wait};
use crate::execute::{ExecutionEvent, Observer, Stop};
use crate::failure::Failure;
use crate::package;
use crate::plan::{Action, Cost, Plan};
use crate::spec::finding::Findings;
use crate::spec::source::SourceText;

pub use cloud::RehearsalCloud;
use fill::{Scene, fill};

/// The result of a rehearsal.
pub struct Rehearsal {
    pub applied: ApplyResult,
    /// The place that the plan is for.
    pub place: Place,
    /// How long the private cloud took.
    pub took: Duration,
    /// The least time on AWS, and the rate limit that causes it.
    pub least: Option<(Duration, String)>,
    /// The resources for which the plan in the private cloud has another action.
    pub differences: Vec<Difference>,
}

/// A resource with another action in the private cloud than on AWS.
#[derive(Debug, Serialize)]
pub struct Difference {
    pub address: String,
    pub on_aws: Option<Action>,
    pub rehearsed: Option<Action>,
}

impl Ready {
    /// Carries the plan out in `cloud`.
    ///
    /// # Errors
    /// When the private cloud cannot be filled, when no plan can be made there, or when the run is stopped. Refusals of
    /// single calls are in the result.
    pub async fn rehearse(self, cloud: &RehearsalCloud, stop: &Stop) -> Result<Rehearsal, Failure> {
        let Self { loaded, plan, settings, goal, home, gathered, .. } = self;
        let place = home.place().clone();
        home.leave().await;
        let settings = cloud.settings(settings, &place.account);
        let scene = Scene { loaded: &loaded, plan: &plan, gathered: &gathered };
        let past_the_rules = cloud.past_the_rules(&place).await;
        let state = unless_stopped(stop, fill(&scene, &past_the_rules)).await?;
        if gathered.snapshot.existed {
            cloud.keep(&loaded.document, &settings, &state)?;
        }
        let began = Instant::now();
        let request = Request { settings: &settings, goal: &goal, hold: true, progress: &Silent, stop };
        let RunStart { home, fetched } = Box::pin(begin(&loaded.document, &request)).await?;
        let planning = async {
            let (snapshot, observation) = read_and_observe(&loaded, &home, fetched, &request).await?;
            let artifacts = gathered.artifacts;
            let gathered = GatheredInputs { snapshot, observation, artifacts, models: Vec::new() };
            let loaded = complete(loaded, &gathered, home.place());
            let rehearsed = decide(&Material {
                loaded: &loaded,
                observation: &gathered.observation,
                gathered: &gathered,
                place: home.place(),
                settings: &settings,
                goal: &goal,
            })?;
            Ok::<_, Failure>((loaded, gathered, rehearsed))
        };
        let (loaded, gathered, rehearsed): (LoadedStack, _, _) = match unless_stopped(stop, planning).await {
            Ok(planned) => planned,
            Err(failure) => {
                home.leave().await;
                return Err(failure);
            }
        };
        let differences = differences(&plan, &rehearsed);
        let (plan, cost, least) = (rehearsed, Cost::default(), rates::least(&plan));
        let ready = Self { loaded, plan, cost, settings, goal, home, gathered };
        let applied = wait::at_pace(RehearsalCloud::pace(), ready.execute(&Silent, stop.clone())).await?;
        Ok(Rehearsal { applied, place, took: began.elapsed(), least, differences })
    }
}

/// Compares the actions of two plans.
fn differences(of_aws: &Plan, rehearsed: &Plan) -> Vec<Difference> {
    let actions = |plan: &Plan| -> BTreeMap<String, Action> {
        plan.actions().iter().map(|planned| (planned.address.clone(), planned.action())).collect()
    };
    let (real, tried) = (actions(of_aws), actions(rehearsed));
    let all: BTreeSet<&String> = real.keys().chain(tried.keys()).collect();
    let of = |address: &String| Difference {
        address: address.clone(),
        on_aws: real.get(address).copied(),
        rehearsed: tried.get(address).copied(),
    };
    all.into_iter().map(of).filter(|one| one.on_aws != one.rehearsed).collect()
}

/// Reports nothing: only the result of a rehearsal counts.
struct Silent;

impl Observer for Silent {
    fn event(&self, _: &ExecutionEvent<'_>) {}
}

impl package::BuildProgress for Silent {
    fn on(&self, _: package::BuildEvent<'_>) {}
}

impl Progress for Silent {
    fn say(&self, _: &str) {}

    fn warn(&self, _: &Findings, _: &SourceText) {}
}
