//! Policies by the beginning of names, roles for previews, and plans of resources that nobody has allowed yet.

use serde_json::{Value, json};

use crate::bench::{Bench, RunOutput, changes};
use crate::common;
use crate::iam::{ACCOUNT, json_of, offline, on, shortcomings, user, without_credentials};

const SHOP: &str = "stack: shop\nregion: eu-west-1\nstate: { bucket: STATE, key: shop.json }\n";
const FUNCTION: &str = "functions: { consumer: { zip: worker.zip, events: [ { queue: orders } ] } }\n";

/// A stack in an account whose cloud checks permissions.
struct Strict {
    bench: Bench,
    root: deployer::aws::Aws,
    account: String,
}

impl Strict {
    async fn new(stack: &str) -> Self {
        let bench = offline(stack).await;
        let account = bench.aws.place.account.clone();
        let root = common::aws_at(common::checking_cloud(), &account).await;
        let region = aws_sdk_s3::types::BucketLocationConstraint::from(common::REGION);
        let location = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(region).build();
        let call = root.clients.s3.create_bucket().bucket(bench.bucket()).create_bucket_configuration(location);
        call.send().await.expect("a bucket");
        Self { bench, root, account }
    }

    fn write(&self, stack: &str) {
        let text = stack.replace("STATE", &self.bench.bucket());
        std::fs::write(self.bench.path().join("stack.yaml"), text).expect("a file");
    }

    /// Creates a user with the policy that these arguments print.
    async fn user(&self, name: &str, arguments: &[&str]) -> (String, String) {
        let account = format!("--account={}", self.account);
        let policy = json_of(&without_credentials(&self.bench, &[arguments, &[&account]].concat()));
        user(&self.root, name, &[policy, shortcomings()]).await
    }

    fn run(&self, (id, secret): &(String, String), arguments: &[&str]) -> RunOutput {
        let mut command = self.bench.command(arguments);
        command.env("AWS_ENDPOINT_URL", &common::checking_cloud().endpoint_url);
        command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
        RunOutput::of(command.output().expect("the binary runs"))
    }

    fn done(&self, who: &(String, String), arguments: &[&str]) -> RunOutput {
        let ran = self.run(who, arguments);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran
    }
}

fn plan(ran: &RunOutput) -> Value {
    serde_json::from_str(&ran.stdout).expect("one JSON object")
}

#[tokio::test]
async fn a_new_queue_is_planned_without_permission_and_applied_with_a_policy_by_prefix() {
    let before = format!("{SHOP}queues: {{ orders: {{ visibility_timeout: 60 }} }}\n{FUNCTION}");
    let after = before.replace("queues: {", "queues: { extra: {},");
    let stack = Strict::new(&before).await;
    let planner = stack.user("planner", &["iam", "plan"]).await;
    let applier = stack.user("applier", &["iam", "apply"]).await;
    let planner_by_prefix = stack.user("by-prefix", &["iam", "plan", "--prefix"]).await;
    let applier_by_prefix = stack.user("all-by-prefix", &["iam", "apply", "--prefix", "shop-*"]).await;
    stack.done(&applier_by_prefix, &["apply", "-y"]);

    stack.write(&after);
    let shown = stack.done(&planner, &["plan"]);
    let permission = format!("`sqs:GetQueueAttributes` on `arn:aws:sqs:eu-west-1:{}:shop-extra`", stack.account);
    assert!(shown.stdout.contains("counts as to be created") && shown.stdout.contains(&permission), "{shown}");
    let guessed = stack.done(&planner, &["plan", "--json"]);
    assert_eq!(changes(&plan(&guessed)), ["create queues.extra"], "{guessed}");
    let refused = stack.run(&applier, &["apply", "-y"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("aws::access-denied"), "apply looks: {refused}");

    let known = stack.done(&planner_by_prefix, &["plan", "--json"]);
    assert_eq!(plan(&known)["notes"], json!([]), "{known}");
    assert_eq!(plan(&known)["digest"], plan(&guessed)["digest"], "the same plan");
    stack.done(&applier_by_prefix, &["apply", "-y"]);
    assert_eq!(changes(&plan(&stack.done(&planner_by_prefix, &["plan", "--json"]))), [""; 0]);
    stack.write(&before);
    stack.done(&applier_by_prefix, &["apply", "-y"]);
    stack.write(&before.replace("orders: {", "orders: { name: other,"));
    let beyond = stack.run(&applier_by_prefix, &["apply", "-y"]);
    assert!(beyond.code == Some(1) && beyond.stderr.contains("sqs:"), "another name is not allowed: {beyond}");
}

#[tokio::test]
async fn a_resource_of_the_state_that_may_not_be_read_is_no_new_one() {
    let stack = Strict::new(&format!("{SHOP}queues: {{ orders: {{}} }}\n")).await;
    let applier = stack.user("applier", &["iam", "apply"]).await;
    let hindered = stack.user("hindered", &["iam", "plan"]).await;
    let no_queues = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "sqs:*", "Resource": "*" },
    ]});
    let call = stack.root.clients.iam.put_user_policy().user_name("hindered").policy_name("no-queues");
    call.policy_document(no_queues.to_string()).send().await.expect("a policy");
    for applied in [false, true] {
        let refused = stack.run(&hindered, &["plan"]);
        assert!(refused.code == Some(1) && refused.stderr.contains("aws::access-denied"), "{applied}: {refused}");
        stack.done(&applier, &["apply", "-y"]);
    }
}

