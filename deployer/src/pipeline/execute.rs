//! Carries out a plan that is ready.

use super::{GatheredInputs, Home, LoadedStack, Ready, give_back};
use crate::aws::{AwsError, Place};
use crate::execute::{Execution, ExecutionOutcome, Observer, Stop};
use crate::failure::Failure;
use crate::plan::Action;
use crate::state::Lease;

impl Ready {
    /// Carries the plan out under the lock, releases it, and watches the work that AWS finishes on its own.
    ///
    /// # Errors
    /// When nothing could be started. Later failures are in the outcome.
    pub async fn execute(mut self, observer: &dyn Observer, mut stop: Stop) -> Result<ApplyResult, Failure> {
        let Some(lease) = self.home.lease.take() else {
            return Err(Failure::internal("a plan was executed without the state's lock"));
        };
        if let Err(failure) = self.begin_writing(&lease) {
            give_back(lease).await;
            return Err(failure);
        }
        let Self { loaded, plan, settings, home, gathered, .. } = self;
        let (Home { aws, store, .. }, GatheredInputs { snapshot, observation, artifacts, .. }) = (home, gathered);
        let origins = artifacts.into_iter().filter_map(|(address, artifact)| Some((address, artifact.origin?)));
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
            origins: origins.collect(),
            parallelism: settings.aws.parallelism,
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
        Ok(ApplyResult { outcome, loaded, calls: aws.calls(), operations: aws.calls_made() })
    }

    /// Makes changed code available for upload, and allows writing calls as long as the lease holds.
    fn begin_writing(&self, lease: &Lease) -> Result<(), Failure> {
        for planned in self.plan.actions() {
            // A replaced function is recreated, so its code is uploaded even if it is unchanged.
            let anew = planned.live().is_none() || planned.action() == Action::Replace;
            let uploads = |path: &str| planned.kind.artifact().is_some_and(|artifact| artifact.is_uploaded_for(path));
            let changed = anew || planned.changes().iter().any(|change| uploads(&change.path));
            if let Some(artifact) = self.gathered.artifacts.get(&planned.address)
                && changed
            {
                let zip = artifact.clone();
                let read =
                    move || zip.bytes().map_err(|e| AwsError::Package { code: e.code(), message: e.to_string() });
                self.home.aws.put_code(&artifact.code_sha256, artifact.size, read);
            }
        }
        if !lease.holds() {
            return Err(Failure::state(lease.why_lost()));
        }
        let mark = lease.mark();
        self.home.aws.write_while(move || mark.holds());
        Ok(())
    }

    /// Returns the account and region of the plan.
    pub fn place(&self) -> &Place {
        self.home.place()
    }

    /// Releases the lock without carrying out the plan.
    pub async fn abandon(self) -> LoadedStack {
        self.home.leave().await;
        self.loaded
    }
}

/// The result of carrying out a plan.
pub struct ApplyResult {
    pub outcome: ExecutionOutcome,
    pub loaded: LoadedStack,
    /// Number of read and write calls in total.
    pub calls: (u64, u64),
    /// All these calls, such as `sqs:CreateQueue`.
    pub operations: Vec<&'static str>,
}
