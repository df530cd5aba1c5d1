//! The work itself: a prompt becomes a picture in the bucket.

use crate::budget::Budget;
use crate::log::Log;
use crate::model::{ImageModel, ModelError};
use crate::prompt::{Prompt, PromptError};
use crate::random::Random;
use crate::retry::{Limits, Stopped, within};
use crate::store::{Metadata, Store, StoreError};
use serde_json::json;
use std::time::Duration;
use thiserror::Error;
use tokio::time::Instant;

/// Drawing takes seconds; an attempt may use all the time left.
const DRAWING: Limits = Limits { attempts: 6, attempt_timeout: Duration::from_secs(120), least: Duration::ZERO };
const KEEPING: Limits = Limits { attempts: 5, attempt_timeout: Duration::from_secs(10), least: Duration::ZERO };

/// Turns prompts into pictures in the bucket.
pub struct Studio<M, S, R> {
    pub model: M,
    pub store: S,
    pub random: R,
    /// What keys start with, without a slash at its end; may be empty.
    pub prefix: String,
}

/// Names one prompt and the event it came with.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    pub prompt: &'a str,
    pub correlation_id: &'a str,
    pub request_id: &'a str,
}

/// Says where the picture lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub uri: String,
    pub seed: u32,
}

/// Says why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    #[error("{0}")]
    Prompt(#[from] PromptError),
    #[error("{cause} (attempt {attempts})")]
    Model { cause: ModelError, attempts: u32 },
    #[error("{cause} (attempt {attempts})")]
    Store { cause: StoreError, attempts: u32 },
    /// The time left ran out; `cause` is the last failure before that.
    #[error("out of time while {doing}, attempt {attempts}{}", cause.as_ref().map(|c| format!(", after: {c}")).unwrap_or_default())]
    OutOfTime { doing: &'static str, cause: Option<String>, attempts: u32 },
}

impl Failure {
    /// Returns whether the same prompt can never succeed.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Prompt(_) => true,
            Self::Model { cause, .. } => cause.is_permanent(),
            Self::Store { .. } | Self::OutOfTime { .. } => false,
        }
    }
}

impl<M: ImageModel, S: Store, R: Random> Studio<M, S, R> {
    /// Draws the job's prompt with a random seed and keeps the picture, trying again where that helps, inside `budget`.
    /// Writes one line to `log` when it succeeds; failures are the caller's to log, who knows what they mean.
    pub async fn produce(&self, job: Job<'_>, budget: Budget, log: Log<'_>) -> Result<Kept, Failure> {
        let prompt = Prompt::new(job.prompt, self.model.prompt_limit())?;
        let (least, most) = self.model.seeds();
        let seed = least + self.random.up_to(most - least);
        let begun = Instant::now();
        let drawn = within(budget, DRAWING, &self.random, async || self.model.draw(&prompt, seed).await);
        let picture = drawn.await.map_err(|stopped| match stopped {
            Stopped::Failed { cause, attempts } => Failure::Model { cause, attempts },
            Stopped::OutOfTime { cause, attempts } => out_of_time("drawing", cause, attempts),
        })?;
        let drawn_in = begun.elapsed();

        let key = self.key(seed);
        let metadata = Metadata {
            seed,
            prompt_sha256: prompt.sha256(),
            correlation_id: job.correlation_id.to_owned(),
            request_id: job.request_id.to_owned(),
            model_id: self.model.id().to_owned(),
        };
        let kept = within(budget, KEEPING, &self.random, async || self.store.put(&key, &picture, &metadata).await);
        kept.await.map_err(|stopped| match stopped {
            Stopped::Failed { cause, attempts } => Failure::Store { cause, attempts },
            Stopped::OutOfTime { cause, attempts } => out_of_time("storing the picture", cause, attempts),
        })?;
        let uri = self.store.uri(&key);
        let fields = json!({
            "image_uri": uri,
            "bytes": picture.len(),
            "seed": seed,
            "model_id": metadata.model_id,
            "prompt_sha256": metadata.prompt_sha256,
            "model_ms": millis(drawn_in),
            "store_ms": millis(begun.elapsed().saturating_sub(drawn_in)),
        });
        log.info("image stored", fields);
        Ok(Kept { uri, seed })
    }

    fn key(&self, seed: u32) -> String {
        match self.prefix.as_str() {
            "" => format!("titan_{seed}.png"),
            prefix => format!("{prefix}/titan_{seed}.png"),
        }
    }
}

