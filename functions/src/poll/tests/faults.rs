//! Faults of the queue, a model or a bucket.

use super::*;
use crate::aws::AwsFailure;

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_queue_is_told_once_and_waited_for() {
    let (studio, queue) = (slow(1), FakeQueue::of(&["a moon"]));
    queue.receive_faults.replace(vec![fault("QueueDoesNotExist"); 6]);
    let (counts, log) = run(&studio, &queue, &settings(2), seconds(90)).await;
    assert_eq!(counts.over, 1);
    let told = lines(&log, "the queue does not answer");
    assert_eq!(told.len(), 1);
    assert!(told[0]["error"].as_str().unwrap().contains("QueueDoesNotExist"), "{told:?}");
    assert_eq!(lines(&log, "the queue answers again")[0]["faults"], 6);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stays_away_is_asked_twice_a_minute() {
    let (studio, queue) = (slow(1), FakeQueue::default());
    let lost = AwsFailure { transport: true, ..AwsFailure::default() };
    queue.receive_faults.replace(vec![lost; 1_000]);
    let (_, log) = run(&studio, &queue, &settings(2), seconds(3_600)).await;
    assert!((120..=260).contains(&queue.calls.get()), "{}", queue.calls.get());
    assert_eq!(lines(&log, "the queue does not answer").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn deleting_is_tried_again() {
    let (studio, queue) = (slow(1), FakeQueue::of(&["a moon"]));
    queue.delete_faults.set(3);
    run(&studio, &queue, &settings(2), seconds(10)).await;
    assert_eq!(queue.left(), []);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_could_not_be_deleted_comes_again_and_draws_nothing() {
    let (studio, queue) = (slow(1), FakeQueue::of(&["a moon"]));
    queue.delete_faults.set(5);
    let (counts, log) = run(&studio, &queue, &settings(2), seconds(200)).await;
    assert_eq!((counts.received, counts.over), (2, 2));
    assert_eq!(lines(&log, "not deleted").len(), 1);
    assert_eq!(studio.models[0].calls(), 1);
    assert_eq!(queue.left(), []);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_refuses_the_account_does_not_empty_the_queue() {
    let (studio, queue) = (slow(0), FakeQueue::of(&["refused"; 100]));
    let (_, log) = run(&studio, &queue, &settings(1), seconds(600)).await;
    let deliveries = queue.delivered.borrow().len();
    assert!((10..=13).contains(&deliveries), "{deliveries}");
    assert_eq!(queue.left().len(), 100);
    assert_eq!(lines(&log, "nothing is drawn, one message a minute").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_replies_without_pictures_is_not_paid_for_the_whole_queue() {
    let (studio, queue) = (slow(0), FakeQueue::of(&["no picture"; 100]));
    let (_, log) = run(&studio, &queue, &settings(1), seconds(600)).await;
    assert!((10..=13).contains(&studio.models[0].calls()), "{}", studio.models[0].calls());
    assert_eq!(queue.left().len(), 100);
    assert_eq!(lines(&log, "nothing is drawn, one message a minute").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_picture_drawn_lets_the_others_through_again() {
    let (studio, queue) = (slow(0), FakeQueue::of(&["refused"; 3]));
    let script = async {
        seconds(30).await;
        (0..20).for_each(|_| queue.send("a moon"));
        seconds(300).await;
    };
    let (_, log) = run(&studio, &queue, &settings(3), script).await;
    assert_eq!(studio.store.pictures(), 20);
    assert!(!lines(&log, "pictures are drawn again").is_empty());
}

#[tokio::test(start_paused = true)]
async fn prompts_that_are_refused_for_their_own_sake_slow_nothing_down() {
    let (studio, queue) = (slow(0), FakeQueue::of(&["filtered"; 20]));
    run(&studio, &queue, &settings(1), seconds(5)).await;
    assert_eq!(queue.left(), []);
}

#[tokio::test(start_paused = true)]
async fn at_the_day_s_limit_messages_stay_in_the_queue() {
    let (mut studio, queue) = (slow(0), FakeQueue::of(&["a moon"; 50]));
    studio.daily_limit = Some(crate::limit::DailyLimit::of(2));
    let (counts, log) = run(&studio, &queue, &settings(1), seconds(40 * 60)).await;
    assert_eq!(studio.store.pictures(), 2);
    assert_eq!(counts.received, 2 + 3);
    assert_eq!(queue.left().len(), 48);
    assert_eq!(lines(&log, "the limit of pictures of this day is reached, nothing").len(), 1);
}
