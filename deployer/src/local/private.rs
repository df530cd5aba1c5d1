//! An emulator that one command has for itself. It ends with the command, and its files with it.

use std::io;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::launch::{EMULATOR, EmulatorSetup, PORT_ATTEMPTS, install, ready, secret};
use super::options::RuleOptions;
use super::ports::Ports;
use super::process::Process;
use super::record::Directory;
use super::{HEALTH, HOST, LocalError, likeness, signature};

/// The directory that the emulator removes when the command ends.
const PRIVATE_VARIABLE: &str = "DEPLOYER_LOCAL_PRIVATE";
/// Where `guard.py` empties the emulator of one command.
const EMPTY: &str = "/_deployer/empty";

/// A running emulator in a temporary directory. It reads a pipe whose other end this process holds, so it also ends
/// when this process is killed.
pub struct PrivateCloud {
    /// Where the caller's gateway has to listen: the addresses that the emulator gives out have this port.
    pub gateway_port: u16,
    pub emulator_port: u16,
    /// The secret of the root user of every account, whose access key is the account's number.
    pub secret_access_key: String,
    emulator: Process,
    child: Child,
    directory: TempDir,
}

impl PrivateCloud {
    /// Starts an emulator that enforces IAM permissions.
    ///
    /// # Errors
    /// When it cannot be installed or does not start.
    pub async fn start(region: &str, progress: &dyn Fn(&str)) -> Result<Self, LocalError> {
        let mut attempt = 1;
        loop {
            let ports = Ports::free().map_err(LocalError::io("listen on", Path::new(HOST)))?;
            match Self::start_on(ports, region, progress).await {
                Err(LocalError::StoppedEarly { .. }) if attempt < PORT_ATTEMPTS && !ports.are_free() => attempt += 1,
                result => return result,
            }
        }
    }

    async fn start_on(ports: Ports, region: &str, progress: &dyn Fn(&str)) -> Result<Self, LocalError> {
        let temporary = std::env::temp_dir();
        let created = tempfile::Builder::new().prefix("deployer-rehearsal-").tempdir();
        let root = created.map_err(LocalError::io("create", &temporary))?;
        let directory = Directory::of(root.path())?;
        directory.create()?;
        likeness::write(&directory)?;
        let python = install(None, &directory.path, progress).await?;
        let secret = secret().map_err(LocalError::io("ask for", Path::new("random bytes")))?;
        let rules = RuleOptions::default();
        let setup = EmulatorSetup {
            region,
            directory: &directory,
            python: &python,
            rules: &rules,
            ports,
            check_permissions: true,
        };
        let mut command = setup.command();
        command
            .env("AWS_SECRET_ACCESS_KEY", &secret)
            .env(PRIVATE_VARIABLE, root.path())
            // Nothing outlives the command.
            .env("PERSIST_STATE", "0")
            .env("S3_PERSIST", "0");
        let (emulator, child) = Process::spawn_reading(command, EMULATOR, &directory.log(), Stdio::piped())?;
        let mut cloud = Self {
            gateway_port: ports.gateway,
            emulator_port: ports.emulator,
            secret_access_key: secret,
            emulator,
            child,
            directory: root,
        };
        match ready(&mut cloud.child, EMULATOR, ports.emulator, HEALTH, &directory.log()).await {
            Ok(()) => Ok(cloud),
            Err(error) => {
                cloud.stop().await?;
                Err(error)
            }
        }
    }

    /// Makes the emulator as empty as after its start.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn empty(&self) -> Result<(), LocalError> {
        let answer = self.ask_to_empty().await.map_err(LocalError::io("ask", Path::new(EMULATOR)))?;
        if answer.starts_with(b"HTTP/1.1 204") {
            return Ok(());
        }
        let why = io::Error::other(String::from_utf8_lossy(&answer).into_owned());
        Err(LocalError::io("empty", Path::new(EMULATOR))(why))
    }

    async fn ask_to_empty(&self) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((HOST, self.emulator_port)).await?;
        let signature = signature::derived(&self.secret_access_key, EMPTY);
        let request = format!(
            "POST {EMPTY} HTTP/1.1\r\nhost: {HOST}:{}\r\nx-deployer-signature: {signature}\r\ncontent-length: 0\r\n\
             connection: close\r\n\r\n",
            self.emulator_port
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(answer)
    }

    /// Returns the directory for files that are to end with the emulator.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends the emulator and everything that it started, and removes its files.
    ///
    /// # Errors
    /// When a process does not end.
    pub async fn stop(mut self) -> Result<(), LocalError> {
        self.emulator.stop(Duration::ZERO).await?;
        let wait: io::Result<_> = self.child.wait();
        wait.map_err(LocalError::io("wait for", Path::new(EMULATOR)))?;
        let path = self.directory.path().to_owned();
        self.directory.close().map_err(LocalError::io("remove", &path))
    }
}
