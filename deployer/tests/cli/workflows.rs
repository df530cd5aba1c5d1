//! Runs the shell steps of the workflows in order, with faked GitHub variables.

mod runner;

use crate::bench::Bench;
use crate::catalog::inventory;
use crate::forge::{Forge, TOKEN};
use runner::{JobResult, Machine};

const STACK: &str = "
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars:
  candidate: \"32\"
  alarm_email: { required: true }
queues: { orders: { name: \"orders-${vars.candidate}\", tags: { who: \"${vars.alarm_email}\" } } }
outputs: { api_url: \"${queues.orders.url}\" }
";
const DEPLOY: &str = include_str!("../../../.github/workflows/deploy.yml");
const IMAGES: &str = include_str!("../../../.github/workflows/images.yml");
const BRANCH: &str = include_str!("../../../.github/workflows/branch.yml");
const CI: &str = include_str!("../../../.github/workflows/ci.yml");
const MAIN: &str = include_str!("../../../.github/workflows/main.yml");
const RELEASE: &str = include_str!("../../../.github/workflows/release.yml");
const ACTION: &str = include_str!("../../../action.yml");

/// A checkout whose `target/release/deployer` is the binary under test, and a forge.
struct Site {
    bench: Bench,
    forge: Forge,
    no_plan_role: bool,
    no_secret: bool,
    author: &'static str,
    needs: &'static str,
}

/// The event that starts a run of deploy.yml, with the repository's settings at that time.
struct Trigger<'a> {
    event: &'a str,
    reference: &'a str,
    /// The repository of a pull request's branch.
    head: &'a str,
    role: &'a str,
    /// The digest of the plan to apply, if a user gives one.
    expect: &'a str,
}

impl Site {
    async fn new() -> Self {
        let (bench, forge) = (Bench::new(STACK).await, Forge::start());
        Self { bench, forge, no_plan_role: false, no_secret: false, author: "somebody", needs: "2.34" }
    }

    /// Runs deploy.yml as GitHub does after `event` on `reference`. `head` is the repository of a pull request's
    /// branch.
    fn deploy(&self, event: &str, reference: &str, head: &str, role: &str) -> JobResult {
        self.run(Trigger { event, reference, head, role, expect: "" })
    }

    /// Runs deploy.yml as a user does who starts it by hand and names the plan to apply.
    fn dispatch(&self, reference: &str, expect: &str) -> JobResult {
        self.run(Trigger { event: "workflow_dispatch", reference, head: "", role: ROLE, expect })
    }

    fn run(&self, Trigger { event, reference, head, role, expect }: Trigger<'_>) -> JobResult {
        let mut machine = Machine::new(self.bench.path());
        let fork = event == "pull_request" && head != "a/b";
        let payload = serde_json::json!({"number": 7, "pull_request": {"number": 7,
            "head": {"sha": "abc", "repo": {"full_name": head}}, "base": {"repo": {"full_name": "a/b"}}}});
        self.bench.write("event.json", &payload.to_string());
        machine.know("github.ref", reference).know("github.event_name", event).know("github.repository", "a/b");
        machine.know("github.event.pull_request.head.repo.full_name", if event == "pull_request" { head } else { "" });
        machine.know("github.event.pull_request.user.login", self.author).set("NEEDS", self.needs);
        machine.know("github.token", TOKEN).know("vars.AWS_ROLE_ARN", if fork { "" } else { role });
        machine.know("vars.AWS_PLAN_ROLE_ARN", if fork || self.no_plan_role { "" } else { role });
        if !fork {
            machine.know("vars.CANDIDATE", "33");
            machine.know("secrets.ALARM_EMAIL", if self.no_secret { "" } else { "me@example.com" });
        }
        machine.set("GITHUB_EVENT_NAME", event).set("GITHUB_REF", reference).set("GITHUB_REPOSITORY", "a/b");
        machine.set("GITHUB_SHA", "def").set("GITHUB_API_URL", &self.forge.url);
        machine.set("GITHUB_EVENT_PATH", self.bench.path().join("event.json").to_str().expect("UTF-8"));
        machine.set("AWS_ENDPOINT_URL", &crate::common::cloud().endpoint_url).set("AWS_EC2_METADATA_DISABLED", "true");
        machine.sign_in("AWS_ACCESS_KEY_ID", &self.bench.aws.place.account).sign_in("AWS_SECRET_ACCESS_KEY", "test");
        machine.know("inputs.expect_plan", expect);
        machine.run(DEPLOY, "deploy")
    }

    fn calls(&self) -> String {
        std::fs::read_to_string(self.bench.path().join("calls")).unwrap_or_default()
    }
}

const ROLE: &str = "arn:aws:iam::1:role/deploy";

#[tokio::test]
async fn deploy_plans_a_branch_and_a_pull_request_and_applies_main() {
    let site = Site::new().await;
    let branch = site.deploy("push", "refs/heads/feature", "", ROLE);
    assert!(branch.ok && branch.text.contains("Plan: 1 to create"), "{branch}");
    assert!(branch.used.iter().any(|action| action.starts_with("aws-actions/configure-aws-credentials@")), "{branch}");
    assert_eq!(branch.output("ci", "changed"), "true");
    assert_eq!(site.forge.bodies().len(), 0);

    let request = site.deploy("pull_request", "refs/pull/7/merge", "a/b", ROLE);
    assert!(request.ok && request.text.contains("plan only: this is a pull request"), "{request}");
    assert_eq!(site.forge.bodies().len(), 1, "{request}");
    assert!(inventory(&site.bench.aws).await.is_empty());

    site.forge.merge();
    let main = site.deploy("push", "refs/heads/main", "", ROLE);
    assert!(main.ok && main.text.contains("The plan is the one that was reviewed (#7)."), "{main}");
    assert!(main.output("ci", "output_api_url").ends_with("/orders-33"), "{main}");
    assert_eq!(inventory(&site.bench.aws).await.into_iter().collect::<Vec<_>>(), ["queue orders-33"]);
    // A plan other than the reviewed one is refused until somebody gives its digest by hand.
    site.bench.write("stack.yaml", &STACK.replace("tags: {", "visibility_timeout: 45s, tags: {"));
    let other = site.deploy("push", "refs/heads/main", "", ROLE);
    assert!(!other.ok && other.text.contains("plan::not-reviewed"), "{other}");
    let digest = other.output("ci", "digest").to_owned();
    let by_hand = site.dispatch("refs/heads/main", &digest);
    assert!(by_hand.ok && by_hand.text.contains("was reviewed (--expect-plan)"), "{by_hand}");
    let queue = site.deploy("merge_group", "refs/heads/gh-readonly-queue/main/pr-8", "", ROLE);
    assert!(queue.ok && queue.text.contains("No changes."), "{queue}");
}

#[tokio::test]
async fn deploy_validates_a_fork_and_a_repository_without_a_role() {
    let site = Site::new().await;
    let fork = site.deploy("pull_request", "refs/pull/7/merge", "somebody/b", ROLE);
    assert!(fork.ok && fork.text.contains("but there is no plan: this run has no AWS credentials"), "{fork}");
    assert!(!fork.used.iter().any(|action| action.starts_with("aws-actions/")), "{fork}");
    let bare = site.deploy("push", "refs/heads/main", "", "");
    assert!(bare.ok && bare.text.contains("::notice::vars.AWS_ROLE_ARN (for main)"), "{bare}");
    assert!(inventory(&site.bench.aws).await.is_empty());
    assert_eq!(site.forge.asked(), [""; 0]);
}

#[tokio::test]
async fn a_branch_gets_no_role_that_applies_and_a_missing_secret_stops_the_run() {
    let mut site = Site::new().await;
    site.no_plan_role = true;
    let branch = site.deploy("push", "refs/heads/feature", "", ROLE);
    assert!(branch.ok && branch.text.contains("validating only"), "{branch}");
    assert!(!branch.used.iter().any(|action| action.starts_with("aws-actions/")), "{branch}");
    site.no_secret = true;
    let before = site.calls();
    let main = site.deploy("push", "refs/heads/main", "", ROLE);
    assert!(!main.ok && main.text.contains("::error::secrets.ALARM_EMAIL is not set"), "{main}");
    assert!(main.used.is_empty() && site.calls() == before, "it stops before anything is built: {main}");
    assert!(inventory(&site.bench.aws).await.is_empty(), "nobody@example.com is not subscribed in place of a person");
}

#[tokio::test]
async fn dependabots_pull_request_is_validated_without_secrets() {
    let mut site = Site::new().await;
    (site.author, site.no_secret) = ("dependabot[bot]", true);
    let request = site.deploy("pull_request", "refs/pull/7/merge", "a/b", ROLE);
    assert!(request.ok && request.text.contains("stack.yaml is valid"), "{request}");
    assert!(!request.used.iter().any(|action| action.starts_with("aws-actions/")), "{request}");
    assert_eq!(site.forge.asked(), [""; 0]);
}

#[tokio::test]
async fn functions_are_built_for_lambdas_glibc_where_the_runners_is_too_new() {
    let mut site = Site::new().await;
    let plain = site.deploy("push", "refs/heads/feature", "", ROLE);
    assert!(plain.ok && plain.text.contains("the functions need GLIBC_2.34"), "{plain}");
    assert!(!site.calls().contains("zigbuild"), "{}", site.calls());
    site.needs = "2.39";
    let again = site.deploy("push", "refs/heads/feature", "", ROLE);
    assert!(again.ok && again.text.contains("the functions need GLIBC_2.39"), "{again}");
    let target = format!("{}-unknown-linux-gnu.2.34", std::env::consts::ARCH);
    let bins = "--bin generate-image --bin image-worker";
    let call = format!("cargo zigbuild --locked --profile lambda --target {target} --package functions {bins}");
    assert!(site.calls().contains(&call), "{}", site.calls());
}

/// Checks the conditions of the jobs in main.yml and others, which only GitHub can evaluate.
#[test]
fn main_is_deployed_and_its_images_are_pushed_only_after_its_checks() {
    let yaml = |text: &str| serde_yaml::from_str::<serde_yaml::Value>(text).expect("YAML");
    let main = yaml(MAIN);
    for job in ["deploy", "images"] {
        assert_eq!(main["jobs"][job]["needs"], "checks", "{job}");
        let called = main["jobs"][job]["uses"].as_str().expect("a workflow");
        assert!(called.ends_with("/deploy.yml") || called.ends_with("/images.yml"), "{called}");
    }
    assert_eq!(main["jobs"]["checks"]["uses"], "$/.github/workflows/checks.yml");
    assert_eq!(main["concurrency"]["queue"], "max", "no push is left out");
    // The workflows that deploy and push have no trigger of their own.
    for text in [DEPLOY, IMAGES] {
        let on = yaml(text)["on"].as_mapping().expect("triggers").clone();
        assert_eq!(on.keys().collect::<Vec<_>>(), ["workflow_call"]);
    }
    // A merge queue's commit is checked only once, and its run is not cancelled.
    assert!(
        yaml(BRANCH)["on"]["push"]["branches"].as_sequence().expect("a list").contains(&"!gh-readonly-queue/**".into())
    );
    assert!(yaml(CI)["concurrency"]["group"].as_str().expect("a group").contains("github.event_name"));
    // A skipped job counts as passed, so the jobs of branch.yml must not have a required check's name.
    let names = |text: &str| -> Vec<serde_yaml::Value> {
        yaml(text)["jobs"].as_mapping().expect("jobs").keys().cloned().collect()
    };
    assert!(names(BRANCH).iter().all(|name| !names(CI).contains(name)));
}

#[test]
fn a_branch_with_a_pull_request_is_left_to_that() {
    let directory = tempfile::tempdir().expect("a directory");
    let ask = |open: &str, down: &str| {
        let mut machine = Machine::new(directory.path());
        machine.set("OPEN", open).set("DOWN", down).set("GITHUB_REPOSITORY", "a/b");
        machine.set("GITHUB_REPOSITORY_OWNER", "a").set("GITHUB_REF_NAME", "feature/x");
        machine.run(BRANCH, "scope")
    };
    assert_eq!(ask("0", "").output("ask", "open"), "0");
    let covered = ask("1", "");
    assert!(covered.output("ask", "open") == "1" && covered.text.contains("its checks are there"), "{covered}");
    let down = ask("1", "1");
    assert!(down.ok && down.output("ask", "open") == "unknown", "{down}");
    let calls = std::fs::read_to_string(directory.path().join("calls")).expect("calls");
    assert!(calls.contains("repos/a/b/pulls") && calls.contains("head=a:feature/x"), "{calls}");
}

/// A checkout from which images are built.
struct Hub {
    directory: tempfile::TempDir,
    revision: String,
}

impl Hub {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        std::fs::write(root.join("Cargo.toml"), "[workspace.package]\nversion = \"1.2.3\"\n").expect("a file");
        std::fs::write(root.join("stack.yaml"), "vars:\n  candidate: \"32\"\n").expect("a file");
        let revision = runner::commit(root);
        Self { directory, revision }
    }

    fn machine(&self, token: &str) -> Machine {
        let mut machine = Machine::new(self.directory.path());
        machine.know("secrets.DOCKERHUB_USERNAME", "me").know("secrets.DOCKERHUB_TOKEN", token);
        machine.know("env.HUB_USER", "me").set("HUB_USER", "me").know("github.ref", "refs/heads/main");
        for (name, value) in [("package", "couch-client"), ("bin", "couch-client"), ("image", "sqs_client_32")] {
            machine.know(&format!("matrix.program.{name}"), value);
        }
        machine.know("needs.prepare.outputs.version", "1.2.3");
        machine.know("needs.prepare.outputs.revision", &self.revision);
        machine
    }

    fn build(&self, platform: &str, set: &[(&str, &str)]) -> JobResult {
        let mut machine = self.machine("hub-token");
        machine.know("matrix.platform.name", platform);
        for (name, value) in set {
            machine.set(name, value);
        }
        machine.run(IMAGES, "build")
    }

    fn calls(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("calls")).unwrap_or_default()
    }
}

