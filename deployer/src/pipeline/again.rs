//! A second look at AWS, before what somebody thought about for a while is carried out.

use super::{Ready, Settings, depth, unless_stopped};
use crate::execute::Stop;
use crate::failure::Failure;
use crate::observe::observe;
use crate::plan::saved::{Basis, Marker, moved};
use crate::plan::{Goal, Plan, plan};

impl Ready {
    /// Reads AWS again under the same lock, and tells in words what moved since the plan was made: a queue of that name
    /// that somebody else made meanwhile. Where nothing did, what was read now is what the plan stands on from here.
    ///
    /// # Errors
    /// When AWS cannot be read or planned any more, and when the run is stopped.
    pub async fn look_again(&mut self, settings: &Settings, goal: Goal, stop: &Stop) -> Result<Vec<String>, Failure> {
        let aws = self.aws.anew(settings.parallelism);
        let Self { loaded, snapshot, .. } = &*self;
        let (graph, document) = (&loaded.graph, &loaded.document);
        let seeing = async {
            let seen = observe(graph, &aws, snapshot.state.clone(), depth(goal), settings.search()).await;
            seen.map_err(|error| Failure::observe(error, document))
        };
        let observation = unless_stopped(stop, seeing).await?;
        let (stack, secrets) = (document.stack(), document.secrets());
        let again = plan(graph, &observation, stack, &aws.place, goal, &settings.selection, secrets)
            .map_err(|error| Failure::plan(error, document))?;
        // In memory alone: the state's own key, under which the secrets' fingerprints are known by now.
        let salt = &snapshot.state.lineage;
        let before = self.basis(salt);
        let now = Basis { effects: Marker { salt, secrets }.effects(&again), ..before.clone() };
        let moved = moved(&before, &now);
        if moved.is_empty() {
            (self.aws, self.observation) = (aws, observation);
            self.plan = Plan { code_sizes: std::mem::take(&mut self.plan.code_sizes), ..again };
        }
        Ok(moved)
    }
}