#[tokio::test]
async fn previews_get_a_role_that_cannot_touch_the_stack_itself() {
    let text = format!(
        "{SHOP}ci: {{ preview: pull_request }}\nqueues: {{ orders: {{ visibility_timeout: 60 }} }}\n{FUNCTION}"
    );
    let stack = Strict::new(&text).await;
    let named = format!("--account={}", stack.account);
    let github = ["iam", "github", "--repo", "acme/shop", "--owner-id=1", "--repo-id=2", named.as_str()];
    let refused = without_credentials(&stack.bench, &github);
    assert!(refused.code == Some(1) && refused.stderr.contains("iam::unbounded-previews"), "{refused}");
    let ran = without_credentials(&stack.bench, &[&github[..], &["--unbounded-previews"]].concat());
    let role = json_of(&ran)["roles"][2].clone();
    assert_eq!(role["name"], "shop-ci-preview");
    assert!(
        role["trust"].to_string().contains("repo:acme/shop:pull_request")
            && !role["trust"].to_string().contains("refs/heads")
    );
    let policies: Vec<Value> = role["policies"].as_array().unwrap().iter().map(|p| p["document"].clone()).collect();
    let queues: Vec<String> = policies.iter().flat_map(|policy| on(policy, "sqs:DeleteQueue")).collect();
    assert_eq!(queues, [format!("arn:aws:sqs:eu-west-1:{}:shop-*-pr-*", stack.account)]);

    let applier = stack.user("applier", &["iam", "apply"]).await;
    stack.done(&applier, &["apply", "-y"]);
    let previewer = user(&stack.root, "previewer", &[policies, vec![shortcomings()]].concat()).await;
    stack.done(&previewer, &["plan"]);
    stack.done(&previewer, &["--env", "pr-7", "apply", "-y"]);
    stack.write(&text.replace("queues: {", "queues: { extra: {},").replace("60", "90"));
    stack.done(&previewer, &["--env", "pr-7", "apply", "-y"]);
    let own = stack.run(&previewer, &["apply", "-y"]);
    assert!(own.code == Some(1) && own.stderr.contains("state::access-denied"), "{own}");
    let other = stack.run(&previewer, &["--env", "feature", "apply", "-y"]);
    assert!(other.code == Some(1) && other.stderr.contains("access-denied"), "{other}");
    let gone = stack.done(&previewer, &["env", "destroy", "pr-7", "-y"]);
    assert!(gone.stderr.contains("pr-7 is gone"), "{gone}");
}

