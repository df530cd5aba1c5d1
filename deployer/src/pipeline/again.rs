//! Reads AWS again after the approval prompt, before the plan is carried out.

use super::read::scope_of;
use super::{Material, Ready, decide, unless_stopped};
use crate::execute::Stop;
use crate::failure::Failure;
use crate::observe::observe;
use crate::plan::saved::{Basis, Marker, describe_moves};

impl Ready {
    /// Reads AWS again under the same lock, and describes in words what changed since the plan was made, such as a
    /// queue that somebody else created under a planned name. If nothing changed, the new reads and plan replace the
    /// old ones.
    ///
    /// # Errors
    /// When AWS can no longer be read or planned, or when the run is stopped.
    pub async fn look_again(&mut self, stop: &Stop) -> Result<Vec<String>, Failure> {
        let Self { loaded, settings, goal, home, gathered, .. } = &*self;
        let (aws, prior) = (home.aws.begin_again(settings.aws.parallelism), &gathered.snapshot.state);
        let seeing = async {
            let seen = observe(&loaded.graph, &aws, prior.clone(), scope_of(goal, settings)).await;
            seen.map_err(|error| Failure::observe(error, &loaded.document))
        };
        let observation = unless_stopped(stop, seeing).await?;
        let (observed, place) = (&observation, &aws.place);
        let again = decide(&Material { loaded, observation: observed, gathered, place, settings, goal })?;
        // The comparison stays in memory, so the lineage can serve as salt: the secrets' fingerprints under it are
        // already computed.
        let (salt, secrets) = (&prior.lineage, loaded.document.secrets());
        let before = self.basis(salt);
        let now = Basis { effects: Marker { salt, secrets }.effects(&again), ..before.clone() };
        let moved = describe_moves(&before, &now);
        if moved.is_empty() {
            (self.home.aws, self.gathered.observation, self.plan) = (aws, observation, again);
        }
        Ok(moved)
    }
}
