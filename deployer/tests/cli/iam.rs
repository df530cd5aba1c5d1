//! The policies that `deployer iam` prints, and a test that they suffice.

use std::process::Command;

use serde_json::{Value, json};

use crate::bench::{Bench, RunOutput, changes, ready_zip};
use crate::common;
use crate::rollback::keeper;

/// The Couch Explorers stack, with ready zips instead of crates.
fn couch(bench: &str) -> String {
    let text = include_str!("../../../stack.yaml")
        .replace("    crate: functions\n    bin: generate-image\n", "    zip: worker.zip\n")
        .replace("    crate: functions\n    bin: image-worker\n", "    zip: worker.zip\n")
        .replace("bucket: pgr301-2024-terraform-state", "bucket: STATE")
        .replace("image_bucket: pgr301-couch-explorers", &format!("image_bucket: {bench}"));
    assert_eq!(text.matches("zip: worker.zip").count(), 2, "{text}");
    text
}

const MAIL: &str = "--var=alarm_email=ops@example.com";
pub const ACCOUNT: &str = "--account=123456789012";

/// Creates a bench for commands without credentials. `STATE` in the stack stands for the state's bucket.
pub async fn offline(stack: &str) -> Bench {
    let bench = Bench::without_bucket("").await;
    write(&bench, stack);
    bench
}

/// Writes `stack.yaml` with the bucket's name in place of `STATE`. [`Bench::write`] would also replace the `BUCKET` in
/// Couch's names.
fn write(bench: &Bench, stack: &str) {
    std::fs::write(bench.path().join("stack.yaml"), stack.replace("STATE", &bench.bucket())).expect("a file");
}

pub fn without_credentials(bench: &Bench, arguments: &[&str]) -> RunOutput {
    let mut command = bench.command(arguments);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    RunOutput::of(command.output().expect("the binary runs"))
}

pub fn json_of(ran: &RunOutput) -> Value {
    assert_eq!(ran.code, Some(0), "{ran}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// Lists the resources on which a policy allows `action`.
pub fn on(policy: &Value, action: &str) -> Vec<String> {
    let statements = policy["Statement"].as_array().expect("statements");
    let names = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).expect("texts") };
    let with = statements.iter().filter(|s| s["Effect"] == "Allow" && names(&s["Action"]).iter().any(|a| a == action));
    with.flat_map(|statement| names(&statement["Resource"])).collect()
}

#[tokio::test]
async fn a_policy_needs_no_credentials_and_names_what_the_stack_has() {
    let bench = offline(&couch("couch-images")).await;
    let ran = without_credentials(&bench, &["iam", "apply", ACCOUNT, MAIL]);
    let apply = json_of(&ran);
    assert_eq!(
        ran.stdout,
        without_credentials(&bench, &["iam", "apply", ACCOUNT, MAIL]).stdout,
        "always the same text"
    );
    let queue = |name: &str| format!("arn:aws:sqs:eu-west-1:123456789012:{name}");
    assert_eq!(on(&apply, "sqs:CreateQueue"), [queue("image-requests-32"), queue("image-requests-32-dlq")]);
    assert_eq!(on(&apply, "s3:CreateBucket"), [""; 0], "an external bucket is not created, nor the state's unasked");
    let reads = on(&apply, "s3:GetBucketTagging");
    assert_eq!(reads, ["arn:aws:s3:::couch-images"], "external: only read");
    let state = format!("arn:aws:s3:::{}/32/couch-explorers.json", bench.bucket());
    let objects = [state.clone(), format!("{state}.history/*"), format!("{state}.lock")];
    assert_eq!(on(&apply, "s3:PutObject"), objects);
    assert_eq!(on(&apply, "s3:DeleteObject"), objects[1..]);
    let plan = json_of(&without_credentials(&bench, &["iam", "plan", ACCOUNT, MAIL]));
    assert_eq!(on(&plan, "s3:GetObject"), objects);
    let destroy = json_of(&without_credentials(&bench, &["iam", "destroy", ACCOUNT, MAIL]));
    assert_eq!(on(&destroy, "sqs:DeleteQueue").len(), 2);
    let rollback = json_of(&without_credentials(&bench, &["iam", "rollback", ACCOUNT, MAIL]));
    assert_eq!(on(&rollback, "s3:PutObject"), objects[2..], "only the lock is written");
    let function = |name: &str| format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}");
    let functions = [function("generate-image-32"), function("image-worker-32")];
    assert_eq!(on(&rollback, "lambda:UpdateFunctionCode"), functions);
    assert_eq!(on(&rollback, "sqs:GetQueueAttributes"), [""; 0], "functions alone");
    let versions: Vec<String> = functions.iter().map(|arn| format!("{arn}:*")).collect();
    assert!(versions.iter().all(|arn| on(&apply, "lambda:DeleteFunction").contains(arn)), "{apply:#}");
    let model = "arn:aws:bedrock:us-west-2::foundation-model/stability.stable-image-core-v1:1";
    for policy in [&plan, &apply] {
        assert_eq!(on(policy, "bedrock:GetFoundationModel"), [model], "once for both functions");
    }
    for policy in [&destroy, &rollback] {
        assert_eq!(on(policy, "bedrock:GetFoundationModel"), [""; 0]);
    }
    for action in ["sqs:CreateQueue", "sqs:DeleteQueue", "iam:PassRole", "s3:PutObject"] {
        assert_eq!(on(&plan, action), [""; 0], "{action}");
    }
    assert_eq!(on(&destroy, "iam:PassRole"), [""; 0]);
    let made = json_of(&without_credentials(&bench, &["iam", "apply", "--create-state-bucket", ACCOUNT, MAIL]));
    assert_eq!(on(&made, "s3:CreateBucket"), [format!("arn:aws:s3:::{}", bench.bucket())]);
}

