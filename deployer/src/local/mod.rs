//! Runs the local cloud that `--local` deploys to: ministack, a third-party emulator of AWS, and a stand-in for Bedrock's image models.
//!
//! Everything it needs lies in `.deployer/local/` of the project (process record, logs, data) and in a virtual environment in the user's
//! cache; nothing else of the machine is touched. Both servers listen on 127.0.0.1 alone and serve only requests that are signed with the
//! key of this start, besides those to deployed APIs: web pages and other users of the machine reach 127.0.0.1, too.
//!
//! - [`cloud`]: start, stop, status
//! - [`launch`]: the two servers' environment, ports and readiness
//! - `guard.py`: checks each request before the emulator sees it
//! - [`signature`]: checks requests to the stand-in
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
mod signature;
mod venv;

pub use buckets::ensure_buckets;
pub use cloud::{Keys, LocalCloud, StartOptions, Status, current, start, status, stop};
pub use error::LocalError;
pub use launch::install;

/// The account every local resource is in.
pub const ACCOUNT_ID: &str = "000000000000";
/// The emulator takes this key for the account's root. Its secret is another one at every start.
const ACCESS_KEY_ID: &str = "test";
/// Hands the secret to the stand-in, which looks for it nowhere else.
pub const SECRET_VARIABLE: &str = "DEPLOYER_LOCAL_SECRET";
const HOST: &str = "127.0.0.1";
