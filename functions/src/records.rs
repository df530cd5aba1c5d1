//! Records: the state of each prompt, one JSON object for each id beside the pictures.
//!
//! A record is also the claim on a prompt: the process that writes it draws. S3's conditional writes let one writer
//! win. So a message that is delivered twice, even at the same moment, is drawn and paid for once. A claim ends by
//! itself: a dead process holds it only until its time is over.
//!
//! Records must outlive their messages: a queue keeps a message for 14 days at most.

use crate::budget::Budget;
use crate::clock::{self, Clock};
use crate::id::PictureId;
use crate::random::Random;
use crate::retry::{Limits, RetryError, retry_within};
use crate::seed;
use crate::store::{Condition, Store, StoreError, Version};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const BUCKET_LIMITS: Limits =
    Limits { attempts: 5, attempt_timeout: Duration::from_secs(10), least: Duration::ZERO, to_the_end: false };
/// How long a claim lasts beyond its time: S3 counts in whole seconds, and a write may take effect late.
const SKEW: Duration = Duration::from_secs(5);
/// How often a claim is tried again if another process changes the record meanwhile.
const TURNS: u32 = 6;

/// The progress of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The prompt waits for its first attempt, or for another one.
    Queued,
    /// One process draws the prompt, until `until_ms` at most.
    Drawing,
    /// The picture is stored.
    Done,
    /// The prompt can never succeed.
    Rejected,
}

/// Reason why a prompt can never succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Blank,
    TooLong,
    /// The content filter objects to the prompt or to the picture.
    Filtered,
    /// The model does not accept this prompt.
    Invalid,
}

/// The facts about one prompt. They do not include its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    pub status: Status,
    /// Time of the last change, RFC 3339.
    pub changed: String,
    pub correlation_id: String,
    pub prompt_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<StoredPicture>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Rejection>,
}

/// The claim of a process on a prompt, until a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// A random text by which a writer recognises its own claim after a lost answer.
    pub token: String,
    /// In milliseconds since the Unix epoch, by the clock of the process that wrote the claim. In a record that was
    /// read, by the reader's own clock.
    pub until_ms: u64,
    /// The time from the write to the end. Records of older versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_ms: Option<u64>,
}

/// A stored picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPicture {
    pub key: String,
    pub uri: String,
    pub seed: u32,
    pub model_id: String,
}

/// Reason why no picture exists, in words for the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    pub reason: Reason,
    pub message: String,
}

/// The identity of a prompt.
#[derive(Clone, Copy, Debug)]
pub struct PromptIdentity<'a> {
    pub id: &'a PictureId,
    pub correlation_id: &'a str,
    pub prompt_sha256: &'a str,
}

/// Whether this process may draw.
#[derive(Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// This process may draw.
    Held(HeldClaim),
    /// The work is finished: the record is `Done` or `Rejected`.
    Finished(Record),
    /// Another process draws, until this time at most.
    Busy(SystemTime),
    /// The id was used for another prompt.
    OtherPrompt,
}

/// The claim of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldClaim {
    record: Record,
    version: Version,
    /// Whether no process had claimed this prompt before; if so, no picture of it exists.
    pub fresh: bool,
}

/// The records of one prefix.
pub struct Records<'a, S, R> {
    pub store: &'a S,
    pub random: &'a R,
    pub clock: &'a Clock,
    /// Has no slash at its end; may be empty.
    pub prefix: &'a str,
}

type Result<T> = std::result::Result<T, RetryError<StoreError>>;

