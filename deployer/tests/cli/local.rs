//! Access to the local cloud. Functions there are processes of the user who started it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use deployer::aws::Clients;
use deployer::aws::clients::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::bench::{RunOutput, ready_zip};
use crate::common::REGION;

const STACK: &str = r#"
stack: guarded
region: eu-west-1
buckets: { pictures: { force_destroy: true } }
vars: { model: "stability.stable-image-core-v1:1" }
functions:
  draw: { zip: draw.zip, permissions: [ { allow: bedrock:InvokeModel, on: "arn:aws:bedrock:us-west-2::foundation-model/${vars.model}" } ] }
apis: { shop: { routes: { "GET /": draw } } }
outputs: { url: "${apis.shop.url}", bucket: "${buckets.pictures.name}" }
"#;

/// A local cloud in its own directory, which stops when it is dropped.
pub struct Local {
    pub dir: TempDir,
    pub status: Value,
}

impl Local {
    fn start() -> Self {
        Self::with(STACK, "draw.zip", &ready_zip("one"))
    }

    /// Starts a cloud for a stack with one function.
    pub fn with(stack: &str, zip: &str, code: &[u8]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("stack.yaml"), stack).expect("a file");
        std::fs::write(dir.path().join(zip), code).expect("a file");
        Self::started(dir, &["local", "start"])
    }

    /// Starts a cloud without a stack. These rules are off, and the gateway's.
    pub fn without(rules: &[&str], setting: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let of_the_gateway = deployer::strict::rules().into_iter().map(|rule| rule.name);
        let off = of_the_gateway.chain(rules.iter().copied()).flat_map(|rule| ["--without", rule]);
        Self::started(dir, &["local", "start", setting].into_iter().chain(off).collect::<Vec<_>>())
    }

    /// Starts a cloud with these arguments.
    pub fn started(dir: TempDir, arguments: &[&str]) -> Self {
        let mut local = Self { dir, status: Value::Null };
        local.ok(arguments);
        local.status = local.ask_status();
        local
    }

    pub fn ok(&self, arguments: &[&str]) -> RunOutput {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran}");
        ran
    }

    /// Stops the cloud and starts it with another setting.
    pub fn restart(&mut self, setting: &str) {
        self.ok(&["local", "stop"]);
        self.ok(&["local", "start", setting]);
        self.status = self.ask_status();
    }

    pub fn run(&self, arguments: &[&str]) -> RunOutput {
        RunOutput::of(self.command(arguments).output().expect("the binary runs"))
    }

    /// Returns a command for the binary, without any variable of AWS.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deployer"));
        command.args(arguments).current_dir(self.dir.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Connects clients with this cloud's keys.
    pub async fn clients(&self) -> Clients {
        self.clients_of(self.text("access_key_id"), self.text("secret_access_key")).await
    }

    /// Connects clients with another key.
    pub async fn clients_of(&self, key: &str, secret: &str) -> Clients {
        let connection = Connection {
            region: REGION.into(),
            endpoint_url: Some(self.text("endpoint_url").into()),
            credentials: Some((key.into(), secret.into())),
            ..Connection::default()
        };
        Clients::connect(&connection).await
    }

    fn ask_status(&self) -> Value {
        serde_json::from_str(&self.ok(&["local", "status", "--json"]).stdout).expect("a JSON object")
    }

    pub fn text(&self, member: &str) -> &str {
        self.status[member].as_str().expect("a text")
    }

    /// Sends a request to the emulator or the stand-in, like a program without keys.
    pub fn send(&self, server: &str, line: &str, headers: &str, body: &str) -> (u16, String) {
        let address = self.text(server).trim_start_matches("http://");
        let host =
            if headers.to_lowercase().contains("host:") { String::new() } else { format!("host: {address}\r\n") };
        let length = body.len();
        let mut stream = TcpStream::connect(address).expect("the server listens");
        write!(stream, "{line} HTTP/1.1\r\n{host}{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer in UTF-8");
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        (status, answer)
    }
}

impl Local {
    /// Sends only the head of a request. Returns the status of the answer.
    fn head(&self, server: &str, line: &str, headers: &str) -> String {
        let address = self.text(server).trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the server listens");
        write!(stream, "{line} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\n").expect("the head is sent");
        let mut first = String::new();
        BufReader::new(stream).read_line(&mut first).expect("an answer");
        first.split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let mut stop = Command::new(env!("CARGO_BIN_EXE_deployer"));
        let _ = stop.args(["local", "stop"]).current_dir(self.dir.path()).stdin(Stdio::null()).output();
    }
}

