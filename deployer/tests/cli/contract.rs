//! The contract with scripts: exit codes, streams, JSON and variables.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::bench::{Bench, RunOutput, changes};
use crate::catalog::inventory;

pub const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars: { seconds: 30s }
queues:
  orders: { visibility_timeout: \"${vars.seconds}\" }
  spare: {}
alarms:
  deep:
    namespace: AWS/SQS
    metric_name: ApproximateNumberOfMessagesVisible
    dimensions: { QueueName: \"${queues.orders.name}\" }
    statistic: Maximum
    comparison_operator: GreaterThanThreshold
    threshold: 30
    period: 60s
    evaluation_periods: 1
outputs: { queue_url: \"${queues.orders.url}\", queue_arn: \"${queues.orders.arn}\" }
";

/// Returns the keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Asserts that an object has all keys in `wanted`.
#[track_caller]
fn has(value: &Value, wanted: &[&str]) {
    for key in wanted {
        assert!(value.get(key).is_some(), "{key} in {value:#}");
    }
}

/// Returns the only error on stdout, with every key that the contract names.
#[track_caller]
fn error(ran: &RunOutput) -> Value {
    let lines = ran.lines();
    assert_eq!(lines.len(), 1, "{ran}");
    assert_eq!(lines[0]["type"], "error", "{ran}");
    has(&lines[0], &["type", "code", "message", "file", "line", "column", "help"]);
    lines[0].clone()
}

#[tokio::test]
async fn exit_codes_of_plan_apply_and_drift() {
    let bench = Bench::new(STACK).await;
    assert_eq!(bench.run(&["plan", "-y"]).code, Some(0));
    assert_eq!(bench.run(&["plan", "--detailed-exitcode"]).code, Some(2));
    assert_eq!(bench.run(&["drift"]).code, Some(0));
    assert_eq!(bench.run(&["apply", "-y", "--detailed-exitcode"]).code, Some(0), "nothing is pending any more");
    assert_eq!(bench.run(&["plan", "--detailed-exitcode"]).code, Some(0));
    assert_eq!(bench.run(&["apply", "-y", "--detailed-exitcode"]).code, Some(0));
    bench.aws.clients.cloudwatch.delete_alarms().alarm_names("shop-deep").send().await.unwrap();
    let drift = bench.run(&["drift"]);
    assert_eq!(drift.code, Some(2), "{drift}");
    assert!(drift.stdout.contains("! alarms.deep was deleted outside"), "{drift}");
    let drift = bench.run(&["drift", "--json"]);
    assert_eq!((drift.code, &drift.lines()[0]["drift"][0]["address"]), (Some(2), &json!("alarms.deep")));
}

#[tokio::test]
async fn usage_errors_exit_with_1_and_help_with_0() {
    let bench = Bench::without_bucket(STACK).await;
    for arguments in [
        &[][..],
        &["no-such-verb"],
        &["plan", "--no-such-option"],
        &["plan", "--parallelism", "none"],
        &["plan", "--lock-timeout", "soon"],
        &["plan", "-v", "-q"],
        &["plan", "--var", "unknown=1"],
        &["plan", "--var", "no-value"],
        &["plan", "--var-file", "none.yaml"],
        &["plan", "-f", "none.yaml"],
        &["plan", "-C", "none"],
    ] {
        let ran = bench.fails(arguments);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
    assert!(bench.ok(&["--help"]).contains("apply"));
    assert!(bench.ok(&["--version"]).starts_with("deployer "));
}

#[tokio::test]
async fn without_a_terminal_apply_and_destroy_ask_for_auto_approve_at_once() {
    let bench = Bench::without_bucket(STACK).await;
    let ran = bench.fails(&["apply"]);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("--auto-approve"), "{ran}");
    for verb in ["apply", "destroy"] {
        let json = error(&bench.fails(&[verb, "--json"]));
        assert_eq!(json["code"], "run::approval-needed");
    }
}

#[tokio::test]
async fn without_a_terminal_destroy_shows_what_it_would_delete_and_deletes_nothing() {
    let bench = Bench::new(STACK).await;
    bench.apply();
    let before = (inventory(&bench.aws).await, bench.state().await);
    let shown = bench.ok(&["plan", "--destroy"]);
    assert!(shown.starts_with(&format!("shop · eu-west-1 · {}\n\n", bench.aws.place.account)), "{shown}");
    let refused = bench.fails(&["destroy"]);
    let plan =
        |text: &str| text.lines().filter(|line| !line.contains(" reads in ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(plan(&refused.stdout), plan(&shown));
    assert!(refused.stderr.contains("run::approval-needed") && refused.stderr.contains("--auto-approve"), "{refused}");
    assert_eq!((inventory(&bench.aws).await, bench.state().await), before);
    assert!(bench.lock().await.is_none());
    let json: serde_json::Value = serde_json::from_str(&bench.ok(&["plan", "--destroy", "--json"])).expect("an object");
    let deleted = json["actions"].as_array().expect("actions").iter().all(|action| action["action"] == "delete");
    assert!(deleted && json["env"].is_null() && json["local"] == false, "{json:#}");
    assert_eq!(bench.fails(&["plan", "--destroy", "--out", "x"]).stdout, "");
}

#[tokio::test]
async fn plan_as_json_has_every_key_of_the_contract() {
    let bench = Bench::new(STACK).await;
    bench.apply();
    bench.write(
        "stack.yaml",
        &STACK.replace("threshold: 30", "threshold: 40").replace("  spare: {}\n", "  other: {}\n"),
    );
    bench.aws.clients.cloudwatch.delete_alarms().alarm_names("shop-deep").send().await.unwrap();
    let ran = bench.run(&["plan", "--json"]);
    assert_eq!(ran.lines().len(), 1, "one object on one line: {ran}");
    let plan = &ran.lines()[0];
    has(
        plan,
        &[
            "format_version",
            "stack",
            "region",
            "account",
            "env",
            "local",
            "summary",
            "actions",
            "drift",
            "reads",
            "waves",
            "seconds",
        ],
    );
    assert_eq!(plan["format_version"], 1);
    assert_eq!((&plan["stack"], &plan["region"]), (&json!("shop"), &json!("eu-west-1")));
    assert_eq!(plan["account"], bench.aws.place.account.as_str());
    assert_eq!(keys(&plan["summary"]), ["adopt", "create", "delete", "replace", "unchanged", "update", "widen"]);
    assert_eq!(
        plan["summary"],
        json!({"adopt": 0, "create": 2, "delete": 1, "replace": 0, "unchanged": 1, "update": 0, "widen": 0})
    );
    for action in plan["actions"].as_array().unwrap() {
        has(action, &["address", "kind", "action", "physical_id", "reason", "changes"]);
        let known = ["create", "update", "replace", "delete", "adopt", "unchanged"];
        assert!(known.contains(&action["action"].as_str().unwrap()), "{action:#}");
        for change in action["changes"].as_array().unwrap() {
            assert_eq!(
                keys(change),
                ["after", "before", "forces_replacement", "known", "path", "sensitive"],
                "{action:#}"
            );
        }
    }
    assert_eq!(plan["drift"][0]["address"], "alarms.deep");
    assert!(plan["reads"].as_u64().unwrap() >= 4 && plan["waves"].as_u64() == Some(1), "{plan:#}");
}

#[tokio::test]
async fn apply_and_destroy_as_json_are_lines_with_a_version_first_and_a_summary_last() {
    let bench = Bench::new(STACK).await;
    for (verb, action, count) in [("apply", "create", 3), ("destroy", "delete", 3)] {
        let ran = bench.run(&[verb, "-y", "--json"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let lines = ran.lines();
        let (first, last) = (&lines[0], &lines[lines.len() - 1]);
        assert_eq!((&first["type"], &first["command"]), (&json!("version"), &json!(verb)));
        for step in ["action_started", "action_done"] {
            let steps: Vec<_> = lines.iter().filter(|line| line["type"] == step).collect();
            assert_eq!(steps.len(), count, "{ran}");
            assert!(steps.iter().all(|line| line["action"] == action && line["address"].is_string()), "{ran}");
        }
        has(last, &["type", "result", "done", "failed", "not_started", "outputs"]);
        assert_eq!((&last["type"], &last["result"]), (&json!("summary"), &json!("ok")));
        assert_eq!(last["done"].as_array().unwrap().len(), count);
        assert_eq!((&last["failed"], &last["not_started"]), (&json!([]), &json!([])));
        let outputs = if verb == "apply" { vec!["queue_arn", "queue_url"] } else { vec![] };
        assert_eq!(keys(&last["outputs"]), outputs, "{ran}");
    }
}

#[tokio::test]
async fn errors_as_json_have_code_place_and_help() {
    let bench = Bench::without_bucket(&STACK.replace("visibility_timeout", "visibility_timout")).await;
    for verb in [&["validate", "--json"][..], &["plan", "--json"], &["apply", "-y", "--json"], &["output", "--json"]] {
        let ran = bench.fails(verb);
        let error = error(&ran);
        assert_eq!(error["code"], "stack::unknown-property", "{ran}");
        assert_eq!((&error["line"], &error["column"]), (&json!(7), &json!(13)), "{ran}");
        assert!(error["file"].as_str().unwrap().ends_with("stack.yaml"), "{ran}");
        assert!(error["help"].as_str().unwrap().contains("visibility_timeout"), "{ran}");
        assert_eq!(ran.stderr, "");
    }
}

#[tokio::test]
async fn data_goes_to_stdout_and_talk_to_stderr() {
    let bench = Bench::new(STACK).await;
    let plan = bench.run(&["plan"]);
    assert!(plan.stdout.contains("+ queues.orders") && plan.stderr.is_empty(), "{plan}");
    let apply = bench.run(&["apply", "-y"]);
    assert!(apply.stdout.contains("Plan: 3 to create") && apply.stdout.contains("queue_url = http"), "{apply}");
    assert!(apply.stderr.contains("created queues.orders") && !apply.stdout.contains("created"), "{apply}");
    let quiet = bench.run(&["apply", "-y", "-q"]);
    assert!(quiet.stderr.is_empty() && quiet.stdout.contains("\n\nNo changes."), "{quiet}");
    let output = bench.run(&["output", "queue_arn"]);
    assert!(output.stderr.is_empty(), "{output}");
}

#[tokio::test]
async fn no_color_beats_force_color_and_a_pipe_has_none() {
    let bench = Bench::new(STACK).await;
    let coloured = |variables: &[(&str, &str)], arguments: &[&str]| {
        let output = bench.command(arguments).envs(variables.iter().copied()).output().expect("the binary runs");
        RunOutput::of(output).stdout.contains('\u{1b}')
    };
    assert!(!coloured(&[], &["plan"]));
    assert!(coloured(&[("FORCE_COLOR", "1")], &["plan"]));
    assert!(!coloured(&[("FORCE_COLOR", "1")], &["plan", "--no-color"]));
    assert!(!coloured(&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], &["plan"]));
    assert!(!coloured(&[("FORCE_COLOR", "1")], &["plan", "--json"]));
}

#[tokio::test]
async fn output_prints_the_bare_value_and_names_what_there_is() {
    let bench = Bench::new(STACK).await;
    let before = bench.fails(&["output", "queue_arn"]);
    assert!(before.stderr.contains("deployer apply"), "{before}");
    assert_eq!(bench.ok(&["output"]), "");
    bench.apply();
    let arn = format!("arn:aws:sqs:eu-west-1:{}:shop-orders", bench.aws.place.account);
    assert_eq!(bench.ok(&["output", "queue_arn"]), format!("{arn}\n"));
    assert_eq!(bench.ok(&["output", "queue_arn", "--json"]), format!("\"{arn}\"\n"));
    let all: Value = serde_json::from_str(&bench.ok(&["output", "--json"])).unwrap();
    assert_eq!(keys(&all), ["queue_arn", "queue_url"]);
    assert!(bench.ok(&["output"]).starts_with(&format!("queue_arn = {arn}\n")));
    let unknown = bench.fails(&["output", "queue_arm"]);
    assert!(unknown.stderr.contains("output::unknown") && unknown.stderr.contains("queue_arn"), "{unknown}");
    assert_eq!(unknown.stdout, "");
}

#[tokio::test]
async fn the_command_line_beats_the_environment_beats_files_beats_defaults() {
    let bench = Bench::new(STACK).await;
    bench.write("a.yaml", "seconds: 41s\n");
    bench.write("b.json", "{\"seconds\": \"42s\"}");
    let timeout = |variable: Option<&str>, arguments: &[&str]| {
        let mut command = bench.command(&["plan", "--json"]);
        command.args(arguments).envs(variable.map(|value| ("DEPLOYER_VAR_seconds", value)));
        let ran = RunOutput::of(command.output().expect("the binary runs"));
        let plan = ran.lines().remove(0);
        let actions = plan["actions"].as_array().unwrap_or_else(|| panic!("{ran}")).clone();
        let queue = actions.iter().find(|action| action["address"] == "queues.orders").unwrap().clone();
        let change = queue["changes"].as_array().unwrap().iter().find(|c| c["path"] == "visibility_timeout").cloned();
        change.unwrap()["after"].as_u64().unwrap()
    };
    assert_eq!(timeout(None, &[]), 30);
    assert_eq!(timeout(None, &["--var-file", "a.yaml"]), 41);
    assert_eq!(timeout(None, &["--var-file", "a.yaml", "--var-file", "b.json"]), 42);
    assert_eq!(timeout(Some("43s"), &[]), 43);
    assert_eq!(timeout(Some("43s"), &["--var", "seconds=44s", "--var-file", "a.yaml"]), 44);
    assert_eq!(timeout(None, &["--var", "seconds=44s", "--var", "seconds=45s"]), 45);
}

#[tokio::test]
async fn another_directory_is_worked_in() {
    let bench = Bench::new(STACK).await;
    std::fs::create_dir(bench.path().join("inner")).expect("a directory");
    bench.write("inner/stack.yaml", &STACK.replace("state: { bucket: BUCKET, key: shop.json }\n", ""));
    bench.ok(&["apply", "-y", "-C", "inner"]);
    assert!(bench.path().join("inner/.deployer/state/shop.json").exists());
    let from_outside = bench.ok(&["plan", "-f", "inner/stack.yaml"]);
    assert!(from_outside.contains("\n\nNo changes."), "{from_outside}");
}

#[tokio::test]
async fn target_exclude_and_replace_choose() {
    let bench = Bench::new(STACK).await;
    let planned = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["plan", "--json"].iter().chain(arguments).copied().collect();
        let mut planned = changes(&serde_json::from_str(&bench.ok(&arguments)).unwrap());
        planned.sort();
        planned
    };
    assert_eq!(planned(&["--target", "queues.spare"]), ["create queues.spare"]);
    assert_eq!(planned(&["--target", "alarms.deep"]), ["create alarms.deep", "create queues.orders"]);
    assert_eq!(planned(&["--exclude", "queues.orders"]), ["create queues.spare"]);
    bench.ok(&["apply", "-y", "--target", "queues.spare"]);
    assert_eq!(inventory(&bench.aws).await.len(), 1);
    assert_eq!(planned(&[]), ["create alarms.deep", "create queues.orders"]);
    bench.apply();
    assert_eq!(planned(&["--replace", "queues.orders"]), ["replace queues.orders"]);
    bench.ok(&["apply", "-y", "--replace", "queues.orders"]);
    bench.settled();
    bench.ok(&["destroy", "-y", "--target", "queues.spare"]);
    assert_eq!(planned(&[]), ["create queues.spare"]);
    bench.ok(&["destroy", "-y", "--exclude", "queues.orders"]);
    let left = inventory(&bench.aws).await;
    assert!(left.contains("queue shop-orders"), "{left:?}");
    let unknown = bench.fails(&["plan", "--target", "queues.order"]);
    assert!(unknown.stderr.contains("plan::unknown-address") && unknown.stderr.contains("queues.orders"), "{unknown}");
}

#[tokio::test]
async fn a_closed_pipe_is_no_panic() {
    let bench = Bench::new(STACK).await;
    let mut child = bench.command(&["plan"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran = RunOutput::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(ran.stderr, "", "{ran}");
}

#[tokio::test]
async fn output_that_cannot_be_written_is_an_error_after_the_work_is_done() {
    let bench = Bench::new(STACK).await;
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").expect("a full device"));
    for arguments in [&["apply", "-y"][..], &["apply", "-y", "--json"], &["output"], &["plan", "--json"], &["--help"]] {
        let output = bench.command(arguments).stdout(full()).output().expect("the binary runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(arguments == ["--help"] || stderr.contains("run::unwritten"), "{arguments:?}: {stderr}");
    }
    assert_eq!(bench.run(&["plan", "--detailed-exitcode"]).code, Some(0), "the first apply made all");
    bench.write("stack.yaml", &STACK.replace("visibility_timeout", "visibility_timout"));
    let output = bench.command(&["apply", "-y", "--json"]).stdout(full()).output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("stack::unknown-property") && stderr.contains("run::unwritten"), "{stderr}");
    assert!(!stderr.contains("is done"), "{stderr}");
}

#[tokio::test]
async fn a_function_whose_code_is_unchanged_is_replaced_on_request() {
    let bench = Bench::new(&STACK.replace("outputs:", "functions: { worker: { zip: worker.zip } }\noutputs:")).await;
    bench.apply();
    bench.ok(&["apply", "-y", "--replace", "functions.worker"]);
    bench.settled();
}

#[tokio::test]
async fn secrets_never_leave_the_process() {
    const SECRET: &str = "hunter2-correct-horse";
    let stack = STACK
        .replace("vars: { seconds: 30s }", "vars: { seconds: 30s, token: { required: true, secret: true } }")
        .replace(
            "outputs:",
            "functions:\n  worker: { zip: worker.zip, environment: { TOKEN: \"${vars.token}\" } }\noutputs:",
        );
    let bench = Bench::new(&stack).await;
    for arguments in [
        &["plan"][..],
        &["plan", "--json"],
        &["apply", "-y", "--json", "-v"],
        &["plan", "-v"],
        &["apply", "-y"],
        &["output"],
        &["drift"],
    ] {
        let output = bench.command(arguments).env("DEPLOYER_VAR_token", SECRET).output().expect("the binary runs");
        let ran = RunOutput::of(output);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran}");
        assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET), "{arguments:?}: {ran}");
    }
    let state = bench.state().await.unwrap().to_string();
    assert!(state.contains("functions.worker") && !state.contains(SECRET), "{state}");
}