fn out_of_time<E: ToString>(doing: &'static str, cause: Option<E>, attempts: u32) -> Failure {
    Failure::OutOfTime { doing, cause: cause.map(|cause| cause.to_string()), attempts }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::aws::AwsFailure;
    use crate::log::tests::logger;
    use crate::model::Why;
    use crate::picture::Picture;
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    /// Draws at once; a prompt that names a failure meets it, `flaky` and `busy` once each, `hang` for ever.
    #[derive(Default)]
    pub(crate) struct FakeModel {
        pub(crate) calls: Cell<u32>,
        pub(crate) delay: Duration,
    }

    impl ImageModel for FakeModel {
        fn prompt_limit(&self) -> usize {
            100
        }
        fn seeds(&self) -> (u32, u32) {
            (1, 2_147_483_646)
        }
        fn id(&self) -> &str {
            "fake-model"
        }
        async fn draw(&self, prompt: &Prompt, _: u32) -> Result<Picture, ModelError> {
            self.calls.set(self.calls.get() + 1);
            tokio::time::sleep(self.delay).await;
            let aws = AwsFailure { message: "account 123456789012".into(), ..AwsFailure::default() };
            match prompt.as_str() {
                "filtered" => Err(ModelError::Filtered("Filter reason: prompt".into())),
                "invalid" => Err(ModelError::Invalid("no such prompt".into())),
                "refused" => Err(ModelError::Refused { why: Why::Access, failure: aws }),
                "busy" if self.calls.get() == 1 => Err(ModelError::Throttled(aws)),
                "hang" => std::future::pending().await,
                _ => Ok(Picture::from_png(crate::picture::tests::png()).unwrap()),
            }
        }
    }

    /// Keeps metadata by key; fails `failures` times first.
    #[derive(Default)]
    pub(crate) struct FakeStore {
        pub(crate) kept: RefCell<BTreeMap<String, Metadata>>,
        pub(crate) failures: Cell<u32>,
    }

    impl Store for FakeStore {
        fn uri(&self, key: &str) -> String {
            format!("s3://bucket/{key}")
        }
        async fn put(&self, key: &str, _: &Picture, metadata: &Metadata) -> Result<(), StoreError> {
            if self.failures.get() > 0 {
                self.failures.set(self.failures.get() - 1);
                return Err(StoreError::Unavailable(AwsFailure::default()));
            }
            let mut kept = self.kept.borrow_mut();
            kept.insert(key.to_owned(), metadata.clone());
            Ok(())
        }
    }

    /// Counts up from 41.
    pub(crate) struct Counting(Cell<u32>);

    impl Random for Counting {
        fn up_to(&self, most: u32) -> u32 {
            self.0.set(self.0.get() + 1);
            self.0.get().min(most)
        }
    }

    pub(crate) type FakeStudio = Studio<FakeModel, FakeStore, Counting>;

    pub(crate) fn studio() -> FakeStudio {
        Studio {
            model: FakeModel::default(),
            store: FakeStore::default(),
            random: Counting(Cell::new(40)),
            prefix: "32/generated_images".into(),
        }
    }

    async fn produce(studio: &FakeStudio, prompt: &str) -> Result<Kept, Failure> {
        let logger = logger();
        let job = Job { prompt, correlation_id: "c-1", request_id: "r-1" };
        let budget = Budget::lasting(Duration::from_secs(20));
        studio.produce(job, budget, logger.event("r-1", "c-1")).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_prompt_becomes_a_picture_with_its_story_in_the_metadata() {
        let studio = studio();
        let kept = produce(&studio, "a moon").await.unwrap();
        assert_eq!(kept.uri, "s3://bucket/32/generated_images/titan_42.png");
        let objects = studio.store.kept.borrow();
        let expected = Metadata {
            seed: 42,
            prompt_sha256: Prompt::new("a moon", 100).unwrap().sha256(),
            correlation_id: "c-1".into(),
            request_id: "r-1".into(),
            model_id: "fake-model".into(),
        };
        assert_eq!(objects["32/generated_images/titan_42.png"], expected);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_prefix_the_key_is_the_file_name() {
        let mut studio = studio();
        studio.prefix.clear();
        let kept = produce(&studio, "a moon").await.unwrap();
        assert_eq!(kept.uri, "s3://bucket/titan_42.png");
    }

    #[tokio::test(start_paused = true)]
    async fn no_model_is_asked_for_a_bad_prompt() {
        let studio = studio();
        for prompt in ["", "   ", &"x".repeat(101)] {
            let failure = produce(&studio, prompt).await.unwrap_err();
            assert!(failure.is_permanent(), "{failure}");
        }
        assert_eq!(studio.model.calls.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_model_is_asked_again() {
        let studio = studio();
        assert!(produce(&studio, "busy").await.is_ok());
        assert_eq!(studio.model.calls.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_final_and_tell_prompt_from_function() {
        for (prompt, permanent) in [("filtered", true), ("invalid", true), ("refused", false)] {
            let studio = studio();
            let failure = produce(&studio, prompt).await.unwrap_err();
            assert_eq!(failure.is_permanent(), permanent, "{failure}");
            assert_eq!(studio.model.calls.get(), 1);
            assert!(studio.store.kept.borrow().is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_passing_fault_of_the_bucket_does_not_draw_twice() {
        let studio = studio();
        studio.store.failures.set(2);
        assert!(produce(&studio, "a moon").await.is_ok());
        assert_eq!(studio.model.calls.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_fault_of_the_bucket_is_reported_with_its_cause() {
        let studio = studio();
        studio.store.failures.set(u32::MAX);
        let failure = produce(&studio, "a moon").await.unwrap_err();
        assert!(matches!(failure, Failure::Store { attempts: 5, .. }), "{failure}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_model_is_left_when_the_time_is_up() {
        let failure = produce(&studio(), "hang").await.unwrap_err();
        assert!(!failure.is_permanent());
        let expected = Failure::OutOfTime { doing: "drawing", cause: None, attempts: 1 };
        assert_eq!(failure, expected);
    }
}
