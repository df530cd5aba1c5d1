//! The journal: writing the state while a plan is carried out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deployer::state::{Journal, Objects, RescuePlace, StateError, Store};
use tokio::time::sleep;

use crate::memory::{Fault, Link, Server};
use crate::{KEY, held, names, over, with_queue};

/// Creates a store whose state has one queue.
async fn begun(server: &Arc<Server>) -> (Arc<Link>, Store) {
    let link = server.link();
    let store = over(link.clone());
    let lease = held(&store, "seed").await;
    let snapshot = store.read().await.expect("readable");
    store.journal(&snapshot, &lease).commit(&with_queue(&snapshot.state, "first")).await.expect("written");
    lease.release().await.expect("released");
    (link, store)
}

#[tokio::test(start_paused = true)]
async fn a_hundred_notes_before_a_write_are_one_write_and_the_last_one_wins() {
    let server = Server::new();
    let (_, store) = begun(&server).await;
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    let before = server.writes(KEY);
    let mut state = snapshot.state.clone();
    for n in 0..100 {
        state = with_queue(&state, &format!("q{n:03}"));
        journal.note(&state);
    }
    journal.finish().await.expect("written");
    let writes = server.writes(KEY) - before;
    assert_eq!(writes, 1);
    let read = store.read().await.expect("readable").state;
    assert!(read.says_the_same(&state));
    assert_eq!(read.serial, snapshot.state.serial + writes as u64);
}

