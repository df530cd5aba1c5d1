//! A binary to build, the command that builds it, and the result.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Platform;
use super::environment::BuildEnvironment;
use super::seen::FileStamp;
use super::workspace::Workspace;

/// A binary that cargo has to provide for a request.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Index of the request that it answers.
    pub index: usize,
    pub workspace: Workspace,
    pub package: String,
    /// The binary that cargo builds.
    pub bin: String,
    /// The binary's name in the request. Stamps use this name, because only cargo knows a binary built instead.
    pub asked: String,
    pub or_only: bool,
    pub profile: String,
    pub features: BTreeSet<String>,
    pub platform: Platform,
    pub layers: bool,
    /// Names of shared libraries that go into the zip.
    pub libraries: Vec<String>,
    /// Another binary of this run is written to the same file, so a change of the file says nothing about this one.
    pub contested: bool,
}

/// The cargo command that builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Builder {
    /// `cargo build`, for this machine.
    Cargo,
    /// `cargo zigbuild`, for any architecture and glibc.
    Zigbuild,
    /// `cargo lambda build`, which has cargo-zigbuild inside.
    Lambda,
}

impl Builder {
    /// Returns the installed command that builds for other architectures and older glibc versions.
    pub fn cross(environment: &BuildEnvironment) -> Option<Self> {
        [("cargo-zigbuild", Self::Zigbuild), ("cargo-lambda", Self::Lambda)]
            .into_iter()
            .find_map(|(program, builder)| environment.program(program).map(|_| builder))
    }

    /// Returns the arguments that begin the command line. `store` is the directory for our own files.
    pub fn arguments(self, store: &Path) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Cargo => &["build"],
            Self::Zigbuild => &["zigbuild"],
            Self::Lambda => &["lambda", "build", "--compiler", "cargo-zigbuild", "--skip-target-check", "--lambda-dir"],
        };
        let mut arguments: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        if self == Self::Lambda {
            // Its default, target/lambda, is also where the profile "lambda" writes plain files with these names.
            arguments.push(store.join("cargo-lambda").display().to_string());
        }
        arguments
    }
}

/// One executable that cargo built or found up to date.
#[derive(Debug)]
pub(super) struct BuiltExecutable {
    pub executable: FileStamp,
    pub path: PathBuf,
    pub builder: Builder,
    /// Tells whether the dep-info file names every file that the build read.
    pub tracked: bool,
    /// Variables that sources or build scripts read.
    pub variables: BTreeSet<String>,
}

impl BuiltExecutable {
    /// Returns the path of the dep-info file that cargo writes beside an executable.
    pub fn dep_info(&self) -> PathBuf {
        self.path.with_extension("d")
    }
}
