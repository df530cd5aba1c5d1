//! The end of the worker.

use super::*;
use crate::records::Status;

fn record(studio: &FakeStudio) -> Status {
    studio.store.record("32/generated_images/requests/m-0.json").unwrap().status
}

#[tokio::test(start_paused = true)]
async fn work_under_way_is_finished_and_nothing_more_is_received() {
    let (studio, queue) = (slow(10), FakeQueue::of(&["a moon"; 3]));
    let begun = Instant::now();
    let (counts, log) = run(&studio, &queue, &settings(2), seconds(4)).await;
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(counts, Counts { received: 2, over: 2, again: 0, left: 0 });
    assert_eq!(queue.left(), [("m-2".to_owned(), 0)]);
    assert_eq!(lines(&log, "stopping")[0]["under_way"], 2);
    assert_eq!(lines(&log, "stopped")[0]["over"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_work_ends_with_its_call_or_with_the_grace() {
    for (grace_s, took_s) in [(25, 20), (3, 7)] {
        let settings = Polling { stop_grace: Duration::from_secs(grace_s), ..settings(2) };
        let begun = Instant::now();
        run(&slow(1), &FakeQueue::default(), &settings, seconds(4)).await;
        assert_eq!(begun.elapsed().as_secs(), took_s);
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_grace_another_worker_may_draw_at_once() {
    let (studio, queue) = (slow(100), FakeQueue::of(&["a moon"]));
    let begun = Instant::now();
    let (counts, log) = run(&studio, &queue, &settings(2), seconds(4)).await;
    assert_eq!(begun.elapsed().as_secs(), 4 + 25);
    assert_eq!(counts, Counts { received: 1, over: 0, again: 1, left: 0 });
    assert_eq!(queue.left(), [("m-0".to_owned(), 0)]);
    assert_eq!(record(&studio), Status::Queued);
    assert_eq!(lines(&log, "interrupted, to be delivered again").len(), 1);

    studio.models[0].takes(Duration::from_secs(1));
    let (counts, _) = run(&studio, &queue, &settings(2), seconds(2)).await;
    assert_eq!(counts.over, 1);
    assert_eq!(record(&studio), Status::Done);
}

#[tokio::test(start_paused = true)]
async fn without_a_grace_work_is_given_back_at_once() {
    let (studio, queue) = (slow(100), FakeQueue::of(&["a moon"]));
    let settings = Polling { stop_grace: Duration::ZERO, ..settings(2) };
    let begun = Instant::now();
    run(&studio, &queue, &settings, seconds(4)).await;
    assert_eq!(begun.elapsed().as_secs(), 4);
    assert_eq!(queue.left(), [("m-0".to_owned(), 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_in_the_last_moment_is_given_back() {
    let (studio, queue) = (slow(1), FakeQueue::default());
    let script = async {
        seconds(4).await;
        queue.send("a moon");
    };
    let (counts, log) = run(&studio, &queue, &settings(2), script).await;
    assert_eq!(counts.received, 0);
    assert_eq!(queue.left(), [("m-0".to_owned(), 0)]);
    assert_eq!(queue.delivered.borrow().len(), 1);
    assert_eq!(lines(&log, "received too late").len(), 1);
    assert_eq!(studio.models[0].calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_while_others_are_finished_is_given_back_at_once() {
    let (studio, queue) = (slow(10), FakeQueue::of(&["a moon"]));
    let late = async {
        seconds(7).await;
        queue.send("a moon");
    };
    let settings = settings(2);
    let ((counts, _), ()) = tokio::join!(run(&studio, &queue, &settings, seconds(4)), late);
    assert_eq!((counts.received, counts.over), (1, 1));
    assert_eq!(queue.left(), [("m-1".to_owned(), 0)]);
    assert_eq!(studio.models[0].calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_answer_does_not_hold_the_end() {
    let (studio, queue) = (slow(100), FakeQueue::of(&["a moon"]));
    queue.hide_fails.set(true);
    let begun = Instant::now();
    run(&studio, &queue, &settings(2), seconds(4)).await;
    assert!(begun.elapsed() < Duration::from_secs(4 + 30), "{:?}", begun.elapsed());
    // The claim, at least, is released.
    assert_eq!(record(&studio), Status::Queued);
}
