//! The rehearsal of an apply in a private local cloud.

use std::fs::DirEntry;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bench::{Bench, RunOutput, ready_zip};

const STACK: &str = r#"
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars: { secret: { default: "correct horse battery", secret: true }, timeout: 10s, topic: orders }
topics:
  events: { name: "${vars.topic}", subscriptions: [ { sqs: orders } ] }
queues:
  orders: { visibility_timeout: 60s, redrive: { max_receive_count: 5 } }
functions:
  worker:
    zip: worker.zip
    timeout: "${vars.timeout}"
    environment: { API: "${apis.shop.url}", SECRET: "${vars.secret}" }
    events: [ { queue: orders } ]
  front: { zip: worker.zip }
apis:
  shop: { routes: { "GET /": front, "GET /orders/{id}": front } }
outputs: { url: "${apis.shop.url}" }
"#;

/// A bench whose rehearsals have a temporary directory of their own.
struct Stage {
    bench: Bench,
    temporary: TempDir,
}

impl Stage {
    async fn new(stack: &str) -> Self {
        let bench = Bench::new(stack).await;
        std::fs::write(bench.path().join("worker.zip"), ready_zip("one")).expect("a file");
        Self { bench, temporary: tempfile::tempdir().expect("a directory") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.other_command(&[&["rehearse"], arguments].concat())
    }

    /// Returns a command other than `rehearse`.
    fn other_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bench.command(arguments);
        command.env("TMPDIR", self.temporary.path());
        for name in ["HOME", "XDG_CACHE_HOME"] {
            // The emulator is installed in the user's own cache.
            command.env_remove(name).envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
    }

    /// Rehearses, and asserts that nothing of the rehearsal remains.
    #[track_caller]
    fn rehearse(&self, arguments: &[&str]) -> RunOutput {
        self.ends(self.command(arguments))
    }

    /// Runs a command to its end, and asserts that nothing of a rehearsal remains.
    #[track_caller]
    fn ends(&self, mut command: Command) -> RunOutput {
        let ran = RunOutput::of(command.output().expect("the binary runs"));
        assert_eq!((self.processes(), self.remains()), (0, Vec::new()), "{ran}");
        ran
    }

    /// Rehearses with success. Returns the result.
    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> Value {
        let ran = self.rehearse(&[&["--json"], arguments].concat());
        assert_eq!(ran.code, Some(0), "{ran}");
        let result: Value = serde_json::from_str(&ran.stdout).expect("one JSON object");
        assert_eq!((&result["result"], &result["differences"]), (&json!("ok"), &json!([])), "{result:#}");
        result
    }

    /// Counts the running programs that are in the temporary directory.
    fn processes(&self) -> usize {
        let directory = self.temporary.path().to_str().expect("UTF-8").as_bytes();
        let is_inside = |entry: &DirEntry| {
            let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            arguments.windows(directory.len()).any(|part| part == directory)
        };
        std::fs::read_dir("/proc").expect("the processes").flatten().filter(is_inside).count()
    }

    fn remains(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.temporary.path()).expect("a directory").flatten().map(|entry| entry.path()).collect()
    }
}

#[tokio::test]
async fn a_new_stack_is_rehearsed_and_aws_is_only_read() {
    let stage = Stage::new(STACK).await;
    let plan = stage.bench.plan();
    let created = plan["summary"]["create"].as_u64().expect("a number");
    let result = stage.succeeds(&[]);
    assert_eq!(result["changes"].as_u64(), Some(created), "{result:#}");
    assert!(result["writes"].as_u64() >= Some(created), "{result:#}");
    assert_eq!(result["account"], stage.bench.aws.place.account.as_str());
    assert_eq!(stage.bench.plan()["summary"], plan["summary"], "nothing was created");
    assert!(stage.bench.state().await.is_none(), "no state was written");
    assert_eq!(result["calls"].as_u64(), result["reads"].as_u64().zip(result["writes"].as_u64()).map(|(r, w)| r + w));
    assert_eq!((&result["within_rates"], &result["least_seconds_on_aws"]), (&json!(true), &json!(0.0)), "{result:#}");
    assert!(result["seconds_on_aws"].as_f64() > Some(5.0), "a function takes some seconds: {result:#}");
    assert!(stage.bench.lock().await.is_none(), "no lock was taken");
    let text = stage.rehearse(&[]).stdout;
    let of_stack = format!(" s: {created} changes to shop (eu-west-1, ");
    assert!(text.starts_with("Would succeed in about ") && text.contains(&of_stack), "{text}");
    assert!(text.ends_with(", within AWS's rates. AWS was only read.\n"), "{text}");
}

