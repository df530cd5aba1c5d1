//! A secret exists only in AWS, where it was sent: not in output, logs or files, in no encoding.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::Value;

use crate::bench::{Bench, RunOutput};
use crate::proxy::{Proxy, Refusal};

/// A stack with a secret in every place that may have one.
pub const STACK: &str = r#"
stack: shop
region: eu-west-1
state: { bucket: BUCKET, key: shop.json }
vars:
  plain: { secret: true }
  odd: { secret: true }
  joined: "user:${vars.plain}@host"
tags: { contact: "by-${vars.plain}" }
queues:
  orders: { visibility_timeout: 180s, redrive: { max_receive_count: 3 } }
roles:
  reader:
    description: "for ${vars.plain}"
    assume_role_policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: { AWS: "arn:aws:iam::${aws.account_id}:root" }
          Action: sts:AssumeRole
          Condition: { StringEquals: { "sts:ExternalId": "${vars.plain}" } }
    permissions:
      - allow: sqs:SendMessage
        on: "${queues.orders.arn}"
        condition: { StringEquals: { "aws:PrincipalTag/key": "${vars.plain}" } }
functions:
  worker:
    zip: worker.zip
    description: "with ${vars.plain}"
    environment: { TOKEN: "${vars.odd}", URL: "https://${vars.joined}/x", MODE: quiet }
    events: [ { queue: orders, filter: [ { body: { key: [ "${vars.plain}" ] } } ] } ]
topics:
  news:
    display_name: "news ${vars.plain}"
    subscriptions:
      - { email: "${vars.plain}@example.com" }
      - { https: "https://example.com/hook?key=${vars.plain}" }
apis:
  shop:
    description: "shop ${vars.odd}"
    routes: { "GET /": worker }
    variables: { key: "${vars.plain}" }
alarms:
  deep:
    alarm_description: "${vars.odd}"
    namespace: AWS/SQS
    metric_name: ApproximateNumberOfMessagesVisible
    dimensions: { QueueName: "${queues.orders.name}" }
    statistic: Maximum
    comparison_operator: GreaterThanThreshold
    threshold: 30
    period: 60s
    evaluation_periods: 1
outputs: { queue_url: "${queues.orders.url}", key: "see ${vars.odd}" }
"#;

/// The secrets of the first apply, and their successors.
pub const FIRST: [&str; 2] = ["m4rker-Plain-77Qz", "m4rk\"er/0dd+Zq&7 <xK#e>'\\ü"];
pub const SECOND: [&str; 2] = ["sec0nd-Plain-55Wy", "sec0nd\"/0dd+Zq&7 <xK#e>'\\ü"];

/// Computes the forms of every secret, independently of the product.
fn forms() -> Vec<String> {
    let mut forms = Vec::new();
    for secret in FIRST.into_iter().chain(SECOND) {
        let json = serde_json::to_string(secret).expect("a text");
        let json = json[1..json.len() - 1].to_owned();
        let percent = |all: bool, lower: bool| -> String {
            let byte = |b: u8| match b {
                b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) || (!all && b"/+&'".contains(&b)) => {
                    char::from(b).to_string()
                }
                b if lower => format!("%{b:02x}"),
                b => format!("%{b:02X}"),
            };
            secret.bytes().map(byte).collect()
        };
        let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        forms.extend([secret.to_owned(), json, xml, percent(true, false), percent(true, true), percent(false, false)]);
        for before in 0..3 {
            let text = format!("{}{secret}", "x".repeat(before));
            for encoded in [BASE64_STANDARD_NO_PAD.encode(&text), BASE64_URL_SAFE_NO_PAD.encode(&text)] {
                // The characters that do not depend on the neighbouring bytes.
                forms.push(encoded[(before * 8).div_ceil(6)..text.len() * 8 / 6].to_owned());
            }
        }
    }
    forms
}

/// Everything that was printed and stored, by place.
pub struct Traces(pub BTreeMap<String, Vec<u8>>);

