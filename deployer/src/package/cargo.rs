//! Starts cargo, for one package at a time.
//!
//! Cargo unifies the features of dependencies over all packages that one invocation builds. Building a package together
//! with others today and alone tomorrow would give two different binaries from one source. So each invocation names one
//! package, by its own manifest: under resolver 1 the package of the working directory would count, too.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::build::Job;
use super::environment::Environment;
use super::members::Members;
use super::run::{self, Run};
use super::{Event, PackageError, Platform, Progress};

/// The cargo command that builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Builder {
    /// `cargo build`, for this machine.
    Cargo,
    /// `cargo zigbuild`, for any architecture and glibc.
    Zigbuild,
    /// `cargo lambda build`, which has cargo-zigbuild inside.
    Lambda,
}

impl Builder {
    /// Returns the installed command that builds for other architectures and older glibc versions.
    pub fn cross(environment: &Environment) -> Option<Self> {
        [("cargo-zigbuild", Self::Zigbuild), ("cargo-lambda", Self::Lambda)]
            .into_iter()
            .find_map(|(program, builder)| environment.program(program).map(|_| builder))
    }

    fn arguments(self, store: &Path) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Cargo => &["build"],
            Self::Zigbuild => &["zigbuild"],
            Self::Lambda => &["lambda", "build", "--compiler", "cargo-zigbuild", "--skip-target-check", "--lambda-dir"],
        };
        let mut arguments: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        if self == Self::Lambda {
            // Its default, target/lambda, is also where the profile "lambda" writes plain files with these names.
            arguments.push(store.join("cargo-lambda").display().to_string());
        }
        arguments
    }
}

/// Builds the binaries of `jobs` by one invocation; they share package, features, profile and target.
///
/// # Errors
/// [`PackageError::NoCargo`] if cargo cannot be started. A failed build is no error here: see [`Run::success`].
pub(super) async fn build(
    jobs: &[Job],
    builder: Builder,
    members: &Members,
    environment: &Environment,
    progress: &dyn Progress,
) -> Result<Run, PackageError> {
    let Some(first) = jobs.first() else {
        return Ok(Run::default());
    };
    let bins: BTreeSet<&str> = jobs.iter().map(|j| j.bin.as_str()).collect();
    let arguments = arguments(first, &bins, builder, members, environment);
    let bins: Vec<String> = bins.into_iter().map(str::to_owned).collect();
    progress.on(Event::Building { bins: &bins });
    // The monotonic clock only measures how long the build took.
    let started = Instant::now();
    let mut command = command(&first.workspace.directory, environment);
    command.args(&arguments);
    let run = run::watch(command, progress).await.map_err(|e| not_started(environment, &e))?;
    progress.on(Event::Built { success: run.success, took: started.elapsed() });
    Ok(run)
}

fn arguments(
    job: &Job,
    bins: &BTreeSet<&str>,
    builder: Builder,
    members: &Members,
    environment: &Environment,
) -> Vec<String> {
    let mut arguments = builder.arguments(&job.workspace.store);
    let mut add = |flag: &str, value: &str| arguments.extend([flag.to_owned(), value.to_owned()]);
    add("--profile", &job.profile);
    if builder != Builder::Cargo {
        add("--target", &target(job.platform));
    }
    if let Some(member) = members.package(&job.package) {
        add("--manifest-path", &member.manifest.to_string_lossy());
    }
    add("--package", members.spec(&job.package, builder));
    for bin in bins {
        add("--bin", bin);
    }
    for feature in &job.features {
        add("--features", feature);
    }
    arguments.push("--message-format=json-render-diagnostics".to_owned());
    if members.locked(environment) {
        arguments.push("--locked".to_owned());
    }
    arguments
}

/// Returns the target with the runtime's glibc version as a suffix, which cargo-zigbuild reads.
fn target(platform: Platform) -> String {
    let triple = platform.architecture.triple();
    match platform.runtime.glibc() {
        Some([major, minor, _]) => format!("{triple}.{major}.{minor}"),
        None => triple.to_owned(),
    }
}

/// Returns a cargo command that is stopped when dropped, with the variables that a build may see.
pub(super) fn command(directory: &Path, environment: &Environment) -> Command {
    let mut command = bare(directory, environment);
    command.envs(environment.for_cargo());
    command
}

/// Returns a cargo command that may sign in to registries and runs no package's code.
pub(super) fn to_fetch(directory: &Path, environment: &Environment) -> Command {
    let mut command = bare(directory, environment);
    command.envs(environment.for_fetching());
    command
}

fn bare(directory: &Path, environment: &Environment) -> Command {
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

pub(super) fn not_started(environment: &Environment, error: &std::io::Error) -> PackageError {
    PackageError::NoCargo { program: environment.cargo().to_string_lossy().into_owned(), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::{Architecture, Runtime};
    use super::*;

    #[test]
    fn the_target_names_the_runtimes_glibc() {
        assert_eq!(
            target(Platform { architecture: Architecture::Arm64, runtime: Runtime::ProvidedAl2023 }),
            "aarch64-unknown-linux-gnu.2.34"
        );
    }
}
