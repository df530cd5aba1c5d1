//! Runs a stack in a local cloud of its own for a test: applied, used, destroyed. No account, no Docker.
//!
//! ```no_run
//! use deployer_test::Stack;
//! use serde_json::json;
//!
//! # async fn test() {
//! let stack = Stack::of("stack.yaml").binary("report", env!("CARGO_BIN_EXE_report")).apply();
//! assert_eq!(stack.invoke("report", &json!({ "kind": "daily" }))["report"], "daily");
//!
//! let sqs = aws_sdk_sqs::Client::new(&stack.sdk_config().await);
//! sqs.send_message().queue_url(stack.output("jobs")).message_body("{}").send().await.unwrap();
//! stack.logged("tidy", r#""jobs":1"#).await;
//! stack.destroy();
//! # }
//! ```
//!
//! Each [`Stack`] has a cloud of its own, with its own ports and data, so tests run side by side. The cloud ends when the
//! value is dropped, also after a failed test.
//!
//! The `deployer` is the one that `DEPLOYER` names, else the one in the build directory of the test, else the one in
//! `PATH`.
//!
//! Everything here panics where a test cannot continue, with the output of the command that failed.

mod http;
mod program;
mod project;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::Value;
use tempfile::TempDir;

pub use http::Response;
use program::Program;

/// The longest wait for anything to arrive. A machine that builds beside the tests is slow.
const DEADLINE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(200);

/// A stack to apply: its file, variables and binaries.
#[derive(Debug, Clone)]
pub struct Stack {
    file: PathBuf,
    variables: Vec<(String, String)>,
    binaries: Vec<(String, PathBuf)>,
}

impl Stack {
    /// Takes a stack file. A relative path starts at the package of the test.
    #[must_use]
    pub fn of(file: impl AsRef<Path>) -> Self {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        Self { file: package.join(file), variables: Vec::new(), binaries: Vec::new() }
    }

    /// Gives a variable of the stack a value.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.push((format!("DEPLOYER_VAR_{name}"), value.to_owned()));
        self
    }

    /// Takes an executable for the functions with this binary in place of building their crate. Cargo has built it for
    /// the test already: `env!("CARGO_BIN_EXE_NAME")`.
    #[must_use]
    pub fn binary(mut self, bin: &str, path: impl Into<PathBuf>) -> Self {
        self.binaries.push((bin.to_owned(), path.into()));
        self
    }

    /// Starts a local cloud and applies the stack in it.
    ///
    /// # Panics
    /// If a file cannot be read, a function's crate has no binary here, or a command fails.
    #[must_use]
    pub fn apply(self) -> AppliedStack {
        let directory = tempfile::tempdir().expect("a temporary directory");
        project::copy(&self.file, &self.binaries, directory.path());
        let program = Program::find(directory.path(), self.variables);
        program.run(&["local", "start"]);
        // From here on the cloud is stopped if anything fails.
        let mut applied = AppliedStack { program, status: Value::Null, _directory: directory };
        let status = applied.program.run(&["local", "status", "--json"]);
        applied.status = serde_json::from_str(&status).unwrap_or_else(|error| panic!("{error}: {status}"));
        applied.deployer(&["apply", "-y"]);
        applied
    }
}

/// A stack that is applied in a local cloud.
#[derive(Debug)]
pub struct AppliedStack {
    program: Program,
    status: Value,
    _directory: TempDir,
}

impl AppliedStack {
    /// Runs `deployer` in the local cloud and returns its standard output.
    ///
    /// # Panics
    /// If it fails.
    pub fn deployer(&self, arguments: &[&str]) -> String {
        self.program.run(&[&["--local"], arguments].concat())
    }

    /// Returns an output of the stack.
    pub fn output(&self, name: &str) -> String {
        self.deployer(&["output", name]).trim_end().to_owned()
    }

    /// Calls a function and returns its answer.
    ///
    /// # Panics
    /// If the function fails, or its answer is no JSON.
    pub fn invoke(&self, function: &str, payload: &Value) -> Value {
        let answer = self.deployer(&["invoke", function, &payload.to_string()]);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Returns a function's log of the last ten minutes.
    pub fn log(&self, function: &str) -> String {
        self.deployer(&["logs", function])
    }

    /// Waits until a function's log has these words.
    ///
    /// # Panics
    /// If it has not after a minute and a half.
    pub async fn logged(&self, function: &str, words: &str) {
        let found = async || self.log(function).contains(words).then_some(());
        until(found, async || format!("{function} has not logged {words:?}:\n{}", self.log(function))).await;
    }

    /// Sends a request, such as to the URL of an API. Any status is an answer.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn call(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Response {
        http::call(method, url, headers, body)
    }

    /// Returns the one address of all services in the local cloud.
    pub fn endpoint_url(&self) -> &str {
        self.text("endpoint_url")
    }

    /// Returns the configuration for clients of the AWS SDK, with the local cloud's address and keys.
    pub async fn sdk_config(&self) -> SdkConfig {
        let keys = Credentials::new(self.text("access_key_id"), self.text("secret_access_key"), None, None, "deployer");
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(self.endpoint_url())
            .region(Region::new(self.text("region").to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .load()
            .await
    }

    /// Plans again, which has to find nothing to do, and destroys the stack. Without this call the cloud ends with all
    /// that is in it.
    ///
    /// # Panics
    /// If the plan finds a change, or a resource is left.
    pub fn destroy(self) {
        let plan = self.deployer(&["plan"]);
        assert!(plan.contains("No changes"), "the stack changes although stack.yaml does not:\n{plan}");
        self.deployer(&["destroy", "-y"]);
        let left = self.deployer(&["state", "list"]);
        assert!(left.trim().is_empty(), "the state still has:\n{left}");
    }

    fn text(&self, member: &str) -> &str {
        self.status[member].as_str().unwrap_or_else(|| panic!("no {member} in {}", self.status))
    }
}

impl Drop for AppliedStack {
    fn drop(&mut self) {
        self.program.stop();
    }
}

/// Asks until there is an answer, for a minute and a half at most.
///
/// # Panics
/// With the text of `missing` if there was no answer in time.
pub async fn until<T>(ask: impl AsyncFn() -> Option<T>, missing: impl AsyncFn() -> String) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "{}", missing().await);
        tokio::time::sleep(POLL).await;
    }
}
