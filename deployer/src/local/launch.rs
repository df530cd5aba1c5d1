//! Starts the servers of a local cloud: environment, ports, readiness.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::options::{RuleOptions, StartOptions};
use super::ports::Ports;
use super::process::{POLL, Process, tail};
use super::record::{Directory, Record, lock};
use super::{ACCOUNT_ID, HEALTH, HOST, LocalError, SECRET_VARIABLE, likeness, venv};

pub(super) const EMULATOR: &str = "ministack";
const SERVERS: &str = "the gateway";
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// How often to choose ports: another program can take a port between the choice and the server's start.
pub(super) const PORT_ATTEMPTS: u32 = 3;

/// Starts all servers. The ports of an earlier run are reused when they are free, so that URLs given out earlier stay
/// valid.
pub(super) async fn launch(
    options: &StartOptions,
    directory: &Directory,
    mut ports: Option<Ports>,
    progress: &dyn Fn(&str),
) -> Result<Record, LocalError> {
    let python = install(options.venv.as_deref(), &directory.path, progress).await?;
    let mut attempt = 1;
    loop {
        let chosen = match ports.take() {
            Some(ports) if ports.are_free() => ports,
            _ => Ports::free().map_err(LocalError::io("listen on", Path::new(HOST)))?,
        };
        progress(&format!("starting the local cloud on http://{HOST}:{}", chosen.gateway));
        match launch_on(options, directory, &python, chosen).await {
            Err(LocalError::StoppedEarly { .. }) if attempt < PORT_ATTEMPTS && !chosen.are_free() => {
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
    ports: Ports,
) -> Result<Record, LocalError> {
    let secret = secret().map_err(LocalError::io("ask for", Path::new("random bytes")))?;
    likeness::write(directory)?;
    let rules = options.rules.clone().unwrap_or_default();
    let mut servers = servers_command(options, directory, &rules, ports);
    servers.env(SECRET_VARIABLE, &secret);
    let (servers, mut servers_child) = Process::spawn(servers, SERVERS, &directory.servers_log())?;
    let check_permissions = checks_permissions(options);
    let setup = EmulatorSetup { region: &options.region, directory, python, rules: &rules, ports, check_permissions };
    let mut emulator = setup.command();
    emulator.env("AWS_SECRET_ACCESS_KEY", &secret);
    let (emulator, mut emulator_child) = match Process::spawn(emulator, EMULATOR, &directory.log()) {
        Ok(started) => started,
        Err(error) => {
            servers.stop(Duration::ZERO).await?;
            return Err(error);
        }
    };
    let record = Record {
        port: ports.gateway,
        bedrock_port: ports.bedrock,
        emulator_port: ports.emulator,
        region: options.region.clone(),
        check_permissions,
        rules,
        secret_access_key: secret,
        emulator,
        servers,
    };
    // Record the processes before they are ready, so that the next command finds and stops them after an interrupted
    // start.
    let ready = async {
        directory.write_record(&record)?;
        ready(&mut servers_child, SERVERS, ports.bedrock, "/_health", &directory.servers_log()).await?;
        ready(&mut emulator_child, EMULATOR, ports.gateway, HEALTH, &directory.log()).await
    };
    match ready.await {
        Ok(()) => Ok(record),
        Err(error) => {
            record.stop().await?;
            Err(error)
        }
    }
}

/// Builds the command that serves the gateway and the Bedrock stand-in.
fn servers_command(options: &StartOptions, directory: &Directory, rules: &RuleOptions, ports: Ports) -> Command {
    let mut command = clean(&options.deployer, directory);
    command.args(["local", "serve", "--port", &ports.gateway.to_string()]);
    command.args(["--emulator-port", &ports.emulator.to_string(), "--bedrock-port", &ports.bedrock.to_string()]);
    if options.allow_retired_models {
        command.arg("--allow-retired");
    }
    if rules.as_slow_as_aws {
        command.arg("--as-slow-as-aws");
    }
    for rule in &rules.off {
        command.args(["--without", rule]);
    }
    for rule in &rules.on {
        command.args(["--with", rule]);
    }
    command
}

/// The settings of an emulator's process.
pub(super) struct EmulatorSetup<'a> {
    pub region: &'a str,
    pub directory: &'a Directory,
    pub python: &'a Path,
    pub rules: &'a RuleOptions,
    pub ports: Ports,
    pub check_permissions: bool,
}

impl EmulatorSetup<'_> {
    /// Builds the command that starts the emulator. The emulator passes its whole environment to the functions it runs,
    /// so it gets a minimal one. Functions also learn from it where Bedrock is.
    pub(super) fn command(&self) -> Command {
        let Self { directory, ports, .. } = *self;
        let gateway = ports.gateway;
        let mut command = clean(self.python, directory);
        command
            .arg("-I")
            .arg(likeness::guard(directory))
            .env("BIND_HOST", HOST)
            .env("MINISTACK_HOST", HOST)
            .env("GATEWAY_PORT", gateway.to_string())
            .env("DEPLOYER_EMULATOR_PORT", ports.emulator.to_string())
            .env("MINISTACK_ACCOUNT_ID", ACCOUNT_ID)
            .env("MINISTACK_REGION", self.region)
            .env("AWS_ENDPOINT_URL", format!("http://{HOST}:{gateway}"))
            .env("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", format!("http://{HOST}:{}", ports.bedrock))
            .env("PERSIST_STATE", "1")
            .env("STATE_DIR", directory.at("data/state"))
            .env("S3_PERSIST", "1")
            .env("S3_DATA_DIR", directory.at("data/s3"))
            .env("LAMBDA_EXECUTOR", "local")
            .env("DEPLOYER_LOCAL_MAIL", directory.mail())
            .env(likeness::OFF_VARIABLE, rules_off(self.rules))
            // The emulator removes containers when it starts; a socket that does not exist keeps it away from Docker.
            .env("DOCKER_HOST", format!("unix://{}", directory.at("no-docker.sock").display()));
        if self.check_permissions {
            command.env("AUTH", "true");
        }
        command
    }
}

/// Returns the rules that are off: those of the options, and those of the environment.
fn rules_off(rules: &RuleOptions) -> String {
    let of_environment = env::var(likeness::OFF_VARIABLE).ok();
    rules.off.iter().cloned().chain(of_environment).collect::<Vec<_>>().join(",")
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
pub(super) fn secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Waits until a server answers its health check.
pub(super) async fn ready(
    child: &mut Child,
    name: &'static str,
    port: u16,
    path: &str,
    log: &Path,
) -> Result<(), LocalError> {
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
