//! The environments of a stack.

use std::collections::BTreeSet;

use super::{LoadedStack, Settings, connect, declared, load, unless_stopped};
use crate::execute::Stop;
use crate::failure::Failure;
use crate::spec::env::{MAIN, of_state_key, stack_key};
use crate::spec::environments::{DeclaredEnvironments, PREVIEW};
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

/// The environments of a stack, each list sorted by name.
#[derive(Default)]
pub struct Environments {
    pub found: Vec<Environment>,
    pub absent: Vec<AbsentEnvironment>,
}

/// A declared environment without a state that the credentials reach.
pub struct AbsentEnvironment {
    pub name: String,
    /// Its account, if the credentials are for another one.
    pub account: Option<String>,
}

impl Settings {
    /// Returns the same settings for an environment that exists, or that the stack's own settings lead to: it need not be
    /// declared.
    #[must_use]
    pub fn within(&self, env: &str) -> Self {
        let inputs = Inputs { preview: Some(env.to_owned()), is_known: true, ..self.inputs.clone() };
        Self { inputs, ..self.clone() }
    }

    /// Returns the same settings for the stack itself.
    #[must_use]
    pub fn of_stack(&self) -> Self {
        let inputs = Inputs { preview: None, ..self.inputs.clone() };
        Self { inputs, ..self.clone() }
    }
}

/// Returns settings for the environment of `--env`, else for each that the stack declares.
///
/// # Errors
/// When `stack.yaml` cannot be read.
pub fn in_each_environment(settings: &Settings) -> Result<Vec<Settings>, Failure> {
    let declared = declared(settings)?.names;
    if settings.inputs.preview.is_some() || declared.is_empty() {
        return Ok(vec![settings.clone()]);
    }
    let within = |name: &String| if name == MAIN { settings.of_stack() } else { settings.within(name) };
    Ok(declared.iter().map(within).collect())
}

/// Finds the environments of the stack, whichever of them the settings are for: those with a state, and the declared
/// ones without.
///
/// # Errors
/// When the place of the states cannot be listed, or one of the states cannot be read.
pub async fn environments(settings: &Settings, stop: &Stop) -> Result<Environments, Failure> {
    let declared = declared(settings)?;
    let mut names: BTreeSet<String> = declared.names.iter().filter(|name| *name != MAIN).cloned().collect();
    let beside = unless_stopped(stop, names_of_states(&declared, settings)).await?;
    names.extend(beside);
    let mut environments = Environments::default();
    for name in names {
        let settings = settings.within(&name);
        let loaded = load(&settings)?;
        let store = match unless_stopped(stop, connect(&loaded.document, &settings)).await {
            Ok(home) => home.store,
            Err(failure) if failure.is_wrong_account() => {
                let account = loaded.document.account().map(str::to_owned);
                environments.absent.push(AbsentEnvironment { name, account });
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let snapshot = unless_stopped(stop, async { store.read().await.map_err(Failure::state) }).await?;
        match snapshot.version {
            Some(_) => environments.found.push(Environment { name, settings, loaded, store, snapshot }),
            None => environments.absent.push(AbsentEnvironment { name, account: None }),
        }
    }
    Ok(environments)
}

/// Lists the environments by the states beside the stack's. Environments in other accounts may keep theirs elsewhere, so
/// each place is looked at that the credentials reach.
async fn names_of_states(declared: &DeclaredEnvironments, settings: &Settings) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    let places = match declared.needs_name() {
        true => declared.names.iter().map(String::as_str).chain([PREVIEW]).collect(),
        false => vec![MAIN],
    };
    for place in places {
        let settings = if place == MAIN { settings.of_stack() } else { settings.within(place) };
        let loaded = match load(&settings) {
            // A stack without previews may lack their values.
            Err(_) if place == PREVIEW => continue,
            loaded => loaded?,
        };
        let store = match connect(&loaded.document, &settings).await {
            Err(failure) if failure.is_wrong_account() && declared.needs_name() => continue,
            home => home?.store,
        };
        let key = stack_key(store.key(), loaded.document.env());
        let keys = store.siblings(&key).await.map_err(Failure::state)?;
        names.extend(keys.iter().filter_map(|candidate| of_state_key(&key, candidate)));
    }
    Ok(names)
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