#[test]
fn a_token_that_is_missing_or_refused_stops_the_images_before_anything_is_built() {
    let hub = Hub::new();
    let missing = hub.machine("").run(IMAGES, "prepare");
    assert!(!missing.ok && missing.text.contains("::error::secrets.DOCKERHUB_TOKEN is not set"), "{missing}");
    let mut machine = hub.machine("hub-token");
    machine.set("REFUSED", "1");
    let refused = machine.run(IMAGES, "prepare");
    assert!(!refused.ok && refused.text.contains("Docker Hub does not take"), "{refused}");
    assert!(!hub.calls().contains("build"), "{}", hub.calls());
}

#[test]
fn the_workers_image_is_made_as_soon_as_there_is_a_worker() {
    let hub = Hub::new();
    let client = "{\"package\":\"couch-client\",\"bin\":\"couch-client\",\"image\":\"sqs_client_32\"}";
    let done = hub.machine("hub-token").run(IMAGES, "prepare");
    assert_eq!(done.output("name", "programs"), format!("[{client}]"), "{done}");
    assert_eq!((done.output("name", "version"), done.output("name", "revision")), ("1.2.3", hub.revision.as_str()));
    let source = hub.directory.path().join("functions/src/bin");
    std::fs::create_dir_all(&source).expect("a directory");
    std::fs::write(source.join("image-worker-poll.rs"), "").expect("a file");
    let worker = "{\"package\":\"functions\",\"bin\":\"image-worker-poll\",\"image\":\"image_worker_32\"}";
    let done = hub.machine("hub-token").run(IMAGES, "prepare");
    assert_eq!(done.output("name", "programs"), format!("[{client},{worker}]"), "{done}");
}

