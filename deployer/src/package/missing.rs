//! Reports requested packages and binaries that the workspace does not have, without building anything.
//!
//! A check must not run the workspace's own programs. Cargo runs none to list packages; rustup would run a toolchain that
//! `rust-toolchain.toml` names by its path.

use std::path::Path;

use super::build;
use super::environment::BuildEnvironment;
use super::job::Job;
use super::members::{self, Members};
use super::{PackageError, Request, Source};

/// Returns the errors of the requests whose package or binary does not exist, each with the request's index. Reports
/// nothing without a workspace, or without an installed cargo that can read it.
#[must_use]
pub fn missing(requests: Vec<Request>, environment: &BuildEnvironment) -> Vec<(usize, PackageError)> {
    let of_cargo = requests.into_iter().enumerate().filter(|(_, request)| matches!(request.source, Source::Cargo(_)));
    let mut jobs: Vec<Job> =
        of_cargo.filter_map(|(index, request)| build::job(index, request, environment).ok()).collect();
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
