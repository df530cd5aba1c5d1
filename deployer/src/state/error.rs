//! Reasons why the state could not be read, locked or saved.

use std::path::PathBuf;

use super::objects::ObjectError;
use crate::aws::AwsError;

/// A failure to read, lock or save the state. A document that could not be understood is never overwritten.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StateError {
    /// The document is not JSON, is truncated, or lacks required fields.
    #[error("the state {place} is damaged: {reason}")]
    Damaged { place: String, reason: String, newest_good: Option<u64> },
    /// The place holds something other than a state.
    #[error("{place} is not the state of a deployer stack: {reason}")]
    NotAState { place: String, reason: String, newest_good: Option<u64> },
    /// The state of another stack.
    #[error("{place} is the state of the stack {found:?}, not of {wanted:?}")]
    Foreign { place: String, found: String, wanted: String, newest_good: Option<u64> },
    /// A state of the same stack for another account or region. Both places are written as `123456789012 in eu-west-1`.
    #[error("{place} belongs to the account {found}, not to {wanted}")]
    Elsewhere { place: String, found: String, wanted: String, newest_good: Option<u64> },
    #[error(
        "the state {place} has format {found}, written by deployer {written_by}; this version knows format {known}"
    )]
    Newer { place: String, found: u64, known: u32, written_by: String, newest_good: Option<u64> },
    #[error("{0}")]
    Locked(Box<LockedState>),
    /// The caller stopped waiting for the lock, for example because of a signal.
    #[error("interrupted; nothing was changed")]
    Unwanted,
    /// Another run took the lock over, or changed the state.
    #[error("another run took over: the state {place} is no longer the one that this run read")]
    Fenced { place: String },
    /// The lock could not be renewed in time, and another run may be writing.
    #[error("the lock of the state {place} was not renewed for {unrenewed_s} s: another run may have taken over")]
    Lapsed { place: String, unrenewed_s: u64 },
    #[error("the bucket {bucket:?} for the state does not exist")]
    BucketMissing { bucket: String },
    #[error("the bucket {bucket:?} for the state is in another region")]
    WrongRegion { bucket: String },
    /// Bucket names are global, so any account may have created a bucket of this name.
    #[error("the bucket {bucket:?} for the state belongs to another account than {wanted}")]
    BucketOfOthers { bucket: String, wanted: String },
    #[error("no access to the state {place}: {message}")]
    AccessDenied { place: String, message: String },
    #[error("the credentials do not open the state {place}: {message}")]
    Credentials { place: String, message: String },
    #[error("cannot reach the state {place}: {message}")]
    Unreachable { place: String, message: String },
    #[error("the state {place} could not be saved: {message}")]
    Refused { place: String, message: String },
    /// The state could not be saved in its place and waits in a rescue file.
    #[error("{cause}; what was done is kept in {}", rescue.display())]
    Rescued { rescue: PathBuf, cause: Box<Self> },
    #[error("the state {place} has no version {serial}")]
    NoVersion { place: String, serial: u64 },
    #[error("the system gives no random numbers: {0}")]
    Random(String),
}

/// The holder of the lock that this run waited for.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "the state {place} is locked by {who} on {host} for `{operation}` since {since}{}",
    run_url.as_deref().map(|url| format!(" ({url})")).unwrap_or_default()
)]
pub struct LockedState {
    pub place: String,
    /// The id of this hold, for `state unlock`.
    pub id: String,
    pub who: String,
    pub host: String,
    pub operation: String,
    /// RFC 3339, UTC.
    pub since: String,
    /// URL of the CI run.
    pub run_url: Option<String>,
    /// Seconds until the lease ends unless it is renewed.
    pub ends_in_s: u64,
}

impl StateError {
    /// Translates an error that occurred at `place`.
    pub(super) fn of(place: &str, error: ObjectError) -> Self {
        let place = place.to_owned();
        match error {
            ObjectError::Conflict => Self::Fenced { place },
            ObjectError::BucketMissing(bucket) => Self::BucketMissing { bucket },
            ObjectError::WrongRegion(bucket) => Self::WrongRegion { bucket },
            ObjectError::BucketOfOthers { bucket, wanted } => Self::BucketOfOthers { bucket, wanted },
            ObjectError::File { path, message, denied } => {
                let message = format!("{path}: {message}");
                if denied { Self::AccessDenied { place, message } } else { Self::Unreachable { place, message } }
            }
            ObjectError::Aws(error) => {
                let message = error.to_string();
                match error {
                    e if e.is_credentials() => Self::Credentials { place, message },
                    e if e.is_access_denied() => Self::AccessDenied { place, message },
                    e if e.status() >= 500 => Self::Unreachable { place, message },
                    AwsError::Transport { .. } | AwsError::Deadline { .. } => Self::Unreachable { place, message },
                    _ => Self::Refused { place, message },
                }
            }
        }
    }