#[tokio::test]
async fn without_a_model_nothing_of_bedrock_is_allowed() {
    let bench = offline("stack: shop\nregion: eu-west-1\nfunctions: { f: { zip: worker.zip, permissions: [ { allow: bedrock:InvokeModel, on: \"arn:aws:bedrock:*::foundation-model/*\" } ] } }\n").await;
    let apply = json_of(&without_credentials(&bench, &["iam", "apply", ACCOUNT]));
    assert!(!apply.to_string().contains("bedrock:GetFoundationModel"), "{apply:#}");
}

#[tokio::test]
async fn without_an_account_and_credentials_the_help_names_the_option() {
    let bench = offline("stack: shop\nregion: eu-west-1\nqueues: { orders: {} }\n").await;
    let ran = without_credentials(&bench, &["iam", "plan"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("aws::no-credentials") && ran.stderr.contains("--account 123456789012"), "{ran}");
}

#[tokio::test]
async fn a_policy_beyond_the_limit_says_so_and_can_be_divided() {
    let queues: String = (0..120).map(|i| format!("  a-queue-with-a-long-name-{i:03}: {{}}\n")).collect();
    let bench = offline(&format!("stack: shop\nregion: eu-west-1\nqueues:\n{queues}")).await;
    let ran = without_credentials(&bench, &["iam", "apply", ACCOUNT]);
    assert!(ran.stderr.contains("`deployer iam apply --split` prints it as"), "{ran}");
    let parts = json_of(&without_credentials(&bench, &["iam", "apply", ACCOUNT, "--split"]));
    let parts = parts.as_array().expect("a list");
    assert!(parts.len() > 1);
    for part in parts {
        let size = part.to_string().chars().filter(|c| !c.is_whitespace()).count();
        assert!(size <= 6_144, "{size}");
    }
    let all: usize = parts.iter().map(|part| on(part, "sqs:CreateQueue").len()).sum();
    assert_eq!(all, 120);
}

#[tokio::test]
async fn a_boundary_is_asked_of_every_role() {
    let stack = "stack: shop\nregion: eu-west-1\nroles:\n  reader: { trust: [ lambda.amazonaws.com ] }\n";
    let bench = offline(stack).await;
    let boundary = "arn:aws:iam::123456789012:policy/Limit";
    let ran = without_credentials(&bench, &["iam", "apply", ACCOUNT, "--permissions-boundary", boundary]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("iam::no-boundary") && ran.stderr.contains("stack.yaml:4"), "{ran}");
    bench.write("stack.yaml", &stack.replace("] }", &format!("], permissions_boundary: \"{boundary}\" }}")));
    let policy = json_of(&without_credentials(&bench, &["iam", "apply", ACCOUNT, "--permissions-boundary", boundary]));
    let statements = policy["Statement"].as_array().unwrap();
    let create = statements.iter().find(|s| s["Action"].to_string().contains("iam:CreateRole")).unwrap();
    assert_eq!(create["Condition"], json!({ "StringEquals": { "iam:PermissionsBoundary": [boundary] } }));
}

#[tokio::test]
async fn the_state_adds_what_the_stack_no_longer_has() {
    let stack = "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\nqueues: { orders: {}, spare: {} }\n";
    let bench = Bench::new(stack).await;
    bench.apply();
    bench.write("stack.yaml", &stack.replace(", spare: {}", ""));
    let queues = |arguments: &[&str]| on(&json_of(&bench.run(arguments)), "sqs:DeleteQueue").len();
    assert_eq!(queues(&["iam", "apply"]), 1);
    assert_eq!(queues(&["iam", "apply", "--with-state"]), 2);
}

#[tokio::test]
async fn github_gets_a_role_to_plan_and_one_to_apply() {
    let bench = offline(&couch("couch-images")).await;
    let unnumbered = without_credentials(&bench, &["iam", "github", "--repo", "Acme/couch", ACCOUNT, MAIL]);
    assert_eq!(unnumbered.code, Some(1), "{unnumbered}");
    assert!(unnumbered.stderr.contains("--owner-id") && unnumbered.stderr.contains("--any-id"), "{unnumbered}");
    let ran = without_credentials(&bench, &["iam", "github", "--repo", "Acme/couch", "--any-id", ACCOUNT, MAIL]);
    for said in ["--permissions-boundary ARN", "environment variables", "pull_request_target"] {
        assert!(ran.stderr.contains(said), "{said}: {ran}");
    }
    let printed = json_of(&ran);
    assert_eq!(printed["provider"]["url"], "https://token.actions.githubusercontent.com");
    let names: Vec<_> = printed["roles"].as_array().unwrap().iter().map(|role| &role["name"]).collect();
    assert_eq!(names, ["couch-explorers-32-ci-plan", "couch-explorers-32-ci-apply"]);
    let subjects = &printed["roles"][1]["trust"]["Statement"][0]["Condition"]["StringLike"];
    assert!(subjects.to_string().contains("repo:Acme/couch:ref:refs/heads/main"), "{subjects}");
    for role in printed["roles"].as_array().unwrap() {
        for policy in role["policies"].as_array().unwrap() {
            let size = policy["document"].to_string().chars().filter(|c| !c.is_whitespace()).count();
            assert!(size <= 6_144, "{size}");
        }
    }
    assert!(ran.stderr.contains("aws iam create-role --role-name couch-explorers-32-ci-apply"), "{ran}");
    let alone =
        ["iam", "github", "--repo", "Acme/couch", "--role", "plan", "--owner-id=1", "--repo-id=2", ACCOUNT, MAIL];
    assert_eq!(json_of(&without_credentials(&bench, &alone))["roles"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_pattern_among_the_branches_is_no_trust_and_an_environment_may_plan() {
    let stack = "stack: shop\nregion: eu-west-1\nstate: { bucket: STATE, key: shop.json }\nci: { apply_on: [\"release/*\"] }\nqueues: { orders: {} }\n";
    let bench = offline(stack).await;
    let github = |more: &[&str]| {
        let arguments =
            [&["iam", "github", "--repo", "Acme/shop", "--owner-id=1", "--repo-id=2", ACCOUNT], more].concat();
        without_credentials(&bench, &arguments)
    };
    let refused = github(&[]);
    assert!(refused.code == Some(1) && refused.stderr.contains("iam::branch-pattern"), "{refused}");
    let ran = github(&["--branch", "main", "--plan-environment", "plans"]);
    let trust = json_of(&ran)["roles"][0]["trust"].to_string();
    assert!(trust.contains("repo:Acme/shop:environment:plans") && !trust.contains('*'), "{trust}");
    assert!(!ran.stderr.contains("--permissions-boundary"), "a stack without roles makes no administrator: {ran}");
}

/// Allows the actions that the emulator checks on `*` or requires beyond AWS. AWS checks them on the policies'
/// resources.
pub fn shortcomings() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Resource": "*", "Action": [
            "cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm",
            "lambda:CreateEventSourceMapping", "lambda:CreateFunction", "lambda:DeleteEventSourceMapping",
            "lambda:UpdateEventSourceMapping", "sns:ListTagsForResource",
        ]},
        // The emulator does not know the tags of an API, which its sub-resources inherit, nor the tags in a request.
        { "Effect": "Allow", "Resource": ["arn:aws:apigateway:eu-west-1::/restapis*", "arn:aws:apigateway:eu-west-1::/tags/*"], "Action": [
            "apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT",
        ]},
    ]})
}

