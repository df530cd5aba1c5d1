//! The memory of a run: facts from the user and the state, and the things that the run has read and done.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::AwsError;
use super::memo::Memo;
use super::pace::Paces;
use super::tags::Tags;
use crate::mutex::lock;

/// The memory of one run. Clones share it.
#[derive(Clone)]
pub struct Memory {
    /// AWS's answers that many resources share.
    answers: Arc<Memo>,
    notes: Arc<Notes>,
}

struct Notes {
    began: Instant,
    /// Ids that the user named, by address, for resources that AWS cannot find by a name.
    claims: Mutex<HashMap<String, String>>,
    /// The resources that the last apply recorded, by kind and identity.
    recorded: Mutex<HashMap<String, RecordedResource>>,
    /// The specs of the last apply, by kind and identity.
    specs: Mutex<HashMap<String, Arc<Value>>>,
    /// Since when an interrupted run was about to create a resource, in seconds since 1970, by kind and identity.
    interrupted: Mutex<HashMap<String, i64>>,
    done: Mutex<HashSet<String>>,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    paces: Paces,
    parts: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

/// The id and the tags of a resource after the last apply.
struct RecordedResource {
    id: String,
    tags: Option<Tags>,
}

impl Default for Memory {
    fn default() -> Self {
        let notes = Notes {
            began: Instant::now(),
            claims: Mutex::default(),
            recorded: Mutex::default(),
            specs: Mutex::default(),
            interrupted: Mutex::default(),
            done: Mutex::default(),
            turns: Mutex::default(),
            paces: Paces::default(),
            parts: Mutex::default(),
        };
        Self { answers: Arc::default(), notes: Arc::new(notes) }
    }
}

impl Memory {
    /// Makes a memory that has the user's claims and nothing else.
    pub(super) fn with_claims_alone(&self) -> Self {
        let new = Self::default();
        lock(&new.notes.claims).clone_from(&lock(&self.notes.claims));
        new
    }

    /// Shares everything but the remembered answers.
    pub(super) fn without_answers(&self) -> Self {
        Self { answers: Arc::default(), ..self.clone() }
    }

    /// Returns how long ago this run began to read.
    pub(crate) fn age(&self) -> Duration {
        self.notes.began.elapsed()
    }

    /// Returns the next of the moments that are `apart` from each other since the run began.
    pub(super) fn next_moment(&self, apart: Duration) -> Instant {
        let passed = self.age().as_nanos() / apart.as_nanos() + 1;
        self.notes.began + apart * u32::try_from(passed).unwrap_or(u32::MAX)
    }

    /// Notes that the user takes `address` for the resource with this id.
    pub fn claim(&self, address: &str, id: &str) {
        lock(&self.notes.claims).insert(address.to_owned(), id.to_owned());
    }

    /// Returns the id that the user named for `address`.
    pub fn claimed_id(&self, address: &str) -> Option<String> {
        lock(&self.notes.claims).get(address).cloned()
    }

    /// Notes that the last apply recorded the resource of this identity under `id`, with these tags. The note changes
    /// the order of reads, never their result. One exception: before a deletion, a kind that learns the owner in
    /// another way may take the tags from here.
    pub fn record(&self, kind: &str, identity: &[&str], id: &str, tags: Option<Tags>) {
        let recorded = RecordedResource { id: id.to_owned(), tags };
        lock(&self.notes.recorded).insert(key(kind, identity), recorded);
    }

    /// Tells whether the last apply recorded a resource of this identity.
    pub(crate) fn has_record(&self, kind: &str, identity: &[&str]) -> bool {
        lock(&self.notes.recorded).contains_key(&key(kind, identity))
    }

    /// Returns the id that the last apply recorded for this identity.
    pub(crate) fn recorded_id(&self, kind: &str, identity: &[&str]) -> Option<String> {
        lock(&self.notes.recorded).get(&key(kind, identity)).map(|recorded| recorded.id.clone())
    }

    /// Returns the tags that the last apply recorded for this identity.
    pub(crate) fn recorded_tags(&self, kind: &str, identity: &[&str]) -> Option<Tags> {
        lock(&self.notes.recorded).get(&key(kind, identity))?.tags.clone()
    }

    /// Notes the spec that the last apply recorded for this identity.
    pub fn record_spec(&self, kind: &str, identity: &[&str], spec: &Value) {
        lock(&self.notes.specs).insert(key(kind, identity), Arc::new(spec.clone()));
    }

