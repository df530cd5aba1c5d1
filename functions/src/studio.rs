//! Turns a prompt into a picture in the bucket, once.

mod failure;

pub use failure::{Failure, RejectionCause};

use crate::budget::{Budget, Deadlines};
use crate::clock::Clock;
use crate::id::PictureId;
use crate::limit::{Allowance, DailyLimit, Limit};
use crate::log::{Level, Log, Metric, Unit};
use crate::model::{ImageModel, ModelError};
use crate::picture::Picture;
use crate::prompt::{Prompt, PromptError};
use crate::random::Random;
use crate::records::{BUCKET_LIMITS, ClaimOutcome, HeldClaim, PromptIdentity, Records, StoredPicture};
use crate::retry::{Limits, RetryError, retry_within};
use crate::seed::{self, ROW};
use crate::store::{Metadata, Store, StoreError};
use failure::drawing;
pub(crate) use failure::storing;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// The attempts at one model. A model with an alternative gets fewer.
const ATTEMPTS: u32 = 6;
const ATTEMPTS_BEFORE_THE_NEXT: u32 = 2;
/// The attempts at storing a picture that is paid for: as many as fit into the remaining time.
const PICTURE_LIMITS: Limits = Limits { attempts: u32::MAX, to_the_end: true, ..BUCKET_LIMITS };
/// How often a key is tried that is taken, but at which no picture is found.
const TURNS: u32 = 3;
/// A model call that begins with less time left is paid for and lost.
const LEAST: Duration = Duration::from_millis(500);

/// A studio that turns prompts into pictures in the bucket.
pub struct Studio<M, S, R> {
    /// In order of preference; never empty.
    pub models: Vec<M>,
    pub store: S,
    pub random: R,
    pub clock: Clock,
    /// The beginning of keys, without a slash at its end; may be empty.
    pub prefix: String,
    /// The least and the greatest seed of an id. They do not depend on the models, because a change of models would
    /// otherwise hide the stored pictures.
    pub seeds: (u32, u32),
    /// The longest that one call of a model may take.
    pub model_timeout: Duration,
    /// The most pictures of a day; `None` means no limit.
    pub daily_limit: Option<DailyLimit>,
}

/// One prompt, and the event that it came with.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The id by which the prompt is recognised when it is delivered again; `None` if it has no id.
    pub id: Option<&'a PictureId>,
    pub prompt: &'a str,
    pub correlation_id: &'a str,
    pub request_id: &'a str,
}

/// The stored picture of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducedPicture {
    pub picture: StoredPicture,
    /// Whether an earlier delivery drew it.
    pub found: bool,
}

/// A job whose picture has an id.
#[derive(Clone, Copy)]
struct PictureJob<'a> {
    job: Job<'a>,
    id: &'a PictureId,
    /// Whether an earlier delivery may have stored the picture.
    may_be_stored: bool,
}

/// A picture that is drawn and not yet stored.
struct DrawnPicture<'a> {
    picture: Picture,
    model_id: &'a str,
    model_time: Duration,
}

impl<M: ImageModel, S: Store, R: Random> Studio<M, S, R> {
    /// Draws the job's prompt and stores the picture, with retries if they can help. A job with an id is drawn once,
    /// however often it is delivered: its record has the outcome. Writes one line to `log` on success; the caller logs
    /// failures.
    pub async fn produce(&self, job: Job<'_>, time: Deadlines<'_>, log: Log<'_>) -> Result<ProducedPicture, Failure> {
        let Some(id) = job.id else {
            let id = PictureId::random(self.random.secret().unwrap_or_default());
            return self.draw_and_store(PictureJob { job, id: &id, may_be_stored: false }, time, log).await;
        };
        let prompt_sha256 = Prompt::digest(job.prompt);
        let asked = PromptIdentity { id, correlation_id: job.correlation_id, prompt_sha256: &prompt_sha256 };
        let held = match self.records().claim(asked, time.drawing, time.storing).await.map_err(storing)? {
            ClaimOutcome::Held(held) => held,
            ClaimOutcome::Busy(until) => return Err(Failure::Busy { until }),
            ClaimOutcome::OtherPrompt => return Err(Failure::OtherPrompt),
            ClaimOutcome::Finished(record) => {
                return match (record.picture, record.rejection) {
                    (Some(picture), _) => Ok(ProducedPicture { picture, found: true }),
                    (None, Some(rejection)) => Err(Failure::Rejected(RejectionCause::Before(rejection))),
                    (None, None) => Err(failure::unreadable(id)),
                };
            }
        };
        let outcome = self.draw_and_store(PictureJob { job, id, may_be_stored: !held.fresh }, time, log).await;
        self.record_outcome(held, outcome, time.storing, log).await
    }

