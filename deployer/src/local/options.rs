//! Options of the local cloud.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How strict a local cloud is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOptions {
    /// The names of the rules that are off.
    pub off: Vec<String>,
    /// The rules that are on though they are off by default, each with its value, if it has one: `lost-answers=0.1`.
    #[serde(default)]
    pub on: Vec<String>,
    /// Delays are as long as on AWS.
    pub as_slow_as_aws: bool,
}

/// Options of a start.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// The project's directory; the cloud keeps its files in `.deployer/local/` below it.
    pub root: PathBuf,
    /// The `deployer` executable, which also serves the gateway and the Bedrock stand-in (`deployer local serve`).
    pub deployer: PathBuf,
    /// The region of buckets, and of requests that name no region.
    pub region: String,
    /// Enforces IAM permissions for users and the functions' roles. `None` leaves a running cloud as it is, and enforces
    /// them in a new one.
    pub check_permissions: Option<bool>,
    /// The rules of AWS that are switched off. `None` leaves a running cloud as it is, and switches none off in a new one.
    pub rules: Option<RuleOptions>,
    /// Lets the Bedrock stand-in serve retired models.
    pub allow_retired_models: bool,
    /// Buckets to create if they are missing.
    pub buckets: Vec<String>,
    /// The directory where the emulator is installed; `None` means the user's cache.
    pub venv: Option<PathBuf>,
}
