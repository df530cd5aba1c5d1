//! Plans that are saved, reviewed and carried out later.

use serde_json::json;

use super::Ready;
use crate::aws::digest;
use crate::failure::Failure;
use crate::plan::Effects;
use crate::plan::saved::{Basis, Marker, StateMark};
use crate::state::fresh_id;

impl Ready {
    /// Returns the effects of this plan, for comparison with another run's plan.
    pub fn effects(&self) -> Effects {
        let key = self.gathered.snapshot.existed.then_some(self.gathered.snapshot.state.lineage.as_str());
        let (document, place) = (&self.loaded.document, &self.home.aws.place);
        Effects::of(&self.plan, document.stack(), place, document.secrets(), key)
    }

    /// Returns a key known only to those who can read the state; `None` before the first apply.
    pub fn review_key(&self) -> Option<String> {
        self.gathered.snapshot.existed.then(|| self.gathered.snapshot.state.lineage.clone())
    }

    /// Tells whether an earlier run was interrupted before it could record that it was finished.
    pub fn was_cut_off(&self) -> bool {
        !self.gathered.snapshot.state.intents.is_empty()
    }

    /// Returns this plan's basis and effects, fingerprinted under a random salt.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn basis_to_save(&self) -> Result<Basis, Failure> {
        Ok(self.basis(&fresh_id().map_err(Failure::state)?))
    }

    /// Returns this plan's basis and effects, fingerprinted under `salt`.
    pub fn basis(&self, salt: &str) -> Basis {
        let state = &self.gathered.snapshot.state;
        let marker = Marker { salt, secrets: self.loaded.document.secrets() };
        let nodes = self.loaded.graph.nodes().map(|node| {
            let mut spec = node.spec.clone();
            // Artifacts are compared separately, so that a change can be named.
            if let (Some(properties), Some(artifact)) = (spec.as_object_mut(), node.kind.artifact()) {
                properties.remove(artifact.name);
            }
            json!([
                node.address,
                node.element,
                node.kind.name(),
                spec,
                node.dependencies,
                node.protect,
                node.retain,
                node.external
            ])
        });
        let graph = json!([nodes.collect::<Vec<_>>(), self.loaded.graph.outputs()]);
        Basis {
            stack: self.loaded.document.stack().to_owned(),
            account: self.home.aws.place.account.clone(),
            region: self.home.aws.place.region.clone(),
            state: self
                .gathered
                .snapshot
                .existed
                .then(|| StateMark { lineage: digest::of(&state.lineage), serial: state.serial }),
            salt: salt.to_owned(),
            effects: marker.effects(&self.plan),
            graph: marker.mark(&graph),
        }
    }
}
