//! The competing tools. A rival is measured if it is installed.

mod alchemy;
mod ansible;
mod built;
mod chalice;
mod deployer;
mod floor;
mod sam;
mod terraform;
mod zip;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::REGION;
use crate::cases::{Case, Operation};
use crate::cloud::{Cloud, Counts};

pub use deployer::scaled as scaled_stack;
pub use zip::{write_zip, zip_base64};

/// The directory, case and emulator that a tool works with.
pub struct Place<'a> {
    pub directory: &'a Path,
    pub case: Case,
    pub cloud: &'a Cloud,
}

/// A tool that deploys.
///
/// # Guarantees
/// The environment of every command has credentials, region and the proxy's address; both buckets exist.
pub trait Tool {
    /// Returns its name on the command line and in files.
    fn key(&self) -> &'static str;

    /// Returns its name for people.
    fn title(&self) -> &'static str;

    /// Returns its version; `Err` says why it cannot be measured.
    fn version(&self) -> Result<String, String>;

    fn supports(&self, case: Case) -> bool {
        case != Case::CouchCargo
    }

    /// Tells whether the tool is measured in all cases, because it does not take minutes.
    fn is_ours(&self) -> bool {
        false
    }

    /// Returns the number of resources in the account after it has applied the case.
    fn makes(&self, case: Case) -> Counts {
        case.counts()
    }

    /// Returns how many resources the tool leaves in the account because they existed beforehand.
    fn leaves(&self, _case: Case) -> Counts {
        Counts::default()
    }

    /// Returns the function whose memory is changed.
    fn changed_function(&self, case: Case) -> &'static str {
        case.changed_function()
    }

    /// Writes its definition of the case; the changed function gets `memory_mib`.
    fn write(&self, place: &Place, memory_mib: u64) -> io::Result<()>;

    /// Does unmeasured preparations before the first operation.
    fn prepare(&self, _place: &Place) -> Result<(), String> {
        Ok(())
    }

    /// Returns the command of an operation; `None` if the tool has no such operation. Only the floor has
    /// [`Operation::ApplyActive`].
    fn command(&self, operation: Operation, place: &Place) -> Option<Command>;

    /// Returns a text that its output contains if the operation succeeded.
    fn expected(&self, _operation: Operation) -> Option<&'static str> {
        None
    }

    /// Checks the result of an operation, beyond the checks that apply to every tool.
    fn check(&self, _place: &Place) -> Result<(), String> {
        Ok(())
    }

    /// Tells whether every function is Active when the operation ends.
    fn waits(&self, _operation: Operation) -> bool {
        false
    }

    /// Returns variables in addition to those that every tool gets.
    fn environment(&self, _place: &Place) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Returns the floor alone.
pub fn floor() -> Box<dyn Tool> {
    Box::new(floor::Floor)
}

/// Returns every tool, ours first. `scratch` is a directory for temporary files.
pub fn all(deployer: &Path, scratch: &Path) -> Vec<Box<dyn Tool>> {
    vec![
        floor(),
        Box::new(deployer::Deployer { binary: deployer.to_owned() }),
        Box::new(terraform::Terraform { plugins: scratch.join("terraform-plugins") }),
        Box::new(sam::Sam),
        Box::new(alchemy::Alchemy),
        Box::new(chalice::Chalice),
        Box::new(ansible::Ansible),
    ]
}

/// Gives a command the same environment for every tool, without the caller's own AWS settings.
pub fn set_environment(command: &mut Command, place: &Place, tool: &dyn Tool) {
    let kept = ["PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy"];
    command
        .current_dir(place.directory)
        .env_clear()
        .envs(kept.iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ENDPOINT_URL", place.cloud.proxy.url())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_PROXY", "127.0.0.1")
        .env("NO_COLOR", "1")
        .envs(tool.environment(place));
}

/// Returns the path of a file for a tool's definition.
fn stack_file(name: &str) -> PathBuf {
    xtask::cargo::root().join("benchmark/stacks").join(name)
}