#[tokio::test]
async fn calls_that_wait_for_a_rate_of_aws_are_told_with_the_rate() {
    let apis =
        (0..4).map(|number| format!("  api-{number}: {{ routes: {{ \"GET /\": front }} }}\n")).collect::<String>();
    let stack = format!(
        "stack: shop\nregion: eu-west-1\nstate: {{ bucket: BUCKET, key: shop.json }}\nfunctions: {{ front: {{ zip: worker.zip }} }}\napis:\n{apis}"
    );
    let stage = Stage::new(&stack).await;
    let text = stage.rehearse(&[]).stdout;
    // The first call is sent at once, each of the other three 5 s after the one before.
    let rate = "AWS's rates make it take at least 15 s: AWS takes one apigateway:CreateDeployment call in 5 s.\n";
    assert!(text.contains(" writes). AWS was only read.\n") && text.contains(rate), "{text}");
}

#[tokio::test]
async fn a_kill_at_any_write_of_a_change_is_healed() {
    let stack = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
queues: { orders: { visibility_timeout: 60s, redrive: { max_receive_count: 5 } } }
topics: { events: { subscriptions: [ { sqs: orders } ] } }
";
    let stage = Stage::new(stack).await;
    stage.bench.apply();
    stage.bench.write("stack.yaml", &stack.replace("60s", "90s").replace("topics: { events", "topics: { news"));
    let before = stage.bench.state().await;
    let result = stage.succeeds(&["--crash"]);
    let writes = result["kills"]["writes"].as_u64().expect("a number");
    assert!(writes >= result["writes"].as_u64().expect("a number"), "{result:#}");
    assert_eq!(result["kills"]["kills"].as_u64(), Some(2 * writes), "{result:#}");
    assert_eq!(stage.bench.state().await, before, "the state was left alone");
}

