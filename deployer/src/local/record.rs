//! The files of a local cloud: their paths, the record of its processes, and the lock for changing it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::LocalError;
use super::options::RuleOptions;
use super::ports::Ports;
use super::process::{POLL, Process};
use crate::files;

/// How long the emulator may take to stop: it writes its data then.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
/// How long to wait for the lock: another start may be installing the emulator.
const LOCK_DEADLINE: Duration = Duration::from_secs(300);

/// The record of a start, for later commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub port: u16,
    pub bedrock_port: u16,
    /// The emulator's own port, behind the gateway.
    #[serde(default)]
    pub emulator_port: u16,
    pub region: String,
    pub check_permissions: bool,
    #[serde(default)]
    pub rules: RuleOptions,
    /// Signs requests to all servers; 32 random bytes of this start. Empty in the record of a version without
    /// signatures.
    #[serde(default)]
    pub secret_access_key: String,
    pub emulator: Process,
    /// Serves the gateway and the Bedrock stand-in.
    #[serde(alias = "bedrock")]
    pub servers: Process,
}

impl Record {
    pub fn running(&self) -> bool {
        self.emulator_port != 0 && self.emulator.running() && self.servers.running()
    }

    pub fn ports(&self) -> Ports {
        Ports { gateway: self.port, bedrock: self.bedrock_port, emulator: self.emulator_port }
    }

    pub async fn stop(&self) -> Result<(), LocalError> {
        let (emulator, servers) = tokio::join!(self.emulator.stop(STOP_PATIENCE), self.servers.stop(STOP_PATIENCE));
        emulator.and(servers)
    }
}

/// Takes an exclusive lock. It ends with the file handle, or with the process however that ends.
pub(super) async fn lock(path: &Path) -> Result<File, LocalError> {
    let file = files::open(path).map_err(LocalError::io("write", path))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(LocalError::io("lock", path)(source)),
            Err(TryLockError::WouldBlock) if start.elapsed() >= LOCK_DEADLINE => {
                return Err(LocalError::Busy { path: path.to_owned(), seconds: LOCK_DEADLINE.as_secs() });
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
        }
    }
}

/// The files of one project's cloud.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub path: PathBuf,
}

impl Directory {
    /// Returns the directory of the project in `root`. The paths go into other programs' settings, so they are
    /// absolute.
    pub fn of(root: &Path) -> Result<Self, LocalError> {
        let root = std::path::absolute(root).map_err(LocalError::io("find", root))?;
        Ok(Self { path: root.join(".deployer").join("local") })
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub fn log(&self) -> PathBuf {
        self.at("ministack.log")
    }

    /// Returns the log of the gateway and of the Bedrock stand-in.
    pub fn servers_log(&self) -> PathBuf {
        self.at("gateway.log")
    }

    /// Returns the file of the mail that SNS would send.
    pub fn mail(&self) -> PathBuf {
        self.at("mail.txt")
    }

    pub fn create(&self) -> Result<(), LocalError> {
        for name in ["data/state", "data/s3", "home", "tmp"] {
            let path = self.at(name);
            files::directory(&path).map_err(LocalError::io("create", &path))?;
        }
        Ok(())
    }

    pub fn read_record(&self) -> Result<Option<Record>, LocalError> {
        let path = self.at("cloud.json");
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|source| LocalError::Damaged { path, source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LocalError::Io { action: "read", path, source }),
        }
    }

    /// Writes the record atomically: a reader sees all of it or none.
    pub fn write_record(&self, record: &Record) -> Result<(), LocalError> {
        let path = self.at("cloud.json");
        let text = serde_json::to_vec_pretty(record).map_err(|error| LocalError::io("write", &path)(error.into()))?;
        files::write(&path, &text).map_err(LocalError::io("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_missing_is_none_and_a_damaged_one_is_named() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::of(root.path()).unwrap();
        assert_eq!(directory.read_record().unwrap(), None);
        directory.create().unwrap();
        fs::write(directory.at("cloud.json"), "{").unwrap();
        let message = directory.read_record().unwrap_err().to_string();
        assert!(message.contains("cloud.json"), "{message}");
    }

    #[tokio::test]
    async fn a_record_is_read_as_it_was_written_and_its_processes_are_stopped_with_it() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::of(root.path()).unwrap();
        directory.create().unwrap();
        let sleep = || {
            let mut command = std::process::Command::new("sleep");
            command.arg("600");
            Process::spawn(command, "sleep", &directory.at("log")).unwrap().0
        };
        let record = Record {
            port: 1,
            bedrock_port: 2,
            emulator_port: 3,
            region: "eu-west-1".into(),
            check_permissions: true,
            rules: RuleOptions::default(),
            secret_access_key: "secret".into(),
            emulator: sleep(),
            servers: sleep(),
        };
        directory.write_record(&record).unwrap();
        let found = directory.read_record().unwrap().unwrap();
        assert_eq!(found, record);
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(directory.at("cloud.json")).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "the key is its owner's alone");
        assert!(found.running());
        found.servers.stop(STOP_PATIENCE).await.unwrap();
        assert!(!record.running(), "half a cloud does not run");
        found.stop().await.unwrap();
        assert!(!record.emulator.running());
    }

    #[tokio::test]
    async fn the_lock_is_free_again_when_its_file_is_dropped() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let held = lock(&path).await.unwrap();
        assert!(matches!(File::create(&path).unwrap().try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        lock(&path).await.unwrap();
    }
}