#[tokio::test(start_paused = true)]
async fn a_commit_overtakes_what_was_noted_before_it() {
    let server = Server::new();
    let (_, store) = begun(&server).await;
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    journal.note(&with_queue(&snapshot.state, "noted"));
    let last = with_queue(&snapshot.state, "committed");
    journal.commit(&last).await.expect("written");
    sleep(Duration::from_secs(1)).await;
    assert!(store.read().await.expect("readable").state.says_the_same(&last));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_changes_nothing_writes_nothing() {
    let server = Server::new();
    let (_, store) = begun(&server).await;
    let keys = server.link().list("").await.expect("listed");
    let before = server.writes(KEY);
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    journal.commit(&snapshot.state).await.expect("nothing to do");
    journal.note(&snapshot.state);
    journal.finish().await.expect("nothing to do");
    lease.release().await.expect("released");
    assert_eq!(server.writes(KEY), before);
    assert_eq!(server.link().list("").await.expect("listed"), keys, "neither a version nor a lock is left");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_recognised_as_its_own() {
    let server = Server::new();
    let (link, store) = begun(&server).await;
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    link.fail(KEY, Fault::Echo);
    let second = with_queue(&snapshot.state, "second");
    journal.commit(&second).await.expect("its own write");
    journal.commit(&with_queue(&second, "third")).await.expect("it goes on from there");
    assert!(!*lease.watch_loss().borrow());
    let read = store.read().await.expect("readable").state;
    assert_eq!(names(&read), ["queues.first", "queues.second", "queues.third"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_arrived_unanswered_does_not_fence_the_next_one() {
    let server = Server::new();
    let (link, store) = begun(&server).await;
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    link.fail(KEY, Fault::Unanswered);
    let second = with_queue(&snapshot.state, "second");
    assert_eq!(journal.commit(&second).await.expect_err("no answer").code(), "state::unreachable");
    // This is the state stored before the lost write: it must be written nevertheless.
    journal.commit(&snapshot.state).await.expect("it goes on from there");
    let read = store.read().await.expect("readable").state;
    assert_eq!((names(&read), read.serial), (vec!["queues.first"], snapshot.state.serial + 2));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_overtaken_is_fenced_and_writes_nothing_more() {
    let server = Server::new();
    let (_, store) = begun(&server).await;
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    // Writes as another run that ignores the lock.
    let other = with_queue(&snapshot.state, "other");
    store.journal(&snapshot, &lease).commit(&other).await.expect("written");
    let written = server.bytes(KEY);
    for _ in 0..2 {
        let error = journal.commit(&with_queue(&snapshot.state, "mine")).await.expect_err("fenced");
        assert!(matches!(error, StateError::Fenced { .. }), "{error}");
    }
    assert!(*lease.watch_loss().borrow(), "nothing more is begun in AWS");
    journal.finish().await.expect("nothing was written");
    assert_eq!(server.bytes(KEY), written);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_lock_was_taken_over_leaves_the_state_to_its_successor() {
    let server = Server::new();
    let (_, store) = begun(&server).await;
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    store.force_unlock(lease.id()).await.expect("removed");
    lease.watch_loss().wait_for(|lost| *lost).await.expect("it is told");
    let written = server.bytes(KEY);
    let error = journal.commit(&with_queue(&snapshot.state, "late")).await.expect_err("fenced");
    assert_eq!((error.code(), server.bytes(KEY)), ("state::fenced", written));
}

/// Ends a run whose last write did not reach the server.
async fn cut_off(link: &Link, store: &Store, with: &str) -> StateError {
    let lease = held(store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    journal.commit(&snapshot.state).await.expect("nothing to do yet");
    link.cut(true);
    let error = journal.commit(&with_queue(&snapshot.state, with)).await.expect_err("no way");
    link.cut(false);
    lease.release().await.expect("released");
    error
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_saved_is_picked_up_by_the_next_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::new();
    let (link, store) = begun(&server).await;
    let store = store.with_rescue(rescue_in(directory.path()));
    let error = cut_off(&link, &store, "second").await;
    let StateError::Rescued { rescue, cause } = &error else { panic!("{error}") };
    assert_eq!((error.code(), cause.code()), ("state::rescued", "state::unreachable"));
    assert!(rescue.exists() && error.to_string().contains(&*rescue.to_string_lossy()));

    let snapshot = store.read().await.expect("readable");
    assert_eq!(names(&snapshot.state), ["queues.first", "queues.second"]);
    assert!(snapshot.notice.as_deref().is_some_and(|n| n.contains(&*rescue.to_string_lossy())));
    assert!(rescue.exists(), "reading removes nothing");

    let lease = held(&store, "bob").await;
    store.journal(&snapshot, &lease).commit(&snapshot.state).await.expect("saved in its place");
    assert!(!rescue.exists());
    let saved = store.read().await.expect("readable");
    assert_eq!((names(&saved.state).len(), saved.notice), (2, None));
}

fn rescue_in(directory: &Path) -> RescuePlace {
    RescuePlace { directory: directory.join("rescue"), key: Some(directory.join("own/rescue.key")) }
}

#[tokio::test(start_paused = true)]
async fn a_rescue_file_that_somebody_else_wrote_is_not_believed() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::new();
    let (link, store) = begun(&server).await;
    let here = store.clone().with_rescue(rescue_in(directory.path()));
    let StateError::Rescued { rescue, .. } = cut_off(&link, &here, "second").await else { panic!("rescued") };
    let left_alone = async |store: &Store| {
        let read = store.read().await.expect("readable");
        assert_eq!(names(&read.state), ["queues.first"]);
        let notice = read.notice.expect("a word");
        assert!(notice.contains("not written by this user") && notice.contains(&*rescue.to_string_lossy()), "{notice}");
        assert!(rescue.exists());
    };
    // The file came with the code to another machine, which may have its own key.
    let key = directory.path().join("elsewhere/rescue.key");
    let elsewhere = store.with_rescue(RescuePlace { key: Some(key.clone()), ..rescue_in(directory.path()) });
    left_alone(&elsewhere).await;
    std::fs::create_dir(key.parent().expect("a parent")).expect("a directory");
    std::fs::write(&key, [7; 32]).expect("a key");
    left_alone(&elsewhere).await;
    // Somebody changed the file.
    let text = std::fs::read_to_string(&rescue).expect("a file");
    std::fs::write(&rescue, text.replace("queues.second", "queues.payments")).expect("a file");
    left_alone(&here).await;
}

#[tokio::test(start_paused = true)]
async fn a_rescue_file_of_an_earlier_version_is_explained_and_stays_until_somebody_takes_it_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::new();
    let (link, store) = begun(&server).await;
    let store = store.with_rescue(rescue_in(directory.path()));
    let StateError::Rescued { rescue, .. } = cut_off(&link, &store, "second").await else { panic!("rescued") };
    let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&rescue).expect("a file")).expect("JSON");
    file.as_object_mut().and_then(|file| file.remove("seal")).expect("a seal");
    std::fs::write(&rescue, file.to_string()).expect("a file");

    let snapshot = store.read().await.expect("readable");
    assert_eq!(names(&snapshot.state), ["queues.first"], "not believed");
    let notice = snapshot.notice.clone().expect("a word");
    assert!(notice.contains("it has no seal, so an earlier version") && !notice.contains("this user"), "{notice}");
    assert!(notice.contains("put its member `state` in the place of the state"), "{notice}");

    let lease = held(&store, "bob").await;
    store.journal(&snapshot, &lease).commit(&with_queue(&snapshot.state, "other")).await.expect("written");
    assert!(rescue.exists(), "a file that was not believed is not deleted");
    assert_eq!(store.read().await.expect("readable").notice, None, "and is out of date by now");
}

#[tokio::test(start_paused = true)]
async fn a_rescue_file_is_out_of_date_once_another_run_has_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::new();
    let (link, store) = begun(&server).await;
    let here = store.clone().with_rescue(rescue_in(directory.path()));
    cut_off(&link, &here, "second").await;
    let elsewhere = over(server.link());
    let lease = held(&elsewhere, "bob").await;
    let snapshot = elsewhere.read().await.expect("readable");
    elsewhere.journal(&snapshot, &lease).commit(&with_queue(&snapshot.state, "other")).await.expect("written");
    let read = here.read().await.expect("readable");
    assert_eq!((names(&read.state), read.notice), (vec!["queues.first", "queues.other"], None));
}

#[tokio::test(start_paused = true)]
async fn a_rescue_file_follows_a_write_that_arrived_unanswered() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::new();
    let (link, store) = begun(&server).await;
    let store = store.with_rescue(rescue_in(directory.path()));
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    journal.commit(&snapshot.state).await.expect("nothing to do yet");
    link.fail(KEY, Fault::Unanswered);
    let second = with_queue(&snapshot.state, "second");
    journal.commit(&second).await.expect_err("no answer");
    link.cut(true);
    journal.commit(&with_queue(&second, "third")).await.expect_err("no way");
    link.cut(false);
    let read = store.read().await.expect("readable");
    assert_eq!(names(&read.state), ["queues.first", "queues.second", "queues.third"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_could_not_begin_leaves_no_rescue_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::new();
    let (link, store) = begun(&server).await;
    let store = store.with_rescue(rescue_in(directory.path()));
    let lease = held(&store, "ada").await;
    let snapshot = store.read().await.expect("readable");
    let journal = store.journal(&snapshot, &lease);
    link.fail(KEY, Fault::Unreachable);
    let error = journal.commit(&with_queue(&snapshot.state, "intent")).await.expect_err("no way");
    assert_eq!((error.code(), files(directory.path())), ("state::unreachable", 0));
}
