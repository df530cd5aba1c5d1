//! A model that follows the prompt's words, and a bucket in memory.

use super::*;
use crate::records::Record;
use crate::store::{Condition, StoredRecord, Version};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the smallest possible picture.
pub(crate) fn picture() -> Picture {
    Picture::from_png(crate::picture::tests::png()).unwrap()
}

/// A model that draws at once. A prompt that names a failure causes it: `busy` and `silent once` at the first call,
/// `hang` at each.
pub(crate) struct FakeModel {
    id: &'static str,
    calls: Cell<u32>,
    delay: Cell<Duration>,
    pub(crate) limit: usize,
}

impl FakeModel {
    pub(crate) fn named(id: &'static str) -> Self {
        let (calls, delay) = (Cell::new(0), Cell::new(Duration::ZERO));
        Self { id, calls, delay, limit: 100 }
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.get()
    }

    pub(crate) fn takes(&self, delay: Duration) {
        self.delay.set(delay);
    }
}

impl ImageModel for FakeModel {
    fn prompt_limit(&self) -> usize {
        self.limit
    }
    fn id(&self) -> &str {
        self.id
    }
    async fn draw(&self, prompt: &Prompt, _: u32) -> Result<Picture, ModelError> {
        self.calls.set(self.calls.get() + 1);
        tokio::time::sleep(self.delay.get()).await;
        let failure = AwsFailure { message: "account 123456789012".into(), ..AwsFailure::default() };
        match prompt.as_str() {
            "filtered" => Err(ModelError::Filtered("Filter reason: prompt".into())),
            "invalid" => Err(ModelError::Invalid("no such prompt".into())),
            "refused" => Err(ModelError::Refused { why: crate::model::Why::Access, failure }),
            "no picture" => Err(ModelError::Unreadable("the image is not a PNG".into())),
            "throttled" => Err(ModelError::Throttled(failure)),
            "unavailable" => Err(ModelError::Unavailable(failure)),
            "busy" if self.calls.get() == 1 => Err(ModelError::Throttled(failure)),
            "silent once" if self.calls.get() == 1 => std::future::pending().await,
            "hang" => std::future::pending().await,
            "only the second" if self.id == "fake-model" => {
                Err(ModelError::Refused { why: crate::model::Why::Model, failure })
            }
            _ => Ok(picture()),
        }
    }
}

enum Object {
    Picture(Metadata),
    Record(Vec<u8>),
}

/// A store with conditional writes, as in S3.
#[derive(Default)]
pub(crate) struct FakeStore {
    objects: RefCell<BTreeMap<String, (u64, Object)>>,
    written: RefCell<BTreeMap<String, Instant>>,
    versions: Cell<u64>,
    failures: Cell<u32>,
    lost: Cell<bool>,
    hidden: Cell<bool>,
    writes_left: Cell<Option<u32>>,
    signs_nothing: Cell<bool>,
}

impl FakeStore {
    /// Makes the store refuse to sign URLs.
    pub(crate) fn sign_nothing(&self) {
        self.signs_nothing.set(true);
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.objects.borrow().keys().cloned().collect()
    }

    pub(crate) fn picture(&self, key: &str) -> Option<Metadata> {
        match self.objects.borrow().get(key) {
            Some((_, Object::Picture(metadata))) => Some(metadata.clone()),
            _ => None,
        }
    }

    pub(crate) fn pictures(&self) -> usize {
        self.objects.borrow().values().filter(|(_, object)| matches!(object, Object::Picture(_))).count()
    }

    /// Returns the number of pictures for each id.
    pub(crate) fn owners(&self) -> BTreeMap<String, u32> {
        let mut owners = BTreeMap::new();
        for (_, object) in self.objects.borrow().values() {
            if let Object::Picture(metadata) = object {
                *owners.entry(metadata.picture_id.clone()).or_default() += 1;
            }
        }
        owners
    }

    pub(crate) fn record(&self, key: &str) -> Option<Record> {
        match self.objects.borrow().get(key) {
            Some((_, Object::Record(body))) => serde_json::from_slice(body).ok(),
            _ => None,
        }
    }

    /// Makes the next calls fail like those to an unavailable bucket.
    pub(crate) fn fail_next(&self, calls: u32) {
        self.failures.set(calls);
    }

    /// Carries out the next write, and loses its answer.
    pub(crate) fn lose_next_answer(&self) {
        self.lost.set(true);
    }

