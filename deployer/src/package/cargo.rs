//! Starts cargo, for one package at a time.
//!
//! Cargo unifies the features of dependencies over all packages that one invocation builds. Building a package together
//! with others today and alone tomorrow would give two different binaries from one source. So each invocation names one
//! package, by its own manifest: under resolver 1 the package of the working directory would count, too.

use std::collections::BTreeSet;
use std::time::Instant;

use super::command::{command, not_started};
use super::environment::BuildEnvironment;
use super::job::{Builder, Job};
use super::members::Members;
use super::run::{self, CargoRun};
use super::{BuildEvent, BuildProgress, PackageError, Platform};

/// Builds the binaries of `jobs` by one invocation; they share package, features, profile and target.
///
/// # Errors
/// [`PackageError::NoCargo`] if cargo cannot be started. A failed build is no error here: see [`CargoRun::success`].
pub(super) async fn build(
    jobs: &[Job],
    builder: Builder,
    members: &Members,
    environment: &BuildEnvironment,
    progress: &dyn BuildProgress,
) -> Result<CargoRun, PackageError> {
    let Some(first) = jobs.first() else {
        return Ok(CargoRun::default());
    };
    let bins: BTreeSet<&str> = jobs.iter().map(|j| j.bin.as_str()).collect();
    let arguments = arguments(first, &bins, builder, members, environment);
    let bins: Vec<String> = bins.into_iter().map(str::to_owned).collect();
    progress.on(BuildEvent::Building { bins: &bins });
    // The monotonic clock only measures how long the build took.
    let started = Instant::now();
    let mut cargo = command(&first.workspace.directory, environment);
    cargo.args(&arguments);
    let run = run::watch(cargo, progress).await.map_err(|e| not_started(environment, &e))?;
    progress.on(BuildEvent::Built { success: run.success, took: started.elapsed() });
    Ok(run)
}

fn arguments(
    job: &Job,
    bins: &BTreeSet<&str>,
    builder: Builder,
    members: &Members,
    environment: &BuildEnvironment,
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
    if members.is_locked(environment) {
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
