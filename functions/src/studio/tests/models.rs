//! Tests with several models.

use super::*;

fn two() -> FakeStudio {
    let mut studio = studio();
    studio.models.push(FakeModel::named("second-model"));
    studio
}

#[tokio::test(start_paused = true)]
async fn the_next_model_draws_when_the_first_refuses_the_function() {
    let studio = two();
    let kept = produce(&studio, "only the second").await.unwrap();
    assert_eq!(kept.picture.model_id, "second-model");
    assert_eq!((studio.models[0].calls(), studio.models[1].calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_next_model_is_not_asked_for_a_prompt_that_was_filtered() {
    let studio = two();
    assert!(produce(&studio, "filtered").await.unwrap_err().rejection().is_some());
    assert_eq!(studio.models[1].calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_model_with_another_behind_it_is_given_up_soon() {
    let studio = two();
    let failure = produce(&studio, "throttled").await.unwrap_err();
    assert!(matches!(failure, Failure::Model { cause: ModelError::Throttled(_), .. }), "{failure}");
    assert_eq!(studio.models[0].calls(), 2);
    assert!(studio.models[1].calls() > 2);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_too_long_for_the_first_model_goes_to_the_next() {
    let mut studio = two();
    studio.models[1].limit = 1_000;
    let kept = produce(&studio, &"x".repeat(500)).await.unwrap();
    assert_eq!(kept.picture.model_id, "second-model");
    assert_eq!(studio.models[0].calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_picture_is_found_after_the_model_was_changed() {
    let mut studio = two();
    let id = id("m-1");
    // Claim and picture are written, but the record of the picture is not.
    studio.store.refuse_after(2);
    assert!(produce_as(&studio, Some(&id), "a moon").await.is_err());
    studio.store.refuse_after(u32::MAX);
    studio.models.remove(0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(produce_as(&studio, Some(&id), "a moon").await.unwrap().found);
    assert_eq!(studio.models[0].calls(), 0);
}
