//! The little that the state asks of a place to keep objects: whole reads, conditional writes,
//! and one clock that all runs share.

use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;

use crate::aws::{AwsError, Place};

/// Names one content of an object (S3's ETag, quotes and all); opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

/// An object as it was read.
#[derive(Debug, Clone)]
pub struct Object {
    pub bytes: Vec<u8>,
    pub version: Version,
    /// When it was last written, by the server's clock.
    pub modified: SystemTime,
    /// When it was read, by the same clock.
    pub server_now: SystemTime,
}

impl Object {
    /// How long ago it was written, by the server's clock alone.
    pub fn age(&self) -> Duration {
        self.server_now.duration_since(self.modified).unwrap_or_default()
    }
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No such object exists.
    Absent,
    /// The object is still the one that was read.
    Matches(Version),
}

/// Keeps objects by key.
///
/// # Guarantees
/// A write or delete with a condition happens as a whole, at once, and only while the condition
/// holds; whoever reads later sees it.
///
/// # Caveats
/// An answer may be lost after the write happened. Implementations repeat by themselves, so a
/// `Conflict` may be the echo of one's own write.
pub trait Objects: Send + Sync {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Object>, ObjectError>>;

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        condition: &'a Condition,
    ) -> BoxFuture<'a, Result<Version, ObjectError>>;

    /// Deletes; with `if_match` only that version. Without it, an absent object is success.
    fn delete<'a>(&'a self, key: &'a str, if_match: Option<&'a Version>) -> BoxFuture<'a, Result<(), ObjectError>>;

    /// Lists the keys that begin with `prefix`.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, ObjectError>>;

    /// Makes the place itself, if that is possible and it does not exist.
    fn create_place<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), ObjectError>>;

    /// Says whose the place has to be, once that is known.
    fn belongs_to(&self, _account: &str) {}

    /// Tells whether another account's place would be refused.
    fn is_guarded(&self) -> bool {
        true
    }

    /// Names the place of `key` for people: `s3://bucket/key`, or a path.
    fn describe(&self, key: &str) -> String;
}

/// Why an object could not be read or written.
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