    /// Returns the stable code of this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "state::damaged",
            Self::NotAState { .. } => "state::not-a-state",
            Self::Foreign { .. } => "state::foreign",
            Self::Elsewhere { .. } => "state::elsewhere",
            Self::Newer { .. } => "state::newer",
            Self::Locked(_) => "state::locked",
            Self::Unwanted => "run::interrupted",
            Self::Fenced { .. } | Self::Lapsed { .. } => "state::fenced",
            Self::BucketMissing { .. } => "state::bucket-missing",
            Self::WrongRegion { .. } => "state::wrong-region",
            Self::BucketOfOthers { .. } => "state::bucket-of-others",
            Self::AccessDenied { .. } => "state::access-denied",
            Self::Credentials { .. } => "state::credentials",
            Self::Unreachable { .. } => "state::unreachable",
            Self::Refused { .. } => "state::refused",
            Self::Rescued { .. } => "state::rescued",
            Self::NoVersion { .. } => "state::no-version",
            Self::Random(_) => "state::random",
        }
    }

    /// Tells whether this error means that the stored document is no complete state of this stack in a known format.
    pub(super) fn is_unusable(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. }
                | Self::NotAState { .. }
                | Self::Foreign { .. }
                | Self::Elsewhere { .. }
                | Self::Newer { .. }
        )
    }

    /// Adds the newest kept version that can be restored.
    pub(super) fn naming(mut self, serial: Option<u64>) -> Self {
        if let Self::Damaged { newest_good, .. }
        | Self::NotAState { newest_good, .. }
        | Self::Foreign { newest_good, .. }
        | Self::Elsewhere { newest_good, .. }
        | Self::Newer { newest_good, .. } = &mut self
        {
            *newest_good = serial;
        }
        self
    }

    /// Returns the next step for the user.
    pub fn help(&self) -> String {
        match self {
            Self::Damaged { newest_good: Some(serial), .. } => {
                format!("it was left untouched; the newest good version is {serial}: `deployer state restore {serial}`")
            }
            Self::Damaged { newest_good: None, .. } => "it was left untouched; no good version is kept: move it away, \
                and the next plan finds the stack's resources by their tags"
                .into(),
            Self::NotAState { newest_good, .. } => {
                advise_keeping("give the stack a key or directory of its own in `state:`", *newest_good)
            }
            Self::Foreign { newest_good, .. } => advise_keeping("give each stack its own `state.key`", *newest_good),
            Self::Elsewhere { newest_good, .. } => advise_keeping(
                "choose the credentials and region it was made with, or another `state.key` for this account",
                *newest_good,
            ),
            Self::Newer { written_by, newest_good, .. } => {
                advise_keeping(&format!("use deployer {written_by} or newer"), *newest_good)
            }
            Self::Locked(locked) => format!(
                "wait for it (`--lock-timeout 10m`): the lock expires in {} s unless that run renews it. If you are sure that \
                 the run is dead: `deployer state unlock {}`",
                locked.ends_in_s, locked.id
            ),
            Self::Unwanted => String::new(),
            Self::Fenced { .. } | Self::Lapsed { .. } => {
                "run the same command again: it goes on from what is there now".into()
            }
            Self::BucketMissing { .. } => {
                "make it with `--create-state-bucket`, or correct `state.bucket` in stack.yaml".into()
            }
            Self::WrongRegion { .. } => "set `state.region` in stack.yaml to the bucket's region".into(),
            Self::BucketOfOthers { .. } => "nothing was written there, and nothing in it is believed: choose another \
                `state.bucket`. If the state is kept in another account on purpose, name that one: `state: { account: … }`"
                .into(),
            Self::AccessDenied { place, .. } => match place.strip_prefix("s3://") {
                Some(object) => format!(
                    "allow s3:GetObject, s3:PutObject and s3:DeleteObject on `arn:aws:s3:::{object}*`, and s3:ListBucket on \
                     the bucket (without it S3 answers 403 for what does not exist yet); `deployer iam apply` prints the exact policy"
                ),
                None => "make the directory and its files readable and writable for this user".into(),
            },
            Self::Credentials { .. } => {
                "sign in again (`aws sso login`, or fresh keys), then run the same command".into()
            }
            Self::Unreachable { .. } => {
                "check the network and `state:` in stack.yaml, then run the same command again".into()
            }
            Self::Refused { .. } => "check `state:` in stack.yaml and the bucket's policy".into(),
            Self::Rescued { cause, .. } => {
                format!("the next run from this directory picks the file up; first: {}", cause.help())
            }
            Self::NoVersion { .. } => "`deployer state history` lists the versions that are kept".into(),
            Self::Random(_) => "run it where the system's random source is available".into(),
        }
    }
}

/// Returns the advice for a document that may be somebody's state: this run must not replace it.
fn advise_keeping(advice: &str, newest_good: Option<u64>) -> String {
    match newest_good {
        Some(serial) => format!(
            "it was left untouched; {advice}. If it got there by mistake, the newest good version is {serial}: move it \
             away, then `deployer state restore {serial}`"
        ),
        None => format!("it was left untouched; {advice}"),
    }
}
