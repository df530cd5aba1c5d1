//! A run in the private cloud.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::super::begin::{RunStart, begin};
use super::super::gather::GatheredInputs;
use super::super::read::read_and_observe;
use super::super::{ApplyResult, LoadedStack, Material, Progress, Ready, Request, Settings};
use super::super::{complete, decide, unless_stopped};
use super::RehearsalCloud;
use crate::aws::wait;
use crate::execute::{ExecutionEvent, Observer, Stop};
use crate::failure::Failure;
use crate::package::{self, Artifact};
use crate::plan::{Cost, Goal, Plan};
use crate::spec::finding::Findings;
use crate::spec::source::SourceText;

/// Everything that a run in the private cloud begins with.
#[derive(Clone)]
pub(super) struct Play {
    pub loaded: LoadedStack,
    pub settings: Settings,
    pub goal: Goal,
    /// The functions' packaged code, by address.
    pub artifacts: BTreeMap<String, Artifact>,
}

impl Play {
    /// Plans, and carries the plan out. The calls go through `http_client`, if it is given.
    ///
    /// # Errors
    /// When no plan can be made. Refusals of single calls are in the result.
    pub async fn run(
        &self,
        http_client: Option<SharedHttpClient>,
        stop: &Stop,
    ) -> Result<(Plan, ApplyResult), Failure> {
        let ready = self.prepare(http_client, true, stop).await?;
        let plan = ready.plan.clone();
        let applied = wait::at_pace(RehearsalCloud::pace(), ready.execute(&Silent, stop.clone())).await?;
        Ok((plan, applied))
    }

    /// Plans, and carries nothing out.
    ///
    /// # Errors
    /// When no plan can be made.
    pub async fn plan(&self, stop: &Stop) -> Result<Plan, Failure> {
        let ready = self.prepare(None, false, stop).await?;
        let plan = ready.plan.clone();
        ready.abandon().await;
        Ok(plan)
    }

    /// Makes a plan as [`prepare`](super::super::prepare) does, with the code that is packaged already.
    async fn prepare(&self, http_client: Option<SharedHttpClient>, hold: bool, stop: &Stop) -> Result<Ready, Failure> {
        let (mut settings, goal, loaded) = (self.settings.clone(), self.goal.clone(), self.loaded.clone());
        settings.aws.transport.http_client = http_client;
        let request = Request { settings: &settings, goal: &goal, hold, progress: &Silent, stop };
        let RunStart { home, fetched } = Box::pin(begin(&loaded.document, &request)).await?;
        let planning = async {
            let (snapshot, observation) = read_and_observe(&loaded, &home, fetched, &request).await?;
            let artifacts = self.artifacts.clone();
            let gathered = GatheredInputs { snapshot, observation, artifacts, models: Vec::new() };
            let loaded = complete(loaded, &gathered, home.place());
            let plan = decide(&Material {
                loaded: &loaded,
                observation: &gathered.observation,
                gathered: &gathered,
                place: home.place(),
                settings: &settings,
                goal: &goal,
            })?;
            Ok::<_, Failure>((loaded, gathered, plan))
        };
        match unless_stopped(stop, planning).await {
            Ok((loaded, gathered, plan)) => {
                Ok(Ready { loaded, plan, cost: Cost::default(), settings, goal, home, gathered })
            }
            Err(failure) => {
                home.leave().await;
                Err(failure)
            }
        }
    }
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