#[tokio::test]
async fn resources_of_others_are_there_in_the_rehearsal() {
    let given = "
stack: given
region: eu-west-1
state: { bucket: BUCKET, key: given.json }
functions: { shared: { name: shared, zip: worker.zip } }
roles:
  team:
    name: team
    assume_role_policy:
      Version: \"2012-10-17\"
      Statement: [ { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: \"sts:AssumeRole\" } ]
";
    let stage = Stage::new(given).await;
    stage.bench.apply();
    let iam = &stage.bench.aws.clients.iam;
    let everything = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    iam.create_policy().policy_name("limits").policy_document(everything).send().await.expect("a policy");
    let stack = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
functions:
  shared: { name: shared, external: true }
  own: { zip: worker.zip, role: \"${roles.team.arn}\" }
  bound: { zip: worker.zip, managed_policy_arns: [\"arn:aws:iam::${aws.account_id}:policy/limits\"] }
roles: { team: { name: team, external: true } }
apis: { shop: { routes: { \"GET /\": shared } } }
";
    stage.bench.write("stack.yaml", stack);
    stage.succeeds(&[]);
    stage.bench.apply();
    stage.bench.write("stack.yaml", &stack.replace("  own: { zip", "  own: { timeout: 9s, zip"));
    assert_eq!(stage.succeeds(&[])["changes"], 1);
}

#[tokio::test]
async fn a_change_is_rehearsed_among_the_resources_that_aws_has() {
    let stage = Stage::new(STACK).await;
    stage.bench.apply();
    let before = stage.bench.state().await;
    assert_eq!(stage.succeeds(&[])["changes"], 0, "nothing would change");

    // Code, a setting, an edited API, a removed topic with its subscription, and a new one.
    std::fs::write(stage.bench.path().join("worker.zip"), ready_zip("two")).expect("a file");
    let edited = STACK
        .replace("GET /orders/{id}", "GET /orders")
        .replace("timeout: 10s, topic: orders", "timeout: 20s, topic: news");
    stage.bench.write("stack.yaml", &edited);
    let summary = stage.bench.plan()["summary"].clone();
    let result = stage.succeeds(&[]);
    let planned =
        ["create", "update", "replace", "delete"].iter().filter_map(|action| summary[action].as_u64()).sum::<u64>();
    assert_eq!(result["changes"].as_u64(), Some(planned), "{summary:#} {result:#}");
    assert_eq!(stage.bench.state().await, before, "the state was left alone");
    stage.bench.apply();
    stage.bench.settled();
}

#[tokio::test]
async fn a_layer_and_the_removal_of_a_function_are_rehearsed() {
    let stack = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
queues: { orders: {} }
layers: { words: { zip: words.zip } }
functions: { front: { zip: worker.zip, layers: [ words ] } }
";
    let stage = Stage::new(stack).await;
    let words = |text: &str| std::fs::write(stage.bench.path().join("words.zip"), ready_zip(text)).expect("a file");
    words("one");
    assert_eq!(stage.succeeds(&[])["changes"], 5);
    stage.bench.apply();
    words("two");
    assert_eq!(stage.succeeds(&[])["changes"], 2, "the function follows its layer");
    stage.bench.apply();
    stage.bench.settled();
    stage.bench.write("stack.yaml", stack.split("layers:").next().expect("a text"));
    assert_eq!(stage.succeeds(&[])["changes"], 4);
}

#[tokio::test]
async fn a_call_that_aws_would_refuse_is_shown_at_its_line() {
    let stack = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
queues: { orders: { visibility_timeout: 60s } }
roles:
  worker:
    assume_role_policy:
      Version: \"2012-10-17\"
      Statement: [ { Effect: Allow, Principal: { AWS: \"arn:aws:iam::${aws.account_id}:role/missing\" }, Action: \"sts:AssumeRole\" } ]
";
    let stage = Stage::new(stack).await;
    let ran = stage.rehearse(&[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("error[rehearse::refused]: rehearsal: `roles.worker`"), "{ran}");
    assert!(ran.stderr.contains("stack.yaml:"), "{ran}");
    assert!(stage.bench.state().await.is_none(), "nothing was changed");
    let refused = stage.rehearse(&["--json"]).lines();
    assert_eq!(
        (&refused[0]["type"], &refused[0]["code"]),
        (&json!("error"), &json!("rehearse::refused")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_ci_job_applies_only_what_its_rehearsal_carries_out() {
    let stack = STACK.to_owned() + "ci: { rehearse: true, comment: false }\n";
    let refused = stack.clone()
        + "roles: { worker: { assume_role_policy: { Version: \"2012-10-17\", Statement: [ { Effect: Allow, Principal: { AWS: \"arn:aws:iam::${aws.account_id}:role/missing\" }, Action: \"sts:AssumeRole\" } ] } } }\n";
    let stage = Stage::new(&refused).await;
    let on_main = || {
        let mut command = stage.other_command(&["ci"]);
        command.env("CI", "true").env("GITHUB_ACTIONS", "true").env("GITHUB_EVENT_NAME", "push");
        command.env("GITHUB_REF", "refs/heads/main");
        command
    };
    let ran = stage.ends(on_main());
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("rehearse::refused") && ran.stderr.contains("roles.worker"), "{ran}");
    assert!(stage.bench.state().await.is_none() && stage.bench.lock().await.is_none(), "nothing was changed: {ran}");

    stage.bench.write("stack.yaml", &stack);
    let ran = stage.ends(on_main());
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("rehearsal: Would succeed in about "), "{ran}");
    let ran = stage.ends(on_main());
    assert!(ran.code == Some(0) && !ran.stderr.contains("rehearsal"), "without changes there is nothing to try: {ran}");
}

#[tokio::test]
async fn a_killed_rehearsal_leaves_nothing() {
    let stage = Stage::new(STACK).await;
    let mut running = stage.command(&[]).spawn().expect("the binary starts");
    while stage.processes() == 0 {
        assert!(running.try_wait().expect("a status").is_none(), "it ended before it began");
        tokio::task::yield_now().await;
    }
    running.kill().expect("it is killed");
    running.wait().expect("a status");
    // The emulator reads the end of its pipe as soon as it has started.
    while stage.processes() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.remains(), Vec::<PathBuf>::new());
}