    /// Writes the outcome into the record. Only a recorded outcome is final.
    async fn record_outcome(
        &self,
        held: HeldClaim,
        outcome: Result<ProducedPicture, Failure>,
        budget: Budget,
        log: Log<'_>,
    ) -> Result<ProducedPicture, Failure> {
        let records = self.records();
        match &outcome {
            Ok(kept) => records.done(held, kept.picture.clone(), budget).await.map_err(storing)?,
            Err(failure) => match failure.rejection() {
                Some(rejection) => records.rejected(held, rejection, budget).await.map_err(storing)?,
                None => {
                    if let Err(stopped) = records.release(held, budget).await {
                        let fields = json!({"error": storing(stopped).to_string()});
                        log.line(Level::Warn, "claim not released, it ends by itself", fields);
                    }
                }
            },
        }
        outcome
    }

    /// Draws the job's prompt and stores the picture, unless the picture is stored already.
    async fn draw_and_store(
        &self,
        PictureJob { job, id, may_be_stored }: PictureJob<'_>,
        time: Deadlines<'_>,
        log: Log<'_>,
    ) -> Result<ProducedPicture, Failure> {
        if may_be_stored && let Some(picture) = self.find_picture(id, time.drawing).await? {
            let fields = json!({"image_uri": picture.uri, "picture_id": id.as_str()});
            log.info("image found, drawn by an earlier delivery", fields);
            return Ok(ProducedPicture { picture, found: true });
        }
        let prompt = self.prompt(job.prompt)?;
        if time.is_stopped() {
            return Err(Failure::Interrupted);
        }
        let seed = seed::seed(id.as_str(), 0, self.seeds);
        let fresh = self.draw_counted(&prompt, seed, time, log).await?;
        let metadata = Metadata {
            picture_id: id.to_string(),
            seed,
            prompt_sha256: prompt.sha256(),
            correlation_id: job.correlation_id.to_owned(),
            request_id: job.request_id.to_owned(),
            model_id: fresh.model_id.to_owned(),
        };
        let begun = Instant::now();
        let picture = self.store_picture(id, &fresh.picture, &metadata, time.storing).await?;
        let store_time = begun.elapsed();
        let fields = json!({
            "image_uri": picture.uri,
            "picture_id": id.as_str(),
            "bytes": fresh.picture.len(),
            "seed": seed,
            "model_id": metadata.model_id,
            "prompt_sha256": metadata.prompt_sha256,
            "model_ms": millis(fresh.model_time),
            "store_ms": millis(store_time),
        });
        let metrics = [
            Metric { name: "PicturesDrawn", unit: Unit::Count, value: 1.0 },
            Metric { name: "ModelTime", unit: Unit::Milliseconds, value: fresh.model_time.as_secs_f64() * 1e3 },
        ];
        log.measure(Level::Info, "image stored", fields, &metrics);
        Ok(ProducedPicture { picture, found: false })
    }

