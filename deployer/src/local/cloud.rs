//! Starts, finds and stops the local cloud.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::launch::launch;
use super::options::StartOptions;
use super::record::{Directory, Record, lock};
use super::{ACCESS_KEY_ID, ACCOUNT_ID, HOST, LocalError, ensure_buckets};

/// Keys that sign requests to a local cloud as its account's root user; valid until the next start.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// A running local cloud.
#[derive(Clone, Debug)]
pub struct LocalCloud {
    directory: Directory,
    record: Record,
}

/// The local cloud as printed by `deployer local status --json`; members are null while it does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LocalStatus {
    pub running: bool,
    pub endpoint_url: Option<String>,
    pub bedrock_endpoint_url: Option<String>,
    pub account: Option<String>,
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
    /// The emulator's process.
    pub pid: Option<u32>,
    /// The process of the gateway and of Bedrock's stand-in.
    pub bedrock_pid: Option<u32>,
    pub data_dir: Option<PathBuf>,
    pub log: Option<PathBuf>,
    /// The file of the mail that SNS would send; it exists once there is some.
    pub mail: Option<PathBuf>,
    /// Delays are as long as on AWS.
    pub as_slow_as_aws: Option<bool>,
    /// The rules of AWS that are switched off.
    pub rules_off: Option<Vec<String>>,
    /// The rules that are switched on though they are off by default, with their values.
    pub rules_on: Option<Vec<String>>,
}

impl LocalCloud {
    pub fn endpoint_url(&self) -> String {
        format!("http://{HOST}:{}", self.record.port)
    }

    pub fn bedrock_endpoint_url(&self) -> String {
        format!("http://{HOST}:{}", self.record.bedrock_port)
    }

    pub fn region(&self) -> &str {
        &self.record.region
    }

    pub fn keys(&self) -> Keys {
        Keys { access_key_id: ACCESS_KEY_ID.into(), secret_access_key: self.record.secret_access_key.clone() }
    }

    pub fn status(&self) -> LocalStatus {
        LocalStatus {
            running: true,
            endpoint_url: Some(self.endpoint_url()),
            bedrock_endpoint_url: Some(self.bedrock_endpoint_url()),
            account: Some(ACCOUNT_ID.into()),
            region: Some(self.record.region.clone()),
            access_key_id: Some(ACCESS_KEY_ID.into()),
            secret_access_key: Some(self.record.secret_access_key.clone()),
            pid: Some(self.record.emulator.pid),
            bedrock_pid: Some(self.record.servers.pid),
            data_dir: Some(self.directory.at("data")),
            log: Some(self.directory.log()),
            mail: Some(self.directory.mail()),
            as_slow_as_aws: Some(self.record.rules.as_slow_as_aws),
            rules_off: Some(self.record.rules.off.clone()),
            rules_on: Some(self.record.rules.on.clone()),
        }
    }
}

/// Starts a project's local cloud, or finds the running one, and creates the buckets. Remains of a crash are removed
/// first.
///
/// Calls `progress` with a line for each step that takes time. Data of earlier runs is available again.
pub async fn start(options: &StartOptions, progress: &dyn Fn(&str)) -> Result<LocalCloud, LocalError> {
    let directory = Directory::of(&options.root)?;
    directory.create()?;
    let _lock = lock(&directory.at("lock")).await?;
    let previous = directory.read_record()?;
    let record = match previous {
        Some(record) if record.running() => {
            if options.check_permissions.is_some_and(|wanted| wanted != record.check_permissions) {
                return Err(LocalError::OtherPermissionChecks { checks: record.check_permissions });
            }
            if options.rules.as_ref().is_some_and(|wanted| *wanted != record.rules) {
                return Err(LocalError::OtherRules);
            }
            record
        }
        previous => {
            if let Some(record) = &previous {
                record.stop().await?;
            }
            launch(options, &directory, previous.map(|record| record.ports()), progress).await?
        }
    };
    let cloud = LocalCloud { directory, record };
    ensure_buckets(&cloud, &options.region, &options.buckets).await?;
    Ok(cloud)
}

/// Stops a project's local cloud and everything it started; its data stays. Returns whether a cloud was running.
pub async fn stop(root: &Path) -> Result<bool, LocalError> {
    let directory = Directory::of(root)?;
    if !directory.path.exists() {
        return Ok(false);
    }
    let _lock = lock(&directory.at("lock")).await?;
    let Some(record) = directory.read_record()? else {
        return Ok(false);
    };
    let was_running = record.emulator.running() || record.servers.running();
    record.stop().await?;
    Ok(was_running)
}

/// Returns a project's running local cloud; `Err` when none runs.
pub fn current(root: &Path) -> Result<LocalCloud, LocalError> {
    let directory = Directory::of(root)?;
    match directory.read_record()? {
        Some(record) if record.running() => Ok(LocalCloud { directory, record }),
        _ => Err(LocalError::NotRunning),
    }
}

/// Tells whether a project's local cloud runs, and where.
pub fn status(root: &Path) -> Result<LocalStatus, LocalError> {
    match current(root) {
        Ok(cloud) => Ok(cloud.status()),
        Err(LocalError::NotRunning) => Ok(LocalStatus::default()),
        Err(error) => Err(error),
    }
}
