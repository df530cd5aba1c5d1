//! Reads AWS while cargo builds the functions and Bedrock answers about models.

use std::collections::BTreeMap;

use super::begin::Home;
use super::read::read_and_observe;
use super::{LoadedStack, Request, code, models};
use crate::failure::Failure;
use crate::observe::Observation;
use crate::package::Artifact;
use crate::plan::Goal;
use crate::state::{FetchedState, Snapshot};

/// The results of the reads, of cargo and of Bedrock.
pub(super) struct GatheredInputs {
    pub snapshot: Snapshot,
    pub observation: Observation,
    /// The functions' packaged code, by address.
    pub artifacts: BTreeMap<String, Artifact>,
    /// Bedrock's answers.
    pub models: Vec<models::ModelAnswer>,
}

/// Reads the state and AWS, packages the functions and asks Bedrock, all at once.
pub(super) async fn gather(
    loaded: &LoadedStack,
    home: &Home,
    fetched: FetchedState,
    request: &Request<'_>,
) -> Result<GatheredInputs, Failure> {
    let Request { settings, goal, progress, .. } = *request;
    let read = read_and_observe(loaded, home, fetched, request);
    let built = async {
        match goal {
            Goal::Apply | Goal::Adopt(_) => code::package(loaded, settings, progress).await,
            Goal::Refresh | Goal::Destroy => Ok(BTreeMap::new()),
        }
    };
    let work = async {
        let (read, artifacts) = tokio::join!(read, built);
        Ok::<_, Failure>((artifacts?, read?))
    };
    let questions = models::in_question(&loaded.graph, home.place(), goal, settings);
    let (done, models) = models::beside(work, questions, async |model| home.aws.lifecycle(model).await).await;
    let (artifacts, (snapshot, observation)) = done?;
    Ok(GatheredInputs { snapshot, observation, artifacts, models })
}
