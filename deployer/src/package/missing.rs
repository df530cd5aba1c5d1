//! Reports requested packages and binaries that the workspace does not have, without building anything.

use super::build;
use super::environment::Environment;
use super::job::Job;
use super::members::{self, Members};
use super::{PackageError, Request, Source};

/// Returns the errors of the requests whose package or binary does not exist, each with the request's index. Reports
/// nothing without a workspace, or without a cargo that can read it.
#[must_use]
pub fn missing(requests: Vec<Request>, environment: &Environment) -> Vec<(usize, PackageError)> {
    let of_cargo = requests.into_iter().enumerate().filter(|(_, request)| matches!(request.source, Source::Cargo(_)));
    let mut jobs: Vec<Job> =
        of_cargo.filter_map(|(index, request)| build::job(index, request, environment).ok()).collect();
    // All requests of a stack have one root.
    let Some(members) = jobs.first().and_then(|job| Members::at_once(&job.workspace, environment).ok()) else {
        return Vec::new();
    };
    let unknown = jobs.iter_mut().filter_map(|job| {
        members.settle(job);
        Some((job.index, members::unknown(job, &members)?))
    });
    unknown.collect()
}
