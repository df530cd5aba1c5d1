//! Subscriptions whose endpoint is a secret: kept, moved, replaced, and found again after a kill.

use std::process::Command;
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bench::{Bench, RunOutput, changes};
use crate::proxy::{Proxy, answer};

const SECRET: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars: { mail: { secret: true, required: true } }
topics: { news: { subscriptions: [ { email: \"${vars.mail}\" } ] } }
";
const NEWS: &str = "topics.news.subscription[email:vars.mail]";
const OPS: &str = "ops@couch.example.com";
const DEV: &str = "dev@sofa.example.com";

fn command(bench: &Bench, mail: &str, arguments: &[&str]) -> Command {
    let mut command = bench.command(arguments);
    command.env("DEPLOYER_VAR_mail", mail);
    command
}

/// Runs a command that must succeed and show no address.
#[track_caller]
fn ok(bench: &Bench, mail: &str, arguments: &[&str]) -> RunOutput {
    let ran = RunOutput::of(command(bench, mail, arguments).output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!said.contains("couch.example") && !said.contains("sofa.example"), "{arguments:?}: {ran}");
    ran
}

/// Lists endpoint and ARN of every subscription in the account.
async fn subscribed(bench: &Bench) -> Vec<(String, String)> {
    let listed = bench.aws.clients.sns.list_subscriptions().send().await.expect("a listing");
    let all = listed.subscriptions.unwrap_or_default().into_iter();
    let mut all: Vec<_> = all.filter_map(|seen| seen.endpoint.zip(seen.subscription_arn)).collect();
    all.sort();
    all
}

async fn state(bench: &Bench) -> String {
    bench.state().await.expect("a state").to_string()
}

#[tokio::test]
async fn an_endpoint_becomes_a_secret_and_another_value_without_being_confirmed_twice() {
    let bench = Bench::new(&SECRET.replace("secret: true, ", "")).await;
    let ran = RunOutput::of(command(&bench, OPS, &["apply", "-y"]).output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
    let first = subscribed(&bench).await;
    assert_eq!(first[0].0, OPS);
    assert!(state(&bench).await.contains(OPS));

    bench.write("stack.yaml", SECRET);
    let plan = ok(&bench, OPS, &["plan"]);
    assert!(plan.stdout.contains("renamed from topics.news.subscription[email:(sensitive)]"), "{plan}");
    assert!(plan.stdout.contains("its earlier versions keep it"), "{plan}");
    let applied = ok(&bench, OPS, &["apply", "-y"]);
    assert!(applied.stderr.contains(", 0 writes)"), "{applied}");
    assert_eq!(subscribed(&bench).await, first, "nobody has to confirm again");
    let kept = state(&bench).await;
    assert!(kept.contains(NEWS) && !kept.contains("couch.example"), "{kept}");
    assert!(ok(&bench, OPS, &["plan"]).stdout.contains("\n\nNo changes."));

    let plan: Value = serde_json::from_str(&ok(&bench, DEV, &["plan", "--json"]).stdout).expect("JSON");
    assert_eq!(changes(&plan), [format!("replace {NEWS}")]);
    ok(&bench, DEV, &["apply", "-y"]);
    let second = subscribed(&bench).await;
    assert_eq!((second.len(), second[0].0.as_str()), (1, DEV), "{second:?}");
    let kept = state(&bench).await;
    assert!(!kept.contains("couch.example") && !kept.contains("sofa.example"), "{kept}");
    assert!(ok(&bench, DEV, &["plan"]).stdout.contains("\n\nNo changes."));

    let arn = &second[0].1;
    bench.aws.clients.sns.unsubscribe().subscription_arn(arn).send().await.expect("somebody unsubscribes");
    let plan = ok(&bench, DEV, &["plan"]);
    assert!(plan.stdout.contains("was deleted outside"), "{plan}");
    ok(&bench, DEV, &["apply", "-y"]);
    bench.write("stack.yaml", &SECRET.replace("{ subscriptions: [ { email: \"${vars.mail}\" } ] }", "{}"));
    ok(&bench, OPS, &["apply", "-y"]);
    assert_eq!(subscribed(&bench).await, [], "it is found although its address is known no more");
}

/// Kills a run after it has called Subscribe and before it writes the state.
async fn killed_after_subscribe(bench: &Bench) {
    let (pid, told) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(false)));
    let (child, seen) = (pid.clone(), told.clone());
    let proxy = Proxy::in_stead(&crate::common::cloud().endpoint_url, move |sent| {
        let mut told = seen.lock().unwrap();
        *told |= sent.contains("Action=Subscribe");
        let writes = *told && sent.starts_with("PUT ") && sent.lines().next()?.contains("shop.json");
        writes.then(|| {
            let pid = child.lock().unwrap().expect("it runs");
            kill_process(pid, Signal::KILL).expect("it lives until now");
            answer(500, "application/xml", b"<Error/>")
        })
    });
    let mut started = {
        // The answer waits until the process to kill is known.
        let mut running = pid.lock().unwrap();
        let mut command = command(bench, OPS, &["apply", "-y"]);
        let started = command.env("AWS_ENDPOINT_URL", &proxy.url).spawn().expect("it starts");
        *running = Pid::from_raw(started.id().cast_signed());
        started
    };
    assert_eq!(started.wait().expect("it ends").code(), None, "it was killed");
    bench.delete_object("shop.json.lock").await;
    let kept = state(bench).await;
    assert!(kept.contains("\"intents\"") && kept.contains(NEWS), "{kept}");
    assert!(!kept.contains("couch.example"), "{kept}");
}

#[tokio::test]
async fn what_a_killed_run_subscribed_is_taken_over_or_unsubscribed_by_the_next() {
    let bench = Bench::new(SECRET).await;
    killed_after_subscribe(&bench).await;
    let first = subscribed(&bench).await;
    assert_eq!(first.len(), 1);
    let plan = ok(&bench, OPS, &["plan"]);
    assert!(plan.stdout.contains("created by an interrupted run"), "{plan}");
    ok(&bench, OPS, &["apply", "-y"]);
    assert_eq!(subscribed(&bench).await, first);
    assert!(ok(&bench, OPS, &["plan"]).stdout.contains("\n\nNo changes."));

    let bench = Bench::new(SECRET).await;
    killed_after_subscribe(&bench).await;
    ok(&bench, DEV, &["apply", "-y"]);
    let left = subscribed(&bench).await;
    assert_eq!((left.len(), left[0].0.as_str()), (1, DEV), "the other one is found by its fingerprint: {left:?}");
    assert!(ok(&bench, DEV, &["plan"]).stdout.contains("\n\nNo changes."));
    let kept = state(&bench).await;
    assert!(!kept.contains("couch.example") && !kept.contains("sofa.example"), "{kept}");
}
