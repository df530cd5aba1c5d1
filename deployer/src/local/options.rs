//! Options of the local cloud.

use std::path::PathBuf;

/// Options of a start.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// The project's directory; the cloud keeps its files in `.deployer/local/` below it.
    pub root: PathBuf,
    /// The `deployer` executable, which is also the Bedrock stand-in (`deployer local bedrock --port N`).
    pub deployer: PathBuf,
    /// The region of buckets, and of requests that name no region.
    pub region: String,
    /// Enforces IAM permissions for users and the functions' roles. `None` leaves a running cloud as it is, and enforces
    /// them in a new one.
    pub check_permissions: Option<bool>,
    /// Lets the Bedrock stand-in serve retired models.
    pub allow_retired_models: bool,
    /// Buckets to create if they are missing.
    pub buckets: Vec<String>,
    /// The directory where the emulator is installed; `None` means the user's cache.
    pub venv: Option<PathBuf>,
}