    /// Draws within the day's limit, until the time is over or drawing is stopped.
    async fn draw_counted(
        &self,
        prompt: &Prompt,
        seed: u32,
        time: Deadlines<'_>,
        log: Log<'_>,
    ) -> Result<DrawnPicture<'_>, Failure> {
        let counted = self.clock.now();
        if let Some(limit) = self.limit()
            && let Allowance::Spent { until } = limit.take(time.drawing).await.map_err(storing)?
        {
            return Err(Failure::LimitReached { until });
        }
        let draw = async {
            // Counting takes time, so a stop may have been requested meanwhile.
            match time.is_stopped() {
                true => Err(Failure::Interrupted),
                false => self.draw(prompt, seed, time.drawing, log).await,
            }
        };
        let drawn = tokio::select! {
            biased;
            drawn = draw => drawn,
            () = time.wait_for_stop() => Err(Failure::Interrupted),
        };
        // A call that may be billed stays counted.
        if matches!(&drawn, Err(Failure::Model { cause, .. }) if cause.is_free())
            && let Some(limit) = self.limit()
        {
            // If the count stays too high, fewer pictures are drawn: the safe side.
            let _ = limit.give_back(counted, time.storing).await;
        }
        drawn
    }

    /// Accepts `text` if one of the models accepts a prompt of its length.
    pub fn prompt(&self, text: &str) -> Result<Prompt, PromptError> {
        let most = self.models.iter().map(ImageModel::prompt_limit).max().unwrap_or_default();
        Prompt::new(text, most)
    }

    /// Draws with the first model that can. If a model fails for another reason than the prompt, calls the next one.
    async fn draw(
        &self,
        prompt: &Prompt,
        seed: u32,
        budget: Budget,
        log: Log<'_>,
    ) -> Result<DrawnPicture<'_>, Failure> {
        let begun = Instant::now();
        let able: Vec<_> = self.models.iter().filter(|model| prompt.chars() <= model.prompt_limit()).collect();
        let mut able = able.into_iter().peekable();
        let mut last = None;
        while let Some(model) = able.next() {
            let attempts = if able.peek().is_some() { ATTEMPTS_BEFORE_THE_NEXT } else { ATTEMPTS };
            let limits = Limits { attempts, attempt_timeout: self.model_timeout, least: LEAST, to_the_end: false };
            let stopped = match retry_within(budget, limits, &self.random, async || model.draw(prompt, seed).await)
                .await
            {
                Ok(picture) => return Ok(DrawnPicture { picture, model_id: model.id(), model_time: begun.elapsed() }),
                Err(stopped) => stopped,
            };
            let failure = drawing(stopped);
            let next = able.peek().filter(|_| failure.model().is_some_and(ModelError::falls_back));
            let Some(next) = next else { return Err(failure) };
            let fields = json!({"model_id": model.id(), "next": next.id(), "error": failure.to_string()});
            log.warn("model failed, the next one is asked", fields);
            last = Some(failure);
        }
        Err(last.unwrap_or(Failure::OutOfTime { doing: "drawing", cause: None, attempts: 0 }))
    }

    /// Stores `picture` under the first free key of the id's sequence. A key that the same id has taken holds the same
    /// picture: the answer to an earlier attempt was lost.
    async fn store_picture(
        &self,
        id: &PictureId,
        picture: &Picture,
        metadata: &Metadata,
        budget: Budget,
    ) -> Result<StoredPicture, Failure> {
        for place in 0..ROW {
            let key = self.key(id, place);
            if self.store_at(&key, picture, metadata, budget).await? {
                return Ok(self.name_picture(key, metadata.seed, &metadata.model_id));
            }
        }
        let cause = StoreError::Contended(self.key(id, 0));
        Err(storing(RetryError::Failed { cause, attempts: ROW }))
    }

    /// Stores `picture` at `key`. Returns whether the key holds the picture of this id.
    ///
    /// A key that is taken, but at which no picture is found, is tried again: S3 may have refused to show the picture
    /// (403), and under the next key it would be stored a second time.
    async fn store_at(
        &self,
        key: &str,
        picture: &Picture,
        metadata: &Metadata,
        budget: Budget,
    ) -> Result<bool, Failure> {
        let mut owner = None;
        for _ in 0..TURNS {
            let put = async || self.store.put(key, picture, metadata).await;
            if retry_within(budget, PICTURE_LIMITS, &self.random, put).await.map_err(storing)? {
                return Ok(true);
            }
            owner = self.owner(key, PICTURE_LIMITS, budget).await?;
            if owner.is_some() {
                break;
            }
        }
        Ok(owner.as_ref() == Some(&metadata.picture_id))
    }

    /// Returns the picture that an earlier delivery of `id` stored.
    async fn find_picture(&self, id: &PictureId, budget: Budget) -> Result<Option<StoredPicture>, Failure> {
        for place in 0..ROW {
            let key = self.key(id, place);
            match self.owner(&key, BUCKET_LIMITS, budget).await? {
                None => return Ok(None),
                Some(owner) if owner == id.as_str() => {
                    let seed = seed::seed(id.as_str(), 0, self.seeds);
                    return Ok(Some(self.name_picture(key, seed, "")));
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }

    async fn owner(&self, key: &str, limits: Limits, budget: Budget) -> Result<Option<String>, Failure> {
        retry_within(budget, limits, &self.random, async || self.store.owner(key).await).await.map_err(storing)
    }

    fn name_picture(&self, key: String, seed: u32, model_id: &str) -> StoredPicture {
        StoredPicture { uri: self.store.uri(&key), key, seed, model_id: model_id.to_owned() }
    }

    fn key(&self, id: &PictureId, place: u32) -> String {
        seed::picture_key(&self.prefix, seed::seed(id.as_str(), place, self.seeds))
    }

    fn limit(&self) -> Option<Limit<'_, S, R>> {
        let Self { store, random, clock, prefix, .. } = self;
        Some(Limit { store, random, clock, prefix, daily: self.daily_limit.as_ref()? })
    }

    /// Returns the records beside the pictures.
    pub fn records(&self) -> Records<'_, S, R> {
        let Self { store, random, clock, prefix, .. } = self;
        Records { store, random, clock, prefix }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
