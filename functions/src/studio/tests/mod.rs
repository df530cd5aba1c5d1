//! Tests of the studio with a model and a bucket in memory, on a virtual clock.

mod fakes;
mod limits;
mod models;
mod once;

pub(crate) use fakes::{FakeModel, FakeStore, FakeStudio, picture, studio};

use super::*;
use crate::aws::AwsFailure;
use crate::log::tests::logger;
use crate::records::{Reason, Status};

fn id(text: &str) -> PictureId {
    PictureId::parse(text).unwrap()
}

async fn produce_as(studio: &FakeStudio, id: Option<&PictureId>, prompt: &str) -> Result<ProducedPicture, Failure> {
    let logger = logger();
    let job = Job { id, prompt, correlation_id: "c-1", request_id: "r-1" };
    let time = Deadlines::reserving(Budget::lasting(Duration::from_secs(20)), Duration::from_secs(2));
    studio.produce(job, time, logger.event("r-1", "c-1")).await
}

async fn produce(studio: &FakeStudio, prompt: &str) -> Result<ProducedPicture, Failure> {
    produce_as(studio, None, prompt).await
}

#[tokio::test(start_paused = true)]
async fn a_prompt_becomes_a_picture_with_its_story_in_the_metadata() {
    let studio = studio();
    let id = id("m-1");
    let kept = produce_as(&studio, Some(&id), "a moon").await.unwrap();
    let seed = seed::seed("m-1", 0, seed::RANGE);
    assert_eq!(kept.picture.uri, format!("s3://bucket/32/generated_images/titan_{seed}.png"));
    assert!(!kept.found);
    let expected = Metadata {
        picture_id: "m-1".into(),
        seed,
        prompt_sha256: Prompt::digest("a moon"),
        correlation_id: "c-1".into(),
        request_id: "r-1".into(),
        model_id: "fake-model".into(),
    };
    assert_eq!(studio.store.picture(&kept.picture.key), Some(expected));
    let record = studio.store.record("32/generated_images/requests/m-1.json").unwrap();
    assert_eq!(record.status, Status::Done);
    assert_eq!(record.picture, Some(kept.picture));
    assert_eq!((record.claim, record.rejection), (None, None));
}

#[tokio::test(start_paused = true)]
async fn without_a_prefix_the_key_is_the_file_name() {
    let mut studio = studio();
    studio.prefix.clear();
    let kept = produce_as(&studio, Some(&id("m-1")), "a moon").await.unwrap();
    assert!(kept.picture.uri.starts_with("s3://bucket/titan_"), "{}", kept.picture.uri);
    assert!(studio.store.record("requests/m-1.json").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_job_without_an_id_leaves_no_record_and_has_a_seed_of_its_own() {
    let studio = studio();
    let first = produce(&studio, "a moon").await.unwrap();
    let second = produce(&studio, "a moon").await.unwrap();
    assert_ne!(first.picture.key, second.picture.key);
    assert_eq!(studio.store.keys().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_model_is_asked_for_a_bad_prompt_and_the_sender_finds_the_reason() {
    for (prompt, reason) in [("", Reason::Blank), ("   ", Reason::Blank), (&*"x".repeat(101), Reason::TooLong)] {
        let studio = studio();
        let failure = produce_as(&studio, Some(&id("m-1")), prompt).await.unwrap_err();
        assert_eq!(failure.rejection().unwrap().reason, reason);
        assert_eq!(studio.models[0].calls(), 0);
        let record = studio.store.record("32/generated_images/requests/m-1.json").unwrap();
        assert_eq!(record.status, Status::Rejected);
        assert_eq!(record.correlation_id, "c-1");
        assert_eq!(record.rejection.unwrap().reason, reason);
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_prompt_s_own_faults_are_final() {
    for (prompt, permanent) in [("filtered", true), ("invalid", true), ("refused", false)] {
        let studio = studio();
        let failure = produce_as(&studio, Some(&id("m-1")), prompt).await.unwrap_err();
        assert_eq!(failure.rejection().is_some(), permanent, "{failure}");
        assert_eq!(studio.models[0].calls(), 1);
        let status = studio.store.record("32/generated_images/requests/m-1.json").unwrap().status;
        assert_eq!(status, if permanent { Status::Rejected } else { Status::Queued });
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_cannot_be_recorded_is_not_final() {
    let studio = studio();
    studio.store.refuse_after(1);
    let failure = produce_as(&studio, Some(&id("m-1")), "filtered").await.unwrap_err();
    assert!(matches!(failure, Failure::Store { .. }), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_model_is_asked_again() {
    let studio = studio();
    assert!(produce(&studio, "busy").await.is_ok());
    assert_eq!(studio.models[0].calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_passing_fault_of_the_bucket_does_not_draw_twice() {
    let studio = studio();
    studio.store.fail_next(2);
    assert!(produce(&studio, "a moon").await.is_ok());
    assert_eq!(studio.models[0].calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_picture_outlives_a_bucket_that_fails_for_as_long_as_the_time_lasts() {
    let studio = studio();
    studio.store.fail_next(8);
    assert!(produce(&studio, "a moon").await.is_ok());
    assert_eq!(studio.models[0].calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lasting_fault_of_the_bucket_is_reported_with_its_cause() {
    let studio = studio();
    studio.store.fail_next(u32::MAX);
    let failure = produce(&studio, "a moon").await.unwrap_err();
    assert!(matches!(failure, Failure::Store { attempts: 6.., .. }), "{failure}");
    assert_eq!(studio.models[0].calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_model_costs_one_attempt() {
    let mut studio = studio();
    studio.model_timeout = Duration::from_secs(7);
    let kept = produce(&studio, "silent once").await;
    assert!(kept.is_ok(), "{kept:?}");
    assert_eq!(studio.models[0].calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_model_is_left_when_the_time_is_up() {
    let mut studio = studio();
    studio.model_timeout = Duration::from_secs(60);
    let failure = produce_as(&studio, Some(&id("m-1")), "hang").await.unwrap_err();
    assert_eq!(failure, Failure::OutOfTime { doing: "drawing", cause: None, attempts: 1 });
    // Time remains to release the claim: another delivery may draw at once.
    assert_eq!(studio.store.record("32/generated_images/requests/m-1.json").unwrap().status, Status::Queued);
}

#[tokio::test(start_paused = true)]
async fn a_picture_drawn_in_the_last_moment_is_stored() {
    let mut studio = studio();
    studio.model_timeout = Duration::from_secs(60);
    studio.models[0].takes(Duration::from_millis(17_900));
    studio.store.fail_next(2);
    let kept = produce(&studio, "a moon").await;
    assert!(kept.is_ok(), "{kept:?}");
}
