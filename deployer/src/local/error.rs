//! What can go wrong with the local cloud.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the local cloud; every message says what to do next where there is something to do.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the local cloud needs Python {wanted} or newer, and no `python3` is on the PATH: install Python")]
    NoPython { wanted: &'static str },
    #[error("the local cloud needs Python {wanted} or newer; `{python}` is {found}: install a newer Python")]
    OldPython { wanted: &'static str, python: String, found: String },
    #[error(
        "`{python}` cannot create virtual environments (its module `{module}` is missing): \
         install it, on Debian and Ubuntu with `apt install python3-venv`"
    )]
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
    #[error("the local cloud already runs {} permission checks: `deployer local stop` first", if *checks { "with" } else { "without" })]
    OtherPermissionChecks { checks: bool },
    #[error("another `deployer local` held {} for {seconds} s", path.display())]
    Busy { path: PathBuf, seconds: u64 },
    #[error("{} is damaged ({source}): stop what it names, then delete it", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("cannot create the local bucket {bucket}: {message}")]
    Bucket { bucket: String, message: String },
}

impl LocalError {
    /// Returns a function that adds action and path to an I/O error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
