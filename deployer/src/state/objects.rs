//! The operations that the state needs from a place that stores objects: whole reads, conditional writes, and one clock
//! that all runs share.

use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;

use crate::aws::{AwsError, Place};

/// Names one content of an object (S3's ETag, including the quotes); opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

/// An object as read.
#[derive(Debug, Clone)]
pub struct Object {
    pub bytes: Vec<u8>,
    pub version: Version,
    /// Time of the last write, by the server's clock.
    pub modified: SystemTime,
    /// Time of the read, by the same clock.
    pub server_now: SystemTime,
}

impl Object {
    /// Returns the time since the last write, by the server's clock alone.
    pub fn age(&self) -> Duration {
        self.server_now.duration_since(self.modified).unwrap_or_default()
    }
}

/// The condition for a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No such object exists.
    Absent,
    /// The object is unchanged since it was read.
    Matches(Version),
}

/// Stores objects by key.
///
/// # Guarantees
/// A conditional write or delete is atomic and happens only while its condition holds. Every later read sees it.
///
/// # Caveats
/// An answer may be lost after the write happened. Implementations retry by themselves, so a `Conflict` may be the echo
/// of the run's own write.
pub trait Objects: Send + Sync {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Object>, ObjectError>>;

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        condition: &'a Condition,
    ) -> BoxFuture<'a, Result<Version, ObjectError>>;

    /// Deletes an object; with `if_match` only that version. Without it, an absent object is success.
    fn delete<'a>(&'a self, key: &'a str, if_match: Option<&'a Version>) -> BoxFuture<'a, Result<(), ObjectError>>;

    /// Lists the keys that begin with `prefix`.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, ObjectError>>;

    /// Creates the place itself, if that is possible and it does not exist.
    fn create_place<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), ObjectError>>;

    /// Sets the account that must own the place, once it is known.
    fn belongs_to(&self, _account: &str) {}

    /// Tells whether a place of another account would be refused.
    fn is_guarded(&self) -> bool {
        true
    }

    /// Returns the place of `key` for people: `s3://bucket/key`, or a path.
    fn describe(&self, key: &str) -> String;
}

/// Reason why an object could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ObjectError {
    /// The condition does not hold (any more).
    #[error("the object was changed or deleted meanwhile")]
    Conflict,
    #[error("the bucket {0:?} does not exist")]
    BucketMissing(String),
    #[error("the bucket {0:?} is in another region")]
    WrongRegion(String),
    #[error("the bucket {bucket:?} belongs to another account than {wanted}")]
    BucketOfOthers { bucket: String, wanted: String },
    #[error("{0}")]
    Aws(AwsError),
    #[error("{path}: {message}")]
    File { path: String, message: String, denied: bool },
}
