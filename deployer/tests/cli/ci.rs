//! `deployer ci`: plans or applies depending on the branch, and writes results for GitHub Actions.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::bench::{Bench, RunOutput};
use crate::catalog::inventory;

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars: { token: { secret: true, default: hunter22-and-more } }
queues:
  orders: { visibility_timeout: 30s, redrive: { max_receive_count: 5 }, tags: { note: \"a ${vars.token}\" } }
outputs: { queue_url: \"${queues.orders.url}\", note: \"see ${vars.token}\" }
";

/// A step of a GitHub job in a stack's directory.
struct Job {
    bench: Bench,
    summary: PathBuf,
    output: PathBuf,
}

impl Job {
    async fn new(stack: &str) -> Self {
        let bench = Bench::new(stack).await;
        let (summary, output) = (bench.path().join("summary.md"), bench.path().join("output.txt"));
        Self { bench, summary, output }
    }

    fn command(&self, event: &str, reference: &str, arguments: &[&str]) -> Command {
        for file in [&self.summary, &self.output] {
            std::fs::write(file, "").expect("a file");
        }
        let mut command = self.bench.command(arguments);
        command
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", event)
            .env("GITHUB_REF", reference)
            .env("GITHUB_WORKSPACE", self.bench.path())
            .env("GITHUB_STEP_SUMMARY", &self.summary)
            .env("GITHUB_OUTPUT", &self.output);
        command
    }

    fn run(&self, event: &str, reference: &str) -> RunOutput {
        RunOutput::of(self.command(event, reference, &["ci"]).output().expect("the binary runs"))
    }

    fn summary(&self) -> String {
        std::fs::read_to_string(&self.summary).expect("a summary")
    }

    /// Parses the step's outputs as GitHub does.
    fn outputs(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(&self.output).expect("outputs");
        let mut lines = text.lines();
        let mut outputs = BTreeMap::new();
        while let Some(line) = lines.next() {
            let (name, delimiter) = line.split_once("<<").expect("a heading");
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            assert!(outputs.insert(name.to_owned(), value.join("\n")).is_none(), "{name} twice");
        }
        outputs
    }
}

fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_feature_branch_is_only_planned_and_changes_pending_are_no_failure() {
    let job = Job::new(STACK).await;
    let ran = job.run("push", "refs/heads/feature");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("plan only: the branch feature is not in `ci.apply_on` (main)"), "{ran}");
    assert!(ran.stdout.contains("Plan: 2 to create, 0 to update"), "{ran}");
    assert!(inventory(&job.bench.aws).await.is_empty());
    assert!(job.bench.state().await.is_none());

    let summary = job.summary();
    let place = format!("shop · eu-west-1 · {}", job.bench.aws.place.account);
    assert!(summary.starts_with(&format!("## shop: plan\n\n{place}\n\n")), "{summary}");
    assert!(
        summary.contains("**Plan: 2 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.**"),
        "{summary}"
    );
    assert!(summary.contains("<details><summary>+ queues.orders: 2 resources</summary>"), "{summary}");
    assert!(summary.contains("visibility_timeout: 30"), "{summary}");
    let numbers = ["adopt", "delete", "replace", "update", "widen"].map(|name| (name, "0"));
    let counts = [&[("changed", "true"), ("create", "2")][..], &numbers].concat();
    let mut outputs = job.outputs();
    let digest = outputs.remove("digest").expect("a digest");
    assert!(ran.stderr.contains(&format!("Plan digest: {digest}\n")), "{ran}");
    assert_eq!(outputs, expected(&counts));
    let (masks, talk): (Vec<&str>, Vec<&str>) = ran.stderr.lines().partition(|line| line.starts_with("::add-mask::"));
    assert!(masks.contains(&"::add-mask::hunter22-and-more"), "GitHub masks it in later steps, too: {ran}");
    for text in [&summary, &ran.stdout, &talk.join("\n")] {
        assert!(!text.contains("hunter22"), "{text}");
    }
}

#[tokio::test]
async fn main_is_applied_without_questions_and_its_outputs_are_handed_on() {
    let job = Job::new(STACK).await;
    let ran = job.run("push", "refs/heads/main");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("plan and apply: the branch main is in `ci.apply_on` (main)"), "{ran}");
    assert_eq!(inventory(&job.bench.aws).await.len(), 2, "{ran}");

    let summary = job.summary();
    assert!(summary.starts_with("## shop: apply\n"), "{summary}");
    assert!(summary.contains("**Done: 2 done, 0 failed, 0 not started.**"), "{summary}");
    assert!(summary.contains("queue_url = http"), "{summary}");
    let outputs = job.outputs();
    assert_eq!((&*outputs["changed"], &*outputs["create"]), ("true", "2"));
    assert!(outputs["output_queue_url"].starts_with("http"), "{outputs:?}");
    assert!(!outputs.contains_key("output_note"), "what holds a secret is handed to nobody: {outputs:?}");
    assert!(!summary.contains("hunter22"), "{summary}");

    let again = job.run("workflow_dispatch", "refs/heads/main");
    assert_eq!(again.code, Some(0), "{again}");
    assert!(again.stdout.contains("\n\nNo changes. "), "{again}");
    assert_eq!((&*job.outputs()["changed"], &*job.outputs()["create"]), ("false", "0"));
    assert!(job.outputs().contains_key("output_queue_url"));
}

#[tokio::test]
async fn the_stack_says_which_branches_are_applied() {
    let job = Job::new(&format!("{STACK}ci: {{ apply_on: [ trunk ] }}\n")).await;
    assert_eq!(job.run("push", "refs/heads/main").code, Some(0));
    assert!(inventory(&job.bench.aws).await.is_empty());
    assert_eq!(job.run("push", "refs/heads/trunk").code, Some(0));
    assert_eq!(inventory(&job.bench.aws).await.len(), 2);
}

#[tokio::test]
async fn a_pull_request_without_credentials_is_validated_and_says_so() {
    let job = Job::new(STACK).await;
    let without = |event, reference| {
        let mut command = job.command(event, reference, &["ci"]);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        RunOutput::of(command.env("AWS_EC2_METADATA_DISABLED", "true").output().expect("the binary runs"))
    };
    let ran = without("pull_request", "refs/pull/7/merge");
    assert_eq!(ran.code, Some(0), "{ran}");
    let notice = "stack.yaml is valid, but there is no plan: this run has no AWS credentials, \
                  and the state in S3 cannot be read without them.";
    assert!(ran.stderr.contains(&format!("::notice title=validated only::{notice}\n")), "{ran}");
    assert!(job.summary().contains("validated only") && job.summary().contains(notice), "{}", job.summary());
    assert_eq!(job.outputs(), BTreeMap::new());

    let pushed = without("push", "refs/heads/feature");
    assert_eq!(pushed.code, Some(1), "a branch of one's own has no excuse: {pushed}");
    assert!(job.summary().contains("aws::no-credentials"), "{}", job.summary());
}

#[tokio::test]
async fn a_pull_request_without_credentials_is_planned_against_a_state_that_it_can_read() {
    let stack = STACK.replace("{ bucket: BUCKET, key: shop.json }", "{ path: state }");
    let job = Job::new(&stack).await;
    job.bench.apply();
    job.bench.write("stack.yaml", &stack.replace("30s", "45s").replace("outputs:", "  more: {}\noutputs:"));
    let mut command = job.command("pull_request", "refs/pull/7/merge", &["ci"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let ran = RunOutput::of(command.env("AWS_EC2_METADATA_DISABLED", "true").output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
    for text in ["visibility_timeout: 30 → 45", "Plan: 1 to create, 1 to update, 0 to replace", "0 reads"] {
        assert!(ran.stdout.contains(text), "{text}: {ran}");
    }
    assert!(ran.stderr.contains("::notice title=planned without credentials::"), "{ran}");
    assert!(job.summary().contains("AWS was not asked"), "{}", job.summary());
    let outputs = job.outputs();
    assert_eq!((&*outputs["changed"], &*outputs["create"], &*outputs["update"]), ("true", "1", "1"));
    assert!(!outputs.contains_key("digest"), "such a plan is none to review");
    assert!(!format!("{}{}", ran.stdout, job.summary()).contains("hunter22"), "{ran}");

    job.bench.write("stack.yaml", &stack.replace("redrive: { max_receive_count: 5 }, ", ""));
    let mut command = job.command("pull_request", "refs/pull/7/merge", &["ci", "--json"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let ran = RunOutput::of(command.env("AWS_EC2_METADATA_DISABLED", "true").output().expect("the binary runs"));
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one JSON object");
    assert_eq!((&plan["summary"]["delete"], &plan["summary"]["update"]), (&1.into(), &1.into()), "{ran}");
}

#[tokio::test]
async fn a_state_that_would_be_gone_with_the_job_is_refused_unless_the_stack_says_that_it_is_kept() {
    let nowhere = STACK.replace("state: { bucket: BUCKET, key: shop.json }\n", "");
    let job = Job::new(&nowhere).await;
    let github = ["iam", "github", "--repo", "a/b", "--any-id", "--account", &job.bench.aws.place.account];
    let applies = |arguments: &[&str]| {
        RunOutput::of(job.command("push", "refs/heads/main", arguments).output().expect("the binary runs"))
    };
    for state in ["", "state: { path: kept }\n"] {
        job.bench.write("stack.yaml", &format!("{nowhere}{state}"));
        for ran in [
            job.run("push", "refs/heads/main"),
            job.run("push", "refs/heads/feature"),
            applies(&["apply", "-y"]),
            job.bench.run(&["ci"]),
            job.bench.run(&github),
        ] {
            assert_eq!(ran.code, Some(1), "{ran}");
            assert!(ran.stderr.contains("state::gone-with-the-job") && ran.stderr.contains("in_ci: true"), "{ran}");
        }
        assert!(inventory(&job.bench.aws).await.is_empty() && !job.bench.path().join("kept").exists());
    }
    job.bench.write("stack.yaml", &format!("{nowhere}state: {{ path: kept, in_ci: true }}\n"));
    for ran in [job.run("push", "refs/heads/feature"), job.run("push", "refs/heads/main"), job.bench.run(&github)] {
        assert_eq!(ran.code, Some(0), "{ran}");
    }
    assert_eq!(inventory(&job.bench.aws).await.len(), 2);
}

#[tokio::test]
async fn a_planned_branch_hands_on_the_outputs_of_the_last_apply() {
    let job = Job::new(STACK).await;
    assert_eq!(job.run("push", "refs/heads/main").code, Some(0));
    let ran = job.run("push", "refs/heads/feature");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(job.outputs()["output_queue_url"].starts_with("http"), "{:?}", job.outputs());
}

#[tokio::test]
async fn a_value_with_a_workflow_command_in_it_gives_the_runner_no_command() {
    let note = "outputs: { note: \"a\\n::set-output name=x::y\\n  ::stop-commands::t\", queue_url:";
    let job = Job::new(&STACK.replace("outputs: { queue_url:", note).replace("note: \"see", "seen: \"see")).await;
    let ran = job.run("push", "refs/heads/main");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stdout.contains("\n: :set-output name=x::y\n  : :stop-commands::t"), "{ran}");
    assert!(!ran.stdout.lines().any(|line| line.trim_start().starts_with("::")), "{ran}");
    assert_eq!(job.outputs()["output_note"], "a\n::set-output name=x::y\n  ::stop-commands::t");
}

#[tokio::test]
async fn a_finding_is_annotated_where_it_stands() {
    let job = Job::new(&STACK.replace("visibility_timeout: 30s", "visibility_timout: 30s")).await;
    let ran = job.run("pull_request", "refs/pull/7/merge");
    assert_eq!(ran.code, Some(1), "{ran}");
    let command = "::error file=stack.yaml,line=7,col=13,title=stack%3A%3Aunknown-property::";
    assert!(ran.stderr.lines().any(|line| line.starts_with(command)), "{ran}");
    assert!(job.summary().contains("## deployer ci failed") && job.summary().contains("visibility_timout"));
}

#[tokio::test]
async fn outside_ci_systems_git_tells_the_branch() {
    let bench = Bench::new(STACK).await;
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
        command.current_dir(bench.path()).env("HOME", bench.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("git runs");
        assert!(status.success(), "git {arguments:?}");
    };
    let said = || {
        let ran = bench.run(&["ci"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(!ran.stderr.lines().any(|line| line.starts_with("::")), "no commands to nobody: {ran}");
        ran.stderr
    };
    assert!(said().contains("plan only: no branch is checked out"));
    git(&["init", "--initial-branch", "work"]);
    git(&["commit", "--allow-empty", "--message", "a"]);
    assert!(said().contains("plan only: the branch work is not in `ci.apply_on` (main)"));
    git(&["checkout", "--detach"]);
    assert!(said().contains("plan only: no branch is checked out"));
    assert!(inventory(&bench.aws).await.is_empty());
    git(&["checkout", "-b", "main"]);
    assert!(said().contains("plan and apply: the branch main is in"));
    assert_eq!(inventory(&bench.aws).await.len(), 2);
}
