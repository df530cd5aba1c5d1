//! The environments of a stack.

use super::{LoadedStack, Settings, connect, load, unless_stopped};
use crate::execute::Stop;
use crate::failure::Failure;
use crate::spec::env::of_state_key;
use crate::spec::variables::Inputs;
use crate::state::{Lease, Snapshot, Store};

/// An environment and its state.
pub struct Environment {
    pub name: String,
    /// Settings for commands on this environment.
    pub settings: Settings,
    pub loaded: LoadedStack,
    pub store: Store,
    pub snapshot: Snapshot,
}

impl Settings {
    /// Returns the same settings for an environment of the stack.
    #[must_use]
    pub fn within(&self, env: &str) -> Self {
        let inputs = Inputs { preview: Some(env.to_owned()), ..self.inputs.clone() };
        Self { inputs, ..self.clone() }
    }
}

/// Finds the environments of the main stack by the objects beside its state, sorted by name.
///
/// # Errors
/// When the place of the state cannot be listed, or one of the states cannot be read.
pub async fn environments(main: &LoadedStack, settings: &Settings, stop: &Stop) -> Result<Vec<Environment>, Failure> {
    let store = unless_stopped(stop, connect(&main.document, settings)).await?.store;
    let keys = unless_stopped(stop, async { store.siblings().await.map_err(Failure::state) }).await?;
    let mut names: Vec<String> = keys.iter().filter_map(|key| of_state_key(store.key(), key)).collect();
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let settings = settings.within(&name);
        let loaded = load(&settings)?;
        let store = unless_stopped(stop, connect(&loaded.document, &settings)).await?.store;
        let snapshot = unless_stopped(stop, async { store.read().await.map_err(Failure::state) }).await?;
        found.push(Environment { name, settings, loaded, store, snapshot });
    }
    Ok(found)
}

/// Removes the state of an empty environment, with its earlier versions; returns whether it did.
///
/// # Errors
/// When the state cannot be read or removed.
pub async fn erase(store: &Store, lease: &Lease) -> Result<bool, Failure> {
    let snapshot = store.read().await.map_err(Failure::state)?;
    if !snapshot.state.resources.is_empty() || !snapshot.state.intents.is_empty() {
        return Ok(false);
    }
    store.erase(&snapshot, lease).await.map_err(Failure::state)?;
    Ok(true)
}
