//! Opens AWS and the state together, for commands that need both and no plan.

use super::begin::Home;
use super::{LoadedStack, Progress, Settings, connect, credentials, give_back, hold, read_state, unless_stopped};
use crate::aws::Aws;
use crate::execute::Stop;
use crate::failure::Failure;
use crate::state::{Lease, State};

/// AWS and the current state; under its lock if the command changes something.
pub struct Desk {
    pub aws: Aws,
    pub state: State,
    lease: Option<Lease>,
}

impl Desk {
    /// Connects and reads the state.
    ///
    /// # Errors
    /// When AWS or the state cannot be reached or understood.
    pub async fn to_read(
        loaded: &LoadedStack,
        settings: &Settings,
        progress: &dyn Progress,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let Home { aws, store, .. } = unless_stopped(stop, connect(&loaded.document, settings)).await?;
        let state = read_state(&store, progress, stop).await?.state;
        Ok(Self { aws, state, lease: None })
    }

    /// Like [`Desk::to_read`], under the state's lock. AWS accepts writing calls as long as the lock is held. End with
    /// [`Desk::leave`].
    ///
    /// # Errors
    /// As [`Desk::to_read`], and when the credentials are about to end or another run holds the lock.
    pub async fn to_write(
        loaded: &LoadedStack,
        settings: &Settings,
        progress: &dyn Progress,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let Home { aws, store, .. } = unless_stopped(stop, connect(&loaded.document, settings)).await?;
        credentials::last(&aws.clients, (settings.now)(), progress).await?;
        let lease = hold(&store, settings, progress, stop).await?;
        match read_state(&store, progress, stop).await {
            Ok(snapshot) => {
                let mark = lease.mark();
                aws.write_while(move || mark.holds());
                Ok(Self { aws, state: snapshot.state, lease: Some(lease) })
            }
            Err(failure) => {
                give_back(lease).await;
                Err(failure)
            }
        }
    }

    /// Releases the lock.
    pub async fn leave(self) {
        if let Some(lease) = self.lease {
            give_back(lease).await;
        }
    }
}
