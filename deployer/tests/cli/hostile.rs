//! Texts by others cannot control a terminal or a GitHub runner.

use std::process::Command;

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use serde_json::{Value, json};

use crate::bench::{Bench, RunOutput};

/// Clears the screen, fills the clipboard, hides text, returns the cursor, reverses the direction, has no width, and
/// begins new lines with runner commands.
const HOSTILE: &str = "order \u{1b}[2J\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}[8m\rback\u{9b}31m\u{202e}txt\u{2066}\u{200b}\u{7f}\n::add-mask::e\n##[error]forged";

const STACK: &str = r#"
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
functions:
  worker: { zip: worker.zip, description: mine, environment: { MODE: quiet } }
queues:
  orders: {}
outputs: { queue_url: "${queues.orders.url}", odd: "a\e[2Jb" }
"#;

/// Tells whether a terminal obeys a character, apart from line ends and tabs.
fn obeyed(c: char) -> bool {
    (c.is_control() && !['\n', '\t'].contains(&c)) || "\u{202e}\u{2066}\u{200b}".contains(c)
}

/// Removes the colours from a text.
fn colourless(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('m') {
            Some((codes, rest)) if codes != "8" && codes.chars().all(|c| c.is_ascii_digit() || c == ';') => out += rest,
            _ => out += &format!("\u{1b}[{part}"),
        }
    }
    out
}

#[track_caller]
fn harmless(name: &str, text: &str, coloured: bool) {
    let text = if coloured { colourless(text) } else { text.to_owned() };
    let found: Vec<String> = text.lines().filter(|line| line.chars().any(obeyed)).map(|l| format!("{l:?}")).collect();
    assert!(found.is_empty(), "{name}:\n{}", found.join("\n"));
}

struct HostileJob(Bench);

impl HostileJob {
    async fn new() -> Self {
        let bench = Bench::new(STACK).await;
        bench.apply();
        let lambda = &bench.aws.clients.lambda;
        let environment = aws_sdk_lambda::types::Environment::builder().variables("MODE", HOSTILE).build();
        let changed = lambda.update_function_configuration().function_name("shop-worker").description(HOSTILE);
        changed.environment(environment).send().await.expect("the function changes");
        let logs = &bench.aws.clients.logs;
        let group = "/aws/lambda/shop-worker";
        logs.create_log_stream().log_group_name(group).log_stream_name("s").send().await.expect("a stream");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
        let structured = json!({"level": HOSTILE, "message": HOSTILE, "id": format!("c-7 {HOSTILE}")}).to_string();
        let event = |text: &str| {
            let at = i64::try_from(now).expect("a time") - 5_000;
            InputLogEvent::builder().timestamp(at).message(text).build().expect("an event")
        };
        let events = vec![event(&format!("c-7 {HOSTILE}")), event(&structured)];
        let put = logs.put_log_events().log_group_name(group).log_stream_name("s").set_log_events(Some(events));
        put.send().await.expect("lines are kept");
        Self(bench)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command(arguments);
        command.env("DEPLOYER_VERBOSE", "true");
        command
    }

    fn page(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.path().join(file)).unwrap_or_default()
    }
}

const COMMANDS: &[&[&str]] = &[
    &["validate"],
    &["plan", "--out", "plan.json", "--html", "plan.html"],
    &["show", "plan.json"],
    &["show", "plan.json", "--markdown"],
    &["drift"],
    &["status"],
    &["logs"],
    &["trace", "c-7"],
    &["state", "list"],
    &["state", "show", "functions.worker"],
    &["output"],
    &["graph", "--format", "mermaid"],
    &["plan", "--target", "nothing\u{1b}[2J.at-all"],
    &["plan", "--bad\u{1b}[2J"],
];

#[tokio::test(flavor = "multi_thread")]
async fn no_control_character_of_others_leaves_on_any_way() {
    let job = HostileJob::new().await;
    for arguments in COMMANDS {
        for (way, variables) in
            [("plain", &[][..]), ("no colour", &[("NO_COLOR", "1")]), ("colour", &[("FORCE_COLOR", "1")])]
        {
            let mut command = job.command(arguments);
            let ran = RunOutput::of(command.envs(variables.iter().copied()).output().expect("the binary runs"));
            let name = format!("{arguments:?} {way}");
            harmless(&name, &ran.stdout, way == "colour");
            harmless(&name, &ran.stderr, way == "colour");
        }
        let mut lines = arguments.to_vec();
        if arguments[0] == "graph" || arguments.contains(&"--markdown") {
            continue;
        }
        lines.push("--json");
        let ran = RunOutput::of(job.command(&lines).output().expect("the binary runs"));
        harmless(&format!("{lines:?}"), &ran.stdout, false);
        assert!(ran.stdout.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{lines:?}: {ran}");
    }
    for file in ["plan.json", "plan.html"] {
        harmless(file, &job.page(file), false);
    }
    let plan = job.0.ok(&["plan"]);
    assert!(plan.contains("      - order \\u001b[2J") && plan.contains("      + mine"), "{plan}");
    let logs = job.0.ok(&["logs", "--json"]);
    let first: Value = serde_json::from_str(logs.lines().next().expect("a line")).expect("an object");
    assert_eq!(first["message"], format!("c-7 {HOSTILE}"), "programs get the very text");
    assert_eq!(job.0.ok(&["output", "odd"]), "a\u{1b}[2Jb\n", "and so does who reads a bare value through a pipe");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_of_others_reaches_the_runner_whatever_runs_in_the_step() {
    let job = HostileJob::new().await;
    for arguments in COMMANDS {
        let mut command = job.command(arguments);
        let ran = RunOutput::of(command.env("GITHUB_ACTIONS", "true").output().expect("the binary runs"));
        for line in ran.stdout.split(['\n', '\r']).chain(ran.stderr.split(['\n', '\r'])) {
            assert!(!line.contains("##["), "{arguments:?}: {line}");
            let ours = ["::warning ", "::error "].iter().any(|ours| line.starts_with(ours));
            assert!(ours || !line.trim_start().starts_with("::"), "{arguments:?}: {line}");
        }
    }
    let (summary, output) = (job.0.path().join("summary.md"), job.0.path().join("output.txt"));
    let mut command = job.command(&["ci"]);
    command.env("CI", "true").env("GITHUB_ACTIONS", "true").env("GITHUB_EVENT_NAME", "push");
    command.env("GITHUB_REF", "refs/heads/@org/team").env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_OUTPUT", output);
    let ran = RunOutput::of(command.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
    let page = job.page("summary.md");
    harmless("summary", &page, false);
    assert!(page.contains("@<!-- -->org/team") && !page.contains("@org/team"), "{page}");
}
