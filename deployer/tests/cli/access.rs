//! `deployer iam github --apply` and `--remove`, on the real binary.

use serde_json::Value;

use crate::bench::{Bench, RunOutput};

const STACK: &str =
    "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\nqueues: { orders: {} }\n";
const GITHUB: [&str; 6] = ["iam", "github", "--repo", "acme/shop", "--owner-id=1", "--repo-id=2"];

fn github(bench: &Bench, more: &[&str]) -> RunOutput {
    bench.run(&[&GITHUB[..], more].concat())
}

fn done(ran: RunOutput) -> RunOutput {
    assert_eq!(ran.code, Some(0), "{ran}");
    ran
}

/// Returns the role's policies with their default documents and numbers of versions.
async fn policies(bench: &Bench, role: &str) -> Vec<(String, String, usize)> {
    let iam = &bench.aws.clients.iam;
    let attached = iam.list_attached_role_policies().role_name(role).send().await.expect("a role");
    let mut found = Vec::new();
    for policy in attached.attached_policies() {
        let arn = policy.policy_arn().expect("an ARN");
        let version = iam.get_policy().policy_arn(arn).send().await.expect("a policy").policy.expect("a policy");
        let version = version.default_version_id.expect("a version");
        let document = iam.get_policy_version().policy_arn(arn).version_id(version).send().await.expect("a version");
        let versions = iam.list_policy_versions().policy_arn(arn).send().await.expect("versions").versions().len();
        let document = document.policy_version.and_then(|version| version.document).expect("a document");
        found.push((policy.policy_name().expect("a name").to_owned(), document, versions));
    }
    found
}

#[tokio::test]
async fn the_roles_are_created_once_and_follow_the_stack() {
    let bench = Bench::new(STACK).await;
    let refused = github(&bench, &["--apply"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("run::approval-needed"), "{refused}");
    for shown in ["+ identity provider", "+ policy shop-ci-plan-1", "+ role shop-ci-apply", "5 to create"] {
        assert!(refused.stdout.contains(shown), "{shown}: {refused}");
    }
    let iam = &bench.aws.clients.iam;
    assert!(iam.get_role().role_name("shop-ci-plan").send().await.is_err(), "nothing was created");

    let made = done(github(&bench, &["--apply", "-y"]));
    let account = &bench.aws.place.account;
    for (name, role) in [("AWS_PLAN_ROLE_ARN", "plan"), ("AWS_ROLE_ARN", "apply")] {
        let line =
            format!("gh variable set {name} --repo acme/shop --body arn:aws:iam::{account}:role/shop-ci-{role}\n");
        assert!(made.stdout.contains(&line), "{line}: {made}");
    }
    let again = done(github(&bench, &["--apply"]));
    assert!(again.stderr.contains("Nothing to do."), "{again}");
    let plan = done(bench.run(&["plan"]));
    assert!(!plan.stdout.contains("shop-ci"), "the roles are no orphans of the stack: {plan}");

    for number in 0..7 {
        bench.write("stack.yaml", &STACK.replace("orders: {}", &format!("orders: {{ name: orders-{number} }}")));
        let changed = done(github(&bench, &["--apply", "-y", "--json"]));
        let lines: Vec<Value> =
            changed.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
        assert_eq!(lines[0]["actions"].as_array().unwrap().len(), 2, "one policy a role: {changed}");
        assert_eq!(lines.last().unwrap()["done"], 2, "{changed}");
    }
    let found = policies(&bench, "shop-ci-apply").await;
    assert_eq!(found.len(), 1);
    let (name, document, versions) = &found[0];
    assert_eq!((name.as_str(), *versions), ("shop-ci-apply-1", 5), "old versions go");
    assert!(document.contains("orders-6") && !document.contains("orders-5"), "{document}");
}

#[tokio::test]
async fn an_interrupted_run_is_completed_and_foreign_roles_and_the_provider_stay() {
    let bench = Bench::new(STACK).await;
    let iam = &bench.aws.clients.iam;
    done(github(&bench, &["--apply", "-y"]));
    // As after a run that ended between its calls.
    let arn = format!("arn:aws:iam::{}:policy/shop-ci-plan-1", bench.aws.place.account);
    iam.detach_role_policy().role_name("shop-ci-plan").policy_arn(&arn).send().await.expect("detached");
    iam.delete_policy().policy_arn(&arn).send().await.expect("deleted");
    let healed = done(github(&bench, &["--apply", "-y"]));
    assert!(healed.stderr.contains("✓ created policy shop-ci-plan-1"), "{healed}");
    assert_eq!(policies(&bench, "shop-ci-plan").await.len(), 1);

    let removed = done(github(&bench, &["--remove", "-y"]));
    assert!(removed.stdout.contains("- role shop-ci-apply") && !removed.stdout.contains("provider"), "{removed}");
    assert!(iam.get_role().role_name("shop-ci-plan").send().await.is_err());
    assert!(iam.get_policy().policy_arn(&arn).send().await.is_err());
    let providers = iam.list_open_id_connect_providers().send().await.expect("providers");
    assert_eq!(providers.open_id_connect_provider_list().len(), 1, "others may use it");
    assert!(done(github(&bench, &["--remove"])).stderr.contains("Nothing to do."));

    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    iam.create_role().role_name("shop-ci-plan").assume_role_policy_document(trust).send().await.expect("a role");
    for verb in ["--apply", "--remove"] {
        let refused = github(&bench, &[verb, "-y"]);
        assert!(refused.code == Some(1) && refused.stderr.contains("iam::foreign-role"), "{refused}");
        assert!(refused.stderr.contains("aws iam tag-role --role-name shop-ci-plan"), "{refused}");
    }
}

#[tokio::test]
async fn a_provider_of_the_account_is_used_and_changed_only_to_accept_the_audience() {
    let bench = Bench::new(STACK).await;
    let url = "https://token.actions.githubusercontent.com";
    let create = bench.aws.clients.iam.create_open_id_connect_provider().url(url);
    create.client_id_list("https://github.com/acme").send().await.expect("a provider");
    let shown = github(&bench, &["--apply"]);
    assert!(
        shown.stdout.contains("~ identity provider") && shown.stdout.contains("4 to create, 1 to update"),
        "{shown}"
    );
    let alone = done(github(&bench, &["--remove"]));
    assert!(alone.stderr.contains("Nothing to do."), "{alone}");
}