/// It would be killed after 15 s otherwise, and so would each `local stop`.
#[test]
fn the_servers_end_when_they_are_asked_to() {
    let ports: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    let ports = ports.into_iter().map(|listener| listener.local_addr().expect("an address").port().to_string());
    let mut command = Command::new(env!("CARGO_BIN_EXE_deployer"));
    command.args(["local", "serve"]).env("DEPLOYER_LOCAL_SECRET", "secret").stderr(Stdio::null());
    for (name, port) in ["--port", "--emulator-port", "--bedrock-port"].into_iter().zip(ports) {
        command.args([name, &port]);
    }
    let port = command.get_args().nth(3).expect("the gateway's port").to_string_lossy().into_owned();
    let mut servers = command.spawn().expect("the binary runs");
    while TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        assert!(servers.try_wait().expect("a child").is_none(), "it listens");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_child(&servers);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    assert!(servers.wait().expect("it ends").success());
}

const FUNCTION: &str = r#"{"FunctionName":"x","Role":"arn:aws:iam::000000000000:role/x","Runtime":"provided.al2023","Handler":"x","Code":{"ZipFile":""}}"#;

#[tokio::test]
async fn the_local_cloud_serves_its_own_keys_and_neither_pages_nor_other_users() {
    let mut local = Local::start();
    local.ok(&["--local", "apply", "-y"]);
    let url = local.ok(&["--local", "output", "url"]).stdout.trim().to_owned();
    let bucket = local.ok(&["--local", "output", "bucket"]).stdout.trim().to_owned();
    let list = format!("GET /{bucket}?list-type=2");
    let create = "POST /2015-03-31/functions";
    let evil = "origin: https://evil.example\r\ncontent-type: text/plain\r\n";
    let guess = "authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0\r\nx-amz-date: 20260101T000000Z\r\n";
    let query = format!(
        "{list}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test/20260101/eu-west-1/s3/aws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
    );
    for (server, line, headers, body) in [
        ("endpoint_url", list.as_str(), "", ""),
        ("endpoint_url", query.as_str(), "", ""),
        ("endpoint_url", create, "", FUNCTION),
        ("endpoint_url", create, evil, FUNCTION),
        ("endpoint_url", create, guess, FUNCTION),
        ("endpoint_url", "POST /2015-03-31/functions/guarded-draw/invocations", evil, "{}"),
        ("endpoint_url", "POST /_ministack/reset", "", ""),
        ("endpoint_url", "POST /_ministack/config", evil, "{}"),
        ("endpoint_url", "OPTIONS /2015-03-31/functions", evil, ""),
        ("endpoint_url", "GET /_ministack/health", "host: evil.example\r\n", ""),
        ("endpoint_url", "GET /_ministack/lambda-code/000000000000/eu-west-1/guarded-draw", "", ""),
        ("endpoint_url", "GET /restapis/x/y/_user_request_%0A", "", ""),
        ("bedrock_endpoint_url", "GET /_requests", "", ""),
        ("bedrock_endpoint_url", "POST /_control", evil, "{}"),
        ("bedrock_endpoint_url", "GET /_requests", "host: evil.example\r\n", ""),
        ("bedrock_endpoint_url", "POST /model/stability.stable-image-core-v1%3A1/invoke", guess, "{}"),
    ] {
        let (status, answer) = local.send(server, line, headers, body);
        assert_eq!(status, 403, "{line} {headers}: {answer}");
        assert!(!answer.to_lowercase().contains("access-control-allow-origin"), "{line}: {answer}");
    }
    nothing_is_read_of_a_stranger(&local);
    // Deployed functions are public, as on AWS, from any web page.
    let path = url.strip_prefix(local.text("endpoint_url")).expect("an address of the local cloud");
    let (_, answer) = local.send("endpoint_url", &format!("GET {path}/"), evil, "");
    assert!(!answer.contains("sign requests"), "{answer}");
    assert_eq!(local.send("endpoint_url", "GET /_ministack/health", "", "").0, 200);

    // The keys give access, and only the owner can read their file.
    assert!(code_of(&local).await.contains("/_ministack/lambda-code/"));
    let record = local.dir.path().join(".deployer/local/cloud.json");
    assert_eq!(std::fs::metadata(record).expect("a record").permissions().mode() & 0o777, 0o600);
    let before = local.text("secret_access_key").to_owned();
    assert!(before.len() >= 32, "{before}");
    local.ok(&["local", "stop"]);
    local.ok(&["local", "start"]);
    local.status = local.ask_status();
    assert_ne!(local.text("secret_access_key"), before, "each start has a key of its own");
    assert!(local.ok(&["--local", "plan"]).stdout.contains("No changes."));
    local.ok(&["--local", "destroy", "-y"]);
}

