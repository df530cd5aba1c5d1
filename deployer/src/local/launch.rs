//! Starts the two servers of a local cloud: environment, ports, readiness.

use std::env;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::options::StartOptions;
use super::process::{POLL, Process, tail};
use super::record::{Directory, Record, lock};
use super::{ACCOUNT_ID, HOST, LocalError, SECRET_VARIABLE, likeness, venv};

const EMULATOR: &str = "ministack";
const STAND_IN: &str = "the Bedrock stand-in";
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// How often to choose ports: another program can take a port between the choice and the server's start.
const PORT_ATTEMPTS: u32 = 3;

/// Starts both servers. The ports of an earlier run are reused when they are free, so that URLs given out earlier stay
/// valid.
pub(super) async fn launch(
    options: &StartOptions,
    directory: &Directory,
    mut ports: Option<(u16, u16)>,
    progress: &dyn Fn(&str),
) -> Result<Record, LocalError> {
    let python = install(options.venv.as_deref(), &directory.path, progress).await?;
    let mut attempt = 1;
    loop {
        let (port, bedrock_port) = match ports.take() {
            Some((port, bedrock_port)) if is_free(port) && is_free(bedrock_port) => (port, bedrock_port),
            _ => free_ports().map_err(LocalError::io("listen on", Path::new(HOST)))?,
        };
        progress(&format!("starting the local cloud on http://{HOST}:{port}"));
        match launch_on(options, directory, &python, port, bedrock_port).await {
            Err(LocalError::StoppedEarly { .. })
                if attempt < PORT_ATTEMPTS && !(is_free(port) && is_free(bedrock_port)) =>
            {
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// Installs the emulator unless it is installed, and returns its Python. A lock keeps other projects that share the
/// environment from installing at the same time.
///
/// # Errors
/// When Python is missing or too old, or pip fails.
pub async fn install(venv: Option<&Path>, fallback: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf, LocalError> {
    let venv = venv.map_or_else(|| venv::default_directory(fallback), Path::to_owned);
    let venv = std::path::absolute(&venv).map_err(LocalError::io("find", &venv))?;
    let mut lock_file = venv.clone().into_os_string();
    lock_file.push(".lock");
    let lock_file = PathBuf::from(lock_file);
    if let Some(parent) = lock_file.parent() {
        fs::create_dir_all(parent).map_err(LocalError::io("create", parent))?;
    }
    let _lock = lock(&lock_file).await?;
    venv::ensure(&venv, progress).await
}

async fn launch_on(
    options: &StartOptions,
    directory: &Directory,
    python: &Path,
    port: u16,
    bedrock_port: u16,
) -> Result<Record, LocalError> {
    let secret = secret().map_err(LocalError::io("ask for", Path::new("random bytes")))?;
    likeness::write(directory)?;
    let mut stand_in = clean(&options.deployer, directory);
    stand_in.env(SECRET_VARIABLE, &secret);
    stand_in.args(["local", "bedrock", "--port", &bedrock_port.to_string()]);
    if options.allow_retired_models {
        stand_in.arg("--allow-retired");
    }
    let (bedrock, mut bedrock_child) = Process::spawn(stand_in, STAND_IN, &directory.at("bedrock.log"))?;
    let mut emulator = emulator_command(options, directory, python, port, bedrock_port);
    emulator.env("AWS_SECRET_ACCESS_KEY", &secret);
    let (emulator, mut emulator_child) = match Process::spawn(emulator, EMULATOR, &directory.log()) {
        Ok(started) => started,
        Err(error) => {
            bedrock.stop(Duration::ZERO).await?;
            return Err(error);
        }
    };
    let record = Record {
        port,
        bedrock_port,
        region: options.region.clone(),
        check_permissions: checks_permissions(options),
        secret_access_key: secret,
        emulator,
        bedrock,
    };
    // Record the processes before they are ready, so that the next command finds and stops them after an interrupted
    // start.
    let ready = async {
        directory.write_record(&record)?;
        ready(&mut bedrock_child, STAND_IN, bedrock_port, "/_health", &directory.at("bedrock.log")).await?;
        ready(&mut emulator_child, EMULATOR, port, "/_ministack/health", &directory.log()).await
    };
    match ready.await {
        Ok(()) => Ok(record),
        Err(error) => {
            record.stop().await?;
            Err(error)
        }
    }
}

/// Builds the command that starts the emulator. The emulator passes its whole environment to the functions it runs, so
/// it gets a minimal one. Functions also learn from it where Bedrock is.
fn emulator_command(
    options: &StartOptions,
    directory: &Directory,
    python: &Path,
    port: u16,
    bedrock_port: u16,
) -> Command {
    let mut command = clean(python, directory);
    command
        .arg("-I")
        .arg(likeness::guard(directory))
        .env("BIND_HOST", HOST)
        .env("MINISTACK_HOST", HOST)
        .env("GATEWAY_PORT", port.to_string())
        .env("MINISTACK_ACCOUNT_ID", ACCOUNT_ID)
        .env("MINISTACK_REGION", &options.region)
        .env("AWS_ENDPOINT_URL", format!("http://{HOST}:{port}"))
        .env("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", format!("http://{HOST}:{bedrock_port}"))
        .env("PERSIST_STATE", "1")
        .env("STATE_DIR", directory.at("data/state"))
        .env("S3_PERSIST", "1")
        .env("S3_DATA_DIR", directory.at("data/s3"))
        .env("LAMBDA_EXECUTOR", "local")
        .env("DEPLOYER_LOCAL_MAIL", directory.mail())
        .envs(env::var_os(likeness::OFF_VARIABLE).map(|rules| (likeness::OFF_VARIABLE, rules)))
        // The emulator removes containers when it starts; a socket that does not exist keeps it away from Docker.
        .env("DOCKER_HOST", format!("unix://{}", directory.at("no-docker.sock").display()));
    if checks_permissions(options) {
        command.env("AUTH", "true");
    }
    command
}

/// AWS always enforces IAM permissions.
fn checks_permissions(options: &StartOptions) -> bool {
    options.check_permissions.unwrap_or(true)
}

/// Builds a command with a clean environment whose home and temporary files lie in the cloud's directory.
fn clean(program: &Path, directory: &Directory) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(&directory.path)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()))
        .env("HOME", directory.at("home"))
        .env("TMPDIR", directory.at("tmp"))
        .env("LANG", "C.UTF-8");
    command
}

/// Returns 32 random bytes in hexadecimal digits.
fn secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Waits until a server answers its health check.
async fn ready(child: &mut Child, name: &'static str, port: u16, path: &str, log: &Path) -> Result<(), LocalError> {
    let start = Instant::now();
    loop {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return Err(LocalError::StoppedEarly { name, log: log.to_owned(), tail: tail(log) });
        }
        if matches!(tokio::time::timeout(Duration::from_secs(2), healthy(port, path)).await, Ok(Ok(true))) {
            return Ok(());
        }
        if start.elapsed() >= READY_DEADLINE {
            return Err(LocalError::NotReady { name, seconds: READY_DEADLINE.as_secs(), log: log.to_owned() });
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn healthy(port: u16, path: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect((HOST, port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {HOST}:{port}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((HOST, port)).is_ok()
}

fn free_ports() -> io::Result<(u16, u16)> {
    let (first, second) = (TcpListener::bind((HOST, 0))?, TcpListener::bind((HOST, 0))?);
    Ok((first.local_addr()?.port(), second.local_addr()?.port()))
}
