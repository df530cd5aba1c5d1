//! Downloads packages before a build if that requires variables that a build must not see: a registry's token, a
//! proxy's password.

use super::command;
use super::environment::BuildEnvironment;
use super::job::{Builder, Job};
use super::members::Members;
use super::run;
use super::{BuildEvent, BuildProgress, PackageError};

/// Runs `cargo fetch` if the build could not download its packages by itself. It runs no package's code. If it fails,
/// the build may still succeed without it; cargo's output is returned in case the build fails.
///
/// # Errors
/// [`PackageError::NoCargo`] if cargo cannot be started.
pub(super) async fn before(
    waiting: &[(Builder, Job)],
    members: &Members,
    environment: &BuildEnvironment,
    progress: &dyn BuildProgress,
) -> Result<Option<String>, PackageError> {
    let lock = std::fs::read_to_string(members.lock()).ok();
    let Some((_, first)) = waiting.first().filter(|_| is_needed(environment, lock.as_deref())) else {
        return Ok(None);
    };
    let mut command = command::to_fetch(&first.workspace.directory, environment);
    command.arg("fetch").arg("--manifest-path").arg(members.root.join("Cargo.toml"));
    if members.is_locked(environment) {
        command.arg("--locked");
    }
    if waiting.iter().all(|(builder, _)| *builder == Builder::Cargo) {
        command.args(["--target", first.platform.architecture.triple()]);
    }
    progress.on(BuildEvent::Fetching);
    let run = run::watch(command, progress).await;
    progress.on(BuildEvent::Fetched);
    let run = run.map_err(|e| command::not_started(environment, &e))?;
    Ok((!run.success).then_some(run.output))
}

/// Tells whether credentials may be needed. Tokens of registries and passwords of proxies serve packages of all kinds.
/// Variables of git and ssh only serve packages that the lock file takes from git.
fn is_needed(environment: &BuildEnvironment, lock: Option<&str>) -> bool {
    let git = lock.is_none_or(|lock| lock.contains("\"git+") || lock.contains("+ssh://"));
    environment.for_fetching_alone().any(|name| {
        let name = name.as_encoded_bytes();
        git || !(name.starts_with(b"GIT_") || name.starts_with(b"SSH_") || name == b"NETRC")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_for_ssh_is_needed_for_packages_from_git_alone() {
        let environment = BuildEnvironment::default().with("SSH_AUTH_SOCK", "/s");
        assert!(!is_needed(&environment, Some("source = \"registry+https://github.com/rust-lang/crates.io-index\"")));
        assert!(is_needed(&environment, Some("source = \"git+ssh://git@github.com/a/b#1\"")));
        assert!(is_needed(&environment, None), "nothing is known of packages without a lock file");
        let environment = BuildEnvironment::default().with("CARGO_REGISTRIES_OURS_TOKEN", "t");
        assert!(is_needed(&environment, Some("")));
        assert!(!is_needed(&BuildEnvironment::default().with("AWS_SESSION_TOKEN", "t"), None));
    }
}
