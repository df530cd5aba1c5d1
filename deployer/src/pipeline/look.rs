//! Reads AWS without a plan, and writes the result of a refresh into the state.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::begin::Home;
use super::read::prepare_fingerprints;
use super::{LoadedStack, Progress, Ready, Settings, connect, unless_stopped, write_state};
use crate::aws::Aws;
use crate::execute::Stop;
use crate::failure::Failure;
use crate::observe::{Depth, Observation, ReadScope, Search, observe};
use crate::plan::refresh_state;
use crate::state::{LockedState, State};

/// Connects, for commands that need neither state nor plan.
///
/// # Errors
/// When AWS cannot be reached or the credentials are of another account.
pub async fn reach(loaded: &LoadedStack, settings: &Settings, stop: &Stop) -> Result<Aws, Failure> {
    Ok(unless_stopped(stop, connect(&loaded.document, settings)).await?.aws)
}

impl Settings {
    /// Returns how thoroughly to search for orphans: `--prune` deletes them, so it needs all of them.
    pub(super) fn search(&self) -> Search {
        if self.selection.prune { Search::Thorough } else { Search::Usual }
    }
}

/// The resources of a stack as read from AWS, independent of its state.
pub struct Sight {
    pub aws: Aws,
    pub observation: Observation,
    pub waves: u32,
    pub began: Instant,
}

/// Reads the state and every resource. Builds nothing and takes no lock.
///
/// # Errors
/// When AWS or the state cannot be read.
pub async fn look(
    loaded: &LoadedStack,
    settings: &Settings,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<Sight, Failure> {
    let began = Instant::now();
    let seen = async {
        let Home { aws, store, .. } = connect(&loaded.document, settings).await?;
        let snapshot = store.read().await.map_err(Failure::state)?;
        if let Some(notice) = &snapshot.notice {
            progress.say(notice);
        }
        let prepared = prepare_fingerprints(loaded, &aws, &snapshot.state.lineage);
        let whole = ReadScope { depth: Depth::Whole, search: Search::Thorough, new_may_be_denied: false };
        let seen = observe(&loaded.graph, &aws, snapshot.state, whole).await;
        let _ = prepared.await;
        let observation = seen.map_err(|error| Failure::observe(error, &loaded.document))?;
        Ok(Sight { waves: observation.waves, aws, observation, began })
    };
    unless_stopped(stop, seen).await
}

/// The changes that a refresh made to the state.
pub struct RefreshResult {
    /// The addresses of records that were added, changed or removed.
    pub changed: Vec<String>,
    pub outputs: BTreeMap<String, String>,
}

impl Ready {
    /// Tells whether AWS has the resource of an address.
    pub fn exists(&self, address: &str) -> bool {
        self.gathered.observation.live.contains_key(address)
    }

    /// Tells whether the resources are in the local cloud.
    pub fn is_local(&self) -> bool {
        self.settings.aws.local
    }

    /// Returns the run that is changing the stack while this plan was made without the lock.
    pub fn running(&self) -> Option<&LockedState> {
        self.home.running.as_ref()
    }

    /// Returns the outputs in the state.
    pub fn outputs_now(&self) -> BTreeMap<String, String> {
        self.gathered.snapshot.state.outputs.clone()
    }

    /// Writes the resources read from AWS into the state, for a refresh-only plan, and releases the lock.
    ///
    /// # Errors
    /// When the state cannot be written, or the plan was made without the lock.
    pub async fn refresh(mut self) -> Result<RefreshResult, Failure> {
        let Some(lease) = self.home.lease.take() else {
            return Err(Failure::internal("a state was refreshed without its lock"));
        };
        let state = refresh_state(&self.plan, &self.gathered.observation, self.loaded.document.secrets());
        let changed = changed_addresses(&self.gathered.snapshot.state, &state);
        let written = write_state(&self.home.store, &self.gathered.snapshot, &lease, &state).await;
        super::give_back(lease).await;
        written?;
        Ok(RefreshResult { changed, outputs: state.outputs })
    }
}

fn changed_addresses(before: &State, after: &State) -> Vec<String> {
    let all: BTreeSet<&String> = before.resources.keys().chain(after.resources.keys()).collect();
    let differs = |address: &&String| before.resources.get(*address) != after.resources.get(*address);
    all.into_iter().filter(differs).cloned().collect()
}