    /// Shows no picture to the next call that looks for one, as S3 does when it refuses the call.
    pub(crate) fn hide_next_picture(&self) {
        self.hidden.set(true);
    }

    /// Refuses all writes after the next `writes`.
    pub(crate) fn refuse_after(&self, writes: u32) {
        self.writes_left.set(Some(writes));
    }

    /// Stores a picture of another id at `key`.
    pub(crate) fn occupy(&self, key: &str, id: &str) {
        let metadata = Metadata {
            picture_id: id.into(),
            seed: 1,
            prompt_sha256: String::new(),
            correlation_id: String::new(),
            request_id: String::new(),
            model_id: String::new(),
        };
        self.objects.borrow_mut().insert(key.to_owned(), (0, Object::Picture(metadata)));
    }

    fn fault(&self) -> Result<(), StoreError> {
        match self.failures.get() {
            0 => Ok(()),
            left => {
                self.failures.set(left.saturating_sub(1));
                Err(StoreError::Unavailable(AwsFailure::default()))
            }
        }
    }

    fn write_object(&self, key: &str, object: Object, condition: &Condition) -> Result<Option<Version>, StoreError> {
        self.fault()?;
        match self.writes_left.get() {
            Some(0) => return Err(StoreError::Refused(AwsFailure::default())),
            Some(left) => self.writes_left.set(Some(left - 1)),
            None => {}
        }
        let mut objects = self.objects.borrow_mut();
        let found = objects.get(key).map(|(version, _)| Version(version.to_string()));
        let holds = match condition {
            Condition::Absent => found.is_none(),
            Condition::Unchanged(version) => found.as_ref() == Some(version),
        };
        if !holds {
            return Ok(None);
        }
        let version = self.versions.get() + 1;
        self.versions.set(version);
        objects.insert(key.to_owned(), (version, object));
        self.written.borrow_mut().insert(key.to_owned(), Instant::now());
        if self.lost.replace(false) {
            return Err(StoreError::Unavailable(AwsFailure::default()));
        }
        Ok(Some(Version(version.to_string())))
    }
}

impl Store for FakeStore {
    fn uri(&self, key: &str) -> String {
        format!("s3://bucket/{key}")
    }
    async fn put(&self, key: &str, _: &Picture, metadata: &Metadata) -> Result<bool, StoreError> {
        let written = self.write_object(key, Object::Picture(metadata.clone()), &Condition::Absent)?;
        Ok(written.is_some())
    }
    async fn owner(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.fault()?;
        if self.hidden.replace(false) {
            return Ok(None);
        }
        Ok(self.picture(key).map(|metadata| metadata.picture_id))
    }
    async fn read(&self, key: &str) -> Result<Option<StoredRecord>, StoreError> {
        self.fault()?;
        match self.objects.borrow().get(key) {
            Some((version, Object::Record(body))) => {
                let age = self.written.borrow().get(key).map(Instant::elapsed);
                Ok(Some(StoredRecord { body: body.clone().into(), version: Version(version.to_string()), age }))
            }
            _ => Ok(None),
        }
    }
    async fn write(&self, key: &str, body: Vec<u8>, condition: &Condition) -> Result<Option<Version>, StoreError> {
        tokio::task::yield_now().await;
        self.write_object(key, Object::Record(body), condition)
    }
    async fn url(&self, key: &str, ttl: Duration) -> Result<String, StoreError> {
        match self.signs_nothing.get() {
            true => Err(StoreError::Refused(AwsFailure::default())),
            false => Ok(format!("https://bucket/{key}?ttl={}", ttl.as_secs())),
        }
    }
}

/// Numbers that count up from 41.
pub(crate) struct Counting(Cell<u32>);

impl Random for Counting {
    fn up_to(&self, most: u32) -> u32 {
        self.0.set(self.0.get() + 1);
        self.0.get().min(most)
    }
}

pub(crate) type FakeStudio = Studio<FakeModel, FakeStore, Counting>;

pub(crate) const START: SystemTime = UNIX_EPOCH;

/// Returns a studio whose wall clock follows tokio's.
pub(crate) fn studio() -> FakeStudio {
    let begun = Instant::now();
    Studio {
        models: vec![FakeModel::named("fake-model")],
        store: FakeStore::default(),
        random: Counting(Cell::new(40)),
        clock: Clock::of(move || START + Duration::from_secs(1_800_000_000) + begun.elapsed()),
        prefix: "32/generated_images".into(),
        seeds: seed::RANGE,
        model_timeout: Duration::from_secs(14),
        daily_limit: None,
    }
}
