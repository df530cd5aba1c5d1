//! An emulator that one command has for itself. It ends with the command, and its files with it.

use std::io;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::launch::{EMULATOR, EmulatorSetup, PORT_ATTEMPTS, install, ready, secret};
use super::options::RuleOptions;
use super::ports::Ports;
use super::process::Process;
use super::record::Directory;
use super::{HEALTH, HOST, LocalError, likeness};

/// The directory that the emulator removes when the command ends.
const PRIVATE_VARIABLE: &str = "DEPLOYER_LOCAL_PRIVATE";

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
