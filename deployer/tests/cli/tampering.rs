//! A state that others change, between runs and during one: it is never overwritten, and the change is always reported.

use std::io::{BufRead as _, BufReader};

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;
use crate::gate::Gateway;

const STACK: &str = "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\n\
                     queues: { a: {}, b: {}, c: {}, d: {} }\n";
const APPLY: &[&str] = &["apply", "-y", "--json", "--parallelism", "1", "--lease", "3s"];

/// A change to a valid state; `None` deletes it.
type Touch = fn(&str) -> Option<String>;

const TOUCHES: &[(&str, Touch, &str)] = &[
    ("truncated", |good| Some(good[..good.len() / 2].to_owned()), "state::damaged"),
    ("emptied", |_| Some(String::new()), "state::damaged"),
    ("no JSON", |good| Some(good.replacen('{', "(", 1)), "state::damaged"),
    ("newer", |good| Some(good.replace("\"format_version\": 1", "\"format_version\": 9")), "state::newer"),
    ("another stack's", |good| Some(good.replace("\"stack\": \"shop\"", "\"stack\": \"sofa\"")), "state::foreign"),
];

/// Edits that leave a complete state of this stack.
const EDITS: &[(&str, Touch)] = &[
    ("deleted", |_| None),
    ("changed lineage", |good| Some(good.replace("\"lineage\": \"", "\"lineage\": \"0"))),
    ("another serial", |good| Some(good.replace("\"serial\": ", "\"serial\": 7"))),
];

async fn put(bench: &Bench, touched: Option<&str>) {
    match touched {
        Some(text) => bench.put_object("shop.json", text.as_bytes()).await,
        None => bench.delete_object("shop.json").await,
    }
}

async fn good(bench: &Bench) -> String {
    String::from_utf8(bench.kept().await.expect("a state")).expect("UTF-8")
}

#[tokio::test]
async fn between_runs_what_is_not_a_whole_state_is_refused_and_left() {
    let bench = Bench::new(STACK).await;
    bench.apply();
    let state = good(&bench).await;
    for (what, touch, code) in TOUCHES {
        let touched = touch(&state).expect("a text");
        assert_ne!(touched, state, "{what}");
        put(&bench, Some(&touched)).await;
        for verb in [&["plan"] as &[&str], &["apply", "-y"], &["destroy", "-y"]] {
            let refused = bench.fails(verb);
            assert!(refused.stderr.contains(code), "{what}: {refused}");
        }
        assert_eq!(good(&bench).await, touched, "{what}");
        assert!(bench.lock().await.is_none(), "{what}");
    }
    assert_eq!(inventory(&bench.aws).await.len(), 4);
    put(&bench, Some(&state)).await;
    bench.settled();
}

#[tokio::test]
async fn between_runs_a_state_that_was_put_back_or_lost_is_gone_on_from() {
    let bench = Bench::new(STACK).await;
    bench.apply();
    let first = good(&bench).await;
    bench.write("stack.yaml", &STACK.replace("a: {}", "a: { visibility_timeout: 40 }"));
    bench.apply();
    let second = bench.state().await.unwrap();
    let lineage = |text: &str| text.replace(second["lineage"].as_str().unwrap(), &"ab".repeat(16));
    for (what, touched) in [("lost", None), ("put back", Some(first.clone())), ("lineage", Some(lineage(&first)))] {
        put(&bench, touched.as_deref()).await;
        bench.apply();
        bench.settled();
        assert_eq!(inventory(&bench.aws).await.len(), 4, "{what}");
        let state = bench.state().await.unwrap();
        assert_eq!(state["resources"].as_object().unwrap().len(), 4, "{what}");
        if what == "lost" {
            assert!(
                state["serial"].as_u64() > second["serial"].as_u64(),
                "kept versions keep their numbers: {state:#}"
            );
        }
        let newest = bench.ok(&["state", "history", "--json"]);
        assert!(newest.contains(&format!("\"serial\":{}", state["serial"])), "{what}: {newest}");
    }
}

