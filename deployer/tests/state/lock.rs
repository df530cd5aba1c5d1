//! The lease, over a server whose clock and failures the test controls.

use std::sync::Mutex;
use std::time::Duration;

use deployer::state::{LockInfo, StateError};
use tokio::time::{Instant, sleep};

use crate::memory::{Fault, Server};
use crate::{LOCK, held, holder, over};

fn lock_of(server: &Server) -> LockInfo {
    serde_json::from_slice(&server.bytes(LOCK).expect("a lock")).expect("a lock's JSON")
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_never_runs_out() {
    let server = Server::new();
    let lease = held(&over(server.link()), "ada").await;
    sleep(Duration::from_secs(305)).await;
    assert!(!*lease.watch_loss().borrow());
    assert_eq!((lock_of(&server).id.as_str(), lock_of(&server).renewals), (lease.id(), 30));
    let refused = over(server.link()).lock(&holder("bob"), Duration::ZERO, &|_| {}).await.err();
    let Some(StateError::Locked(locked)) = refused else { panic!("{refused:?}") };
    assert_eq!((locked.who.as_str(), locked.run_url.as_deref()), ("ada", Some("https://ci.example/run/7")));
    assert!((20..=31).contains(&locked.ends_in_s), "{locked:?}");
    lease.release().await.expect("its own lock");
    assert!(server.bytes(LOCK).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_dead_runs_lock_is_taken_over_when_its_lease_has_run_out() {
    let server = Server::new();
    drop(held(&over(server.link()), "ada").await);
    let began = Instant::now();
    let heard = Mutex::new(Vec::new());
    let notice = |text: &str| heard.lock().unwrap().push(text.to_owned());
    let store = over(server.link());
    let lease = store.lock(&holder("bob"), Duration::from_secs(60), &notice).await.expect("it heals by itself");
    let waited = began.elapsed().as_secs();
    assert!((30..=33).contains(&waited), "{waited}");
    assert_eq!(lock_of(&server).id, lease.id());
    let heard = heard.into_inner().unwrap();
    assert_eq!(heard.len(), 2, "one notice to wait, one to take over: {heard:?}");
    assert!(heard[0].starts_with("waiting:") && heard[0].contains("ada on ci-7"), "{heard:?}");
    assert!(heard[1].starts_with("taking over the lock of ada"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_renew_stops_before_another_may_start() {
    let server = Server::new();
    let link = server.link();
    let lease = held(&over(link.clone()), "ada").await;
    let began = Instant::now();
    link.cut(true);
    let successor = tokio::spawn({
        let store = over(server.link());
        async move { (store.lock(&holder("bob"), Duration::from_secs(60), &|_| {}).await, Instant::now()) }
    });
    lease.watch_loss().wait_for(|lost| *lost).await.expect("it is told");
    let lost_after = began.elapsed();
    let (successor, taken_at) = successor.await.expect("no panic");
    let successor = successor.expect("the lock heals");
    assert!(lost_after <= Duration::from_secs(20), "{lost_after:?}");
    assert!(taken_at - began >= Duration::from_secs(30), "{:?}", taken_at - began);
    link.cut(false);
    lease.release().await.expect("not its lock any more");
    assert_eq!(lock_of(&server).id, successor.id(), "a successor's lock stays");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_missed_some_renewals_goes_on() {
    let server = Server::new();
    let link = server.link();
    let lease = held(&over(link.clone()), "ada").await;
    sleep(Duration::from_secs(9)).await;
    link.cut(true);
    sleep(Duration::from_secs(5)).await;
    link.cut(false);
    sleep(Duration::from_secs(60)).await;
    assert!(!*lease.watch_loss().borrow());
    assert_eq!(lock_of(&server).id, lease.id());
}

#[tokio::test(start_paused = true)]
async fn a_lock_whose_answer_was_lost_is_recognised_as_its_own() {
    for fault in [Fault::Echo, Fault::Unanswered] {
        let server = Server::new();
        let link = server.link();
        link.fail(LOCK, fault);
        let lease = held(&over(link), "ada").await;
        sleep(Duration::from_secs(60)).await;
        assert!(!*lease.watch_loss().borrow(), "{fault:?}");
        lease.release().await.expect("its own lock");
        assert!(server.bytes(LOCK).is_none(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_never_arrived_is_an_error() {
    let link = Server::new().link();
    link.fail(LOCK, Fault::Unreachable);
    let error = over(link).lock(&holder("ada"), Duration::ZERO, &|_| {}).await.err().expect("not held");
    assert_eq!(error.code(), "state::unreachable");
}

#[tokio::test(start_paused = true)]
async fn a_takeover_whose_answer_was_lost_is_recognised_as_its_own() {
    let server = Server::new();
    drop(held(&over(server.link()), "ada").await);
    sleep(Duration::from_secs(40)).await;
    let link = server.link();
    // The first fault is for the attempt to create the lock, which conflicts anyway.
    link.fail(LOCK, Fault::Echo);
    link.fail(LOCK, Fault::Echo);
    let lease = held(&over(link), "bob").await;
    assert_eq!(lock_of(&server).id, lease.id());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_was_lost_keeps_the_lease() {
    for fault in [Fault::Echo, Fault::Unanswered] {
        let server = Server::new();
        let link = server.link();
        let lease = held(&over(link.clone()), "ada").await;
        link.fail(LOCK, fault);
        sleep(Duration::from_secs(100)).await;
        assert!(!*lease.watch_loss().borrow(), "{fault:?}");
        lease.release().await.expect("its own lock");
        assert!(server.bytes(LOCK).is_none(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_whose_answer_was_lost_is_a_release() {
    let server = Server::new();
    let link = server.link();
    let lease = held(&over(link.clone()), "ada").await;
    link.fail("delete couch.json.lock", Fault::Echo);
    lease.release().await.expect("released");
    assert!(server.bytes(LOCK).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lock_removed_by_hand_stops_the_run_that_held_it() {
    let server = Server::new();
    let store = over(server.link());
    let lease = held(&store, "ada").await;
    let wrong = store.force_unlock("somebody-else").await.expect_err("not that lock");
    assert_eq!(wrong.code(), "state::locked");
    assert!(store.force_unlock(lease.id()).await.expect("removed"));
    let successor = held(&store, "bob").await;
    let began = Instant::now();
    lease.watch_loss().wait_for(|lost| *lost).await.expect("it is told");
    assert!(began.elapsed() <= Duration::from_secs(11));
    lease.release().await.expect("nothing of its own is left");
    assert_eq!(lock_of(&server).id, successor.id());
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_cannot_be_read_holds_until_it_runs_out() {
    let server = Server::new();
    server.set(LOCK, b"{\"id\": ");
    let store = over(server.link());
    let refused = store.lock(&holder("bob"), Duration::from_secs(5), &|_| {}).await.err();
    assert!(matches!(refused, Some(StateError::Locked(_))), "{refused:?}");
    store.lock(&holder("bob"), Duration::from_secs(60), &|_| {}).await.expect("it runs out");
}

#[tokio::test(start_paused = true)]
async fn one_of_many_takes_an_expired_lock() {
    let server = Server::new();
    drop(held(&over(server.link()), "ada").await);
    sleep(Duration::from_secs(40)).await;
    let tries = (0..20).map(|_| {
        let store = over(server.link());
        async move { store.lock(&holder("bob"), Duration::ZERO, &|_| {}).await }
    });
    let leases: Vec<_> = futures::future::join_all(tries).await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(leases.len(), 1);
}

/// Tries to take a lock whose holder keeps renewing; returns how long it tried.
async fn tried_in_vain(timeout: Duration) -> Duration {
    let server = Server::new();
    let _lease = held(&over(server.link()), "ada").await;
    let began = Instant::now();
    let refused = over(server.link()).lock(&holder("bob"), timeout, &|_| {}).await.err();
    assert!(matches!(refused, Some(StateError::Locked(_))), "{refused:?}");
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_tried_for_until_the_whole_timeout_is_over() {
    for seconds in [0.0, 0.4, 1.0, 2.5, 3.0] {
        let tried = tried_in_vain(Duration::from_secs_f64(seconds)).await.as_secs_f64();
        assert!((seconds..seconds + 0.2).contains(&tried), "{seconds} s: gave up after {tried} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_released_within_the_timeout_is_taken() {
    let server = Server::new();
    let lease = held(&over(server.link()), "ada").await;
    let store = over(server.link());
    let who = holder("bob");
    let waiting = store.lock(&who, Duration::from_secs(1), &|_| {});
    let released = async {
        sleep(Duration::from_millis(500)).await;
        lease.release().await
    };
    let (taken, released) = tokio::join!(waiting, released);
    released.expect("its own lock");
    assert_eq!(lock_of(&server).id, taken.expect("it is free in time").id());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_want_the_lock_any_more_gets_what_was_on_its_way_and_waits_no_longer() {
    let server = Server::new();
    let began = Instant::now();
    let lease = over(server.link()).lock_unless(async {}, &holder("ada"), Duration::from_secs(60), &|_| {}).await;
    let lease = lease.expect("its request had been sent");
    let refused = over(server.link()).lock_unless(async {}, &holder("bob"), Duration::from_secs(60), &|_| {}).await;
    assert_eq!(refused.err().map(|error| error.code()), Some("run::interrupted"));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    lease.release().await.expect("its own lock");
    assert!(server.bytes(LOCK).is_none());
}
