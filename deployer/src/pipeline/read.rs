//! Reads the state and AWS.

use std::collections::BTreeSet;

use super::begin::Home;
use super::{LoadedStack, Request, Settings};
use crate::aws::Aws;
use crate::failure::Failure;
use crate::graph::resolve;
use crate::observe::{Depth, Observation, ReadScope, observe, predict};
use crate::plan::Goal;
use crate::state::{FetchedState, Snapshot, StateError, Store, fingerprint};

/// Returns how much of each resource a plan has to read.
fn depth(goal: &Goal) -> Depth {
    if *goal == Goal::Destroy { Depth::Presence } else { Depth::Whole }
}

/// Returns what a plan has to read.
pub(super) fn scope_of(goal: &Goal, settings: &Settings) -> ReadScope {
    ReadScope { depth: depth(goal), search: settings.search(), new_may_be_denied: false }
}

/// Reads the state and AWS. If the lock is `held`, the state read under it counts; in any case the state must come from
/// the expected account's bucket. Until then, the state fetched earlier only tells where to look.
pub(super) async fn read_and_observe(
    loaded: &LoadedStack,
    home: &Home,
    fetched: FetchedState,
    request: &Request<'_>,
) -> Result<(Snapshot, Observation), Failure> {
    let Home { aws, store, lease, .. } = home;
    let Request { settings, goal, progress, .. } = *request;
    let (held, depth) = (lease.is_some(), depth(goal));
    let scope = ReadScope { new_may_be_denied: !held && *goal == Goal::Apply, ..scope_of(goal, settings) };
    let look = async |snapshot: &Snapshot| {
        let prepared = (depth == Depth::Whole).then(|| prepare_fingerprints(loaded, aws, &snapshot.state.lineage));
        let seen = observe(&loaded.graph, aws, snapshot.state.clone(), scope).await;
        if let Some(prepared) = prepared {
            // Fingerprints that were not prepared are computed when needed.
            let _ = prepared.await;
        }
        seen.map_err(|error| Failure::observe(error, &loaded.document))
    };
    // If the bucket is yet to be created, plan as for a first apply.
    let to_be_made = settings.create_state_bucket && !held;
    let understood = |fetched: FetchedState| if to_be_made { fetched.or_empty() } else { fetched };
    let again = held || !fetched.is_guarded();
    let ahead = store.take(understood(fetched)).await;
    let (mut snapshot, observation) = if again {
        fetched_again(store, ahead, async || understood(store.fetch().await), look).await?
    } else {
        let snapshot = ahead.map_err(Failure::state)?;
        let observation = look(&snapshot).await?;
        (snapshot, observation)
    };
    if let Some(notice) = snapshot.notice.take() {
        progress.say(&notice);
    }
    if observation.unlisted {
        progress.say("orphans were not looked for: the tagging API (tag:GetResources) did not answer in time");
    }
    Ok((snapshot, observation))
}

/// Starts computing the fingerprints with which the plan compares secrets, while AWS answers.
pub(super) fn prepare_fingerprints(loaded: &LoadedStack, aws: &Aws, lineage: &str) -> tokio::task::JoinHandle<()> {
    let known = predict(&loaded.graph, &aws.place);
    let secrets = loaded.document.secrets();
    let mut texts = BTreeSet::new();
    for node in loaded.graph.nodes() {
        let spec = resolve::value(&node.spec, &known, &aws.place);
        fingerprint::secret_texts(&spec, &|text| secrets.touches(text), &mut texts);
    }
    let lineage = lineage.to_owned();
    tokio::task::spawn_blocking(move || fingerprint::prepare(texts, &lineage))
}

/// Fetches the state again, now under the lock or from the expected account's bucket, alongside the reads based on the
/// state fetched `ahead`. If the state differs, AWS is read once more.
async fn fetched_again(
    store: &Store,
    ahead: Result<Snapshot, StateError>,
    fetch: impl AsyncFn() -> FetchedState,
    look: impl AsyncFn(&Snapshot) -> Result<Observation, Failure>,
) -> Result<(Snapshot, Observation), Failure> {
    let again = match ahead {
        Ok(mut snapshot) => {
            let seen = look(&snapshot);
            let number = async { if snapshot.existed { snapshot.state.serial } else { store.newest_number().await } };
            let (observation, again, serial) = tokio::join!(seen, fetch(), number);
            if again.is(&snapshot) {
                let observation = observation?;
                snapshot.state.serial = serial;
                return Ok((snapshot, observation));
            }
            again
        }
        Err(_) => fetch().await,
    };
    let mut snapshot = store.take(again).await.map_err(Failure::state)?;
    store.number(&mut snapshot).await;
    let observation = look(&snapshot).await?;
    Ok((snapshot, observation))
}