impl<S: Store, R: Random> Records<'_, S, R> {
    /// Claims `asked` until the end of `until`. Writes once for a new prompt.
    pub async fn claim(&self, asked: PromptIdentity<'_>, budget: Budget, until: Budget) -> Result<ClaimOutcome> {
        let token = format!("{:08x}{:08x}", self.random.up_to(u32::MAX), self.random.up_to(u32::MAX));
        let left = until.left();
        let until_ms = clock::millis(self.clock.now() + left);
        let mut record = self.record(asked, Status::Drawing);
        record.claim = Some(Claim { token, until_ms, lasts_ms: u64::try_from(left.as_millis()).ok() });
        let key = self.key(asked.id);
        if let Some(version) = self.write(&record, &Condition::Absent, budget).await? {
            return Ok(ClaimOutcome::Held(HeldClaim { record, version, fresh: true }));
        }
        for _ in 0..TURNS {
            let condition = match self.read(&key, budget).await? {
                None => Condition::Absent,
                Some((found, version)) => match self.judge(found, version, &record) {
                    ControlFlow::Continue(condition) => condition,
                    ControlFlow::Break(claim) => return Ok(claim),
                },
            };
            if let Some(version) = self.write(&record, &condition, budget).await? {
                return Ok(ClaimOutcome::Held(HeldClaim { record, version, fresh: false }));
            }
        }
        Err(RetryError::Failed { cause: StoreError::Contended(key), attempts: TURNS })
    }

    /// Decides whether the claim in `wanted` may replace the record `found`.
    fn judge(&self, found: Record, version: Version, wanted: &Record) -> ControlFlow<ClaimOutcome, Condition> {
        if found.prompt_sha256 != wanted.prompt_sha256 {
            return ControlFlow::Break(ClaimOutcome::OtherPrompt);
        }
        let token = |record: &Record| record.claim.as_ref().map(|claim| claim.token.clone());
        match (found.status, &found.claim) {
            (Status::Done | Status::Rejected, _) => ControlFlow::Break(ClaimOutcome::Finished(found)),
            // The answer to the first write was lost on the way.
            (Status::Drawing, Some(_)) if token(&found) == token(wanted) => {
                ControlFlow::Break(ClaimOutcome::Held(HeldClaim { record: found, version, fresh: false }))
            }
            (Status::Drawing, Some(claim)) => {
                let until = clock::at_millis(claim.until_ms) + SKEW;
                if until > self.clock.now() {
                    ControlFlow::Break(ClaimOutcome::Busy(until))
                } else {
                    ControlFlow::Continue(Condition::Unchanged(version))
                }
            }
            (Status::Queued | Status::Drawing, _) => ControlFlow::Continue(Condition::Unchanged(version)),
        }
    }

    /// Records that the prompt waits in the queue. If a record exists already, returns it unchanged.
    pub async fn enqueue(&self, asked: PromptIdentity<'_>, budget: Budget) -> Result<Option<Record>> {
        let record = self.record(asked, Status::Queued);
        if self.write(&record, &Condition::Absent, budget).await?.is_some() {
            return Ok(None);
        }
        let found = self.read(&self.key(asked.id), budget).await?;
        Ok(found.map(|(record, _)| record))
    }

    /// Records where the picture is stored.
    pub async fn done(&self, held: HeldClaim, picture: StoredPicture, budget: Budget) -> Result<()> {
        let record = Record { status: Status::Done, picture: Some(picture), ..held.record };
        self.end_claim(record, held.version, budget).await
    }

    /// Records why no picture exists.
    pub async fn rejected(&self, held: HeldClaim, rejection: Rejection, budget: Budget) -> Result<()> {
        let record = Record { status: Status::Rejected, rejection: Some(rejection), ..held.record };
        self.end_claim(record, held.version, budget).await
    }

    /// Releases the claim, so that another process can claim the prompt at once.
    pub async fn release(&self, held: HeldClaim, budget: Budget) -> Result<()> {
        let record = Record { status: Status::Queued, ..held.record };
        self.end_claim(record, held.version, budget).await
    }

    /// Replaces the claim by `record`. Fails if another process has taken the claim over and not ended it: that
    /// process's outcome is not known yet.
    async fn end_claim(&self, record: Record, version: Version, budget: Budget) -> Result<()> {
        let record = Record { claim: None, changed: clock::written(self.clock.now()), ..record };
        if self.write(&record, &Condition::Unchanged(version), budget).await?.is_some() {
            return Ok(());
        }
        let key = key_of(self.prefix, &record.id);
        match self.read(&key, budget).await? {
            // The answer to the first attempt was lost, or the other process reached the same outcome.
            Some((found, _)) if found.status == record.status => Ok(()),
            _ => Err(RetryError::Failed { cause: StoreError::Contended(key), attempts: 1 }),
        }
    }

    /// Returns the record of `id`.
    pub async fn find(&self, id: &PictureId, budget: Budget) -> Result<Option<Record>> {
        let found = self.read(&self.key(id), budget).await?;
        Ok(found.map(|(record, _)| record))
    }

    fn record(&self, asked: PromptIdentity<'_>, status: Status) -> Record {
        Record {
            id: asked.id.to_string(),
            status,
            changed: clock::written(self.clock.now()),
            correlation_id: asked.correlation_id.to_owned(),
            prompt_sha256: asked.prompt_sha256.to_owned(),
            claim: None,
            picture: None,
            rejection: None,
        }
    }

    fn key(&self, id: &PictureId) -> String {
        record_key(self.prefix, id)
    }

    async fn read(&self, key: &str, budget: Budget) -> Result<Option<(Record, Version)>> {
        let found = retry_within(budget, BUCKET_LIMITS, self.random, async || self.store.read(key).await).await?;
        let Some(found) = found else { return Ok(None) };
        match serde_json::from_slice(&found.body) {
            Ok(record) => Ok(Some((self.localized(record, found.age), found.version))),
            Err(_) => Err(RetryError::Failed { cause: StoreError::Unreadable(key.to_owned()), attempts: 1 }),
        }
    }

    /// Returns `record` with the end of its claim by this process's clock, if its `age` is known.
    ///
    /// The clocks of two hosts may differ by minutes, so the end that the other process wrote may already seem past.
    /// Both times that lead to the age are S3's.
    fn localized(&self, mut record: Record, age: Option<Duration>) -> Record {
        if let Some(claim) = &mut record.claim
            && let (Some(age), Some(lasts_ms)) = (age, claim.lasts_ms)
        {
            let written_ms = clock::millis(self.clock.now()).saturating_sub(clock::millis(UNIX_EPOCH + age));
            claim.until_ms = written_ms.saturating_add(lasts_ms);
        }
        record
    }

    async fn write(&self, record: &Record, condition: &Condition, budget: Budget) -> Result<Option<Version>> {
        let key = key_of(self.prefix, &record.id);
        let body = serde_json::to_vec(record).unwrap_or_default();
        retry_within(budget, BUCKET_LIMITS, self.random, async || self.store.write(&key, body.clone(), condition).await)
            .await
    }
}

/// Returns the key of the record of `id` under `prefix`.
pub fn record_key(prefix: &str, id: &PictureId) -> String {
    key_of(prefix, id.as_str())
}

fn key_of(prefix: &str, id: &str) -> String {
    seed::key_under(prefix, &format!("requests/{id}.json"))
}
