//! The port to the store of pictures and records, and S3.

mod age;
mod s3;

pub use s3::S3Store;

use crate::aws::AwsFailure;
use crate::picture::Picture;
use crate::retry::{Retry, Retryable};
use bytes::Bytes;
use std::future::Future;
use std::time::Duration;
use thiserror::Error;

/// The metadata of a picture. All values are ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The id that the picture was drawn for. It distinguishes another id's picture under the same key.
    pub picture_id: String,
    pub seed: u32,
    pub prompt_sha256: String,
    pub correlation_id: String,
    pub request_id: String,
    pub model_id: String,
}

/// One version of an object (S3: its ETag).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub body: Bytes,
    pub version: Version,
    /// The time since the record was written, by the store's own clock; `None` if the store does not show it.
    pub age: Option<Duration>,
}

/// The condition of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No object has the key.
    Absent,
    /// The object is unchanged since this version.
    Unchanged(Version),
}

/// A store of pictures and records.
pub trait Store {
    /// Returns the URI of `key`.
    fn uri(&self, key: &str) -> String;
    /// Writes `picture` at `key` unless the key is taken. Returns whether it was written.
    fn put(&self, key: &str, picture: &Picture, metadata: &Metadata) -> impl Future<Output = Result<bool, StoreError>>;
    /// Returns the id that the picture at `key` was drawn for, empty if it has none; `None` if the picture does not
    /// exist.
    fn owner(&self, key: &str) -> impl Future<Output = Result<Option<String>, StoreError>>;
    /// Returns the record at `key`; `None` if it does not exist.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<StoredRecord>, StoreError>>;
    /// Writes the record `body` at `key`. Returns its version, or `None` if the condition did not hold.
    fn write(
        &self,
        key: &str,
        body: Vec<u8>,
        condition: &Condition,
    ) -> impl Future<Output = Result<Option<Version>, StoreError>>;
    /// Returns a URL that shows the picture at `key` for `ttl` without credentials.
    fn url(&self, key: &str, ttl: Duration) -> impl Future<Output = Result<String, StoreError>>;
}

/// Reason why the bucket did not carry out a call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    #[error("the bucket cannot be reached: {0}")]
    Unavailable(AwsFailure),
    #[error("the bucket asks for fewer requests: {0}")]
    Throttled(AwsFailure),
    #[error("the bucket refuses this function: {0}")]
    Refused(AwsFailure),
    #[error("the bucket gave no answer for {} s", .0.as_secs())]
    Stalled(Duration),
    /// Other processes kept changing the same record.
    #[error("another run keeps changing {0}")]
    Contended(String),
    /// A record that this program did not write, or that an older version wrote.
    #[error("the record {0} cannot be read")]
    Unreadable(String),
}

impl Retryable for StoreError {
    fn retry(&self) -> Retry {
        match self {
            Self::Unavailable(_) | Self::Stalled(_) => Retry::Soon,
            Self::Throttled(_) => Retry::Later,
            Self::Refused(_) | Self::Contended(_) | Self::Unreadable(_) => Retry::Never,
        }
    }

    fn stalled(limit: Duration) -> Self {
        Self::Stalled(limit)
    }
}
