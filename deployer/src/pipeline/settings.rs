//! The settings of a run, from the command line and the environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::aws::clients::Transport;
use crate::package;
use crate::plan::Selection;
use crate::spec::variables::Inputs;
use crate::state::{Holder, Terms};

/// Settings for all commands. [`Settings::of`] has the usual ones.
#[derive(Clone)]
pub struct Settings {
    /// `stack.yaml`.
    pub file: PathBuf,
    pub inputs: Inputs,
    pub aws: AwsSettings,
    pub lock: LockSettings,
    pub machine: Machine,
    pub selection: Selection,
    pub create_state_bucket: bool,
    /// Keeps the state in this directory, wherever `stack.yaml` keeps it.
    pub state_directory: Option<PathBuf>,
    /// Ask Bedrock whether it serves the models that the stack's roles may invoke.
    pub ask_bedrock: bool,
    /// The wall clock, RFC 3339 in UTC.
    pub now: fn() -> String,
}

/// The way to AWS.
#[derive(Clone)]
pub struct AwsSettings {
    /// Address of the local cloud or another endpoint that replaces AWS's own.
    pub endpoint_url: Option<String>,
    /// Fixed credentials for the local cloud: key id and secret.
    pub credentials: Option<(String, String)>,
    pub transport: Transport,
    /// Keeps a local cloud's state apart from the real one.
    pub local: bool,
    /// The most calls, and the most steps, at the same time.
    pub parallelism: usize,
}

/// The lock of the state.
#[derive(Clone, Default)]
pub struct LockSettings {
    /// How long to wait for another run's lock.
    pub timeout: Duration,
    pub terms: Terms,
    /// The run's identity in the lock.
    pub holder: Holder,
}

/// The machine that runs this.
#[derive(Clone, Default)]
pub struct Machine {
    /// The environment variables for cargo.
    pub build: package::BuildEnvironment,
    /// The directory for the user's files that belong to no stack.
    pub own_directory: Option<PathBuf>,
    /// The run is a CI job: files on this machine are lost with it unless somebody keeps them.
    pub in_ci: bool,
}

impl Settings {
    /// Settings for a plan of the whole stack in `file` at the time `now`.
    pub fn of(file: PathBuf, now: fn() -> String) -> Self {
        Self {
            file,
            inputs: Inputs::default(),
            aws: AwsSettings::default(),
            lock: LockSettings::default(),
            machine: Machine::default(),
            selection: Selection::default(),
            create_state_bucket: false,
            state_directory: None,
            ask_bedrock: true,
            now,
        }
    }
}

impl Default for AwsSettings {
    fn default() -> Self {
        Self { endpoint_url: None, credentials: None, transport: Transport::default(), local: false, parallelism: 192 }
    }
}

/// Returns the directory of `stack.yaml`.
pub fn root(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
