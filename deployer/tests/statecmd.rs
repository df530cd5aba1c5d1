//! `deployer state …` and saved plans: the real program against the local AWS.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

const STACK: &str = "\
stack: desk
region: eu-west-1
queues:
  jobs:
    name: jobs
    visibility_timeout: 60s
  mail:
    name: mail
outputs:
  jobs_url: ${queues.jobs.url}
";

/// A stack in a directory of its own, in an account of its own.
struct Desk {
    dir: tempfile::TempDir,
    account: String,
}

impl Desk {
    async fn new() -> Self {
        let account = common::account().await.place.account;
        let desk = Self { dir: tempfile::tempdir().unwrap(), account };
        desk.write("stack.yaml", STACK);
        desk
    }

    async fn applied() -> Self {
        let desk = Self::new().await;
        desk.ok(&["apply", "-y"]);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn state(&self) -> PathBuf {
        self.path(".deployer/state/desk.json")
    }

    fn serial(&self) -> u64 {
        let state: Value = serde_json::from_slice(&fs::read(self.state()).unwrap()).unwrap();
        state["serial"].as_u64().unwrap()
    }

    /// Holds the state's lock, like a run that has just begun.
    fn lock(&self, id: &str) {
        let lock = json!({"id": id, "who": "kari", "host": "builder", "operation": "apply",
            "run_url": "https://ci.example/runs/7", "created_at": "2026-01-02T03:04:05Z", "lease_s": 30, "renewals": 0});
        fs::create_dir_all(self.path(".deployer/state")).unwrap();
        fs::write(self.path(".deployer/state/desk.json.lock"), lock.to_string()).unwrap();
    }

    fn is_locked(&self) -> bool {
        self.path(".deployer/state/desk.json.lock").exists()
    }

    fn run(&self, arguments: &[&str]) -> CommandOutput {
        let output = Command::new(env!("CARGO_BIN_EXE_deployer"))
            .args(["--endpoint-url", &common::cloud().endpoint_url])
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .output()
            .unwrap();
        CommandOutput::of(&output)
    }

    fn ok(&self, arguments: &[&str]) -> CommandOutput {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
        said
    }

    fn refused(&self, arguments: &[&str], code: &str) -> CommandOutput {
        let said = self.run(arguments);
        assert_eq!(said.code, 1, "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(code), "{arguments:?} names {code}: {}", said.err);
        said
    }
}

struct CommandOutput {
    code: i32,
    out: String,
    err: String,
}

impl CommandOutput {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn list_and_show_say_what_the_state_holds() {
    let desk = Desk::new().await;
    let empty = desk.ok(&["state", "list"]);
    assert_eq!(empty.out, "");
    assert!(empty.err.contains("does not exist yet"), "{}", empty.err);
    assert_eq!(desk.ok(&["state", "list", "--json"]).json()["serial"], Value::Null);

    desk.ok(&["apply", "-y"]);
    let list = desk.ok(&["state", "list"]).out;
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 2, "{list}");
    assert_eq!(rows[0][..2], ["queues.jobs", "sqs.queue"]);
    assert!(rows[0][2].ends_with("/jobs"), "{list}");
    let json = desk.ok(&["state", "list", "--json"]).json();
    assert_eq!(json["resources"][1]["address"], "queues.mail");
    assert_eq!(json["serial"], desk.serial());

    let record: Value = desk.ok(&["state", "show", "queues.jobs"]).json();
    assert_eq!(record["inputs"]["visibility_timeout"], 60);
    assert_eq!(record, desk.ok(&["state", "show", "queues.jobs", "--json"]).json());
    let unknown = desk.refused(&["state", "show", "queues.jbs"], "state::unknown-address");
    assert!(unknown.err.contains("did you mean `queues.jobs`?"), "{}", unknown.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn show_keeps_a_secret_a_fingerprint() {
    let desk = Desk::new().await;
    let secret = STACK
        .replace("queues:\n", "vars:\n  word: { secret: true, required: true }\nqueues:\n")
        .replace("    name: mail\n", "    name: mail\n    tags: { word: \"${vars.word}\" }\n");
    desk.write("stack.yaml", &secret);
    desk.ok(&["apply", "-y", "--var", "word=open-sesame"]);
    let shown = desk.ok(&["state", "show", "queues.mail", "--var", "word=other-word"]).out;
    assert!(shown.contains("fingerprint:") && !shown.contains("open-sesame"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_version_is_restored_under_a_new_serial() {
    let desk = Desk::applied().await;
    let first = desk.serial();
    desk.write("stack.yaml", &STACK.replace("  mail:\n    name: mail\n", ""));
    desk.ok(&["apply", "-y"]);
    let second = desk.serial();
    let history = desk.ok(&["state", "history", "--json"]).json();
    let kept: Vec<_> =
        history["versions"].as_array().unwrap().iter().map(|v| (&v["serial"], &v["resources"])).collect();
    assert_eq!(kept, [(&json!(second), &json!(1)), (&json!(first), &json!(2))]);
    let text = desk.ok(&["state", "history"]).out;
    assert!(text.starts_with("SERIAL") && text.lines().nth(1).unwrap().starts_with(&second.to_string()), "{text}");

    let restored = desk.ok(&["state", "restore", &first.to_string(), "--json"]).json();
    assert_eq!((&restored["from"], &restored["resources"]), (&json!(first), &json!(2)));
    assert!(desk.serial() > second && !desk.is_locked());
    assert_eq!(desk.ok(&["state", "list"]).out.lines().count(), 2);
    let missing = desk.refused(&["state", "restore", "999"], "state::no-version");
    assert!(missing.err.contains("deployer state history"), "{}", missing.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_restored_as_its_error_says() {
    let desk = Desk::applied().await;
    let good = desk.serial();
    let whole = fs::read(desk.state()).unwrap();
    fs::write(desk.state(), &whole[..whole.len() / 2]).unwrap();
    let damaged = desk.refused(&["plan"], "state::damaged");
    assert!(damaged.err.contains(&format!("deployer state restore {good}")), "{}", damaged.err);
    desk.ok(&["state", "history"]);
    desk.ok(&["state", "restore", &good.to_string()]);
    assert!(desk.ok(&["plan"]).out.contains("\n\nNo changes."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_resource_stays_in_aws_and_is_taken_up_again() {
    let desk = Desk::applied().await;
    let serial = desk.serial();
    desk.refused(&["state", "forget", "queues.mail"], "run::approval-needed");
    let unknown = desk.refused(&["state", "forget", "queues.mali", "-y"], "state::unknown-address");
    assert!(unknown.err.contains("did you mean `queues.mail`?"), "{}", unknown.err);
    assert_eq!(desk.serial(), serial, "a refusal writes nothing");

    let forgotten = desk.ok(&["state", "forget", "queues.mail", "-y", "--json"]).json();
    assert!(forgotten["physical_id"].as_str().unwrap().ends_with("/mail"), "{forgotten}");
    assert!(desk.serial() > serial && !desk.is_locked());
    assert_eq!(desk.ok(&["state", "list"]).out.lines().count(), 1);
    let plan = desk.ok(&["plan", "--json"]).json();
    assert_eq!((&plan["summary"]["adopt"], &plan["summary"]["create"]), (&json!(1), &json!(0)), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_part_of_a_forgotten_resource_is_forgotten_with_it() {
    let desk = Desk::new().await;
    let topics = "topics: { news: { subscriptions: [ { email: a@example.com } ] }, other: {} }\n";
    desk.write("stack.yaml", &format!("stack: desk\nregion: eu-west-1\n{topics}"));
    desk.ok(&["apply", "-y"]);
    let part = "topics.news.subscription[email:a@example.com]";
    let forgotten = desk.ok(&["state", "forget", "topics.news", "-y", "--json"]).json();
    assert_eq!(forgotten["parts"], json!([part]));
    assert_eq!(desk.ok(&["state", "list"]).out.lines().count(), 1);
    let plan = desk.ok(&["plan", "--json"]).json();
    assert_eq!((&plan["summary"]["adopt"], &plan["summary"]["create"]), (&json!(2), &json!(0)), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unlock_shows_who_holds_the_lock_and_removes_that_one_alone() {
    let desk = Desk::applied().await;
    assert!(desk.ok(&["state", "unlock", "-y"]).err.contains("is not locked"));
    desk.lock("cafe01");
    let held = desk.refused(&["--lock-timeout", "0", "apply", "-y"], "state::locked");
    assert!(held.err.contains("deployer state unlock cafe01"), "{}", held.err);
    let locked = desk.refused(&["--lock-timeout", "0", "state", "forget", "queues.mail", "-y"], "state::locked");
    assert!(locked.err.contains("kari"), "{}", locked.err);

    let asked = desk.refused(&["state", "unlock"], "run::approval-needed");
    for part in ["kari", "builder", "apply", "2026-01-02T03:04:05Z", "https://ci.example/runs/7", "cafe01"] {
        assert!(asked.err.contains(part), "{part}: {}", asked.err);
    }
    desk.refused(&["state", "unlock", "cafe02", "-y"], "state::locked");
    assert!(desk.is_locked());
    let unlocked = desk.ok(&["state", "unlock", "cafe01", "-y", "--json"]).json();
    assert_eq!((&unlocked["type"], &unlocked["lock"]["who"]), (&json!("unlocked"), &json!("kari")));
    assert!(!desk.is_locked());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_applied_once_and_without_a_question() {
    let desk = Desk::new().await;
    desk.ok(&["plan", "--out", "desk.plan"]);
    assert!(!desk.state().exists(), "a plan writes no state");
    desk.ok(&["apply", "desk.plan"]);
    assert_eq!(desk.ok(&["state", "list"]).out.lines().count(), 2);
    let serial = desk.serial();
    let again = desk.refused(&["apply", "desk.plan"], "plan::stale");
    assert!(again.err.contains("this plan was already applied: nothing remains of desk.plan"), "{}", again.err);
    assert!(desk.serial() == serial && !desk.is_locked(), "a refusal changes nothing");
    desk.ok(&["plan", "--out", "desk.plan"]);
    assert!(desk.ok(&["apply", "desk.plan"]).out.contains("No changes."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_plan_says_what_moved() {
    let desk = Desk::applied().await;
    let wanted = STACK.replace("visibility_timeout: 60s", "visibility_timeout: 90s");
    desk.write("stack.yaml", &wanted);
    desk.ok(&["plan", "--out", "desk.plan"]);
    desk.write("stack.yaml", &wanted.replace("90s", "91s"));
    let stale = desk.refused(&["apply", "desk.plan"], "plan::stale").err;
    assert!(stale.contains("`queues.jobs`: visibility_timeout changed in stack.yaml"), "{stale}");

    desk.write("stack.yaml", &wanted);
    let aws = common::aws(&desk.account).await;
    let url = desk.ok(&["output", "jobs_url"]).out;
    set_delay(&aws, url.trim(), "7").await;
    let stale = desk.refused(&["apply", "desk.plan"], "plan::stale").err;
    assert!(stale.contains("`queues.jobs`: delay_seconds changed in AWS"), "{stale}");
    set_delay(&aws, url.trim(), "0").await;
    desk.ok(&["apply", "desk.plan"]);
    assert_eq!(desk.ok(&["state", "show", "queues.jobs"]).json()["inputs"]["visibility_timeout"], 90);
}

/// Changes a queue as another user would.
async fn set_delay(aws: &deployer::aws::Aws, url: &str, seconds: &str) {
    let call = aws.clients.sqs.set_queue_attributes().queue_url(url);
    call.attributes("DelaySeconds".into(), seconds).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_file_that_is_none_or_was_edited_is_refused() {
    let desk = Desk::new().await;
    desk.ok(&["plan", "--out", "desk.plan"]);
    let text = fs::read_to_string(desk.path("desk.plan")).unwrap();
    desk.write("edited.plan", &text.replace("\"create\"", "\"delete\""));
    let edited = desk.refused(&["apply", "edited.plan"], "plan::not-a-plan");
    assert!(edited.err.contains("changed after it was written"), "{}", edited.err);
    desk.refused(&["apply", "stack.yaml"], "plan::not-a-plan");
    desk.refused(&["apply", "missing.plan"], "plan::unreadable");
}
