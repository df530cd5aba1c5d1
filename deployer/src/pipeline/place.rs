//! The location of a stack's state, and the check that it outlives a CI job.

use super::{Settings, root};
use crate::failure::Failure;
use crate::spec::document::Document;
use crate::spec::env::state_key;
use crate::spec::head::StateLocation;
use crate::state::{Encryption, Location, S3Location};

/// Returns the location of the state; a local cloud's state is kept apart from the real one.
pub(super) fn location(document: &Document, settings: &Settings) -> Location {
    let root = root(&settings.file);
    let file = state_key(&format!("{}.json", document.stack_name()), document.env());
    if let Some(directory) = &settings.state_directory {
        return Location::Dir { path: directory.join(file) };
    }
    match document.state() {
        Some(StateLocation::S3(s3)) => {
            let encryption = s3.encryption.as_ref().map(|encryption| Encryption {
                sse_algorithm: encryption.sse_algorithm.name().to_owned(),
                kms_master_key_id: encryption.kms_master_key_id.clone(),
            });
            let account = s3.account.as_deref().or(document.account()).map(str::to_owned);
            // The local cloud has one account and no KMS keys.
            let (account, encryption) = if settings.aws.local { (None, None) } else { (account, encryption) };
            let (key, region) = (state_key(&s3.key, document.env()), s3.region.clone());
            Location::S3(S3Location { bucket: s3.bucket.clone(), key, region, account, encryption })
        }
        Some(StateLocation::Directory(directory)) if !settings.aws.local => {
            Location::Dir { path: root.join(&directory.path).join(file) }
        }
        _ => {
            let part = if settings.aws.local { ".deployer/local/state" } else { ".deployer/state" };
            Location::Dir { path: root.join(part).join(file) }
        }
    }
}

/// Refuses a state in a directory of a CI job, because the directory is lost when the job ends. The next job would
/// still recognise the stack's resources by their tags, but nothing would find those that left `stack.yaml` in between.
///
/// # Errors
/// `state::gone-with-the-job`, unless `stack.yaml` says that the directory is kept.
pub fn kept_after_this_job(document: &Document, settings: &Settings) -> Result<(), Failure> {
    let in_ci = match document.state() {
        Some(StateLocation::S3(_)) => true,
        Some(StateLocation::Directory(directory)) => directory.in_ci,
        None => false,
    };
    if in_ci || !settings.machine.in_ci || settings.aws.local {
        return Ok(());
    }
    Err(Failure::gone_with_the_job(document))
}

/// Does the same for a run that only reads, and accepts an existing state: it came with the code, or is kept.
///
/// # Errors
/// As [`kept_after_this_job`].
pub fn known_in_this_job(document: &Document, settings: &Settings) -> Result<(), Failure> {
    match location(document, settings) {
        Location::Dir { path } if !path.exists() => kept_after_this_job(document, settings),
        _ => Ok(()),
    }
}