/// Lets a run create one queue, changes the state, and lets the run continue.
async fn meanwhile(what: &str, touch: Touch) {
    let bench = Bench::new(STACK).await;
    let proxy = Gateway::start();
    proxy.hold_after("CreateQueue", 1);
    let mut child = bench.start_over(&proxy.endpoint_url, APPLY);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.contains("action_done")));
    proxy.await_held();
    let touched = touch(&good(&bench).await);
    put(&bench, touched.as_deref()).await;
    proxy.release();
    let rest: Vec<String> = lines.collect();
    let ran = RunOutput::of(child.wait_with_output().expect("the process ends"));
    assert_eq!(ran.code, Some(1), "{what}: {rest:?} {ran}");
    assert!(rest.iter().any(|line| line.contains("state::fenced")), "{what}: {rest:?} {ran}");
    let left = bench.kept().await.map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    assert_eq!(left, touched, "{what}: left as it was found");
    assert!(bench.lock().await.is_none(), "{what}");
    // Created resources are found again by their tags.
    bench.delete_object("shop.json").await;
    bench.apply();
    bench.settled();
    bench.ok(&["destroy", "-y"]);
    assert!(inventory(&bench.aws).await.is_empty(), "{what}");
}

#[tokio::test]
async fn while_a_run_goes_on_nobodys_change_of_the_state_is_overwritten() {
    for (what, touch, _) in TOUCHES {
        meanwhile(what, *touch).await;
    }
    for (what, touch) in EDITS {
        meanwhile(what, *touch).await;
    }
}

#[tokio::test]
async fn a_state_that_cannot_be_saved_at_the_end_waits_in_a_file_for_the_next_run() {
    let bench = Bench::new(STACK).await;
    let proxy = Gateway::start();
    proxy.hold_after("CreateQueue", 1);
    let mut child = bench.start_over(&proxy.endpoint_url, &["apply", "-y", "--json", "--parallelism", "1"]);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.contains("action_done")));
    proxy.await_held();
    // Somebody removes the permission to use the state's bucket.
    proxy.deny(&bench.bucket());
    proxy.let_go();
    let rest: Vec<String> = lines.collect();
    let ran = RunOutput::of(child.wait_with_output().expect("the process ends"));
    assert_eq!(ran.code, Some(1), "{rest:?} {ran}");
    assert!(rest.iter().any(|line| line.contains("state::rescued")), "{rest:?} {ran}");
    let rescue = bench.path().join(".deployer/rescue");
    assert_eq!(std::fs::read_dir(&rescue).expect("a directory").count(), 1);
    let next = bench.run(&["apply", "-y", "--lease", "3s"]);
    assert_eq!(next.code, Some(0), "{next}");
    assert!(next.stderr.contains("going on with what it kept in"), "{next}");
    assert_eq!(std::fs::read_dir(&rescue).expect("a directory").count(), 0);
    bench.settled();
}

#[tokio::test]
async fn a_run_whose_lock_is_removed_stops_and_the_next_one_need_not_wait() {
    let bench = Bench::new(STACK).await;
    let proxy = Gateway::start();
    proxy.hold_after("CreateQueue", 1);
    let mut child = bench.start_over(&proxy.endpoint_url, APPLY);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line.contains("action_done")));
    proxy.await_held();
    let wrong = bench.fails(&["state", "unlock", "somebody", "-y"]);
    assert!(wrong.stderr.contains("state::locked"), "{wrong}");
    bench.ok(&["state", "unlock", "-y"]);
    assert!(bench.lock().await.is_none());
    let next = bench.run(&["apply", "-y", "--lock-timeout", "0s"]);
    assert_eq!(next.code, Some(0), "{next}");
    let state = good(&bench).await;
    proxy.release();
    let rest: Vec<String> = lines.collect();
    let ran = RunOutput::of(child.wait_with_output().expect("the process ends"));
    assert_eq!(ran.code, Some(1), "{rest:?} {ran}");
    assert!(rest.iter().any(|line| line.contains("state::fenced")), "{rest:?} {ran}");
    assert_eq!(good(&bench).await, state);
    bench.settled();
    assert!(bench.ok(&["state", "unlock"]).is_empty(), "there is nothing to unlock, so nobody is asked");
}
