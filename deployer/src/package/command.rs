//! Prepares a cargo command.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::PackageError;
use super::environment::BuildEnvironment;

/// Returns a cargo command that is stopped when dropped, with the variables that a build may see.
pub(super) fn command(directory: &Path, environment: &BuildEnvironment) -> Command {
    let mut command = bare(directory, environment);
    command.envs(environment.for_cargo());
    command
}

/// Returns a cargo command that may sign in to registries and runs no package's code.
pub(super) fn to_fetch(directory: &Path, environment: &BuildEnvironment) -> Command {
    let mut command = bare(directory, environment);
    command.envs(environment.for_fetching());
    command
}

fn bare(directory: &Path, environment: &BuildEnvironment) -> Command {
    let mut command = Command::new(environment.cargo());
    command
        .current_dir(directory)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(super) fn not_started(environment: &BuildEnvironment, error: &std::io::Error) -> PackageError {
    PackageError::NoCargo { program: environment.cargo().to_string_lossy().into_owned(), message: error.to_string() }
}
