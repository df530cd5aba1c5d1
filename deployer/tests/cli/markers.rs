//! No part of a secret occurs in any byte that leaves the process, however long the secret is and wherever it is used.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::{Command, Stdio};

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::json;

use crate::bench::{Bench, RunOutput};
use crate::forge::{Forge, TOKEN};
use crate::proxy::{Proxy, Refusal};

/// The length in bytes from which a part of a secret reveals something.
const WINDOW: usize = 8;
/// Processes that run at the same time.
const AT_A_TIME: usize = 3;

/// Generates random letters that look like a secret and occur nowhere else.
fn random(seed: u64, length: usize) -> String {
    let mut at = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut letter = || {
        at ^= at << 13;
        at ^= at >> 7;
        at ^= at << 17;
        char::from(b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"[(at >> 33) as usize % 55])
    };
    (0..length).map(|_| letter()).collect()
}

/// Returns the secrets by variable.
fn secrets() -> BTreeMap<String, String> {
    let lines = |seed: u64, lines: usize| (0..lines).map(|at| random(seed + at as u64, 64) + "\n").collect::<String>();
    let pem = format!("-----BEGIN PR1VATE KEY-----\n{}-----END PR1VATE KEY-----\n", lines(100, 20));
    let account = json!({"type": "serv1ce_acc0unt_k3y", "private_key": format!("-----BEG1N KEY-----\n{}", lines(200, 10)),
        "client_email": "m4rker@pr0ject.example"});
    let inner = random(7, 24);
    let mut all: BTreeMap<String, String> = [4, 5, 7, 8, 12, 40, 160, 161, 384, 4_000]
        .into_iter()
        .map(|length| (format!("s{length}"), random(1_000 + length as u64, length)))
        .collect();
    all.insert("pem".into(), pem);
    all.insert("svc".into(), serde_json::to_string_pretty(&account).expect("an object"));
    all.insert("jwt".into(), format!("{}.{}.{}", random(31, 36), random(32, 300), random(33, 86)));
    all.insert("password".into(), random(41, 12));
    all.insert("unicode".into(), format!("sécr3t-ключ-密码-😀-{}", random(51, 9)));
    all.insert("odd".into(), format!("{}\"\\/<&>'%+ {}\t{}", random(61, 9), random(62, 9), random(63, 9)));
    all.insert("outer".into(), format!("{}{inner}{}", random(71, 24), random(72, 24)));
    all.insert("inner".into(), inner);
    all
}

/// Uses every secret in a function's environment, and some in other places. Places passwords across every offset at
/// which lines are cut.
fn stack(memory: u32, secrets: &BTreeMap<String, String>) -> String {
    let mut text = String::from(
        "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\nci: { apply_on: [main] }\nvars:\n",
    );
    for name in secrets.keys() {
        text += &format!("  {name}: {{ secret: true }}\n");
    }
    text += "queues:\n  orders: { visibility_timeout: 180s, redrive: { max_receive_count: 3 }, tags: { note: \"a ${vars.s40} b\" } }\n";
    text += "topics: { news: { display_name: \"news ${vars.s12}\" } }\n";
    text += "functions:\n";
    let mut functions: BTreeMap<usize, Vec<&String>> = BTreeMap::new();
    for (at, name) in secrets.keys().enumerate() {
        // Lambda accepts only 4 KB of environment.
        functions.entry(if secrets[name].len() > 1_000 { 100 + at } else { at % 2 }).or_default().push(name);
    }
    for (at, names) in functions {
        let environment: Vec<String> = names.iter().map(|name| format!("T_{name}: \"${{vars.{name}}}\"")).collect();
        text += &format!(
            "  f-{at}: {{ zip: worker.zip, memory_size: {memory}, environment: {{ MODE: quiet, {} }} }}\n",
            environment.join(", ")
        );
    }
    for (function, begins) in [("a", 146..158), ("b", 158..170)] {
        let dsn = |at: usize| format!("D{at}: \"{}${{vars.password}}@{}\"", ".".repeat(at), ".".repeat(40));
        // Wherever a text is cut between these offsets, eight to eleven bytes of some password remain.
        let environment: Vec<String> = begins.step_by(4).map(dsn).collect();
        text += &format!(
            "  dsn-{function}: {{ zip: worker.zip, memory_size: {memory}, description: \"with ${{vars.s160}}\", environment: {{ {} }} }}\n",
            environment.join(", ")
        );
    }
    text + "outputs: { queue_url: \"${queues.orders.url}\", key: \"see ${vars.s384}\" }\n"
}

/// Everything that left the process, by destination.
#[derive(Default)]
struct SentBytes(BTreeMap<String, Vec<u8>>);

impl SentBytes {
    fn ran(&mut self, name: &str, ran: &RunOutput) {
        // GitHub does not show these lines, which tell it the secrets to mask.
        let said = ran.stderr.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
        self.0.insert(format!("{name}: stdout"), ran.stdout.clone().into_bytes());
        self.0.insert(format!("{name}: stderr"), said.into_bytes());
    }

    fn files(&mut self, directory: &Path) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.files(&path);
            } else {
                self.0.insert(path.display().to_string(), std::fs::read(&path).unwrap_or_default());
            }
        }
    }

    async fn objects(&mut self, bench: &Bench) {
        let listed = bench.aws.clients.s3.list_objects_v2().bucket(bench.bucket()).send().await.expect("a listing");
        for object in listed.contents() {
            let key = object.key().expect("a key");
            self.0.insert(format!("s3 {key}"), bench.object(key).await.unwrap_or_default());
        }
    }

    /// Searches for every part of every secret, also in the forms of JSON, URLs and base64.
    #[track_caller]
    fn hold_no_part(&self, secrets: &BTreeMap<String, String>) {
        let mut parts = Parts::default();
        let mut short = Vec::new();
        for (name, secret) in secrets {
            let json = serde_json::to_string(secret).expect("a text");
            let percent = secret
                .bytes()
                .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") });
            let mut forms = vec![secret.clone(), json[1..json.len() - 1].to_owned(), percent.collect()];
            if secret.len() >= 2 * WINDOW {
                for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
                    forms.extend((0..3).map(|before| {
                        let encoded = engine.encode(format!("{}{secret}", "x".repeat(before)));
                        encoded[4..encoded.len() - 4].to_owned()
                    }));
                }
            }
            for form in forms {
                if form.len() < WINDOW {
                    short.push((name.clone(), form));
                } else {
                    parts.add(form.as_bytes(), name);
                }
            }
        }
        let mut leaks = BTreeSet::new();
        for (place, bytes) in &self.0 {
            let found = parts.find(bytes);
            let text = String::from_utf8_lossy(bytes);
            let whole = short.iter().find_map(|(name, form)| Some((text.find(form.as_str())?, name.clone())));
            if let Some((at, name)) = found.or(whole) {
                let near = &bytes[at.saturating_sub(150)..(at + 60).min(bytes.len())];
                leaks.insert(format!("{place}: {name} in …{}…", String::from_utf8_lossy(near)));
            }
        }
        let leaks: Vec<String> = leaks.into_iter().collect();
        assert!(leaks.is_empty(), "{} leaks in {} places:\n{}", leaks.len(), self.0.len(), leaks.join("\n\n"));
    }
}

