//! Tests of the daily limit.

use super::*;

fn limited(most: u32) -> FakeStudio {
    let mut studio = studio();
    studio.daily_limit = Some(DailyLimit::of(most));
    studio
}

#[tokio::test(start_paused = true)]
async fn no_more_pictures_are_drawn_a_day_than_allowed() {
    let studio = limited(2);
    assert!(produce(&studio, "a moon").await.is_ok());
    assert!(produce(&studio, "a moon").await.is_ok());
    let failure = produce_as(&studio, Some(&id("m-1")), "a moon").await.unwrap_err();
    assert!(matches!(failure, Failure::LimitReached { .. }), "{failure}");
    assert_eq!(studio.models[0].calls(), 2);
    // The next day, drawing continues.
    tokio::time::sleep(failure.wait(studio.clock.now()).unwrap()).await;
    assert!(produce_as(&studio, Some(&id("m-1")), "a moon").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn many_at_once_do_not_draw_more_than_allowed() {
    let studio = limited(5);
    let all = futures::future::join_all((0..20).map(|_| produce(&studio, "a moon"))).await;
    assert_eq!(all.iter().filter(|kept| kept.is_ok()).count(), 5);
    assert_eq!(studio.models[0].calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_do_not_keep_each_other_from_being_counted() {
    let studio = limited(1_000);
    let all = futures::future::join_all((0..200).map(|_| produce(&studio, "a moon"))).await;
    assert!(all.iter().all(Result::is_ok), "{:?}", all.iter().find(|kept| kept.is_err()));
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_was_not_drawn_is_not_counted() {
    let studio = limited(1);
    assert!(produce(&studio, "refused").await.is_err());
    assert!(produce(&studio, "a moon").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_paid_and_draws_nothing_spends_the_days_limit() {
    for paid in ["no picture", "hang"] {
        let studio = limited(1);
        assert!(produce(&studio, paid).await.is_err());
        let failure = produce(&studio, "a moon").await.unwrap_err();
        assert!(matches!(failure, Failure::LimitReached { .. }), "{paid}: {failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_prompt_is_not_counted() {
    let studio = limited(1);
    assert!(produce(&studio, " ").await.is_err());
    assert!(produce(&studio, "a moon").await.is_ok());
}
