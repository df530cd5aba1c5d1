//! Explains a failed build whose package or binary does not exist, with the names that do.

use serde_json::Value;

use super::build::Job;
use super::cargo;
use super::environment::Environment;
use super::{Architecture, PackageError};

/// Lists the workspace's packages with their binaries; nothing if cargo cannot read the workspace.
pub(super) async fn of_workspace(job: &Job, environment: &Environment) -> Option<Vec<(String, Vec<String>)>> {
    let output = cargo::command(&job.workspace.directory, environment)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output()
        .await
        .ok()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    let packages = metadata.get("packages")?.as_array()?;
    Some(packages.iter().filter_map(package).collect())
}

fn package(package: &Value) -> Option<(String, Vec<String>)> {
    let name = package.get("name")?.as_str()?.to_owned();
    let targets = package.get("targets")?.as_array()?.iter();
    let bins = targets.filter(|t| {
        let kinds = t.get("kind").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.iter().any(|k| k == "bin"))
    });
    let bins = bins.filter_map(|t| t.get("name")?.as_str().map(str::to_owned));
    Some((name, bins.collect()))
}

/// The error of a job that asks for a package or binary that is not among `packages`.
pub(super) fn unknown(job: &Job, packages: &[(String, Vec<String>)]) -> Option<PackageError> {
    let Some((_, bins)) = packages.iter().find(|(name, _)| *name == job.package) else {
        let available: Vec<String> = packages.iter().map(|(name, _)| name.clone()).collect();
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

/// The name that is probably meant: less than half of its letters differ.
fn nearest(meant: &str, names: &[String]) -> Option<String> {
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(meant, name), name))
        .min()
        .filter(|(distance, name)| distance * 2 < name.len().max(meant.len()))
        .map(|(_, name)| name.clone())
}

/// What a user calls this machine, for the error about cross-building.
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
