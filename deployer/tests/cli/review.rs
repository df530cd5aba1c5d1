//! Plans in the comments of pull requests, and the applies after their review.

use std::process::Command;

use serde_json::{Value, json};

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;
use crate::forge::{Forge, TOKEN};

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars: { token: { secret: true, default: hunter22-and-more } }
queues:
  orders: { visibility_timeout: 30s, tags: { note: \"a ${vars.token}\" } }
";

/// A repository with a stand-in for its forge.
pub struct Repository {
    pub bench: Bench,
    pub forge: Forge,
}

impl Repository {
    pub async fn new(stack: &str) -> Self {
        Self { bench: Bench::new(stack).await, forge: Forge::start() }
    }

    pub fn command(&self, event: &str, reference: &str, arguments: &[&str]) -> Command {
        let mut command = self.bench.command(&[&["ci"], arguments].concat());
        self.happens(&request("opened", "a/b"));
        command
            .envs([("CI", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "a/b"), ("GITHUB_SHA", "def456")])
            .env("GITHUB_EVENT_NAME", event)
            .env("GITHUB_REF", reference)
            .env("GITHUB_EVENT_PATH", self.bench.path().join("event.json"))
            .env("GITHUB_API_URL", &self.forge.url)
            .env("GITHUB_TOKEN", TOKEN);
        command
    }

    /// Writes GitHub's event for the next run.
    fn happens(&self, payload: &Value) {
        self.bench.write("event.json", &payload.to_string());
    }

    pub fn run(&self, mut command: Command) -> RunOutput {
        let ran = RunOutput::of(command.output().expect("the binary runs"));
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(TOKEN), "{ran}");
        ran
    }

    fn propose(&self) -> RunOutput {
        let ran = self.run(self.command("pull_request", "refs/pull/7/merge", &[]));
        assert_eq!(ran.code, Some(0), "{ran}");
        ran
    }

    fn main(&self, arguments: &[&str]) -> RunOutput {
        self.run(self.command("push", "refs/heads/main", arguments))
    }
}

/// Builds GitHub's event for pull request 7, from a branch of `head`.
fn request(action: &str, head: &str) -> Value {
    json!({"action": action, "number": 7, "pull_request": {"number": 7,
        "head": {"sha": "abc123", "repo": {"full_name": head}}, "base": {"repo": {"full_name": "a/b"}}}})
}

/// Returns the digest that a run printed.
fn digest(ran: &RunOutput) -> String {
    let line = ran.stderr.lines().find_map(|line| line.strip_prefix("Plan digest: "));
    line.expect("a digest").to_owned()
}

#[tokio::test]
async fn a_pull_request_gets_one_comment_that_is_edited_and_shows_no_secret() {
    let repository = Repository::new(STACK).await;
    let foreign = json!({"id": 1, "body": "<!-- deployer:stack:shop -->\nmine", "user": {"login": "somebody"}});
    repository.forge.with(|held| held.comments.push(foreign));
    let ran = repository.propose();
    let bodies = repository.forge.bodies();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert!(bodies[1].starts_with("<!-- deployer:stack:shop -->\n## shop: plan\n"), "{}", bodies[1]);
    assert!(bodies[1].contains(&format!("Plan of abc123: `{}`", digest(&ran))), "{}", bodies[1]);
    assert!(bodies[1].contains("<details><summary>+ queues.orders: 1 resource</summary>"), "{}", bodies[1]);
    assert!(!bodies[1].contains("hunter22"), "{}", bodies[1]);

    repository.bench.write("stack.yaml", &STACK.replace("30s", "60s"));
    repository.forge.asked();
    let other = repository.propose();
    assert_ne!(digest(&other), digest(&ran));
    let edited = repository.forge.bodies();
    assert_eq!((edited.len(), &edited[0]), (2, &bodies[0]), "somebody else's comment stays");
    assert!(edited[1].contains(&digest(&other)), "{}", edited[1]);
    assert_eq!(repository.forge.asked().last().unwrap(), "PATCH /repos/a/b/issues/comments/101");
}

#[tokio::test]
async fn a_comment_that_cannot_be_written_is_a_warning() {
    let repository = Repository::new(STACK).await;
    repository.forge.with(|held| held.closed = true);
    let ran = repository.propose();
    assert!(ran.stdout.contains("Plan: 1 to create"), "{ran}");
    assert!(ran.stderr.contains("::warning title=no comment::"), "{ran}");
    assert!(ran.stderr.contains("answered 403: Resource not accessible by integration"), "{ran}");

    let mut command = repository.command("pull_request", "refs/pull/7/merge", &[]);
    command.env("GITHUB_API_URL", "http://127.0.0.1:1");
    let ran = repository.run(command);
    assert!(ran.code == Some(0) && ran.stderr.contains("::warning title=no comment::"), "{ran}");
}

#[tokio::test]
async fn a_stack_that_wants_no_comment_gets_none() {
    let repository = Repository::new(&format!("{STACK}ci: {{ comment: false }}\n")).await;
    repository.propose();
    assert_eq!(repository.forge.asked(), [""; 0]);
}

#[tokio::test]
async fn only_the_reviewed_plan_is_applied_where_that_is_required() {
    let repository = Repository::new(&format!("{STACK}ci: {{ reviewed_plan: require }}\n")).await;
    let unknown = repository.main(&[]);
    assert_eq!(unknown.code, Some(1), "{unknown}");
    assert!(unknown.stderr.contains("nobody reviewed this plan"), "{unknown}");

    repository.propose();
    repository.forge.merge();
    let stack = format!("{STACK}ci: {{ reviewed_plan: require }}\n");
    repository.bench.write("stack.yaml", &stack.replace("30s", "45s"));
    let other = repository.main(&[]);
    assert_eq!(other.code, Some(1), "{other}");
    for text in ["plan::not-reviewed", "(#7)", "~ queues.orders: visibility_timeout: reviewed 30, now 45"] {
        assert!(other.stderr.contains(text), "{text}: {other}");
    }
    assert!(inventory(&repository.bench.aws).await.is_empty());

    repository.bench.write("stack.yaml", &stack);
    let reviewed = repository.main(&[]);
    assert_eq!(reviewed.code, Some(0), "{reviewed}");
    assert!(reviewed.stderr.contains("The plan is the one that was reviewed (#7)."), "{reviewed}");
    assert_eq!(inventory(&repository.bench.aws).await.len(), 1);
    let again = repository.main(&[]);
    assert_eq!(again.code, Some(0), "a plan without changes needs no review: {again}");
}

#[tokio::test]
async fn by_default_another_plan_than_the_reviewed_one_is_refused_and_one_that_nobody_saw_applied() {
    let repository = Repository::new(STACK).await;
    repository.propose();
    repository.forge.merge();
    repository.bench.write("stack.yaml", &STACK.replace("30s", "45s"));
    let ran = repository.main(&[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("visibility_timeout: reviewed 30, now 45"), "{ran}");
    assert!(inventory(&repository.bench.aws).await.is_empty());

    repository.forge.with(|held| held.pulls = json!([]));
    let direct = repository.main(&[]);
    assert_eq!(direct.code, Some(0), "{direct}");
    assert!(
        direct.stderr.contains("There is no reviewed plan to compare with: no pull request merged into main"),
        "{direct}"
    );
    assert_eq!(inventory(&repository.bench.aws).await.len(), 1);
}

#[tokio::test]
async fn a_forge_that_does_not_answer_is_no_silent_pass() {
    let repository = Repository::new(STACK).await;
    let mut command = repository.command("push", "refs/heads/main", &[]);
    command.env("GITHUB_API_URL", "http://127.0.0.1:1");
    let ran = repository.run(command);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("::warning title=reviewed plan not looked up::"), "{ran}");
}

#[tokio::test]
async fn what_differs_is_shown_for_a_plan_of_hundreds_of_resources() {
    let many: String = (0..150).map(|i| format!("  q{i}: {{ tags: {{ team: sofa }} }}\n")).collect();
    let stack = format!("{STACK}{many}");
    let repository = Repository::new(&stack).await;
    repository.propose();
    let length = repository.forge.bodies()[0].chars().count();
    assert!((30_000..65_536).contains(&length), "{length}");
    repository.forge.merge();
    repository.bench.write("stack.yaml", &stack.replace("30s", "45s"));
    let ran = repository.main(&[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("~ queues.orders: visibility_timeout: reviewed 30, now 45"), "{ran}");
}

#[tokio::test]
async fn where_that_only_warns_another_plan_than_the_reviewed_one_is_shown_and_applied() {
    let stack = format!("{STACK}ci: {{ reviewed_plan: warn }}\n");
    let repository = Repository::new(&stack).await;
    repository.propose();
    repository.forge.merge();
    repository.bench.write("stack.yaml", &stack.replace("30s", "45s"));
    let ran = repository.main(&[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("::warning title=not the reviewed plan::"), "{ran}");
    assert!(ran.stderr.contains("visibility_timeout: reviewed 30, now 45"), "{ran}");
    assert_eq!(inventory(&repository.bench.aws).await.len(), 1);
}

#[tokio::test]
async fn a_comment_of_somebody_else_is_no_review() {
    let repository = Repository::new(&format!("{STACK}ci: {{ reviewed_plan: require }}\n")).await;
    repository.propose();
    repository.forge.merge();
    repository.forge.with(|held| held.comments[0]["user"]["login"] = json!("somebody"));
    let ran = repository.main(&[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("#7 has no comment with the plan of shop"), "{ran}");
}

#[tokio::test]
async fn a_comment_that_somebody_changed_is_refused_whatever_they_changed() {
    // After an apply there is a state, and so a key for the second plan.
    let repository = Repository::new(STACK).await;
    repository.bench.apply();
    let changed = STACK.replace("30s", "45s");
    repository.bench.write("stack.yaml", &changed);
    repository.propose();
    repository.forge.merge();
    let body = repository.forge.bodies().remove(0);
    assert!(body.contains("visibility_timeout") && body.contains(" hmac-sha256:"), "{body}");

    let record = body.lines().last().expect("a record").to_owned();
    let words: Vec<&str> = record.split(' ').collect();
    for (text, why) in [
        (body.replace("visibility_timeout", "nothing"), "cannot be relied on"),
        (body.replace(words[3], "-"), "cannot be relied on"),
        (body.replace(words[4], "sha256:AAAA"), "cannot be relied on"),
        // As an earlier version wrote it: the message accuses nobody and names the next step.
        (body.replace(&format!(" {}", words[4]), ""), "has no seal, as one written by an earlier version"),
    ] {
        assert_ne!(text, body);
        repository.forge.with(|held| held.comments[0]["body"] = json!(text));
        let ran = repository.main(&[]);
        assert!(ran.code == Some(1) && ran.stderr.contains("plan::not-reviewed"), "{ran}");
        assert!(ran.stderr.contains(&format!("the comment at #7 {why}")), "{ran}");
    }
    repository.forge.with(|held| {
        held.comments[0]["body"] = json!(body);
        held.editor = Some("mallory");
    });
    let ran = repository.main(&[]);
    assert!(ran.code == Some(1) && ran.stderr.contains("mallory changed it"), "{ran}");
    repository.bench.write("stack.yaml", &format!("{changed}ci: {{ reviewed_plan: warn }}\n"));
    let ran = repository.main(&[]);
    assert!(ran.code == Some(0) && ran.stderr.contains("mallory changed it"), "where that only warns: {ran}");
    repository.forge.with(|held| held.editor = Some("github-actions"));
    repository.bench.write("stack.yaml", STACK);
    repository.propose();
    let ran = repository.main(&[]);
    assert!(ran.stderr.contains("The plan is the one that was reviewed (#7)."), "its author may change it: {ran}");
}

#[tokio::test]
async fn a_comment_is_no_review_of_another_request() {
    let repository = Repository::new(STACK).await;
    repository.propose();
    let other = json!({"number": 8, "merged_at": "2026-01-01T00:00:00Z", "base": {"ref": "main"}});
    repository.forge.with(|held| held.pulls = json!([other]));
    let ran = repository.main(&[]);
    assert!(ran.code == Some(1) && ran.stderr.contains("the comment at #8 cannot be relied on"), "{ran}");
}

#[tokio::test]
async fn an_app_of_the_repositorys_own_knows_its_comments_and_no_others() {
    let repository = Repository::new(STACK).await;
    repository.propose();
    repository.forge.with(|held| held.app = Some("our-deployer[bot]"));
    repository.propose();
    assert_eq!(repository.forge.bodies().len(), 2, "the comment of another app stays");
    repository.forge.with(|held| drop(held.comments.remove(0)));
    repository.forge.merge();
    let ran = repository.main(&[]);
    assert!(ran.stderr.contains("The plan is the one that was reviewed (#7)."), "{ran}");
}

#[tokio::test]
async fn a_request_merged_into_another_branch_is_no_review() {
    let repository = Repository::new(&format!("{STACK}ci: {{ reviewed_plan: require }}\n")).await;
    repository.propose();
    let own = json!({"number": 7, "merged_at": "2026-01-01T00:00:00Z", "base": {"ref": "branch-of-my-own"}});
    repository.forge.with(|held| held.pulls = json!([own]));
    let ran = repository.main(&[]);
    assert!(ran.code == Some(1) && ran.stderr.contains("nobody reviewed this plan"), "{ran}");
}

#[tokio::test]
async fn a_request_whose_comment_is_gone_is_told_of_and_refused_where_a_review_is_required() {
    for (mode, code) in [("match", 0), ("require", 1)] {
        let repository = Repository::new(&format!("{STACK}ci: {{ reviewed_plan: {mode} }}\n")).await;
        repository.forge.merge();
        let ran = repository.main(&[]);
        assert_eq!(ran.code, Some(code), "{ran}");
        assert!(ran.stderr.contains("#7 has no comment with the plan of shop"), "{ran}");
        assert_eq!(ran.stderr.contains("::warning title=no reviewed plan::"), mode == "match", "{ran}");
    }
}

#[tokio::test]
async fn a_forge_that_does_not_say_who_the_token_is_has_not_answered() {
    let repository = Repository::new(STACK).await;
    repository.propose();
    repository.forge.merge();
    repository.forge.with(|held| held.silent = true);
    let ran = repository.main(&[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("::warning title=reviewed plan not looked up::"), "{ran}");
}

#[tokio::test]
async fn apply_and_ci_take_the_digest_or_the_file_of_the_plan_to_expect() {
    let repository = Repository::new(STACK).await;
    let bench = &repository.bench;
    let plan = bench.plan();
    let digest = plan["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(bench.plan()["digest"], digest, "the same plan has the same digest");
    bench.write("reviewed.json", &plan.to_string());

    bench.write("stack.yaml", &STACK.replace("30s", "45s"));
    let other = bench.fails(&["apply", "-y", "--expect-plan", "reviewed.json"]);
    assert!(other.stderr.contains("visibility_timeout: reviewed 30, now 45"), "{other}");
    let other = repository.main(&["--expect-plan", &digest]);
    assert!(other.code == Some(1) && other.stderr.contains("plan::not-reviewed"), "{other}");
    let neither = bench.fails(&["apply", "-y", "--expect-plan", "sha256:12"]);
    assert!(neither.stderr.contains("plan::no-digest"), "{neither}");
    assert!(inventory(&bench.aws).await.is_empty());

    bench.write("stack.yaml", STACK);
    bench.ok(&["apply", "-y", "--expect-plan", &digest]);
    assert_eq!(inventory(&bench.aws).await.len(), 1);
    bench.ok(&["apply", "-y", "--expect-plan", "reviewed.json"]);
}

#[tokio::test]
async fn a_merge_request_of_gitlab_gets_a_note() {
    let repository = Repository::new(STACK).await;
    let run = |variables: &[(&str, &str)]| {
        let mut command = repository.bench.command(&["ci"]);
        command.envs([("CI", "true"), ("GITLAB_CI", "true"), ("CI_PROJECT_ID", "42"), ("GITLAB_TOKEN", TOKEN)]);
        command.env("CI_API_V4_URL", format!("{}/api/v4", repository.forge.url)).envs(variables.iter().copied());
        repository.run(command)
    };
    for _ in 0..2 {
        let ran = run(&[("CI_MERGE_REQUEST_IID", "3")]);
        assert!(ran.code == Some(0) && ran.stderr.contains("plan only: this is the merge request !3"), "{ran}");
        assert_eq!(repository.forge.bodies().len(), 1, "{ran}");
    }
    assert!(repository.forge.asked().contains(&"POST /api/v4/projects/42/merge_requests/3/notes".to_owned()));
    let main = [("CI_COMMIT_BRANCH", "main"), ("CI_COMMIT_SHA", "def456")];
    let merged = json!({"iid": 3, "merged_at": "2026-01-01T00:00:00Z", "target_branch": "main"});
    repository.forge.with(|held| (held.pulls, held.editor) = (json!([merged]), Some("mallory")));
    let ran = run(&main);
    assert!(ran.code == Some(1) && ran.stderr.contains("mallory changed it"), "{ran}");
    repository.forge.with(|held| held.editor = None);
    let ran = run(&main);
    assert!(ran.code == Some(0) && ran.stderr.contains("The plan is the one that was reviewed (#3)."), "{ran}");
    assert_eq!(inventory(&repository.bench.aws).await.len(), 1);
}

#[tokio::test]
async fn a_run_without_an_environment_deploys_the_preview_alone_where_the_stack_has_environments() {
    let stack = format!("{STACK}environments: [staging, production]\nci: {{ preview: pull_request }}\n");
    let repository = Repository::new(&stack).await;
    let with = |payload: Value, arguments: &[&str]| {
        let command = repository.command("pull_request", "refs/pull/7/merge", arguments);
        repository.happens(&payload);
        repository.run(command)
    };
    let preview = with(request("opened", "a/b"), &[]);
    assert!(preview.code == Some(0) && preview.stderr.contains("preview environment pr-7:"), "{preview}");
    let named = with(request("synchronize", "a/b"), &["--env", "staging"]);
    assert!(named.code == Some(0) && !named.stderr.contains("pr-7"), "{named}");
    let made = inventory(&repository.bench.aws).await;
    assert_eq!(made.into_iter().collect::<Vec<_>>(), ["queue shop-orders-pr-7"]);
    let closed = with(request("closed", "a/b"), &[]);
    assert!(closed.stderr.contains("The environment pr-7 is gone."), "{closed}");
    assert!(inventory(&repository.bench.aws).await.is_empty());

    let branch = repository.run(repository.command("push", "refs/heads/main", &[]));
    assert!(branch.code == Some(1) && branch.stderr.contains("stack::no-environment"), "{branch}");
}

#[tokio::test]
async fn a_pull_request_has_a_preview_until_it_is_closed_and_a_forks_has_none() {
    let stack = format!("{STACK}outputs: {{ name: \"${{queues.orders.name}}\" }}\nci: {{ preview: pull_request }}\n");
    let repository = Repository::new(&stack).await;
    let with = |payload: Value| {
        let command = repository.command("pull_request", "refs/pull/7/merge", &[]);
        repository.happens(&payload);
        let ran = repository.run(command);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran
    };
    with(request("opened", "somebody/b"));
    assert!(inventory(&repository.bench.aws).await.is_empty(), "a fork's code is not deployed");
    for _ in 0..2 {
        let ran = with(request("synchronize", "a/b"));
        assert!(ran.stdout.contains("Plan: 1 to create") && ran.stderr.contains("preview environment pr-7:"), "{ran}");
        let made = inventory(&repository.bench.aws).await;
        assert_eq!(made.into_iter().collect::<Vec<_>>(), ["queue shop-orders-pr-7"]);
    }
    let bodies = repository.forge.bodies();
    assert_eq!(bodies.len(), 2, "one for the plan, one for the preview: {bodies:?}");
    assert!(bodies[1].starts_with("<!-- deployer:stack:shop@pr-7 -->\n## shop@pr-7: preview\n"), "{}", bodies[1]);
    assert!(bodies[1].contains("name = shop-orders-pr-7"), "{}", bodies[1]);

    let closed = with(request("closed", "a/b"));
    assert!(closed.stderr.contains("The environment pr-7 is gone."), "{closed}");
    assert!(inventory(&repository.bench.aws).await.is_empty());
    let again = with(request("closed", "a/b"));
    assert!(again.stderr.contains("There is no environment pr-7 to destroy."), "{again}");
}