/// Parts of secrets, with a fast search through megabytes.
struct Parts {
    names: HashMap<u64, String>,
    /// Whether any part may have this short hash.
    may_be: Vec<bool>,
}

impl Default for Parts {
    fn default() -> Self {
        Self { names: HashMap::new(), may_be: vec![false; 1 << 22] }
    }
}

impl Parts {
    fn slot(part: u64) -> usize {
        (part.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 42) as usize
    }

    fn add(&mut self, form: &[u8], name: &str) {
        for part in form.windows(WINDOW) {
            let part = u64::from_be_bytes(part.try_into().expect("eight bytes"));
            self.may_be[Self::slot(part)] = true;
            self.names.insert(part, name.to_owned());
        }
    }

    /// Returns the offset of the first part, and the secret's variable.
    fn find(&self, bytes: &[u8]) -> Option<(usize, String)> {
        let mut part = 0;
        for (at, byte) in bytes.iter().enumerate() {
            part = part << 8 | u64::from(*byte);
            if at + 1 >= WINDOW && self.may_be[Self::slot(part)] && self.names.contains_key(&part) {
                return Some((at + 1 - WINDOW, self.names[&part].clone()));
            }
        }
        None
    }
}

struct MarkerJob {
    bench: Bench,
    proxy: Proxy,
    secrets: BTreeMap<String, String>,
    left: SentBytes,
}

