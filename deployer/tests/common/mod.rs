//! Code that the suites share: one local AWS per test process, and a separate account for each test.
//!
//! It is the emulator with the rules of `deployer local` (`src/local/likeness`), open to every request. People confirm
//! e-mail subscriptions at once there: SNS does not delete one that waits, so it would remain after its stack.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use deployer::aws::clients::Connection;
use deployer::aws::{Aws, Clients, Place};

pub const REGION: &str = "eu-west-1";
/// The secret of every account's root user.
const SECRET: &str = "test";
/// Starts the emulator with the rules.
const GUARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/local/guard.py");

/// A local AWS that ends with the test process.
pub struct Cloud {
    pub endpoint_url: String,
}

static RUNNING: OnceLock<Cloud> = OnceLock::new();
static CHECKING: OnceLock<Cloud> = OnceLock::new();
static CHILDREN: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Starts the local AWS once for this process.
pub fn cloud() -> &'static Cloud {
    RUNNING.get_or_init(|| start(false))
}

/// Starts, once for this process, a local AWS that enforces IAM policies. Some suites do not use it.
#[allow(dead_code)]
pub fn checking_cloud() -> &'static Cloud {
    CHECKING.get_or_init(|| start(true))
}

fn start(check_permissions: bool) -> Cloud {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let endpoint_url = format!("http://127.0.0.1:{port}");
    let program = emulator();
    let home = std::env::temp_dir().join(format!("deployer-test-{port}"));
    std::fs::create_dir_all(&home).expect("a temporary directory");
    // The shell stops the emulator when this process ends, because that closes its end of the pipe.
    let script =
        "\"$0\" -I -B \"$1\" >\"$HOME/log\" 2>&1 & child=$!; read -r _; kill $child; wait $child; rm -rf \"$HOME\"";
    let child = Command::new("sh")
        .args(["-c", script, program.to_str().expect("a UTF-8 path"), GUARD])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &home)
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("AWS_ENDPOINT_URL", &endpoint_url)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("DEPLOYER_LOCAL_OPEN", "tests")
        .env("DEPLOYER_LOCAL_OFF", "mail-confirmation")
        .env("DEPLOYER_LOCAL_MAIL", home.join("mail"))
        .env("AUTH", check_permissions.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the local AWS starts");
    CHILDREN.lock().unwrap().push(child);
    await_port(port);
    Cloud { endpoint_url }
}

/// Waits until the port accepts connections; the emulator is ready then.
fn await_port(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "the local AWS does not listen on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the Python that runs the emulator, installed as by `deployer local start`.
fn emulator() -> PathBuf {
    let fallback = std::env::temp_dir();
    // The test runs inside a runtime, so the installation needs a thread with its own.
    let install = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(deployer::local::install(None, &fallback, &|_| {}))
    });
    install.join().expect("the installation does not panic").expect("the emulator is installed")
}

/// Creates a client for an AWS account that no other test uses.
pub async fn account() -> Aws {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let unique = std::process::id() % 1_000_000 * 1_000 + NEXT.fetch_add(1, Ordering::Relaxed);
    let account = format!("1{:011}", unique);
    aws(&account).await
}

/// Creates a client for one account of the local AWS.
pub async fn aws(account: &str) -> Aws {
    aws_at(cloud(), account).await
}

/// Creates a client for one account of a local AWS, as its root user.
pub async fn aws_at(cloud: &Cloud, account: &str) -> Aws {
    let endpoint_url = cloud.endpoint_url.clone();
    let connection = Connection {
        region: REGION.into(),
        endpoint_url: Some(endpoint_url.clone()),
        credentials: Some((account.to_owned(), SECRET.into())),
        ..Connection::default()
    };
    let clients = Clients::connect(&connection).await;
    let place = Place {
        account: account.to_owned(),
        region: REGION.into(),
        partition: "aws".into(),
        endpoint_url: Some(endpoint_url),
    };
    Aws::new(Arc::new(clients), place)
}