impl Traces {
    pub fn ran(&mut self, name: &str, ran: &RunOutput) {
        self.0.insert(format!("{name}: stdout"), ran.stdout.clone().into_bytes());
        self.0.insert(format!("{name}: stderr"), ran.stderr.clone().into_bytes());
    }

    /// Adds every file below a directory.
    pub fn files(&mut self, name: &str, directory: &Path) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.files(name, &path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                self.0.insert(format!("{name}: {}", path.display()), bytes);
            }
        }
    }

    /// Adds every object of the state's bucket.
    pub async fn objects(&mut self, name: &str, bench: &Bench) {
        let s3 = &bench.aws.clients.s3;
        let listed = s3.list_objects_v2().bucket(bench.bucket()).send().await.expect("a listing");
        for object in listed.contents() {
            let key = object.key().expect("a key");
            let bytes = bench.object(key).await.unwrap_or_default();
            self.0.insert(format!("{name}: s3 {key}"), bytes);
        }
    }

    #[track_caller]
    pub fn hold_no_secret(&self) {
        let forms = forms();
        let mut leaks = Vec::new();
        for (place, bytes) in &self.0 {
            let text = String::from_utf8_lossy(bytes);
            for form in &forms {
                if let Some(at) = text.find(form.as_str()) {
                    let from = text.floor_char_boundary(at.saturating_sub(200));
                    let to = text.ceil_char_boundary((at + form.len() + 40).min(text.len()));
                    leaks.push(format!("{place}: {form} in …{}…", &text[from..to]));
                    break;
                }
            }
        }
        assert!(leaks.is_empty(), "{} leaks in {} places:\n{}", leaks.len(), self.0.len(), leaks.join("\n\n"));
    }
}

struct SecretsJob {
    bench: Bench,
    proxy: Proxy,
    traces: Traces,
}

impl SecretsJob {
    async fn new(stack: &str) -> Self {
        let bench = Bench::new(stack).await;
        let proxy = Proxy::start(&crate::common::cloud().endpoint_url);
        Self { bench, proxy, traces: Traces(BTreeMap::new()) }
    }

    fn command(&self, secrets: [&str; 2], arguments: &[&str]) -> Command {
        let mut command = self.bench.command(arguments);
        command
            .env("AWS_ENDPOINT_URL", &self.proxy.url)
            .env("DEPLOYER_VAR_plain", secrets[0])
            .env("DEPLOYER_VAR_odd", secrets[1])
            .env("DEPLOYER_LOG", "trace");
        command
    }

    /// Runs the binary and records all its output and objects.
    async fn run(&mut self, name: &str, secrets: [&str; 2], arguments: &[&str]) -> RunOutput {
        let ran = RunOutput::of(self.command(secrets, arguments).output().expect("the binary runs"));
        self.traces.ran(name, &ran);
        self.traces.objects(name, &self.bench).await;
        ran
    }

    async fn ok(&mut self, name: &str, secrets: [&str; 2], arguments: &[&str]) -> RunOutput {
        let ran = self.run(name, secrets, arguments).await;
        assert_eq!(ran.code, Some(0), "{name}: {}", tail(&ran));
        ran
    }
}

