//! Reports requested packages, binaries and files that the workspace does not have, without building anything.
//!
//! A check must not run the workspace's own programs. Cargo runs none to list packages; rustup would run a toolchain that
//! `rust-toolchain.toml` names by its path.

use std::path::Path;

use super::beside::Contents;
use super::build;
use super::environment::BuildEnvironment;
use super::job::Job;
use super::members::{self, Members};
use super::{PackageError, Request, Source};

/// Returns the errors of the requests whose workspace, package, binary or files do not exist, each with the request's
/// index. Reports no package without an installed cargo that can read the workspace.
#[must_use]
pub fn missing(requests: Vec<Request>, environment: &BuildEnvironment) -> Vec<(usize, PackageError)> {
    let with_files = requests.iter().enumerate().filter(|(_, request)| has_files(request));
    let no_files = with_files.filter_map(|(index, request)| Some((index, Contents::of(request, environment).err()?)));
    let mut errors: Vec<(usize, PackageError)> = no_files.collect();
    let of_cargo = requests.into_iter().enumerate().filter(|(_, request)| matches!(request.source, Source::Cargo(_)));
    let mut jobs = Vec::new();
    for (index, request) in of_cargo {
        match build::job(index, request, environment) {
            Ok(job) => jobs.push(job),
            Err(error @ PackageError::NoWorkspace { .. }) => errors.push((index, error)),
            // An unreadable manifest is reported by the run that builds.
            Err(_) => {}
        }
    }
    errors.extend(unknown(jobs, environment));
    errors
}

/// Tells whether the files of a request have to exist by now. Like a zip, a directory may be the result of a build that
/// comes first.
fn has_files(request: &Request) -> bool {
    match &request.source {
        Source::Directory(path) => request.root.join(path).exists(),
        _ => !request.files.is_empty(),
    }
}

fn unknown(mut jobs: Vec<Job>, environment: &BuildEnvironment) -> Vec<(usize, PackageError)> {
    // All requests of a stack have one root.
    let workspace = jobs.first().map(|job| &job.workspace).filter(|workspace| !has_toolchain(&workspace.directory));
    let Some(members) = workspace.and_then(|workspace| Members::at_once(workspace, environment).ok()) else {
        return Vec::new();
    };
    let unknown = jobs.iter_mut().filter_map(|job| {
        members.settle(job);
        Some((job.index, members::unknown(job, &members)?))
    });
    unknown.collect()
}

/// Tells whether rustup would run a toolchain from a path that the workspace names.
fn has_toolchain(directory: &Path) -> bool {
    let files =
        directory.ancestors().flat_map(|at| ["rust-toolchain.toml", "rust-toolchain"].map(|name| at.join(name)));
    let read = |file: std::path::PathBuf| std::fs::read_to_string(file).ok()?.parse::<toml::Table>().ok();
    files.filter_map(read).any(|file| file.get("toolchain").is_some_and(|toolchain| toolchain.get("path").is_some()))
}
