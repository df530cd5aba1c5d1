//! Variables whose values AWS stores: parameters of the Parameter Store, secrets of Secrets Manager.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_ssm::types::ParameterType;

use crate::bench::{Bench, RunOutput};
use crate::proxy::{Proxy, answer};
use crate::secrets::{self, FIRST, SECOND, Traces};

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars:
  team: sofa
  part: token
  api_key: { from_ssm: \"/${vars.team}/${env}/api-key\" }
  level: { from_ssm: /sofa/level }
  token: { from_secret: \"${vars.team}/stripe\", key: \"${vars.part}\" }
  port: { from_secret: sofa/stripe, key: port, pattern: \"[0-9]+\" }
functions:
  worker: { zip: worker.zip, environment: { API_KEY: \"${vars.api_key}\", LEVEL: \"${vars.level}\", TOKEN: \"Bearer ${vars.token}\", PORT: \"${vars.port}\" } }
queues: { orders: { name: \"orders-${vars.level}\" } }
";
const KEY: &str = "the-key-of-the-api-0815";
const NEXT: &str = "the-next-key-of-it-4711";
const TOKEN: &str = "sk_live_77aa88bb99cc";

async fn put_parameter(bench: &Bench, name: &str, kind: ParameterType, value: &str) {
    let put = bench.aws.clients.ssm.put_parameter().name(name).r#type(kind).value(value).overwrite(true);
    put.send().await.expect("a parameter");
}

async fn store_secret(bench: &Bench, name: &str, value: &str) {
    let clients = &bench.aws.clients;
    clients.secretsmanager.create_secret().name(name).secret_string(value).send().await.expect("a secret");
}

async fn bench_with_values(stack: &str) -> Bench {
    let bench = Bench::new(stack).await;
    put_parameter(&bench, "/sofa/main/api-key", ParameterType::SecureString, KEY).await;
    put_parameter(&bench, "/sofa/level", ParameterType::String, "high").await;
    store_secret(
        &bench,
        "sofa/stripe",
        &format!("{{\"token\": \"{TOKEN}\", \"port\": 54321, \"list\": [1], \"none\": \"\"}}"),
    )
    .await;
    bench
}

async fn environment(bench: &Bench) -> BTreeMap<String, String> {
    let call = bench.aws.clients.lambda.get_function_configuration().function_name("shop-worker");
    let live = call.send().await.expect("the function");
    live.environment.and_then(|all| all.variables).unwrap_or_default().into_iter().collect()
}

/// Counts the calls that read values, by operation.
fn count_reads() -> (Proxy, Arc<Mutex<Vec<&'static str>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = calls.clone();
    let proxy = Proxy::in_stead(&crate::common::cloud().endpoint_url, move |sent| {
        for target in ["AmazonSSM.GetParameters", "secretsmanager.GetSecretValue"] {
            if sent.contains(target) {
                seen.lock().unwrap().push(target);
            }
        }
        None
    });
    (proxy, calls)
}

fn command_over(bench: &Bench, proxy: &Proxy, arguments: &[&str]) -> Command {
    let mut command = bench.command(arguments);
    command.env("AWS_ENDPOINT_URL", &proxy.url);
    command
}

#[tokio::test]
async fn values_are_read_when_planning_and_a_changed_one_is_a_change() {
    let bench = bench_with_values(STACK).await;
    let plan = bench.ok(&["plan"]);
    assert!(
        plan.contains("environment.API_KEY: (sensitive)") && plan.contains("environment.PORT: (sensitive)"),
        "{plan}"
    );
    assert!(plan.contains("environment.LEVEL: high") && plan.contains("orders-high"), "a String is no secret: {plan}");
    bench.apply();
    let live = environment(&bench).await;
    let expected = [("API_KEY", KEY), ("LEVEL", "high"), ("PORT", "54321"), ("TOKEN", &format!("Bearer {TOKEN}"))];
    assert_eq!(live, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    bench.settled();

    bench.ok(&["plan", "--out", "empty.plan"]);
    put_parameter(&bench, "/sofa/main/api-key", ParameterType::SecureString, NEXT).await;
    let stale = bench.fails(&["apply", "empty.plan"]);
    assert!(stale.stderr.contains("plan::stale") && stale.stderr.contains("environment changed"), "{stale}");
    let changed = bench.ok(&["plan", "--out", "new.plan"]);
    assert!(changed.contains("environment.API_KEY: (sensitive, changed)"), "{changed}");
    assert!(changed.contains("0 to create, 1 to update"), "{changed}");
    bench.ok(&["apply", "new.plan"]);
    assert_eq!(environment(&bench).await["API_KEY"], NEXT);
    bench.settled();
    for file in ["empty.plan", "new.plan"] {
        let text = std::fs::read_to_string(bench.path().join(file)).expect("a file");
        assert!(![KEY, NEXT, TOKEN].iter().any(|secret| text.contains(secret)), "{file}: {text}");
    }
    let state = String::from_utf8(bench.kept().await.expect("a state")).expect("UTF-8");
    assert!(![KEY, NEXT, TOKEN].iter().any(|secret| state.contains(secret)), "{state}");
}

#[tokio::test]
async fn a_version_a_label_an_arn_and_a_stage_can_be_named() {
    let bench = Bench::new("").await;
    for value in ["first-value-of-it", "second-value-of-it", "third-value-of-it"] {
        put_parameter(&bench, "/sofa/key", ParameterType::SecureString, value).await;
    }
    let ssm = &bench.aws.clients.ssm;
    let label = ssm.label_parameter_version().name("/sofa/key").parameter_version(2).labels("live");
    label.send().await.expect("a label");
    store_secret(&bench, "old", "the-former-secret").await;
    let put = bench.aws.clients.secretsmanager.put_secret_value().secret_id("old").secret_string("the-present-secret");
    let arn = put.send().await.expect("a version").arn.expect("an ARN");
    let account = &bench.aws.place.account;
    bench.write(
        "stack.yaml",
        &format!(
            "stack: shop\nregion: eu-west-1\nvars:\n  a: {{ from_ssm: /sofa/key }}\n  b: {{ from_ssm: '/sofa/key:1' }}\n  c: {{ from_ssm: '/sofa/key:live' }}\n  \
             d: {{ from_ssm: 'arn:aws:ssm:eu-west-1:{account}:parameter/sofa/key:1' }}\n  e: {{ from_secret: '{arn}' }}\n  f: {{ from_secret: old, version_stage: AWSPREVIOUS }}\n\
             functions:\n  worker: {{ zip: worker.zip, environment: {{ AA: '${{vars.a}}', BB: '${{vars.b}}', CC: '${{vars.c}}', DD: '${{vars.d}}', EE: '${{vars.e}}', FF: '${{vars.f}}' }} }}\n"
        ),
    );
    bench.apply();
    let live = environment(&bench).await;
    let values: Vec<&str> = live.values().map(String::as_str).collect();
    let third = ["third-value-of-it", "first-value-of-it", "second-value-of-it", "first-value-of-it"];
    assert_eq!(values, [&third[..], &["the-present-secret", "the-former-secret"]].concat());
}

#[tokio::test]
async fn ten_parameters_are_one_call_and_the_keys_of_a_secret_are_one() {
    let bench = bench_with_values(STACK).await;
    let mut stack = STACK.to_owned();
    for at in 0..12 {
        put_parameter(&bench, &format!("/many/{at}"), ParameterType::String, "some value").await;
        stack = stack.replace("vars:\n", &format!("vars:\n  many{at}: {{ from_ssm: /many/{at} }}\n"));
    }
    bench.write("stack.yaml", &stack);
    let (proxy, calls) = count_reads();
    let ran = RunOutput::of(command_over(&bench, &proxy, &["plan"]).output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
    let mut calls = calls.lock().unwrap().clone();
    calls.sort_unstable();
    assert_eq!(calls, ["AmazonSSM.GetParameters", "AmazonSSM.GetParameters", "secretsmanager.GetSecretValue"]);
}

#[tokio::test]
async fn a_value_that_is_given_is_not_read_and_an_empty_one_is_not_given() {
    let bench = bench_with_values(STACK).await;
    let (proxy, calls) = count_reads();
    let given =
        [("DEPLOYER_VAR_api_key", "given-by-hand-1234"), ("DEPLOYER_VAR_token", TOKEN), ("DEPLOYER_VAR_port", "54321")];
    let mut command = command_over(&bench, &proxy, &["plan", "--var", "level=lower"]);
    let ran = RunOutput::of(command.envs(given).output().expect("the binary runs"));
    assert_eq!(ran.code, Some(1), "{ran}");
    let expected = "the secret `level` is a part of what identifies `queues.orders`";
    assert!(ran.stderr.contains(expected), "without its type, a parameter counts as a secret: {ran}");
    bench.write("stack.yaml", &STACK.replace("/sofa/level }", "/sofa/level, secret: false }"));
    let ran = RunOutput::of(
        command_over(&bench, &proxy, &["apply", "-y", "--var", "level=lower"])
            .envs(given)
            .output()
            .expect("the binary runs"),
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(*calls.lock().unwrap(), [""; 0]);
    assert_eq!(environment(&bench).await["API_KEY"], "given-by-hand-1234");
    assert!(!format!("{ran}").contains("given-by-hand"), "{ran}");
    let mut command = bench.command(&["apply", "-y"]);
    let ran = RunOutput::of(command.env("DEPLOYER_VAR_api_key", "").output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(environment(&bench).await["API_KEY"], KEY);
}

#[tokio::test]
async fn commands_that_compute_no_desired_value_read_none() {
    let bench = bench_with_values(&STACK.replace("orders-${vars.level}", "orders")).await;
    bench.apply();
    let (proxy, calls) = count_reads();
    for arguments in [
        &["validate"][..],
        &["graph"],
        &["iam", "plan"],
        &["iam", "apply", "--with-state"],
        &["status"],
        &["drift"],
        &["logs"],
        &["output"],
        &["state", "list"],
        &["env", "list"],
        &["rollback", "--list"],
        &["destroy", "-y"],
    ] {
        let ran = RunOutput::of(command_over(&bench, &proxy, arguments).output().expect("the binary runs"));
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran}");
        assert!(!ran.stderr.contains("missing-variable"), "{arguments:?}: {ran}");
        if arguments == ["drift"] {
            assert!(
                ran.stderr.contains("not read from AWS: `api_key`, `level`, `port`, `token`; 1 element is"),
                "{ran}"
            );
        }
    }
    assert_eq!(*calls.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_printed_policies_allow_to_read_the_values_and_follow_a_new_name() {
    let bench = bench_with_values(STACK).await;
    bench.apply();
    bench.write(
        "stack.yaml",
        &STACK.replace("worker: {", "worker: { name: renamed,").replace("orders-${vars.level}", "orders"),
    );
    let account = &bench.aws.place.account;
    for task in ["plan", "apply"] {
        let policy = bench.ok(&["iam", task, "--with-state"]);
        for part in [
            format!("arn:aws:ssm:eu-west-1:{account}:parameter/sofa/main/api-key"),
            format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:sofa/stripe-??????"),
            "ssm:GetParameters".to_owned(),
            "secretsmanager:GetSecretValue".to_owned(),
            "kms:EncryptionContext:PARAMETER_ARN".to_owned(),
            ":function:renamed".to_owned(),
            ":function:shop-worker".to_owned(),
            "orders-high".to_owned(),
        ] {
            assert!(policy.contains(&part), "{task}: {part}: {policy}");
        }
    }
    let policy = bench.ok(&["iam", "destroy", "--with-state"]);
    assert!(!policy.contains("ssm:") && !policy.contains("secretsmanager:"), "{policy}");
}

#[tokio::test]
async fn a_value_that_cannot_be_used_is_told_at_its_place_with_what_to_do() {
    let bench = bench_with_values(STACK).await;
    let clients = &bench.aws.clients;
    let binary = clients.secretsmanager.create_secret().name("binary").secret_binary(Blob::new([0xff_u8, 1, 2]));
    binary.send().await.expect("a secret");
    store_secret(&bench, "text", "hunter2-is-no-object").await;
    store_secret(&bench, "leaving", "hunter2-is-leaving").await;
    clients.secretsmanager.delete_secret().secret_id("leaving").send().await.expect("it is scheduled");
    let account = &bench.aws.place.account;
    for (source, code, parts) in [
        (
            "from_ssm: /nowhere",
            "aws::no-stored-value",
            vec![
                format!("the parameter `/nowhere` of `vars.x` does not exist in account {account}, eu-west-1"),
                "ssm put-parameter --name /nowhere --type SecureString --value …".to_owned(),
            ],
        ),
        (
            "from_ssm: '/sofa/level:9'",
            "aws::no-stored-value",
            vec!["ssm get-parameter-history --name /sofa/level`".to_owned()],
        ),
        (
            "from_secret: nowhere",
            "aws::no-stored-value",
            vec!["secretsmanager create-secret --name nowhere --secret-string …".to_owned()],
        ),
        (
            "from_secret: text, version_stage: OTHER",
            "aws::no-stored-value",
            vec!["the version `OTHER` of the secret `text`".to_owned()],
        ),
        (
            "from_secret: binary",
            "aws::unusable-value",
            vec!["the secret is binary".to_owned(), "put-secret-value --secret-id binary".to_owned()],
        ),
        (
            "from_secret: text, key: a",
            "aws::unusable-value",
            vec!["is no JSON object, so it has no key `a`".to_owned(), "drop `key:`".to_owned()],
        ),
        ("from_secret: sofa/stripe, key: TOKEN", "aws::unusable-value", vec!["has no key `TOKEN`".to_owned()]),
        ("from_secret: sofa/stripe, key: list", "aws::unusable-value", vec!["a list, a map or null".to_owned()]),
        ("from_secret: sofa/stripe, key: none", "aws::unusable-value", vec!["the value is empty".to_owned()]),
        ("from_secret: leaving", "aws::refused", vec!["restore-secret".to_owned()]),
        ("from_ssm: /sofa/level, allowed: [low]", "stack::bad-value", vec!["`x` cannot be `high`".to_owned()]),
        (
            "from_ssm: /sofa/main/api-key, pattern: '[0-9]+'",
            "stack::bad-value",
            vec!["its value does not fit `x`".to_owned()],
        ),
        (
            "from_ssm: /sofa/main/api-key, secret: false",
            "stack::bad-value",
            vec!["`x` is a SecureString, so it is a secret".to_owned()],
        ),
    ] {
        bench.write("stack.yaml", &format!("stack: shop\nregion: eu-west-1\nvars:\n  x: {{ {source} }}\nqueues: {{ q: {{ tags: {{ x: '${{vars.x}}' }} }} }}\n"));
        let ran = bench.fails(&["plan"]);
        assert!(ran.stderr.contains(code) && ran.stderr.contains("stack.yaml:4:"), "{source}: {ran}");
        let flat = ran.stderr.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(flat.contains(&part), "{source}: {part}: {ran}");
        }
        assert!(!ran.stderr.contains("hunter2") && !ran.stderr.contains(KEY) && !ran.stderr.contains(TOKEN), "{ran}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_permission_that_lacks() {
    let bench = bench_with_values(STACK).await;
    let account = &bench.aws.place.account;
    for (target, message, parts) in [
        (
            "AmazonSSM.GetParameters",
            "User: arn:aws:iam::1:user/ci is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:1:parameter/sofa/level because no identity-based policy allows the ssm:GetParameters action",
            vec![
                "allow `ssm:GetParameters` on `arn:aws:ssm:eu-west-1:1:parameter/sofa/level` for these credentials"
                    .to_owned(),
            ],
        ),
        (
            "AmazonSSM.GetParameters",
            "The ciphertext refers to a customer master key that you are not allowed to access.",
            vec![
                format!("arn:aws:ssm:eu-west-1:{account}:parameter/sofa/level"),
                format!("arn:aws:ssm:eu-west-1:{account}:parameter/sofa/main/api-key"),
                "`kms:Decrypt`".to_owned(),
            ],
        ),
        (
            "secretsmanager.GetSecretValue",
            "Access to KMS is not allowed",
            vec![
                "allow `secretsmanager:GetSecretValue` on".to_owned(),
                format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:sofa/stripe-??????"),
                "`kms:Decrypt`".to_owned(),
            ],
        ),
    ] {
        let proxy = Proxy::in_stead(&crate::common::cloud().endpoint_url, move |sent| {
            let body = serde_json::json!({"__type": "AccessDeniedException", "message": message}).to_string();
            sent.contains(target).then(|| answer(400, "application/x-amz-json-1.1", body.as_bytes()))
        });
        let ran = RunOutput::of(command_over(&bench, &proxy, &["plan", "--json"]).output().expect("the binary runs"));
        assert_eq!(ran.code, Some(1), "{ran}");
        let found = ran.lines();
        assert_eq!(found.len(), 1, "one call is one finding: {ran}");
        assert_eq!(found[0]["code"], "aws::access-denied");
        for part in parts {
            assert!(found[0]["help"].as_str().unwrap_or_default().contains(&part), "{part}: {ran}");
        }
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_one_is_told_by_validate() {
    for (vars, line, parts) in [
        ("x: { from_ssm: shop/key }", 4, ["is neither the name nor the ARN of a parameter", "/shop/api-key:3"]),
        ("x: { from_secret: 'a b' }", 4, ["is neither the name nor the ARN of a secret", "write `shop/stripe`"]),
        ("x: { from_ssm: /a, default: b }", 4, ["`x` has both `default` and `from_ssm`", "keep one of the two"]),
        ("x: { from_ssm: /a, from_secret: b }", 4, ["`x` has both `from_ssm` and `from_secret`", "keep one"]),
        ("x: { from_ssm: /a, required: true }", 4, ["`x` has both `from_ssm` and `required`", "keep one"]),
        ("x: { from_ssm: /a, key: b }", 4, ["`key` belongs to `from_secret`", "drop it, or name the secret"]),
        ("x: { from_ssm: /a, version_stage: b }", 4, ["`version_stage` belongs to `from_secret`", "`from_ssm: /a:3`"]),
        ("x: { default: a, key: b }", 4, ["`key` belongs to `from_secret`", "from_secret: NAME"]),
        ("x: { from_secret: a, secret: false }", 4, ["always a secret", "drop `secret: false`"]),
        ("x: { from_ssm: '/${stack}/key' }", 4, ["`${stack}` is not a reference", "write the stack's name out"]),
        ("x: { from_ssm: '/${queues.q.name}/key' }", 4, ["before AWS is asked", "/shop/${env}/key"]),
        (
            "x: { from_ssm: '/${vars.y}/key' }\n  y: { from_ssm: /y }",
            4,
            ["`vars.y` is read from AWS at the same time", "DEPLOYER_VAR_y"],
        ),
        (
            "x: { from_ssm: '/${vars.y}/key' }\n  y: { secret: true, default: abcdefgh }",
            4,
            ["a secret is a part of the place of `x`", "no secret here"],
        ),
        ("x: { from_ssm: '/${vars.x}' }", 4, ["variables need each other: x → x", "a value of its own"]),
    ] {
        let text = format!(
            "stack: shop\nregion: eu-west-1\nvars:\n  {vars}\nqueues: {{ q: {{ tags: {{ x: '${{vars.x}}' }} }} }}\n"
        );
        let bench = Bench::without_bucket(&text).await;
        let ran = bench.fails(&["validate"]);
        let flat = ran.stderr.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(flat.contains(&format!("stack.yaml:{line}:")), "{vars}: {ran}");
        assert!(parts.iter().all(|part| flat.contains(part)), "{vars}: {parts:?}: {ran}");
    }
    let text = "stack: shop\nregion: eu-west-1\nvars: { b: { from_ssm: /b } }\nstate: { bucket: '${vars.b}', key: k }\nqueues: { q: {} }\n";
    let ran = Bench::without_bucket(text).await.fails(&["plan"]);
    assert!(ran.stderr.contains("`state` needs the variable `b`, which is read from AWS too late for it"), "{ran}");
    assert!(ran.stderr.contains("DEPLOYER_VAR_b"), "{ran}");
}

/// The stack and the checks of the secrets that are given, with secrets that AWS stores.
#[tokio::test(flavor = "multi_thread")]
async fn a_stored_secret_is_nowhere_but_in_aws() {
    let stack = secrets::STACK.replace("plain: { secret: true }", "plain: { from_ssm: /shop/plain }");
    let bench = Bench::new(&stack.replace("odd: { secret: true }", "odd: { from_secret: shop/odd, key: token }")).await;
    let object = |odd: &str| serde_json::json!({ "token": odd }).to_string();
    put_parameter(&bench, "/shop/plain", ParameterType::SecureString, FIRST[0]).await;
    store_secret(&bench, "shop/odd", &object(FIRST[1])).await;
    let mut traces = Traces(BTreeMap::new());
    let mut run = |name: &str, code: i32, arguments: &[&str]| {
        let mut command = bench.command(arguments);
        let ran = RunOutput::of(command.arg("-v").env("DEPLOYER_LOG", "trace").output().expect("the binary runs"));
        assert_eq!(ran.code, Some(code), "{name}: {}", ran.stdout);
        traces.ran(name, &ran);
        ran
    };
    run("validate", 0, &["validate"]);
    let plan = run("plan", 0, &["plan", "--out", "first.plan"]);
    assert!(plan.stdout.contains("environment.TOKEN: (sensitive)") && plan.stderr.contains("DEBUG"), "{}", plan.stdout);
    run("plan --json", 0, &["plan", "--json"]);
    run("apply", 0, &["apply", "first.plan"]);
    let again = run("plan again", 0, &["plan"]);
    assert!(again.stdout.contains("No changes."), "{}", again.stdout);
    put_parameter(&bench, "/shop/plain", ParameterType::SecureString, SECOND[0]).await;
    let next =
        bench.aws.clients.secretsmanager.put_secret_value().secret_id("shop/odd").secret_string(object(SECOND[1]));
    next.send().await.expect("a version");
    run("plan of a change", 0, &["plan", "--json", "--out", "second.plan", "--html", "second.html"]);
    for arguments in [
        &["status"][..],
        &["drift"],
        &["state", "show", "functions.worker"],
        &["iam", "apply"],
        &["graph"],
        &["output"],
    ] {
        run(arguments[0], 0, arguments);
    }
    run("apply --json", 0, &["apply", "-y", "--json"]);
    traces.objects("end", &bench).await;
    traces.files("files", bench.path());
    traces.hold_no_secret();
    assert_eq!(environment(&bench).await["TOKEN"], SECOND[1], "AWS has it in clear");
}