#[test]
fn an_image_is_tried_and_then_pushed_as_latest_and_as_version_and_revision() {
    let hub = Hub::new();
    for platform in ["amd64", "arm64"] {
        let done = hub.build(platform, &[]);
        assert!(done.ok, "{done}");
    }
    let calls = hub.calls();
    for part in [
        "--platform linux/arm64 --build-arg PACKAGE=couch-client --build-arg BIN=couch-client",
        "--provenance mode=max --sbom true",
        "name=docker.io/me/sqs_client_32,push-by-digest=true",
        "docker run --rm me/sqs_client_32@sha256:0a1b",
    ] {
        assert!(calls.contains(part), "{part}: {calls}");
    }
    assert!(!calls.contains("latest"), "a build has no tag: {calls}");
    let pushed = hub.machine("hub-token").run(IMAGES, "push");
    assert!(pushed.ok, "{pushed}");
    let revision = &hub.revision;
    let tags = format!("--tag me/sqs_client_32:1.2.3-{revision} --tag me/sqs_client_32:latest");
    let parts = "me/sqs_client_32@sha256:0a1b me/sqs_client_32@sha256:0a1b";
    let calls = hub.calls();
    assert!(calls.contains(&format!("docker buildx imagetools create {tags} {parts}")), "{calls}");
    assert!(!calls.contains("hub-token") && calls.trim_end().ends_with("docker logout"), "{calls}");
}