impl MarkerJob {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bench.command(arguments);
        command.env("AWS_ENDPOINT_URL", &self.proxy.url);
        command.envs(self.secrets.iter().map(|(name, value)| (format!("DEPLOYER_VAR_{name}"), value)));
        command
    }

    /// Runs the binary with all its logging.
    fn run(&mut self, arguments: &[&str]) -> RunOutput {
        let name = arguments.join(" ");
        let ran = RunOutput::of(
            self.command(arguments).env("DEPLOYER_LOG", "trace").arg("-v").output().expect("the binary runs"),
        );
        self.left.ran(&name, &ran);
        ran
    }

    #[track_caller]
    fn ok(&mut self, arguments: &[&str]) -> RunOutput {
        let ran = self.run(arguments);
        let end = ran.stderr.len().saturating_sub(3_000);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", &ran.stderr[ran.stderr.ceil_char_boundary(end)..]);
        ran
    }

    /// Runs commands that change nothing, several at a time.
    #[track_caller]
    fn all(&mut self, commands: &[&[&str]]) -> Vec<RunOutput> {
        let mut all = Vec::new();
        for some in commands.chunks(AT_A_TIME) {
            let children = some.iter().map(|arguments| {
                let mut command = self.command(arguments);
                command.env("DEPLOYER_LOG", "trace").arg("-v").stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().expect("the binary starts")
            });
            // Threads read the output: a child whose pipe is full waits for its reader.
            let readers: Vec<_> = children
                .map(|child| std::thread::spawn(|| child.wait_with_output().expect("the binary ends")))
                .collect();
            for (arguments, reader) in some.iter().zip(readers) {
                let ran = RunOutput::of(reader.join().expect("a reader"));
                self.left.ran(&arguments.join(" "), &ran);
                let end = ran.stderr.ceil_char_boundary(ran.stderr.len().saturating_sub(3_000));
                assert_eq!(ran.code, Some(0), "{arguments:?}: {}", &ran.stderr[end..]);
                all.push(ran);
            }
        }
        all
    }

    /// Runs a step of a GitHub job. The files that it writes for GitHub are checked, too.
    fn ci(&mut self, name: &str, event: [&str; 2], forge: &Forge) -> RunOutput {
        let request = json!({"action": "opened", "number": 7, "pull_request": {"number": 7,
            "head": {"sha": "abc123", "repo": {"full_name": "a/b"}}, "base": {"repo": {"full_name": "a/b"}}}});
        self.bench.write("event.json", &request.to_string());
        let path = |file: &str| self.bench.path().join(format!("{name}.{file}"));
        let mut command = self.command(&["ci", "-v"]);
        command
            .envs([("CI", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "a/b"), ("GITHUB_SHA", "def456")])
            .envs([("GITHUB_EVENT_NAME", event[0]), ("GITHUB_REF", event[1]), ("FORCE_COLOR", "1")])
            .env("GITHUB_EVENT_PATH", self.bench.path().join("event.json"))
            .env("GITHUB_STEP_SUMMARY", path("summary"))
            .env("GITHUB_OUTPUT", path("output"))
            .env("GITHUB_API_URL", &forge.url)
            .env("GITHUB_TOKEN", TOKEN);
        let ran = RunOutput::of(command.output().expect("the binary runs"));
        self.left.ran(name, &ran);
        ran
    }

    /// Makes every function log every secret, whole, cut and escaped, as careless functions do.
    async fn log(&self) {
        let logs = &self.bench.aws.clients.logs;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
        let group = "/aws/lambda/shop-f-0";
        logs.create_log_stream().log_group_name(group).log_stream_name("s").send().await.expect("a stream");
        let mut events = Vec::new();
        for (name, secret) in &self.secrets {
            let structured =
                json!({"level": "ERROR", "message": format!("bad {name} {secret}"), "value": secret}).to_string();
            let nested = json!({"message": format!("config {}", json!({"k": secret}))}).to_string();
            for text in [format!("id-7 {name} = {secret}"), structured, nested, format!("id-7 {secret:?}")] {
                events.push(text);
            }
            if secret.len() > WINDOW && !secret.contains(['\n', '\t']) {
                let cut = secret.floor_char_boundary(secret.len() - 2);
                events.push(format!("id-7 cut {}", &secret[..cut]));
            }
        }
        let event = |(at, text): (usize, &String)| {
            let at = i64::try_from(now).expect("a time") - 10_000 + at as i64;
            InputLogEvent::builder().timestamp(at).message(text).build().expect("an event")
        };
        let events: Vec<InputLogEvent> = events.iter().enumerate().map(event).collect();
        let put = logs.put_log_events().log_group_name(group).log_stream_name("s").set_log_events(Some(events));
        put.send().await.expect("lines are kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_a_secret_leaves_whatever_its_length_and_place() {
    let secrets = secrets();
    let bench = Bench::new(&stack(128, &secrets)).await;
    let proxy = Proxy::start(&crate::common::cloud().endpoint_url);
    let mut job = MarkerJob { bench, proxy, secrets, left: SentBytes::default() };
    let forge = Forge::start();

    job.all(&[&["plan"], &["plan", "--json", "--out", "plan.json", "--html", "plan.html"], &["validate"]]);
    job.all(&[&["show", "plan.json"], &["show", "plan.json", "--json"], &["show", "plan.json", "--markdown"]]);
    job.ci("proposed", ["pull_request", "refs/pull/7/merge"], &forge);
    job.proxy.refuse(Refusal { path: "/functions", method: "POST", times: 3 });
    assert_eq!(job.run(&["apply", "-y"]).code, Some(1));
    job.proxy.refuse(Refusal { path: "/shop.json", method: "PUT", times: 1_000 });
    job.run(&["apply", "-y"]);
    job.proxy.refuse(Refusal { path: "", method: "", times: 0 });
    job.ok(&["apply", "-y"]);

    // With `-v`, unchanged properties are shown beside one that changes.
    let changed = stack(256, &job.secrets);
    job.bench.write("stack.yaml", &changed);
    let plan =
        &job.all(&[&["plan"], &["plan", "--json", "--out", "second.json", "--html", "second.html"], &["drift"]])[0];
    assert!(plan.stdout.contains("environment.T_s384: (sensitive)"), "{}", plan.stdout);
    assert!(plan.stdout.contains("environment.D150: ....") && plan.stdout.contains("(sensitive)@"), "{}", plan.stdout);
    job.ci("proposed again", ["pull_request", "refs/pull/7/merge"], &forge);
    job.ci("merged", ["push", "refs/heads/main"], &forge);
    job.ok(&["apply", "-y", "--json"]);

    job.all(&[
        &["status"],
        &["status", "--json"],
        &["state", "list"],
        &["state", "list", "--json"],
        &["state", "show", "functions.f-1"],
        &["state", "show", "functions.dsn-a", "--json"],
        &["state", "history"],
        &["output"],
        &["output", "--json"],
        &["graph", "--format", "mermaid"],
        &["graph", "--format", "dot"],
        &["graph", "--format", "svg"],
        &["graph", "--format", "html"],
        &["iam", "plan"],
        &["iam", "apply"],
        &["iam", "destroy"],
        &["rollback", "--list"],
        &["env", "list"],
    ]);
    job.log().await;
    let logs = &job.all(&[&["logs"], &["logs", "--json"], &["trace", "id-7"]])[0];
    assert!(
        logs.stdout.contains("id-7 s40 = (sensitive)") && logs.stdout.contains("bad jwt (sensitive)"),
        "{}",
        logs.stdout
    );
    // An element with secrets is removed while AWS still has it.
    let without: String =
        changed.lines().filter(|line| !line.contains("  f-1:")).map(|line| format!("{line}\n")).collect();
    job.bench.write("stack.yaml", &without);
    job.all(&[&["plan"], &["plan", "--json"]]);
    job.ok(&["destroy", "-y"]);

    job.left.files(job.bench.path());
    job.left.objects(&job.bench).await;
    for (at, body) in forge.bodies().into_iter().enumerate() {
        job.left.0.insert(format!("comment {at}"), body.into_bytes());
    }
    assert!(job.left.0.keys().any(|place| place.starts_with("comment")), "the forge got one");
    job.left.hold_no_part(&job.secrets);
}
