//! Failures of the local cloud.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the local cloud. [`LocalError::help`] gives the next step.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the local cloud needs Python {wanted} or newer, and no `python3` is on the PATH")]
    NoPython { wanted: &'static str },
    #[error("the local cloud needs Python {wanted} or newer; `{python}` is {found}")]
    OldPython { wanted: &'static str, python: String, found: String },
    #[error("`{python}` cannot create virtual environments: its module `{module}` is missing")]
    NoVenvModule { python: String, module: String },
    #[error("cannot run {program}: {source}")]
    Run { program: String, source: io::Error },
    #[error("{step} failed in {}:\n{output}", directory.display())]
    Install { step: &'static str, directory: PathBuf, output: String },
    #[error("{name} stopped while starting; the end of {}:\n{tail}", log.display())]
    StoppedEarly { name: &'static str, log: PathBuf, tail: String },
    #[error("{name} did not answer within {seconds} s; its log is {}", log.display())]
    NotReady { name: &'static str, seconds: u64, log: PathBuf },
    #[error("process {pid} did not stop, not even killed")]
    WillNotStop { pid: u32 },
    #[error("the local cloud is not running")]
    NotRunning,
    #[error("the local cloud already runs {} permission checks", if *checks { "with" } else { "without" })]
    OtherPermissionChecks { checks: bool },
    #[error("the local cloud already runs with other rules")]
    OtherRules,
    #[error("another `deployer local` held {} for {seconds} s", path.display())]
    Busy { path: PathBuf, seconds: u64 },
    #[error("{} is damaged: {source}", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("cannot create the local bucket {bucket}: {message}")]
    Bucket { bucket: String, message: String },
    #[error("cannot {action} subscriptions in the local cloud: {message}")]
    Subscriptions { action: &'static str, message: String },
}

impl LocalError {
    /// Returns the next step for the user.
    pub fn help(&self) -> String {
        match self {
            Self::Io { .. } => "correct that, then run the same command again".into(),
            Self::NoPython { wanted } | Self::OldPython { wanted, .. } => format!("install Python {wanted} or newer"),
            Self::NoVenvModule { .. } => "install it, on Debian and Ubuntu with `apt install python3-venv`".into(),
            Self::Run { program, .. } => format!("check that `{program}` can be run"),
            Self::Install { .. } => "check the network and the disk, then run the same command again".into(),
            Self::StoppedEarly { .. } => "correct what it says, then `deployer local start`".into(),
            Self::NotReady { log, .. } => format!("look into {}, then `deployer local start`", log.display()),
            Self::WillNotStop { pid } => format!("see what holds it: `ps -p {pid}`"),
            Self::NotRunning => "start it: `deployer local start`".into(),
            Self::OtherPermissionChecks { .. } | Self::OtherRules => "`deployer local stop` first".into(),
            Self::Busy { .. } => "wait until the other one has ended".into(),
            Self::Damaged { .. } => "stop the processes that it names, then delete it".into(),
            Self::Subscriptions { .. } => "`deployer local stop`, then `deployer local start`".into(),
            Self::Bucket { bucket, .. } => format!("check that `{bucket}` is a bucket's name"),
        }
    }

    /// Returns a function that adds action and path to an I/O error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