#[test]
fn a_program_that_does_not_start_gets_no_tag() {
    let hub = Hub::new();
    for set in [[("ENDS", "0"), ("MUTE", "")], [("ENDS", "127"), ("MUTE", "")], [("ENDS", "1"), ("MUTE", "1")]] {
        let done = hub.build("amd64", &set);
        assert!(!done.ok && done.text.contains("does not say what is missing"), "{set:?}: {done}");
    }
}

#[test]
fn a_release_has_an_archive_and_its_checksum_and_a_wrong_tag_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    std::fs::write(root.join("Cargo.toml"), "[workspace.package]\nversion = \"1.2.3\"\n").expect("a file");
    let run = |tag: &str| {
        let mut machine = Machine::new(root);
        machine.know("matrix.target", "x86_64-unknown-linux-musl").set("GITHUB_REF_NAME", tag).set("SCRIPT", "1");
        machine.run(RELEASE, "build")
    };
    let wrong = run("v1.2.4");
    assert!(!wrong.ok && wrong.text.contains("the tag is v1.2.4, and Cargo.toml says 1.2.3"), "{wrong}");
    let done = run("v1.2.3");
    assert!(done.ok, "{done}");
    let calls = || std::fs::read_to_string(root.join("calls")).expect("calls");
    assert!(calls().contains("rustup target add x86_64-unknown-linux-musl"), "{}", calls());
    let archive = root.join("dist/deployer-x86_64-unknown-linux-musl.tar.gz");
    let first = std::fs::read(&archive).expect("an archive");
    assert!(run("v1.2.3").ok && std::fs::read(&archive).expect("an archive") == first, "the same bytes again");
    let sum =
        std::fs::read_to_string(root.join("dist/deployer-x86_64-unknown-linux-musl.tar.gz.sha256")).expect("a sum");
    assert!(sum.ends_with("  deployer-x86_64-unknown-linux-musl.tar.gz\n"), "{sum}");
    let publish = |published: &str| {
        let mut machine = Machine::new(root);
        machine.set("GITHUB_REF_NAME", "v1.2.3").set("PUBLISHED", published);
        machine.run(RELEASE, "publish")
    };
    let published = publish("");
    assert!(published.ok && published.used.iter().any(|action| action.contains("attest")), "{published}");
    let (draft, whole) = ("gh release create v1.2.3 --draft --verify-tag", "gh release edit v1.2.3 --draft=false");
    assert!(calls().find(draft).expect("a draft") < calls().find(whole).expect("a release"), "{}", calls());
    let before = calls().matches(draft).count();
    let again = publish("1");
    assert!(!again.ok && again.text.contains("is published already"), "{again}");
    assert_eq!(calls().matches(draft).count(), before, "files of a release are never exchanged");
}

#[tokio::test]
async fn the_action_runs_the_command_that_it_is_given_also_where_there_is_no_release() {
    let bench = Bench::new(STACK).await;
    for (reference, said) in [("main", "stack.yaml is valid"), ("v0.1.0", "::notice::v0.1.0 has no deployer-")] {
        let mut machine = Machine::new(bench.path());
        machine.know("inputs.command", "validate --var alarm_email=a@b.c").know("inputs.file", "stack.yaml");
        machine.know("inputs.directory", ".").know("inputs.env", "").know("github.action_ref", reference);
        machine.know("github.action_path", bench.path().to_str().expect("UTF-8"));
        machine.set("GITHUB_SERVER_URL", "http://127.0.0.1:1");
        let done = machine.run_composite(ACTION);
        assert!(done.ok && done.text.contains(said) && done.text.contains("stack.yaml is valid"), "{done}");
    }
}