    /// Returns the spec of the last apply, with fingerprints in place of secrets. It serves to report a value as the
    /// user wrote it, where AWS reports it in other words: the alias of a key.
    pub(crate) fn recorded_spec<S: DeserializeOwned>(&self, kind: &str, identity: &[&str]) -> Option<S> {
        let spec = lock(&self.notes.specs).get(&key(kind, identity))?.clone();
        S::deserialize(&*spec).ok()
    }

    /// Notes that an interrupted run was about to create the resource of this identity, since that second. The time
    /// distinguishes what the run created from resources that look alike.
    pub fn note_interrupted_create(&self, kind: &str, identity: &[&str], since_s: i64) {
        let mut interrupted = lock(&self.notes.interrupted);
        let since = interrupted.entry(key(kind, identity)).or_insert(since_s);
        *since = since_s.min(*since);
    }

    /// Returns the second since which an interrupted run was about to create the resource of this identity.
    pub(crate) fn interrupted_create_s(&self, kind: &str, identity: &[&str]) -> Option<i64> {
        lock(&self.notes.interrupted).get(&key(kind, identity)).copied()
    }

    /// Notes that this run has done `what`.
    pub(crate) fn note_done(&self, what: String) {
        lock(&self.notes.done).insert(what);
    }

    /// Notes that this run does `what`, and tells whether it does so for the first time. An earlier attempt may have
    /// taken effect.
    pub(crate) fn is_first_time(&self, what: String) -> bool {
        lock(&self.notes.done).insert(what)
    }

    /// Tells whether this run has done `what`.
    pub(crate) fn is_done(&self, what: &str) -> bool {
        lock(&self.notes.done).contains(what)
    }

    /// Returns this run's earlier answer under `key`, or reads it once for all tasks that ask meanwhile. A call that
    /// changes what was read is followed by [`Memory::forget`].
    ///
    /// # Errors
    /// The error of `read`.
    pub async fn remember<T: Send + Sync + 'static>(
        &self,
        key: &str,
        read: impl Future<Output = Result<T, AwsError>>,
    ) -> Result<Arc<T>, AwsError> {
        self.answers.get(key, read).await
    }

    /// Makes the next [`Memory::remember`] of `key` read again.
    pub fn forget(&self, key: &str) {
        self.answers.forget(key);
    }

    /// Waits for the turn among calls that AWS loses if they overlap (one function's policy, one API's resource tree).
    /// Hold the guard during the call.
    pub async fn turn(&self, key: &str) -> OwnedMutexGuard<()> {
        let mutex = lock(&self.notes.turns).entry(key.to_owned()).or_default().clone();
        mutex.lock_owned().await
    }

    /// Returns the durations of the work that AWS finishes by itself, as far as this run has measured them.
    pub(crate) fn paces(&self) -> &Paces {
        &self.notes.paces
    }

    /// Returns the run's only value of type `T`. The module that needs it declares the type.
    pub(crate) fn part<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut parts = lock(&self.notes.parts);
        let part = parts.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default())).clone();
        part.downcast().unwrap_or_default()
    }
}

fn key(kind: &str, identity: &[&str]) -> String {
    format!("{kind}\u{1f}{}", identity.join("\u{1f}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn apis(run: &Memory, read: u32) -> u32 {
        *run.remember("apis", async { Ok(read) }).await.unwrap()
    }

    #[tokio::test]
    async fn a_question_without_the_remembered_answers_is_not_answered_by_them_and_leaves_them() {
        let run = Memory::default();
        run.note_done("a create".to_owned());
        assert_eq!(apis(&run, 1).await, 1);
        let afresh = run.without_answers();
        assert!(afresh.is_done("a create"), "it is the same run");
        assert_eq!(apis(&afresh, 2).await, 2);
        assert_eq!(apis(&run, 3).await, 1, "a decision was based on it");
    }

    #[tokio::test]
    async fn a_run_that_begins_again_knows_the_claims_alone() {
        let run = Memory::default();
        run.claim("apis.couch", "a1");
        run.record("sqs.queue", &["inbox"], "url", None);
        run.note_done("a create".to_owned());
        apis(&run, 1).await;
        let again = run.with_claims_alone();
        assert_eq!(again.claimed_id("apis.couch").as_deref(), Some("a1"));
        assert!(!again.has_record("sqs.queue", &["inbox"]) && !again.is_done("a create"));
        assert_eq!(apis(&again, 2).await, 2);
    }

    #[test]
    fn a_part_is_one_value_for_each_type() {
        let run = Memory::default();
        lock(&run.part::<Mutex<u32>>()).clone_from(&7);
        assert_eq!(*lock(&run.clone().part::<Mutex<u32>>()), 7);
        assert_eq!(*lock(&run.part::<Mutex<i32>>()), 0);
    }
}
