//! Who competes. A rival is measured where it is installed.

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

use super::REGION;
use super::cases::{Case, Operation};
use super::cloud::{Cloud, Counts};

pub use deployer::scaled as scaled_stack;
pub use zip::{write_zip, zip_base64};

/// Where a tool works.
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
    /// Its name on the command line and in files.
    fn key(&self) -> &'static str;

    /// Its name for people.
    fn title(&self) -> &'static str;

    /// Its version; `Err` says why it is not measured.
    fn version(&self) -> Result<String, String>;

    fn supports(&self, case: Case) -> bool {
        case != Case::CouchCargo
    }

    /// Says whether it is measured in all cases, as it takes no minutes.
    fn is_ours(&self) -> bool {
        false
    }

    /// How many of each the account has once it has applied the case.
    fn makes(&self, case: Case) -> Counts {
        case.counts()
    }

    /// How many of each the account has at the end, as they were there before.
    fn leaves(&self, _case: Case) -> Counts {
        Counts::default()
    }

    /// The function whose memory is changed.
    fn changed_function(&self, case: Case) -> &'static str {
        case.changed_function()
    }

    /// Writes its definition of the case; the changed function gets `memory_mib`.
    fn write(&self, place: &Place, memory_mib: u64) -> io::Result<()>;

    /// Does what comes before the first operation and is not measured.
    fn prepare(&self, _place: &Place) -> Result<(), String> {
        Ok(())
    }

    /// The command of an operation; none where the tool has no such thing. [`Operation::ApplyActive`] is the floor's alone.
    fn command(&self, operation: Operation, place: &Place) -> Option<Command>;

    /// A text that its output has when the operation did what it should.
    fn expected(&self, _operation: Operation) -> Option<&'static str> {
        None
    }

    /// Looks at what an operation did, beyond what is looked at for every tool.
    fn check(&self, _place: &Place) -> Result<(), String> {
        Ok(())
    }

    /// Says whether every function is Active when the operation ends.
    fn waits(&self, _operation: Operation) -> bool {
        false
    }

    /// Variables beside those that every tool gets.
    fn environment(&self, _place: &Place) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// The floor by itself.
pub fn floor() -> Box<dyn Tool> {
    Box::new(floor::Floor)
}

/// Every tool, ours first. `scratch` is where temporary things go.
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

/// Gives a command the same surroundings whatever the tool, and nothing of the caller's own AWS settings.
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

/// A file that a tool's definition is made of.
fn stack_file(name: &str) -> PathBuf {
    crate::cargo::root().join("xtask/bench/stacks").join(name)
}