#[test]
fn a_stack_of_another_account_is_tried_in_the_local_cloud() {
    let stack = format!("{STACK}account: \"123456789012\"\n");
    let local = Local::with(&stack, "draw.zip", &ready_zip("one"));
    let plan: Value = serde_json::from_str(&local.ok(&["--local", "plan", "--json"]).stdout).expect("a JSON object");
    assert_eq!(plan["account"], "000000000000", "{plan:#}");
}

#[test]
fn a_local_plan_asks_the_stand_in_for_the_models() {
    let local = Local::start();
    let plan: Value = serde_json::from_str(&local.ok(&["--local", "plan", "--json"]).stdout).expect("a JSON object");
    assert_eq!(plan["notes"], serde_json::json!([]), "the model is served");
    let ran = local.run(&["--local", "plan", "--var", "model=acme.draw-v1"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("model::unknown"), "{ran}");
}

/// Asserts that a request without a valid key is refused before its body is sent, and that no body is read without
/// limit.
fn nothing_is_read_of_a_stranger(local: &Local) {
    let (large, small) = ("content-length: 600000000\r\n", "content-length: 100\r\n");
    let (create, model) = ("POST /2015-03-31/functions", "POST /model/stability.stable-image-core-v1%3A1/invoke");
    let now = aws_smithy_types::DateTime::from(SystemTime::now()).secs();
    let forged = |service: &str, age: i64| {
        let time = basic(now - age);
        let (day, signature) = (&time[..8], "0".repeat(64));
        format!(
            "authorization: AWS4-HMAC-SHA256 Credential=test/{day}/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature={signature}\r\nx-amz-date: {time}\r\n"
        )
    };
    let hashed = "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n";
    for (server, line, headers, status) in [
        ("endpoint_url", create, String::new(), "403"),
        ("endpoint_url", create, "origin: https://evil.example\r\n".into(), "403"),
        ("endpoint_url", create, forged("lambda", 7_200), "403"),
        ("endpoint_url", create, forged("lambda", 0).replace("Credential=test", "Credential=ASIAX"), "403"),
        ("endpoint_url", "PUT /pictures/x", forged("s3", 0) + hashed, "403"),
        ("endpoint_url", create, forged("lambda", 0), "413"),
        ("endpoint_url", "POST /restapis/x/y/_user_request_/", String::new(), "413"),
        ("bedrock_endpoint_url", model, String::new(), "403"),
        ("bedrock_endpoint_url", model, "origin: https://evil.example\r\n".into(), "403"),
        ("bedrock_endpoint_url", model, forged("bedrock", 7_200), "403"),
        ("bedrock_endpoint_url", model, forged("bedrock", 0), "400"),
    ] {
        assert_eq!(local.head(server, line, &format!("{headers}{large}")), status, "{line} {headers}");
        if status == "403" {
            assert_eq!(local.head(server, line, &format!("{headers}{small}")), status, "{line} {headers}");
        }
    }
    assert_eq!(local.head("endpoint_url", "GET /_ministack/health", large), "200");
    assert_eq!(local.head("bedrock_endpoint_url", "GET /_health", large), "200");
}

/// Formats seconds since 1970 as a time in Signature Version 4: `20261130T120000Z`.
pub fn basic(seconds: i64) -> String {
    let time = aws_smithy_types::DateTime::from_secs(seconds);
    let text = time.fmt(aws_smithy_types::date_time::Format::DateTime).expect("a time of today");
    text.replace(['-', ':'], "")
}

/// Fetches the function's code and returns its path.
async fn code_of(local: &Local) -> String {
    let clients = local.clients().await;
    let function = clients.lambda.get_function().function_name("guarded-draw").send().await.expect("the function");
    let location = function.code.and_then(|code| code.location).expect("an address");
    let path = location.strip_prefix(local.text("endpoint_url")).expect("an address of the local cloud").to_owned();
    let address = local.text("endpoint_url").trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("the request is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    location
}
