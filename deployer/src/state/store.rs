//! The place of one stack's state, and the operations on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::dir::Dir;
use super::document::{ExpectedState, State};
use super::error::StateError;
use super::lock::{LifeSigns, Terms};
use super::objects::{Object, ObjectError, Objects, Version};
use super::rescue::{self, RescuePlace};
use super::s3::S3;
use crate::aws::Place;

/// The time that calls to a server on this machine get to arrive.
const ARRIVES_LOCALLY: Duration = Duration::from_secs(1);

/// Where a state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    S3(S3Location),
    /// The state file itself.
    Dir {
        path: PathBuf,
    },
}

/// An object in S3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Location {
    pub bucket: String,
    pub key: String,
    /// The bucket's region, if it is not the stack's.
    pub region: Option<String>,
    /// The account that must own the bucket. If it is not stated, the stack's account as soon as that is known.
    pub account: Option<String>,
    /// Sent with each object, for a bucket that requires it.
    pub encryption: Option<Encryption>,
}

/// How objects are encrypted at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// `AES256`, `aws:kms`, `aws:kms:dsse`.
    pub sse_algorithm: String,
    pub kms_master_key_id: Option<String>,
}

/// The state of one stack.
#[derive(Clone)]
pub struct Store {
    pub(super) objects: Arc<dyn Objects>,
    pub(super) key: String,
    pub(super) stack: String,
    pub(super) account: String,
    pub(super) region: String,
    /// RFC 3339, UTC.
    pub(super) now: fn() -> String,
    pub(super) rescue: Option<RescuePlace>,
    pub(super) terms: Terms,
    /// Where runs on this machine leave signs of life.
    pub(super) life: Option<LifeSigns>,
}

/// The stored object as fetched.
pub struct FetchedState {
    found: Result<Option<Object>, ObjectError>,
    guarded: bool,
}

impl FetchedState {
    /// Tells whether the stored object is exactly the one that `snapshot` was read from.
    pub fn is(&self, snapshot: &Snapshot) -> bool {
        match &self.found {
            Ok(object) => object.as_ref().map(|object| &object.version) == snapshot.version.as_ref(),
            Err(_) => false,
        }
    }

    /// Tells whether the object certainly came from a place of the expected account. If not, it is only a hint where to
    /// look.
    pub fn is_guarded(&self) -> bool {
        self.guarded
    }

    /// Treats a bucket that is yet to be created as an empty one.
    #[must_use]
    pub fn or_empty(mut self) -> Self {
        if matches!(self.found, Err(ObjectError::BucketMissing(_))) {
            self.found = Ok(None);
        }
        self
    }
}

/// The state as read at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub state: State,
    /// The version that the next write must find; `None` when nothing was stored.
    pub version: Option<Version>,
    pub existed: bool,
    /// A message for the user.
    pub notice: Option<String>,
    /// The stored state, which differs from `state` when that comes from a rescue file.
    pub(super) stored: Option<StoredDocument>,
}

/// The stored document that a write is compared with.
#[derive(Debug, Clone)]
pub(super) struct StoredDocument {
    pub state: State,
    /// Identifies the bytes, for rescue files.
    pub digest: String,
}

