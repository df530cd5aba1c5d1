//! Runs the local cloud that `--local` deploys to: ministack, a third-party emulator of AWS, and a stand-in for Bedrock's image models.
//!
//! Everything it needs lies in `.deployer/local/` of the project (process record, logs, data) and in a virtual environment in the user's
//! cache; nothing else of the machine is touched, and both servers listen on 127.0.0.1 alone.
//!
//! - [`cloud`]: start, stop, status
//! - [`launch`]: the two servers' environment, ports and readiness
//! - [`record`]: what is kept on disk
//! - [`venv`]: the emulator's virtual environment, installed from hash-pinned requirements
//! - [`process`]: background processes that outlive the command and are told apart from a later process with the same id
//! - [`buckets`]: buckets a stack expects to find
//! - [`bedrock`]: the stand-in

pub mod bedrock;
mod buckets;
mod cloud;
mod error;
mod launch;
mod process;
mod record;
mod venv;

pub use buckets::ensure_buckets;
pub use cloud::{LocalCloud, StartOptions, Status, current, start, status, stop};
pub use error::LocalError;
pub use launch::install;

/// The account every local resource is in.
pub const ACCOUNT_ID: &str = "000000000000";
/// The emulator takes this key for the account's root.
pub const ACCESS_KEY_ID: &str = "test";
pub const SECRET_ACCESS_KEY: &str = "test";
const HOST: &str = "127.0.0.1";