/// Returns the last lines of a run without its long log.
fn tail(ran: &RunOutput) -> String {
    let lines: Vec<&str> =
        ran.stderr.lines().filter(|line| !line.contains("TRACE") && !line.contains("DEBUG")).collect();
    format!("{}\n{}", lines[lines.len().saturating_sub(30)..].join("\n"), ran.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_nowhere_but_in_aws() {
    let mut job = SecretsJob::new(STACK).await;
    let out = job.bench.path().join("plan.json");
    let out = out.to_str().expect("UTF-8");
    job.ok("validate", FIRST, &["validate"]).await;
    job.ok("validate --json", FIRST, &["validate", "--json"]).await;
    let plan = job.ok("plan", FIRST, &["plan", "-v"]).await;
    assert!(
        plan.stdout.contains("environment.TOKEN: (sensitive)") && plan.stdout.contains("environment.MODE: quiet"),
        "{}",
        plan.stdout
    );
    assert!(plan.stderr.contains("DEBUG"), "the log is there");
    assert!(plan.stdout.contains("topics.news.subscription[email:vars.plain@example.com]"), "{}", plan.stdout);
    job.ok("plan --json", FIRST, &["plan", "--json"]).await;
    job.ok("graph", FIRST, &["graph"]).await;
    job.ok("plan --out", FIRST, &["plan", "--out", out]).await;
    job.ok("apply plan", FIRST, &["apply", out]).await;
    let again = job.ok("plan again", FIRST, &["plan"]).await;
    assert!(again.stdout.contains("No changes."), "{}", again.stdout);

    // AWS refuses a call and quotes the values that it received, in several encodings.
    job.proxy.refuse(Refusal { path: "/configuration", method: "PUT", times: 1 });
    let failed = job.run("failing apply", SECOND, &["apply", "-y"]).await;
    assert_eq!(failed.code, Some(1), "{}", tail(&failed));
    assert!(failed.stderr.contains("quoting (sensitive)"), "{}", tail(&failed));
    job.proxy.refuse(Refusal { path: "/configuration", method: "PUT", times: 1 });
    let failed = job.run("failing apply --json", SECOND, &["apply", "-y", "--json"]).await;
    assert_eq!(failed.code, Some(1), "{}", tail(&failed));
    job.ok("drift", SECOND, &["plan"]).await;

    // The state cannot be saved at the end.
    job.proxy.refuse(Refusal { path: "/shop.json", method: "PUT", times: 1_000 });
    job.run("apply without state", SECOND, &["apply", "-y"]).await;
    job.proxy.refuse(Refusal { path: "", method: "", times: 0 });
    job.ok("apply --json", SECOND, &["apply", "-y", "--json"]).await;
    let drift = job.run("drift", SECOND, &["drift", "--json"]).await;
    assert_eq!(drift.code, Some(0), "{}", tail(&drift));
    job.ok("output", SECOND, &["output"]).await;
    job.ok("output --json", SECOND, &["output", "--json"]).await;
    let hidden = job.run("output key", SECOND, &["output", "key"]).await;
    assert!(hidden.stderr.contains("output::secret"), "{}", tail(&hidden));
    job.ok("state show", SECOND, &["state", "show", "functions.worker"]).await;
    job.ok("status", SECOND, &["status"]).await;
    job.ok("iam apply", SECOND, &["iam", "apply", "--with-state"]).await;
    job.ok("status --json", SECOND, &["status", "--json"]).await;
    let subscription = "topics.news.subscription[email:vars.plain@example.com]";
    job.ok("state show of an endpoint", SECOND, &["state", "show", subscription, "--json"]).await;
    job.ok("state list", SECOND, &["state", "list", "--json"]).await;
    job.ok("state history", SECOND, &["state", "history", "--json"]).await;

    let (summary, output) = (job.bench.path().join("summary.md"), job.bench.path().join("output.txt"));
    for file in [&summary, &output] {
        std::fs::write(file, "").expect("a file");
    }
    let mut ci = job.command(FIRST, &["ci"]);
    ci.env("CI", "true").env("GITHUB_ACTIONS", "true").env("GITHUB_EVENT_NAME", "push");
    ci.env("GITHUB_REF", "refs/heads/main").env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_OUTPUT", &output);
    let mut ran = RunOutput::of(ci.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{}", tail(&ran));
    assert!(ran.stderr.contains("::add-mask::sec0nd\"/0dd"), "what AWS held until now is masked, too: {}", tail(&ran));
    // GitHub does not show these lines, which tell it the secrets to mask.
    ran.stderr = ran.stderr.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
    job.traces.ran("ci", &ran);

    // The secret and the element that used it were removed: the variables no longer contain a value that AWS still has.
    job.traces.files("files", job.bench.path());
    let record = job.bench.state().await.expect("a state")["resources"]["functions.worker"].clone();
    let token = record["inputs"]["environment"]["TOKEN"].as_str().unwrap_or_default();
    assert!(token.starts_with("fingerprint:argon2id:"), "{record:#}");
    job.traces.hold_no_secret();

    let live = job.bench.aws.clients.lambda.get_function_configuration().function_name("shop-worker").send().await;
    let environment = live.expect("the function").environment.and_then(|e| e.variables).unwrap_or_default();
    assert_eq!(environment["TOKEN"], FIRST[1], "AWS has it in clear");
}

/// An element and its secret are removed. The intent to delete it is written while AWS still has the secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_left_stack_yaml_together_with_its_element_stays_hidden() {
    let mut job = SecretsJob::new(STACK).await;
    job.ok("apply", FIRST, &["apply", "-y"]).await;
    job.bench.write(
        "stack.yaml",
        "stack: shop\nregion: eu-west-1\nstate: { bucket: BUCKET, key: shop.json }\nqueues: { orders: { visibility_timeout: 180s } }\n",
    );
    job.traces.0.clear();
    let quiet = |job: &SecretsJob, arguments: &[&str]| {
        RunOutput::of(job.command(FIRST, arguments).output().expect("the binary runs"))
    };
    let ran = quiet(&job, &["plan", "--json"]);
    job.traces.ran("plan", &ran);
    job.proxy.refuse(Refusal { path: "/functions/shop-worker", method: "DELETE", times: 1_000 });
    let ran = quiet(&job, &["apply", "-y"]);
    assert_eq!(ran.code, Some(1), "{}", tail(&ran));
    job.traces.ran("apply", &ran);
    let state = job.bench.state().await.expect("a state");
    assert!(state["intents"].to_string().contains("functions.worker"), "{state:#}");
    job.traces.objects("apply", &job.bench).await;
    job.proxy.refuse(Refusal { path: "", method: "", times: 0 });
    let ran = quiet(&job, &["destroy", "-y"]);
    assert_eq!(ran.code, Some(0), "{}", tail(&ran));
    job.traces.ran("destroy", &ran);
    job.traces.objects("destroy", &job.bench).await;
    job.traces.files("files", job.bench.path());
    job.traces.hold_no_secret();
}

/// AWS and the state show the names of resources, so a name must not contain a secret.
#[tokio::test]
async fn a_secret_in_a_name_is_refused_with_its_place() {
    let head = "stack: shop\nregion: eu-west-1\nvars: { token: { secret: true } }\n";
    for (line, column, elements) in [
        (5, 19, "queues:\n  orders: { name: \"q-${vars.token}\" }\n"),
        (5, 19, "roles:\n  reader: { path: \"/${vars.token}/\", trust: [lambda.amazonaws.com] }\n"),
        (5, 14, "buckets:\n  b: { name: \"b-${vars.token}\", external: true }\n"),
    ] {
        let bench = Bench::without_bucket(&format!("{head}{elements}")).await;
        let mut command = bench.command(&["validate", "--json"]);
        let ran =
            RunOutput::of(command.env("DEPLOYER_VAR_token", "hunter22-and-more").output().expect("the binary runs"));
        assert_eq!(ran.code, Some(1), "{elements}{ran}");
        let found: Vec<Value> = ran.lines().into_iter().filter(|l| l["code"] == "stack::secret-identity").collect();
        assert_eq!(found.len(), 1, "{elements}{ran}");
        assert_eq!(
            (found[0]["line"].as_u64(), found[0]["column"].as_u64()),
            (Some(line), Some(column)),
            "{elements}{ran}"
        );
        let text = found[0].to_string();
        assert!(text.contains("the secret `token`") && text.contains("drop `secret: true`"), "{ran}");
        assert!(!ran.stdout.contains("hunter22"), "{ran}");
    }
}

#[tokio::test]
async fn a_secret_in_the_stacks_name_an_output_or_a_number_is_told() {
    let bench = Bench::without_bucket(
        "stack: s\nregion: eu-west-1\nvars: { size: { secret: true } }\n\
         functions: { f: { zip: worker.zip, memory_size: \"${vars.size}\" } }\n",
    )
    .await;
    let mut command = bench.command(&["validate", "--json"]);
    let ran = RunOutput::of(command.env("DEPLOYER_VAR_size", "1024").output().expect("the binary runs"));
    let codes: Vec<_> = ran.lines().iter().map(|l| l["code"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(codes.iter().any(|code| code == "stack::secret-type"), "{ran}");
    bench.write("stack.yaml", "stack: \"s-${vars.name}\"\nregion: eu-west-1\nvars: { name: { secret: true } }\nqueues: { q: {} }\noutputs: { o: \"${vars.name}\" }\n");
    let mut command = bench.command(&["validate", "--json"]);
    let ran = RunOutput::of(command.env("DEPLOYER_VAR_name", "hunter22-and-more").output().expect("the binary runs"));
    let codes: Vec<_> = ran.lines().iter().map(|l| l["code"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(codes, ["stack::secret-identity", "stack::secret-output"], "{ran}");
}

#[tokio::test]
async fn fingerprints_of_an_earlier_version_are_understood_and_a_plan_file_does_not_give_their_key() {
    let stack = |memory: u32| {
        format!(
            "stack: shop\nregion: eu-west-1\nstate: {{ bucket: BUCKET, key: shop.json }}\nvars: {{ pin: {{ secret: true }} }}\n\
             functions: {{ f: {{ zip: worker.zip, memory_size: {memory}, environment: {{ PIN: \"${{vars.pin}}\" }} }} }}\n"
        )
    };
    let bench = Bench::new(&stack(128)).await;
    let run = |pin: &str, arguments: &[&str]| {
        RunOutput::of(bench.command(arguments).env("DEPLOYER_VAR_pin", pin).output().expect("the binary runs"))
    };
    assert_eq!(run("493817", &["apply", "-y"]).code, Some(0));
    let mut state = bench.state().await.expect("a state");
    let lineage = state["lineage"].as_str().expect("a text").to_owned();
    let pin = |state: &Value| state["resources"]["functions.f"]["inputs"]["environment"]["PIN"].clone();
    assert!(pin(&state).as_str().is_some_and(|text| text.starts_with("fingerprint:argon2id:")), "{state:#}");

    let former = deployer::state::fingerprint::fast("493817", &lineage);
    assert!(former.starts_with("fingerprint:hmac-sha256:"));
    state["resources"]["functions.f"]["inputs"]["environment"]["PIN"] = former.into();
    bench.put_object("shop.json", &serde_json::to_vec_pretty(&state).expect("JSON")).await;
    let plan = run("493817", &["plan"]);
    assert!(plan.stdout.contains("\n\nNo changes."), "{plan}");
    assert_eq!(run("493817", &["drift"]).code, Some(0));
    let other = run("493818", &["plan"]);
    assert!(other.stdout.contains("environment.PIN: (sensitive, changed)"), "{other}");
    let applied = run("493817", &["apply", "-y"]);
    assert!(applied.stderr.contains(", 0 writes)"), "{applied}");
    let state = bench.state().await.expect("a state");
    assert!(pin(&state).as_str().is_some_and(|text| text.starts_with("fingerprint:argon2id:")), "{state:#}");

    bench.write("stack.yaml", &stack(256));
    let saved = run("493817", &["plan", "--out", "plan.json"]);
    let listed = run("493817", &["state", "list", "--json"]);
    let file = std::fs::read_to_string(bench.path().join("plan.json")).expect("a file");
    for (place, text) in [("file", &file), ("stdout", &saved.stdout), ("state list", &listed.stdout)] {
        assert!(!text.contains(&lineage), "{place}: {text}");
    }
    let salt = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["salt"].clone();
    run("493817", &["plan", "--out", "again.json"]);
    let again = std::fs::read_to_string(bench.path().join("again.json")).expect("a file");
    assert_ne!(salt(&file), salt(&again));
    let moved = run("493818", &["apply", "plan.json", "-y"]);
    assert!(moved.code == Some(1) && moved.stderr.contains("plan::stale"), "another secret is another plan: {moved}");
    assert_eq!(run("493817", &["apply", "again.json", "-y"]).code, Some(0));
}