impl Store {
    /// Opens the state of `stack`; nothing is read or created yet.
    pub fn open(location: Location, s3: &aws_sdk_s3::Client, stack: &str, place: &Place, now: fn() -> String) -> Self {
        match location {
            Location::S3(at) => {
                let key = at.key.clone();
                Self::over(Arc::new(S3::new(s3, at)), &key, stack, place, now)
            }
            Location::Dir { path } => {
                let key =
                    path.file_name().map_or_else(|| format!("{stack}.json"), |n| n.to_string_lossy().into_owned());
                let root = match path.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => Path::new("."),
                };
                Self::over(Arc::new(Dir::new(root.to_owned(), &key)), &key, stack, place, now)
            }
        }
    }

    /// Opens the state of `stack` under `key` in the given place.
    pub fn over(objects: Arc<dyn Objects>, key: &str, stack: &str, place: &Place, now: fn() -> String) -> Self {
        Self {
            objects,
            key: key.to_owned(),
            stack: stack.to_owned(),
            account: place.account.clone(),
            region: place.region.clone(),
            now,
            rescue: None,
            terms: Terms::default(),
            life: None,
        }
    }

    /// Sets the directory that keeps states which cannot be saved in their place; reads look there, too.
    #[must_use]
    pub fn with_rescue(mut self, place: RescuePlace) -> Self {
        self.rescue = Some(place);
        self
    }

    /// Sets the terms for taking locks.
    #[must_use]
    pub fn with_terms(mut self, terms: Terms) -> Self {
        self.terms = terms;
        self
    }

    /// Sets the directory for signs of life, by which the lock of an ended run of this machine is free sooner. `local`
    /// tells that calls go to a server on this machine: they arrive at once or never.
    #[must_use]
    pub fn with_life_signs(mut self, directory: PathBuf, local: bool) -> Self {
        self.life = Some(LifeSigns { directory, in_flight: local.then_some(ARRIVES_LOCALLY) });
        self
    }

    /// Returns the place for people.
    pub fn place(&self) -> String {
        self.objects.describe(&self.key)
    }

    /// Sets the account that the state must belong to, once it is known. Its bucket must belong to it as well, unless
    /// `stack.yaml` names another account.
    #[must_use]
    pub fn of_account(mut self, account: &str) -> Self {
        account.clone_into(&mut self.account);
        self.objects.belongs_to(account);
        self
    }

    /// Tells whether a place of another account would be refused by now.
    pub fn is_guarded(&self) -> bool {
        self.objects.is_guarded()
    }

    /// Reads the state; an absent state is empty, with a fresh lineage.
    ///
    /// # Errors
    /// When the place cannot be reached, or does not hold a complete state of this stack in a known format.
    pub async fn read(&self) -> Result<Snapshot, StateError> {
        let mut snapshot = self.take(self.fetch().await).await?;
        self.number(&mut snapshot).await;
        Ok(snapshot)
    }

    /// Fetches the stored bytes without parsing them.
    pub async fn fetch(&self) -> FetchedState {
        let guarded = self.objects.is_guarded();
        FetchedState { found: self.objects.get(&self.key).await, guarded }
    }

    /// Parses the fetched bytes, as in [`Store::read`]; an absent state still needs [`Store::number`].
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn take(&self, fetched: FetchedState) -> Result<Snapshot, StateError> {
        let Some(object) = fetched.found.map_err(|e| self.state_error(e))? else { return self.unwritten() };
        let state = match self.parse(&object.bytes) {
            Err(error) if error.is_unusable() => return Err(error.naming(self.newest_good().await)),
            result => result?,
        };
        let stored = StoredDocument { digest: rescue::digest(&object.bytes), state: state.clone() };
        let mut snapshot =
            Snapshot { state, version: Some(object.version), existed: true, notice: None, stored: Some(stored) };
        rescue::pick_up(self, &mut snapshot).await;
        Ok(snapshot)
    }

    /// Finds the serial that an absent state continues from. A state that was lost leaves numbered copies, and new
    /// serials must not repeat theirs.
    pub async fn number(&self, snapshot: &mut Snapshot) {
        if !snapshot.existed {
            snapshot.state.serial = self.newest_number().await;
        }
    }

    /// Returns the snapshot before the first write: an empty state with a fresh lineage.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn unwritten(&self) -> Result<Snapshot, StateError> {
        Ok(Snapshot { state: self.empty()?, version: None, existed: false, notice: None, stored: None })
    }

    /// Creates the bucket in the account of `place` if it does not exist: versioned, encrypted, closed to the public.
    ///
    /// # Errors
    /// Any refusal of S3 (`CreateBucket` and the settings after it), or that the bucket belongs to another account.
    pub async fn create_bucket(&self, place: &Place) -> Result<(), StateError> {
        self.objects.belongs_to(&place.account);
        self.objects.create_place(place).await.map_err(|e| self.state_error(e))
    }

    pub(super) fn parse(&self, bytes: &[u8]) -> Result<State, StateError> {
        let place = self.place();
        State::parse(
            bytes,
            &ExpectedState { stack: &self.stack, account: &self.account, region: &self.region, place: &place },
        )
    }

    /// Adds the deployer's version, the place and the time of the write.
    pub(super) fn stamp(&self, state: &State, serial: u64) -> State {
        State {
            format_version: super::FORMAT_VERSION,
            serial,
            stack: self.stack.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            written_at: (self.now)(),
            ..state.clone()
        }
    }

    pub(super) fn state_error(&self, error: ObjectError) -> StateError {
        StateError::of(&self.place(), error)
    }

    fn empty(&self) -> Result<State, StateError> {
        Ok(State {
            lineage: fresh_id()?,
            written_by: String::new(),
            written_at: String::new(),
            ..self.stamp(&State::default(), 0)
        })
    }
}

/// Returns a random unique name: 128 bits in hexadecimal.
///
/// # Errors
/// When the system gives no random numbers.
pub fn fresh_id() -> Result<String, StateError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| StateError::Random(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