#[tokio::test]
async fn a_boundary_that_every_role_carries_limits_the_roles_of_previews() {
    let boundary = "arn:aws:iam::123456789012:policy/Limit";
    let text = format!("{SHOP}ci: {{ preview: pull_request }}\nqueues: {{ orders: {{}} }}\n{FUNCTION}");
    let bounded = text.replace("zip: worker.zip", &format!("zip: worker.zip, permissions_boundary: \"{boundary}\""));
    let bench = offline(&bounded).await;
    let github = ["iam", "github", "--repo", "acme/shop", "--any-id", "--role", "preview", ACCOUNT];
    let role = json_of(&without_credentials(&bench, &github))["roles"][0].clone();
    let statements: Vec<Value> = role["policies"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|policy| policy["document"]["Statement"].as_array().unwrap().clone())
        .collect();
    let puts =
        statements.iter().filter(|s| s["Effect"] == "Allow" && s["Action"].to_string().contains("iam:PutRolePolicy"));
    let conditions: Vec<&Value> = puts.map(|statement| &statement["Condition"]).collect();
    assert_eq!(conditions, [&json!({ "StringEquals": { "iam:PermissionsBoundary": [boundary] } })]);
    bench.write(
        "stack.yaml",
        &bounded.replace("orders: {}", "orders: { name: shop-new-pr-hooks }").replace("STATE", "b-u-c-k-e-t"),
    );
    let refused = without_credentials(&bench, &github);
    assert!(refused.code == Some(1) && refused.stderr.contains("iam::preview-name"), "{refused}");
}

#[tokio::test]
async fn a_pattern_of_environments_is_for_policies_alone() {
    let bench = offline(&format!("{SHOP}queues: {{ orders: {{}} }}\n")).await;
    let policy = json_of(&without_credentials(&bench, &["--env", "pr-*", "iam", "apply", ACCOUNT]));
    assert_eq!(on(&policy, "sqs:CreateQueue"), ["arn:aws:sqs:eu-west-1:123456789012:shop-orders-pr-*"]);
    assert!(on(&policy, "s3:PutObject").iter().all(|arn| arn.contains("/shop.env.pr-*.json")), "{policy:#}");
    for (arguments, code) in [
        (&["--env", "pr-*", "plan"][..], "env::pattern"),
        (&["--env", "pr-*", "iam", "apply", "--with-state"], "env::pattern"),
        (&["--env", "pr-*", "iam", "github", "--repo", "a/b", "--any-id", ACCOUNT], "env::pattern"),
        (&["--env", "*", "iam", "apply"], "ends in `-*`"),
        (&["iam", "apply", "--prefix", "*", ACCOUNT], "the beginning of names"),
    ] {
        let ran = without_credentials(&bench, arguments);
        assert!(ran.code == Some(1) && ran.stderr.contains(code), "{ran}");
    }
    let warned = without_credentials(&bench, &["iam", "apply", "--prefix", ACCOUNT]);
    assert!(warned.stderr.contains("shop-*") && warned.stderr.contains("whoever owns it"), "{warned}");
    assert_eq!(on(&json_of(&warned), "sqs:CreateQueue"), ["arn:aws:sqs:eu-west-1:123456789012:shop-*"]);
}

#[tokio::test]
async fn a_stack_without_roles_needs_a_boundary_for_previews_too() {
    let bench = offline(&format!("{SHOP}ci: {{ preview: pull_request }}\nqueues: {{ orders: {{}} }}\n")).await;
    let github = ["iam", "github", "--repo", "acme/shop", "--any-id", "--prefix", ACCOUNT];
    let refused = without_credentials(&bench, &github);
    assert!(refused.code == Some(1) && refused.stderr.contains("iam::unbounded-previews"), "{refused}");
    let accepted = without_credentials(&bench, &[&github[..], &["--unbounded-previews"]].concat());
    assert!(accepted.stderr.contains("so reach everything in the account"), "a prefix includes roles: {accepted}");
    let boundary = "--permissions-boundary=arn:aws:iam::123456789012:policy/Limit";
    let bounded = without_credentials(&bench, &[&github[..], &[boundary]].concat());
    assert_eq!(json_of(&bounded)["roles"].as_array().unwrap().len(), 3, "{bounded}");
    assert!(!bounded.stderr.contains("so reach everything in the account"), "{bounded}");
}

