//! Commands that compute no desired value, while variables have no values.

use deployer::execute::Stop;
use deployer::pipeline::{self, Request, Settings};
use deployer::plan::Goal;
use deployer::report::progress::Preparation;
use deployer::report::terminal::{Terminal, Wishes};

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;
use crate::operate::{ECHO, log, zip_of};

/// Every name of a queue and the function needs `prefix`; values of other properties need `api_key` and `mail`.
const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars:
  prefix: { required: true }
  memory: { required: true }
  api_key: { required: true, secret: true }
  mail: { required: true, secret: true }
  bearer: \"Bearer ${vars.api_key}\"
functions:
  worker:
    zip: worker.zip
    name: \"${vars.prefix}-worker\"
    memory_size: \"${vars.memory}\"
    environment: { API_KEY: \"${vars.bearer}\" }
queues:
  orders: { name: \"${vars.prefix}-orders\", redrive: { max_receive_count: 3 } }
  spare: {}
topics:
  alarms: { subscriptions: [ { email: \"${vars.mail}\" } ] }
outputs:
  queue_url: \"${queues.orders.url}\"
  header: \"${vars.bearer}\"
";
const SECRET: &str = "a-key-that-nobody-guesses";
const MAIL: &str = "someone@example.org";

/// Runs a command with a value for every variable.
fn given(bench: &Bench, arguments: &[&str]) -> RunOutput {
    let mut command = bench.command(arguments);
    command.env("DEPLOYER_VAR_prefix", "mine").env("DEPLOYER_VAR_memory", "256");
    command.env("DEPLOYER_VAR_api_key", SECRET).env("DEPLOYER_VAR_mail", MAIL);
    RunOutput::of(command.output().expect("the binary runs"))
}

async fn applied() -> Bench {
    let bench = Bench::new(STACK).await;
    std::fs::write(bench.path().join("worker.zip"), zip_of(ECHO)).expect("a file");
    let ran = given(&bench, &["apply", "-y"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    bench
}

#[tokio::test]
async fn logs_and_trace_need_no_variable() {
    let bench = applied().await;
    log(&bench, "/aws/lambda/mine-worker", &[(1_000, "it began, id 4711")]).await;
    assert!(bench.ok(&["logs"]).contains("it began"));
    assert!(bench.ok(&["logs", "worker"]).contains("it began"));
    assert!(bench.ok(&["trace", "4711"]).contains("it began"));
}

#[tokio::test]
async fn invoke_needs_no_variable() {
    let bench = applied().await;
    assert!(bench.ok(&["invoke", "worker", "{\"n\": 7}"]).contains('7'));
}

#[tokio::test]
async fn rollback_needs_no_variable() {
    let bench = applied().await;
    let listed = bench.ok(&["rollback", "--list"]);
    assert!(listed.contains("functions.worker"), "{listed}");
    let ran = bench.fails(&["rollback", "worker", "-y"]);
    assert!(!ran.stderr.contains("missing-variable") && ran.stderr.contains("functions.worker"), "{ran}");
}

#[tokio::test]
async fn queue_needs_no_variable() {
    let bench = applied().await;
    let sqs = &bench.aws.clients.sqs;
    let dead =
        sqs.get_queue_url().queue_name("mine-orders-dlq").send().await.expect("a queue").queue_url.expect("a URL");
    sqs.send_message().queue_url(dead).message_body("it failed").send().await.expect("a message");
    assert!(bench.ok(&["queue", "peek", "orders"]).contains("it failed"));
    let ran = bench.fails(&["queue", "redrive", "orders", "-y"]);
    assert!(ran.to_string().contains("CouldNotDetermineMessageSource"), "it was not moved there by SQS: {ran}");
    bench.ok(&["queue", "purge", "orders", "--main", "-y"]);
}

#[tokio::test]
async fn status_and_drift_take_names_and_values_from_the_state() {
    let bench = applied().await;
    let ran = bench.run(&["status", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let status = ran.lines().remove(0);
    for row in status["resources"].as_array().expect("a list") {
        let state = row["status"].as_str().expect("a word");
        assert!(matches!(state, "ok" | "attention"), "{row:#}");
    }
    for address in [
        "functions.worker",
        "queues.orders",
        "queues.orders.dead_letter",
        "topics.alarms.subscription[email:vars.mail]",
    ] {
        assert!(ran.stdout.contains(&format!("\"{address}\"")), "{address}: {ran}");
    }
    let ran = bench.run(&["drift"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(
        ran.stderr.contains("not set: `api_key`, `mail`, `memory`, `prefix`; 3 elements are taken from the state"),
        "{ran}"
    );
    let lambda = &bench.aws.clients.lambda;
    let variables = aws_sdk_lambda::types::Environment::builder().variables("API_KEY", "another-secret-of-somebody");
    let update = lambda.update_function_configuration().function_name("mine-worker").environment(variables.build());
    update.send().await.expect("Lambda takes it");
    let ran = bench.run(&["drift"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stdout.contains("environment") && !ran.to_string().contains("another-secret"), "{ran}");
}

#[tokio::test]
async fn output_state_and_env_need_no_variable() {
    let bench = applied().await;
    assert!(bench.ok(&["output", "queue_url"]).contains("mine-orders"));
    let hidden = bench.fails(&["output", "header"]);
    assert!(hidden.stderr.contains("output::secret"), "{hidden}");
    assert!(bench.ok(&["state", "list"]).contains("mine-worker"));
    let shown = bench.ok(&["state", "show", "functions.worker"]);
    assert!(shown.contains("mine-worker") && !shown.contains(SECRET), "{shown}");
    bench.ok(&["state", "history"]);
    let ran = given(&bench, &["apply", "-y", "--env", "pr-7"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(bench.ok(&["env", "list"]).contains("pr-7"));
    bench.ok(&["env", "destroy", "pr-7", "-y"]);
    assert!(!bench.ok(&["env", "list"]).contains("pr-7"));
}

#[tokio::test]
async fn graph_and_iam_need_no_variable_beyond_names_and_types() {
    let bench = applied().await;
    let typed = bench.fails(&["graph"]);
    assert!(typed.stderr.contains("`functions.worker`") && typed.stderr.contains("`memory`"), "{typed}");
    let drawn = bench.ok(&["graph", "--var", "memory=256"]);
    assert!(drawn.contains("worker") && drawn.contains("orders") && !drawn.contains('\u{e000}'), "{drawn}");
    for task in ["plan", "apply", "destroy", "rollback"] {
        let nameless = bench.fails(&["iam", task]);
        assert!(nameless.stderr.contains("stack::missing-variable"), "{nameless}");
        let policy = bench.ok(&["iam", task, "--with-state"]);
        assert!(policy.contains("mine-worker") && !policy.contains('\u{e000}'), "{policy}");
        let whole = given(&bench, &["iam", task, "--with-state"]);
        assert_eq!(policy, whole.stdout, "{task}");
    }
}

#[tokio::test]
async fn destroy_needs_no_variable_and_leaves_nothing() {
    let bench = applied().await;
    bench.ok(&["destroy", "-y"]);
    let rest: Vec<_> = inventory(&bench.aws).await.into_iter().filter(|name| name.contains("mine")).collect();
    assert_eq!(rest, [""; 0]);
    assert_eq!(bench.ok(&["state", "list"]).matches("functions.worker").count(), 0);
}

#[tokio::test]
async fn destroy_keeps_an_element_whose_protection_or_owner_is_unknown() {
    let with =
        |spare: &str| STACK.replace("spare: {}", spare).replace("vars:\n", "vars:\n  keep: { required: true }\n");
    let bench = Bench::new(&with("spare: {}")).await;
    std::fs::write(bench.path().join("worker.zip"), zip_of(ECHO)).expect("a file");
    let ran = given(&bench, &["apply", "-y", "--var", "keep=false"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    for spare in [
        "spare: { protect: \"${vars.keep}\" }",
        "spare: { external: \"${vars.keep}\" }",
        "spare: { external: true, name: \"${vars.keep}-spare\" }",
        "spare: { protect: true, delay_seconds: \"${vars.keep}\" }",
    ] {
        bench.write("stack.yaml", &with(spare));
        bench.run(&["destroy", "-y"]);
        let found = bench.aws.clients.sqs.get_queue_url().queue_name("shop-spare").send().await;
        found.unwrap_or_else(|_| panic!("{spare}: it is deleted"));
    }
}

#[tokio::test]
async fn a_name_that_neither_state_nor_stack_gives_is_an_error_that_names_the_variable() {
    let bench = Bench::new(STACK).await;
    let before = inventory(&bench.aws).await;
    for arguments in [
        &["logs"][..],
        &["logs", "worker"],
        &["invoke", "worker"],
        &["rollback", "worker", "-y"],
        &["queue", "peek", "orders"],
        &["queue", "purge", "orders", "--main", "-y"],
    ] {
        let ran = bench.fails(arguments);
        let element = if arguments[0] == "queue" { "`queues.orders`" } else { "`functions.worker`" };
        assert!(
            ran.stderr.contains("stack::missing-variable") && ran.stderr.contains("`prefix`"),
            "{arguments:?}: {ran}"
        );
        assert!(ran.stderr.contains(element), "{arguments:?}: {ran}");
        assert!(!ran.stderr.contains("from the state"), "the state has nothing: {ran}");
    }
    for arguments in [
        &["plan"][..],
        &["apply", "-y"],
        &["validate"],
        &["adopt", "queues.spare", "-y"],
        &["apply", "--refresh-only", "-y"],
    ] {
        let ran = bench.fails(arguments);
        assert!(ran.stderr.contains("the variable `prefix` is not set"), "{arguments:?}: {ran}");
    }
    assert_eq!(inventory(&bench.aws).await, before);
}

#[tokio::test]
async fn the_place_of_the_state_needs_its_variables() {
    let bench = Bench::without_bucket("stack: shop\nregion: eu-west-1\nvars: { b: { required: true } }\nstate: { bucket: \"${vars.b}\", key: k }\nqueues: { q: {} }\n").await;
    let ran = bench.fails(&["state", "list"]);
    assert!(ran.stderr.contains("`state` needs the variable `b`, which is not set"), "{ran}");
}

#[tokio::test]
async fn a_plan_with_unknown_variables_is_never_carried_out() {
    let bench = applied().await;
    let mut settings = Settings::of(bench.path().join("stack.yaml"), || "2026-01-01T00:00:00Z".to_owned());
    settings.inputs.accept_missing = true;
    let (_signal, stop): (_, Stop) = tokio::sync::watch::channel(0);
    for goal in [Goal::Apply, Goal::Refresh] {
        let loaded = pipeline::load(&settings).map_err(|failure| failure.findings).expect("a stack");
        let progress = Preparation::new(Terminal::new(&Wishes::default()));
        let request = Request { settings: &settings, goal: &goal, hold: true, progress: &progress, stop: &stop };
        let refused = pipeline::prepare(loaded, &request).await.err().expect("it refuses");
        assert_eq!(refused.findings.0[0].code, "deployer::internal");
    }
}
