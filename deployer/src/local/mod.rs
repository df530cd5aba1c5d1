//! Runs the local cloud that `--local` deploys to: ministack, a third-party emulator of AWS, behind a gateway that is as
//! strict as AWS (`strict`), and a stand-in for Bedrock's image models.
//!
//! All its files lie in `.deployer/local/` of the project (process record, logs, data) and in a virtual environment in
//! the user's cache; nothing else on the machine is touched. All servers listen on 127.0.0.1 only. Web pages and other
//! users of the machine reach 127.0.0.1, too. So apart from requests to deployed APIs, the servers only accept requests
//! that are signed with the key of this start.
//!
//! - [`cloud`]: start, stop, status
//! - [`launch`]: the servers' environment, ports and readiness
//! - `guard.py`: checks each request before the emulator handles it
//! - [`likeness`]: makes the emulator answer like AWS where a stack notices the difference
//! - `listen`: serves HTTP
//! - [`subscriptions`]: e-mail subscriptions that wait for their confirmation
//! - [`signature`]: checks requests to the stand-in
//! - [`record`]: the files that describe a running cloud
//! - [`venv`]: the emulator's virtual environment, installed from hash-pinned requirements
//! - [`process`]: background processes that outlive the command, and are distinguished from a later process with the
//!   same id
//! - [`buckets`]: buckets that a stack expects to exist
//! - [`bedrock`]: the stand-in
//! - [`private`]: an emulator for one command, without the rest

pub mod bedrock;
mod buckets;
mod cloud;
mod error;
mod launch;
mod likeness;
mod listen;
mod options;
mod ports;
mod private;
mod process;
mod record;
mod signature;
mod subscriptions;
mod venv;

pub use buckets::ensure_buckets;
pub use cloud::{Keys, LocalCloud, LocalStatus, current, start, status, stop};
pub use error::LocalError;
pub use launch::install;
pub use likeness::{LikenessRule, rules};
pub(crate) use listen::listen;
pub use options::{RuleOptions, StartOptions};
pub use private::PrivateCloud;
pub(crate) use signature::{HEALTH, early_refusal, is_of_api, is_open, is_signed};
pub use subscriptions::{PendingSubscription, Subscriptions};

/// The account of every local resource.
pub const ACCOUNT_ID: &str = "000000000000";
/// The emulator treats this key as the account's root. Its secret changes with every start.
const ACCESS_KEY_ID: &str = "test";
/// The variable that passes the secret to the gateway and the stand-in, which look for it nowhere else.
pub const SECRET_VARIABLE: &str = "DEPLOYER_LOCAL_SECRET";
const HOST: &str = "127.0.0.1";
