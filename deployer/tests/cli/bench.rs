//! A stack's directory, a separate account, and the binary to run there.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use deployer::aws::Aws;
use serde_json::Value;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use crate::common;

/// The directory and the account of one test.
pub struct Bench {
    pub dir: TempDir,
    pub aws: Aws,
}

/// The result of a run of the binary.
#[derive(Debug)]
pub struct RunOutput {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Bench {
    /// Creates a directory with `stack` as its stack.yaml. `BUCKET` in it stands for a new bucket for the state.
    pub async fn new(stack: &str) -> Self {
        let bench = Self::without_bucket(stack).await;
        let region = aws_sdk_s3::types::BucketLocationConstraint::from(common::REGION);
        let location = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(region).build();
        bench
            .aws
            .clients
            .s3
            .create_bucket()
            .bucket(bench.bucket())
            .create_bucket_configuration(location)
            .send()
            .await
            .expect("the local AWS makes a bucket");
        bench
    }

    /// Like [`Bench::new`], but without creating the bucket.
    pub async fn without_bucket(stack: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let bench = Self { dir, aws: common::account().await };
        bench.write("stack.yaml", stack);
        std::fs::write(bench.dir.path().join("worker.zip"), ready_zip("one")).expect("a file");
        bench
    }

    /// Returns the name of the state's bucket. Bucket names are shared by all accounts.
    pub fn bucket(&self) -> String {
        format!("state-{}", self.aws.place.account)
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, file: &str, text: &str) {
        let text = text.replace("BUCKET", &self.bucket());
        std::fs::write(self.dir.path().join(file), text).expect("a file");
    }

    /// Returns a command for the binary, with a clean environment, in the stack's directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = crate::program();
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("AWS_ACCESS_KEY_ID", &self.aws.place.account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", common::REGION)
            .env("AWS_ENDPOINT_URL", &common::cloud().endpoint_url)
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> RunOutput {
        RunOutput::of(self.command(arguments).output().expect("the binary runs"))
    }

    /// Starts the binary without waiting. Its output can be read after it has ended.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
    }

    /// Runs a command that must succeed. Returns its stdout.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran}");
        ran.stdout
    }

    /// Runs a command that must fail with exit code 1. Returns its result.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> RunOutput {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran}");
        ran
    }

    #[track_caller]
    pub fn plan(&self) -> Value {
        let text = self.ok(&["plan", "--json"]);
        serde_json::from_str(&text).expect("one JSON object")
    }

    /// Applies the stack. Returns the summary line on stderr.
    #[track_caller]
    pub fn apply(&self) -> String {
        let ran = self.run(&["apply", "-y"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.stderr.lines().last().unwrap_or_default().to_owned()
    }

    /// Asserts that nothing is left to do and that an apply writes nothing.
    #[track_caller]
    pub fn settled(&self) {
        let plan = self.plan();
        assert_eq!(changes(&plan), [""; 0], "{plan:#}");
        assert_eq!(plan["drift"], serde_json::json!([]), "{plan:#}");
        let text = self.ok(&["plan"]);
        assert!(text.contains("\n\nNo changes. "), "{text}");
        let summary = self.apply();
        assert!(summary.contains(", 0 writes)"), "{summary}");
    }

    /// Returns the state document, if it exists.
    pub async fn state(&self) -> Option<Value> {
        let object = self.object("shop.json").await?;
        Some(serde_json::from_slice(&object).expect("the state is JSON"))
    }

    /// Returns the bytes of the state, from S3 or the directory `kept`.
    pub async fn kept(&self) -> Option<Vec<u8>> {
        self.kept_as("shop.json").await
    }

    /// Returns the bytes of the state's lock.
    pub async fn lock(&self) -> Option<Vec<u8>> {
        self.kept_as("shop.json.lock").await
    }

    async fn kept_as(&self, key: &str) -> Option<Vec<u8>> {
        let file = self.path().join("kept").join(key);
        if file.exists() { std::fs::read(file).ok() } else { self.object(key).await }
    }

    pub async fn put_object(&self, key: &str, bytes: &[u8]) {
        let put = self.aws.clients.s3.put_object().bucket(self.bucket()).key(key).body(bytes.to_vec().into());
        put.send().await.expect("S3 takes an object");
    }

    /// Starts the binary with another endpoint for the local AWS.
    pub fn start_over(&self, endpoint_url: &str, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.env("AWS_ENDPOINT_URL", endpoint_url).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary starts")
    }

    pub async fn object(&self, key: &str) -> Option<Vec<u8>> {
        let got = self.aws.clients.s3.get_object().bucket(self.bucket()).key(key).send().await.ok()?;
        Some(got.body.collect().await.expect("a whole object").to_vec())
    }

    pub async fn delete_object(&self, key: &str) {
        let deleted = self.aws.clients.s3.delete_object().bucket(self.bucket()).key(key).send().await;
        deleted.expect("S3 deletes an object");
    }
}

impl RunOutput {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Parses stdout as one JSON object a line.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }
}

impl std::fmt::Display for RunOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Lists a plan's changes, one resource a line: `update queues.orders visibility_timeout`.
pub fn changes(plan: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let actions = plan["actions"].as_array().expect("a list of actions");
    let planned = actions.iter().filter(|action| action["action"] != "unchanged").map(|action| {
        let mut words = vec![text(&action["action"]), text(&action["address"])];
        if action["action"] == "update" {
            words.extend(action["changes"].as_array().expect("a list").iter().map(|change| text(&change["path"])));
        }
        words.join(" ")
    });
    let forgotten = plan["forgotten"].as_array().expect("a list").iter();
    planned.chain(forgotten.map(|entry| format!("forget {}", text(&entry["address"])))).collect()
}

/// Builds a zip that Lambda accepts for a custom runtime. Different `words` make different code.
pub fn ready_zip(words: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().unix_permissions(0o755);
    writer.start_file("bootstrap", options).expect("a new entry");
    writeln!(writer, "#!/bin/sh\necho {words}").expect("an entry's bytes");
    writer.finish().expect("a whole zip").into_inner()
}
