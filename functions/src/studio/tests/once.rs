//! Tests of a prompt that is delivered more than once.

use super::*;

const RECORD: &str = "32/generated_images/requests/m-1.json";

#[tokio::test(start_paused = true)]
async fn a_second_delivery_finds_the_picture_of_the_first() {
    let studio = studio();
    let id = id("m-1");
    let first = produce_as(&studio, Some(&id), "a moon").await.unwrap();
    let second = produce_as(&studio, Some(&id), "a moon").await.unwrap();
    assert_eq!(first.picture, second.picture);
    assert!(second.found);
    assert_eq!(studio.models[0].calls(), 1);
    assert_eq!(studio.store.pictures(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_deliveries_at_the_same_moment_are_drawn_once() {
    let studio = studio();
    studio.models[0].takes(Duration::from_secs(3));
    let id = id("m-1");
    let both = tokio::join!(produce_as(&studio, Some(&id), "a moon"), produce_as(&studio, Some(&id), "a moon"));
    let ((Ok(_), Err(Failure::Busy { until })) | (Err(Failure::Busy { until }), Ok(_))) = both else {
        panic!("{both:?}")
    };
    assert!(until > studio.clock.now());
    assert_eq!(studio.models[0].calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_respected_and_ends_whatever_the_clock_of_its_host_says() {
    for ahead in [false, true] {
        let mut studio = studio();
        studio.models[0].takes(Duration::from_secs(3));
        let id = id("m-1");
        let killed = tokio::time::timeout(Duration::from_secs(1), produce_as(&studio, Some(&id), "a moon")).await;
        assert!(killed.is_err());
        let (now, begun) = (studio.clock.now(), Instant::now());
        let skew = Duration::from_secs(600);
        let shown = if ahead { now + skew } else { now - skew };
        studio.clock = Clock::of(move || shown + begun.elapsed());
        let busy = produce_as(&studio, Some(&id), "a moon").await.unwrap_err();
        assert!(matches!(busy, Failure::Busy { .. }), "{busy}");
        let wait = busy.wait(studio.clock.now()).unwrap();
        assert!(wait < Duration::from_secs(60), "{wait:?}");
        tokio::time::sleep(wait).await;
        produce_as(&studio, Some(&id), "a moon").await.unwrap();
        assert_eq!(studio.models[0].calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_a_process_that_died_ends_by_itself() {
    let studio = studio();
    let id = id("m-1");
    // The future is dropped while the model draws, as if the process had been killed.
    let killed = tokio::time::timeout(Duration::from_secs(5), produce_as(&studio, Some(&id), "hang")).await;
    assert!(killed.is_err());
    let busy = produce_as(&studio, Some(&id), "hang").await.unwrap_err();
    let wait = busy.wait(studio.clock.now()).unwrap();
    assert!(wait < Duration::from_secs(25), "{wait:?}");
    assert_eq!(studio.store.record(RECORD).unwrap().status, Status::Drawing);
    tokio::time::sleep(wait).await;
    let again = produce_as(&studio, Some(&id), "hang").await.unwrap_err();
    assert!(matches!(again, Failure::OutOfTime { .. } | Failure::Model { .. }), "{again}");
    assert!(studio.models[0].calls() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_picture_whose_record_was_not_written_is_found_and_not_drawn_again() {
    let studio = studio();
    let id = id("m-1");
    // Claim and picture are written, but the record of the picture is not.
    studio.store.refuse_after(2);
    assert!(produce_as(&studio, Some(&id), "a moon").await.is_err());
    assert_eq!(studio.store.pictures(), 1);
    studio.store.refuse_after(u32::MAX);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let kept = produce_as(&studio, Some(&id), "a moon").await.unwrap();
    assert!(kept.found);
    assert_eq!(studio.models[0].calls(), 1);
    assert_eq!(studio.store.record(RECORD).unwrap().status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_bucket_that_was_lost_does_not_block_its_own_claim() {
    let studio = studio();
    studio.store.lose_next_answer();
    let kept = produce_as(&studio, Some(&id("m-1")), "a moon").await;
    assert!(kept.is_ok(), "{kept:?}");
    assert_eq!(studio.models[0].calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_was_stored_and_cannot_be_seen_is_not_stored_under_another_key() {
    let studio = studio();
    studio.store.lose_next_answer();
    studio.store.hide_next_picture();
    let kept = produce_as(&studio, None, "a moon").await;
    assert!(kept.is_ok(), "{kept:?}");
    assert_eq!(studio.store.pictures(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_prompt_is_not_sent_to_the_model_again() {
    let studio = studio();
    let id = id("m-1");
    for _ in 0..3 {
        let failure = produce_as(&studio, Some(&id), "filtered").await.unwrap_err();
        assert_eq!(failure.rejection().unwrap().reason, Reason::Filtered);
    }
    assert_eq!(studio.models[0].calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_whose_claim_was_taken_over_is_not_final() {
    let studio = studio();
    studio.models[0].takes(Duration::from_secs(3));
    let id = id("m-1");
    let take_over = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let found = studio.store.read(RECORD).await.unwrap().unwrap();
        let mut record: crate::records::Record = serde_json::from_slice(&found.body).unwrap();
        record.claim.as_mut().unwrap().token = "another".into();
        let body = serde_json::to_vec(&record).unwrap();
        studio.store.write(RECORD, body, &crate::store::Condition::Unchanged(found.version)).await.unwrap().unwrap();
    };
    let (outcome, ()) = tokio::join!(produce_as(&studio, Some(&id), "filtered"), take_over);
    assert!(matches!(outcome, Err(Failure::Store { cause: StoreError::Contended(_), .. })), "{outcome:?}");
    assert_eq!(studio.store.record(RECORD).unwrap().status, Status::Drawing);
}

#[tokio::test(start_paused = true)]
async fn another_prompt_under_the_same_id_is_refused() {
    let studio = studio();
    let id = id("m-1");
    produce_as(&studio, Some(&id), "a moon").await.unwrap();
    assert_eq!(produce_as(&studio, Some(&id), "a sun").await, Err(Failure::OtherPrompt));
}

#[tokio::test(start_paused = true)]
async fn another_id_s_picture_under_the_same_key_is_not_overwritten() {
    let studio = studio();
    let id = id("m-1");
    let taken = studio.key(&id, 0);
    studio.store.occupy(&taken, "somebody-else");
    let kept = produce_as(&studio, Some(&id), "a moon").await.unwrap();
    assert_eq!(kept.picture.key, studio.key(&id, 1));
    assert_eq!(studio.store.picture(&taken).unwrap().picture_id, "somebody-else");
    assert_eq!(studio.models[0].calls(), 1);
    // The same sequence of seeds is used when the message is delivered again.
    assert_eq!(produce_as(&studio, Some(&id), "a moon").await.unwrap().picture, kept.picture);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_keeps_the_message() {
    let studio = studio();
    let absent = crate::store::Condition::Absent;
    studio.store.write(RECORD, b"not json".to_vec(), &absent).await.unwrap();
    let failure = produce_as(&studio, Some(&id("m-1")), "a moon").await.unwrap_err();
    assert!(matches!(failure, Failure::Store { cause: StoreError::Unreadable(_), .. }), "{failure}");
    assert_eq!(studio.models[0].calls(), 0);
}
