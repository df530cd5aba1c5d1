//! Refusals before anything is changed, each with the next step.

use serde_json::json;

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;
use crate::contract::STACK;

#[tokio::test]
async fn a_missing_state_bucket_is_offered_to_be_made() {
    let bench = Bench::without_bucket(STACK).await;
    for arguments in [&["plan"][..], &["apply", "-y"]] {
        let ran = bench.fails(arguments);
        assert!(ran.stderr.contains("state::bucket-missing"), "{ran}");
        assert!(ran.stderr.contains("--create-state-bucket"), "{ran}");
    }
    bench.ok(&["apply", "-y", "--create-state-bucket"]);
    bench.settled();
    assert!(bench.state().await.is_some());
    bench.ok(&["apply", "-y", "--create-state-bucket"]);
}

#[tokio::test]
async fn a_plan_never_makes_the_state_bucket() {
    let bench = Bench::without_bucket(STACK).await;
    let text = bench.ok(&["plan", "--create-state-bucket"]);
    assert!(text.contains("3 to create"), "{text}");
    let buckets = bench.aws.clients.s3.list_buckets().send().await.unwrap().buckets.unwrap_or_default();
    let names: Vec<_> = buckets.iter().filter_map(|bucket| bucket.name()).collect();
    assert!(!names.contains(&bench.bucket().as_str()), "a plan writes nothing anywhere: {names:?}");
}

#[tokio::test]
async fn missing_credentials_name_the_ways_to_give_them() {
    let bench = Bench::new(STACK).await;
    let mut command = bench.command(&["plan"]);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let ran = RunOutput::of(command.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(1), "{ran}");
    let first = ran.stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default();
    assert_eq!(first, "error[aws::no-credentials]: no AWS credentials were found", "{ran}");
    assert!(ran.stderr.contains("  = help: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"), "{ran}");
    assert!(ran.stderr.contains("\n          ("), "what the SDK tried stands below: {ran}");
}

#[tokio::test]
async fn a_closed_port_is_said_to_be_unreachable() {
    let bench = Bench::without_bucket(STACK).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let ran = bench.fails(&["plan", "--endpoint-url", &format!("http://127.0.0.1:{port}")]);
    assert!(ran.stderr.contains("aws::unreachable") && ran.stderr.contains("--endpoint-url"), "{ran}");
    assert!(!ran.stderr.contains("DispatchFailure"), "no bare print of the SDK's: {ran}");
}

#[tokio::test]
async fn an_endpoint_that_is_no_address_is_refused_in_plain_words() {
    let bench = Bench::without_bucket(STACK).await;
    for address in ["localhost:4566", "http://", "https://", "http://[", "http://a b", "ftp://host"] {
        let ran = bench.fails(&["plan", "--endpoint-url", address]);
        assert!(ran.stderr.contains("run::endpoint-url") && ran.stderr.contains("http://HOST:PORT"), "{ran}");
        assert!(!ran.stderr.contains("Request {"), "no bare print of the SDK's: {ran}");
    }
}

#[tokio::test]
async fn another_account_than_the_stacks_is_refused() {
    let bench = Bench::new(&STACK.replace("stack: shop", "stack: shop\naccount: \"999999999999\"")).await;
    let ran = bench.fails(&["apply", "-y"]);
    assert!(ran.stderr.contains("aws::wrong-account") && ran.stderr.contains("999999999999"), "{ran}");
    assert!(ran.stderr.contains(&bench.aws.place.account) && ran.stderr.contains("stack.yaml:3:"), "{ran}");
    assert!(inventory(&bench.aws).await.is_empty());
}

#[tokio::test]
async fn a_region_that_is_none_is_an_error_in_stack_yaml() {
    let bench = Bench::without_bucket(&STACK.replace("eu-west-1", "europe")).await;
    let ran = bench.fails(&["plan"]);
    assert!(ran.stderr.contains("stack.yaml:3:") && ran.stderr.contains("europe"), "{ran}");
}

#[tokio::test]
async fn a_held_lock_is_told_by_its_holder() {
    let bench = Bench::new(STACK).await;
    let lock = json!({
        "id": "0123456789abcdef", "who": "ada", "host": "laptop", "operation": "apply",
        "run_url": "https://ci.example.com/runs/7", "created_at": "2026-01-02T03:04:05Z", "lease_s": 3600, "renewals": 0,
    });
    let put = bench.aws.clients.s3.put_object().bucket(bench.bucket()).key("shop.json.lock");
    put.body(lock.to_string().into_bytes().into()).send().await.unwrap();
    let ran = bench.fails(&["apply", "-y", "--lock-timeout", "1s"]);
    let words =
        ["state::locked", "ada", "laptop", "apply", "https://ci.example.com/runs/7", "2026-01-02T03:04:05Z", "unlock"];
    for word in words {
        assert!(ran.stderr.contains(word), "{word} in {ran}");
    }
    assert!(inventory(&bench.aws).await.is_empty());
    assert!(bench.object("shop.json.lock").await.is_some(), "somebody else's lock stays");
    assert!(bench.ok(&["plan"]).contains("3 to create"), "a plan takes no lock");
}

#[tokio::test]
async fn a_variable_whose_value_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::without_bucket(STACK).await;
    let bytes = std::ffi::OsStr::from_bytes(b"3\xff");
    let output = bench.command(&["validate"]).env("DEPLOYER_VAR_seconds", bytes).output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("DEPLOYER_VAR_seconds") && stderr.contains("stack::variable"), "{stderr}");
}
