//! Plans without the secrets that are not given: `--keep-secrets`.

use serde_json::Value;

use crate::bench::{Bench, RunOutput, changes};
use crate::review::Repository;

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars:
  api_key: { secret: true }
  mail: { secret: true }
  bearer: \"Bearer ${vars.api_key}\"
functions:
  worker: { zip: worker.zip, memory_size: 128, environment: { API_KEY: \"${vars.bearer}\", MODE: quiet } }
topics: { news: { subscriptions: [ { email: \"${vars.mail}\" } ] } }
outputs: { header: \"${vars.bearer}\" }
";
const MAILER: &str =
    "functions:\n  mailer: { zip: worker.zip, environment: { API_KEY: \"x ${vars.api_key}\", MODE: loud } }\n";
const KEY: &str = "a-key-that-nobody-guesses";
const NEXT: &str = "the-next-key-after-rotation";
const MAIL: &str = "someone@example.org";

/// Runs a command with a value for every variable.
fn run_with(bench: &Bench, key: &str, arguments: &[&str]) -> RunOutput {
    let mut command = bench.command(arguments);
    command.env("DEPLOYER_VAR_api_key", key).env("DEPLOYER_VAR_mail", MAIL);
    RunOutput::of(command.output().expect("the binary runs"))
}

#[track_caller]
fn apply_with(bench: &Bench, key: &str) {
    let ran = run_with(bench, key, &["apply", "-y"]);
    assert_eq!(ran.code, Some(0), "{ran}");
}

/// Returns the digest that `plan -v` printed.
fn digest(ran: &RunOutput) -> String {
    ran.stderr.lines().find_map(|line| line.strip_prefix("Plan digest: ")).expect("a digest").to_owned()
}

#[tokio::test]
async fn a_plan_without_the_secrets_keeps_them_and_says_what_it_did_not_compare() {
    let bench = Bench::new(STACK).await;
    apply_with(&bench, KEY);
    let missing = bench.fails(&["plan"]);
    assert!(missing.stderr.contains("stack::missing-variable"), "{missing}");
    // Workflows pass on secrets that do not exist as empty texts.
    let mut command = bench.command(&["plan", "--keep-secrets", "-v"]);
    let plan = RunOutput::of(command.env("DEPLOYER_VAR_mail", "").output().expect("the binary runs"));
    assert_eq!(plan.code, Some(0), "{plan}");
    assert!(plan.stdout.contains("stack.yaml as far as compared."), "{plan}");
    let note = "! vars: `api_key`, `mail` are not given; not compared: functions.worker environment.API_KEY\n";
    assert!(plan.stdout.contains(note), "{plan}");
    assert!(!plan.to_string().contains(KEY) && !plan.to_string().contains(MAIL), "{plan}");

    bench.write("stack.yaml", &STACK.replace("memory_size: 128", "memory_size: 256"));
    let plan = bench.ok(&["plan", "--keep-secrets", "-v"]);
    assert!(plan.contains("memory_size: 128 → 256") && plan.contains("environment.API_KEY: (not given)"), "{plan}");
    assert!(plan.contains("0 to create, 1 to update, 0 to replace, 0 to delete"), "{plan}");
    assert!(!plan.contains(KEY), "{plan}");
    let json: Value = serde_json::from_str(&bench.ok(&["plan", "--keep-secrets", "--json"])).expect("JSON");
    assert_eq!(changes(&json), ["update functions.worker memory_size"]);
    assert_eq!(json["not_compared"]["functions.worker"], serde_json::json!(["environment.API_KEY"]));

    let mut drifted = bench.aws.clients.lambda.get_function_configuration().function_name("shop-worker").send().await;
    let variables = drifted.as_mut().expect("a function").environment.take().and_then(|all| all.variables);
    let mut variables = variables.expect("variables");
    variables.insert("API_KEY".to_owned(), "a-secret-of-somebody-else".to_owned());
    let variables = aws_sdk_lambda::types::Environment::builder().set_variables(Some(variables)).build();
    let update = bench.aws.clients.lambda.update_function_configuration().function_name("shop-worker");
    update.environment(variables).send().await.expect("Lambda takes it");
    let plan = bench.ok(&["plan", "--keep-secrets"]);
    assert!(plan.contains("! changed outside: functions.worker environment.API_KEY (sensitive)"), "{plan}");
    assert!(!plan.contains("somebody-else"), "{plan}");
}

#[tokio::test]
async fn a_resource_that_needs_a_secret_shows_it_as_not_given_and_the_plan_cannot_be_applied() {
    let bench = Bench::new(STACK).await;
    apply_with(&bench, KEY);
    bench.write("stack.yaml", &STACK.replace("functions:\n", MAILER));
    let plan = bench.ok(&["plan", "--keep-secrets", "--out", "read.plan"]);
    assert!(plan.contains("environment.API_KEY: x (not given)") && plan.contains("environment.MODE: loud"), "{plan}");
    assert!(plan.contains("; needed by: functions.mailer environment.API_KEY"), "{plan}");
    let shown = bench.ok(&["show", "read.plan"]);
    assert!(shown.contains("environment.API_KEY: (not given)") && shown.contains("not compared:"), "{shown}");
    for arguments in [&["apply", "read.plan"][..], &["apply", "read.plan", "-y"]] {
        for ran in [bench.run(arguments), run_with(&bench, KEY, arguments)] {
            assert_eq!(ran.code, Some(1), "{ran}");
            assert!(
                ran.stderr.contains("plan::secrets-not-given") && ran.stderr.contains("`api_key`, `mail`"),
                "{ran}"
            );
        }
    }
    let unknown = bench.fails(&["apply", "--keep-secrets", "-y"]);
    assert!(unknown.stderr.contains("--keep-secrets"), "{unknown}");
    let whole = run_with(&bench, KEY, &["plan", "--keep-secrets", "--out", "whole.plan"]);
    assert!(
        whole.stdout.contains("environment.API_KEY: (sensitive)") && !whole.stdout.contains("not given"),
        "{whole}"
    );
    let applied = run_with(&bench, KEY, &["apply", "whole.plan"]);
    assert_eq!(applied.code, Some(0), "nothing lacked: {applied}");
}

#[tokio::test]
async fn the_digest_is_the_same_with_and_without_unchanged_secrets() {
    let bench = Bench::new(STACK).await;
    apply_with(&bench, KEY);
    bench.write("stack.yaml", &STACK.replace("memory_size: 128", "memory_size: 256"));
    let without = bench.run(&["plan", "--keep-secrets", "-v"]);
    assert_eq!(without.code, Some(0), "{without}");
    assert_eq!(digest(&without), digest(&run_with(&bench, KEY, &["plan", "-v"])));
    assert_ne!(digest(&without), digest(&run_with(&bench, NEXT, &["plan", "-v"])), "a changed secret is a change");
    let asked = digest(&without);
    let other = run_with(&bench, NEXT, &["apply", "-y", "--expect-plan", &asked]);
    assert!(other.code == Some(1) && other.stderr.contains("plan::not-reviewed"), "{other}");
    let same = run_with(&bench, KEY, &["apply", "-y", "--expect-plan", &asked]);
    assert_eq!(same.code, Some(0), "{same}");
}

#[tokio::test]
async fn ci_plans_requests_without_secrets_where_that_is_set_and_applies_what_was_reviewed() {
    let stack = |memory: u32, more: &str| {
        STACK.replace("memory_size: 128", &format!("memory_size: {memory}")).replace("functions:\n", more)
            + "ci: { reviewed_plan: require, keep_secrets: true }\n"
    };
    let repository = Repository::new(&stack(128, "functions:\n")).await;
    apply_with(&repository.bench, KEY);
    let propose =
        |arguments: &[&str]| repository.run(repository.command("pull_request", "refs/pull/7/merge", arguments));
    let main = |key: &str| {
        let mut command = repository.command("push", "refs/heads/main", &[]);
        command.env("DEPLOYER_VAR_api_key", key).env("DEPLOYER_VAR_mail", MAIL);
        repository.run(command)
    };
    repository.bench.write("stack.yaml", &stack(256, MAILER));
    let ran = propose(&[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let comment = repository.forge.bodies().pop().expect("a comment");
    assert!(comment.contains("not compared: functions.worker environment.API_KEY"), "{comment}");
    assert!(comment.contains("(not given)") && !comment.contains(KEY), "{comment}");
    repository.forge.merge();

    let strict = repository.run(repository.command("push", "refs/heads/main", &[]));
    assert!(strict.code == Some(1) && strict.stderr.contains("stack::missing-variable"), "{strict}");
    repository.bench.write("stack.yaml", &stack(512, MAILER));
    let other = main(NEXT);
    assert!(
        other.code == Some(1) && other.stderr.contains("memory_size: reviewed 128 → 256, now 128 → 512"),
        "{other}"
    );
    repository.bench.write("stack.yaml", &stack(256, MAILER));
    let applied = main(NEXT);
    assert_eq!(applied.code, Some(0), "any value of a secret that was not compared was reviewed: {applied}");
    assert!(applied.stderr.contains("The plan is the one that was reviewed (#7)."), "{applied}");

    repository.bench.write("stack.yaml", &stack(256, MAILER).replace(", keep_secrets: true", ""));
    let refused = propose(&[]);
    assert!(refused.code == Some(1) && refused.stderr.contains("stack::missing-variable"), "{refused}");
    let asked = propose(&["--keep-secrets"]);
    assert_eq!(asked.code, Some(0), "{asked}");
}

#[tokio::test]
async fn stored_secrets_are_not_read_for_a_plan_that_keeps_them() {
    let stack = STACK.replace("api_key: { secret: true }", "api_key: { from_secret: nowhere }");
    let stack = stack.replace(
        "mail: { secret: true }",
        "mail: { default: a@example.org }\n  mode: { from_ssm: /shop/mode, secret: false }",
    );
    let bench = Bench::new(&stack.replace("MODE: quiet", "MODE: \"${vars.mode}\"")).await;
    let put = bench.aws.clients.ssm.put_parameter().name("/shop/mode").value("quiet");
    put.r#type(aws_sdk_ssm::types::ParameterType::String).send().await.expect("a parameter");
    let read = bench.fails(&["plan"]);
    assert!(read.stderr.contains("aws::no-stored-value"), "{read}");
    let plan = bench.ok(&["plan", "--keep-secrets"]);
    assert!(
        plan.contains("environment.API_KEY: Bearer (not given)") || plan.contains("environment.API_KEY: (not given)"),
        "{plan}"
    );
    assert!(plan.contains("environment.MODE: quiet"), "what is no secret is read: {plan}");
    assert!(bench.ok(&["iam", "plan"]).contains("secretsmanager:GetSecretValue"));
    let text = std::fs::read_to_string(bench.path().join("stack.yaml")).expect("a file");
    bench.write("stack.yaml", &format!("{text}ci: {{ keep_secrets: true }}\n"));
    let policy = bench.ok(&["iam", "plan"]);
    assert!(!policy.contains("secretsmanager:") && policy.contains("parameter/shop/mode"), "{policy}");
    assert!(bench.ok(&["iam", "apply"]).contains("secretsmanager:GetSecretValue"));
}
