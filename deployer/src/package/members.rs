//! The packages of a workspace, as reported by cargo, and the errors for requested packages that do not exist.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use super::command;
use super::environment::BuildEnvironment;
use super::job::{Builder, Job};
use super::workspace::Workspace;
use super::{Architecture, PackageError};

const METADATA: [&str; 5] = ["metadata", "--no-deps", "--offline", "--format-version", "1"];

/// A package that is part of the workspace.
#[derive(Debug)]
pub(super) struct Member {
    pub name: String,
    /// Cargo's own id, which differs from that of any registry's package.
    id: String,
    pub manifest: PathBuf,
    bins: Vec<String>,
}

/// All packages of a workspace.
#[derive(Debug)]
pub(super) struct Members {
    /// The directory of the workspace's own Cargo.toml and Cargo.lock.
    pub root: PathBuf,
    packages: Vec<Member>,
}

impl Members {
    /// Lists the packages by `cargo metadata`, which compiles nothing and uses no network.
    ///
    /// # Errors
    /// [`PackageError::NoCargo`] if cargo cannot be started, [`PackageError::Manifest`] with cargo's output if it
    /// cannot read the workspace.
    pub async fn of(workspace: &Workspace, environment: &BuildEnvironment) -> Result<Self, PackageError> {
        let output = command::command(&workspace.directory, environment).args(METADATA).output().await;
        Self::parse(&output.map_err(|e| command::not_started(environment, &e))?)
    }

    /// Like [`Self::of`], but blocks until cargo has answered, for about 40 ms.
    ///
    /// # Errors
    /// As for [`Self::of`].
    pub fn at_once(workspace: &Workspace, environment: &BuildEnvironment) -> Result<Self, PackageError> {
        let mut command = command::command(&workspace.directory, environment);
        // A toolchain that is not installed is no reason to download one.
        let output = command.env("RUSTUP_AUTO_INSTALL", "0").as_std_mut().args(METADATA).output();
        Self::parse(&output.map_err(|e| command::not_started(environment, &e))?)
    }

    fn parse(output: &Output) -> Result<Self, PackageError> {
        let unreadable =
            || PackageError::Manifest { output: String::from_utf8_lossy(&output.stderr).trim().to_owned() };
        if !output.status.success() {
            return Err(unreadable());
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| unreadable())?;
        let packages = metadata.get("packages").and_then(Value::as_array).ok_or_else(unreadable)?;
        let root = metadata.get("workspace_root").and_then(Value::as_str).ok_or_else(unreadable)?;
        Ok(Self { root: root.into(), packages: packages.iter().filter_map(package).collect() })
    }

    /// Lets a job build the package's only binary, if the package has none with the job's name and the job allows it.
    pub fn settle(&self, job: &mut Job) {
        if let Some(Member { bins, .. }) = self.package(&job.package).filter(|_| job.or_only)
            && let [only] = bins.as_slice()
        {
            job.bin.clone_from(only);
        }
    }

    pub fn package(&self, name: &str) -> Option<&Member> {
        self.packages.iter().find(|member| member.name == name)
    }

    /// Returns the package's name for a command line: its id, because a dependency may have the same name. Cargo before
    /// 1.77 does not accept its own ids there, and cargo-lambda compares with names.
    pub fn spec<'a>(&'a self, name: &'a str, builder: Builder) -> &'a str {
        match self.package(name) {
            Some(member) if builder != Builder::Lambda && member.id.contains('#') => &member.id,
            _ => name,
        }
    }

    /// Tells whether cargo must use the versions in Cargo.lock: in CI, where nobody would commit cargo's changes to it.
    pub fn is_locked(&self, environment: &BuildEnvironment) -> bool {
        environment.is_ci() && self.lock().is_file()
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join("Cargo.lock")
    }
}

fn package(package: &Value) -> Option<Member> {
    let text = |key: &str| package.get(key)?.as_str().map(str::to_owned);
    let targets = package.get("targets")?.as_array()?.iter();
    let bins = targets.filter(|t| {
        let kinds = t.get("kind").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.iter().any(|k| k == "bin"))
    });
    let bins = bins.filter_map(|t| t.get("name")?.as_str().map(str::to_owned)).collect();
    Some(Member { name: text("name")?, id: text("id")?, manifest: text("manifest_path")?.into(), bins })
}

/// Returns the error of a job whose package or binary does not exist.
pub(super) fn unknown(job: &Job, members: &Members) -> Option<PackageError> {
    let Some(Member { bins, .. }) = members.package(&job.package) else {
        let available: Vec<String> = members.packages.iter().map(|member| member.name.clone()).collect();
        return Some(PackageError::NoPackage {
            package: job.package.clone(),
            nearest: nearest(&job.package, &available),
            available,
        });
    };
    (!bins.contains(&job.bin)).then(|| PackageError::NoBin {
        package: job.package.clone(),
        bin: job.bin.clone(),
        nearest: nearest(&job.bin, bins),
        available: bins.clone(),
    })
}

/// Returns the name that the user probably meant: less than half of its letters differ.
fn nearest(meant: &str, names: &[String]) -> Option<String> {
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(meant, name), name))
        .min()
        .filter(|(distance, name)| distance * 2 < name.len().max(meant.len()))
        .map(|(_, name)| name.clone())
}

/// Returns a user's word for this machine, for the error about cross-building.
pub(super) fn host() -> String {
    match Architecture::host() {
        Some(architecture) if cfg!(target_os = "linux") => architecture.to_string(),
        _ => format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_only_if_it_is_near() {
        let names = ["generate-image".to_owned(), "image-worker".to_owned()];
        assert_eq!(nearest("image-workr", &names), Some("image-worker".to_owned()));
        assert_eq!(nearest("billing", &names), None);
    }
}