/// Creates a user with only these policies. Returns (key id, secret).
pub async fn user(aws: &deployer::aws::Aws, name: &str, policies: &[Value]) -> (String, String) {
    let iam = &aws.clients.iam;
    iam.create_user().user_name(name).send().await.expect("a user");
    for (i, policy) in policies.iter().enumerate() {
        let call = iam.put_user_policy().user_name(name).policy_name(format!("p{i}"));
        call.policy_document(policy.to_string()).send().await.expect("a policy");
    }
    let key = iam.create_access_key().user_name(name).send().await.expect("a key").access_key.expect("a key");
    (key.access_key_id, key.secret_access_key)
}

#[tokio::test]
async fn the_policies_are_enough_to_plan_apply_and_destroy_where_they_are_enforced() {
    let bench = Bench::without_bucket("").await;
    let account = bench.aws.place.account.clone();
    let root = common::aws_at(common::checking_cloud(), &account).await;
    let images = format!("images-{account}");
    for bucket in [&images, &bench.bucket()] {
        let region = aws_sdk_s3::types::BucketLocationConstraint::from(common::REGION);
        let location = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(region).build();
        let call = root.clients.s3.create_bucket().bucket(bucket).create_bucket_configuration(location);
        call.send().await.expect("a bucket");
    }
    write(&bench, &couch(&images));
    let named = format!("--account={account}");
    let policy = |task: &str| {
        let parts = json_of(&without_credentials(&bench, &["iam", task, "--split", &named, MAIL]));
        let mut parts: Vec<Value> = serde_json::from_value(parts).expect("a list");
        parts.push(shortcomings());
        parts
    };
    let run_as = |(id, secret): &(String, String), arguments: &[&str]| {
        let mut command: Command = bench.command(arguments);
        command.arg(MAIL).env("AWS_ENDPOINT_URL", &common::checking_cloud().endpoint_url);
        command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
        RunOutput::of(command.output().expect("the binary runs"))
    };
    let done = |ran: RunOutput| {
        assert_eq!(ran.code, Some(0), "{ran}");
        ran
    };

    let planner = user(&root, "planner", &policy("plan")).await;
    done(run_as(&planner, &["plan"]));
    let refused = run_as(&planner, &["apply", "-y"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(refused.stderr.contains("state::access-denied"), "a plan takes no lock: {refused}");

    let no_queues = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "sqs:CreateQueue", "Resource": "*" },
    ]});
    let hindered = user(&root, "hindered", &[policy("apply"), vec![no_queues]].concat()).await;
    let refused = run_as(&hindered, &["apply", "-y"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    let queue = format!("sqs:CreateQueue on resource: arn:aws:sqs:eu-west-1:{account}:image-requests-32-dlq");
    for part in ["aws::access-denied", &queue, "denies `sqs:CreateQueue`"] {
        assert!(refused.stderr.contains(part), "{part}: {refused}");
    }

    let applier = user(&root, "applier", &policy("apply")).await;
    done(run_as(&applier, &["apply", "-y"]));
    let plan = done(run_as(&planner, &["plan", "--json"]));
    let plan: Value = serde_json::from_str(&plan.stdout).expect("one JSON object");
    assert_eq!(changes(&plan), [""; 0], "{plan:#}");
    std::fs::write(bench.path().join("worker.zip"), ready_zip("two")).expect("a file");
    done(run_as(&applier, &["apply", "-y"]));
    let keeper = keeper(&common::checking_cloud().endpoint_url, &["one", "two"], || {});
    let (id, secret) = user(&root, "rollbacker", &policy("rollback")).await;
    let mut command: Command = bench.command(&["rollback", "-y", MAIL]);
    command.env("AWS_ENDPOINT_URL", &keeper.url).env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
    let ran = done(RunOutput::of(command.output().expect("the binary runs")));
    assert!(ran.stderr.contains("Rolled back 2 functions of "), "{ran}");
    let destroyer = user(&root, "destroyer", &policy("destroy")).await;
    done(run_as(&destroyer, &["destroy", "-y"]));
}