#[tokio::test]
async fn previews_of_branches_that_begin_alike_get_a_role() {
    let bench = offline(&format!("{SHOP}ci: {{ preview: branch }}\nqueues: {{ orders: {{}} }}\n")).await;
    let github = ["iam", "github", "--repo", "acme/shop", "--any-id", "--unbounded-previews", ACCOUNT];
    let without = without_credentials(&bench, &github);
    assert_eq!(json_of(&without)["roles"].as_array().unwrap().len(), 2, "{without}");
    assert!(without.stderr.contains("--preview-branches 'feature/*'"), "{without}");
    let ran = without_credentials(&bench, &[&github[..], &["--preview-branches", "feature/*"]].concat());
    let role = json_of(&ran)["roles"][2].clone();
    let trust = role["trust"].to_string();
    for branch in ["refs/heads/feature/*", "refs/heads/main"] {
        assert!(trust.contains(branch), "{trust}");
    }
    let policies: Vec<Value> = role["policies"].as_array().unwrap().iter().map(|p| p["document"].clone()).collect();
    let queues: Vec<String> = policies.iter().flat_map(|policy| on(policy, "sqs:DeleteQueue")).collect();
    assert_eq!(queues, ["arn:aws:sqs:eu-west-1:123456789012:shop-*-feature-*"]);
    let both = [&github[..], &["--preview-branches", "feature/*", "--branch", "feature/main"]].concat();
    let refused = without_credentials(&bench, &both);
    assert!(refused.code == Some(1) && refused.stderr.contains("iam::preview-name"), "{refused}");
    let open = without_credentials(&bench, &[&github[..], &["--preview-branches", "*"]].concat());
    assert!(open.code == Some(1) && open.stderr.contains("feature/*"), "{open}");
}

#[tokio::test]
async fn previews_beside_declared_environments_get_a_role_of_their_own() {
    let text = format!("{SHOP}environments: [staging]\nci: {{ preview: pull_request }}\nqueues: {{ orders: {{}} }}\n");
    let bench = offline(&text).await;
    let github = ["--env", "pr-*", "iam", "github", "--repo", "acme/shop", "--any-id", "--unbounded-previews", ACCOUNT];
    let printed = json_of(&without_credentials(&bench, &github));
    let roles = printed["roles"].as_array().unwrap();
    assert_eq!((roles.len(), &roles[0]["name"]), (1, &json!("shop-ci-preview")));
    let queues: Vec<String> = roles[0]["policies"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|policy| on(&policy["document"], "sqs:DeleteQueue"))
        .collect();
    assert_eq!(queues, ["arn:aws:sqs:eu-west-1:123456789012:shop-*-pr-*"]);
    bench.write("stack.yaml", &text.replace("orders:", "x-pr-y:").replace("STATE", "b-u-c-k-e-t"));
    let refused = without_credentials(&bench, &github);
    assert!(refused.code == Some(1) && refused.stderr.contains("iam::preview-name"), "{refused}");
}

#[tokio::test]
async fn what_destroy_and_rollback_may_do_is_allowed_by_prefix_too() {
    let bench = offline(&format!("{SHOP}queues: {{ orders: {{}} }}\n{FUNCTION}")).await;
    let ran = without_credentials(&bench, &["iam", "destroy", "--prefix", ACCOUNT]);
    let policy = json_of(&ran);
    assert!(on(&policy, "sqs:DeleteQueue").contains(&"arn:aws:sqs:eu-west-1:123456789012:shop-*".to_owned()), "{ran}");
    assert!(on(&policy, "sqs:CreateQueue").is_empty() && ran.stderr.contains("may delete everything"), "{ran}");
    let ran = without_credentials(&bench, &["iam", "rollback", "--prefix", ACCOUNT]);
    let functions = on(&json_of(&ran), "lambda:UpdateFunctionCode");
    assert!(functions.iter().any(|arn| arn.ends_with(":function:shop-*")), "{functions:?}");
}
