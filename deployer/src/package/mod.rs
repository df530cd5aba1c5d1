//! Turns a function's source into a byte-reproducible zip and its hash.
//!
//! | file | does |
//! |---|---|
//! | `workspace` | finds the cargo workspace and its cache directory |
//! | `environment` | selects the variables that reach cargo, and those that change what it builds |
//! | `passed` | lists the variables that a build may see: none that may be a secret |
//! | `build` | orders the work |
//! | `stamp` | decides whether a binary is up to date without starting cargo |
//! | `members` | lists the workspace's packages, and reports requested packages that do not exist |
//! | `missing` | reports such packages before anything is built |
//! | `cargo` | starts cargo, for one package at a time |
//! | `fetch` | downloads packages if that requires credentials, which builds do not see |
//! | `run` | reads cargo's messages and output |
//! | `config`, `flags` | find rustc's flags, and those that Lambda's processors do not support |
//! | `elf`, `libraries` | check machine, glibc, and shared libraries that Lambda does not have |
//! | `archive` | writes and checks zips |
//! | `beside` | adds files to the zip of an executable, and packs directories |
//! | `origin`, `lock` | collect the origin of code: digests of its sources, versions of its crates |
//! | `store` | keeps finished zips, by the binary's hash |
//!
//! Guarantees: equal binaries give equal zips; an unchanged cargo function costs a few `stat` calls.
//! Assumptions: rustc is deterministic for the same sources, toolchain and `CARGO_HOME` path.
//! Caveats: the paths of registry crates are part of panic messages, so machines with different `CARGO_HOME` paths may
//! get different hashes.

mod archive;
mod beside;
mod build;
mod cargo;
mod command;
mod config;
mod elf;
mod environment;
mod error;
mod fetch;
mod flags;
mod job;
mod libraries;
mod lock;
mod members;
mod missing;
mod origin;
mod passed;
mod run;
mod seen;
mod stamp;
mod store;
mod warning;
mod workspace;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use archive::{check_together, placeholder};
pub use build::build_all;
pub use environment::BuildEnvironment;
pub use error::PackageError;
pub use missing::missing;
pub use warning::Warning;

use crate::origin::WholeOrigin;

/// The source of a function's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A binary of a package in the cargo workspace around the stack.
    Cargo(CargoBin),
    /// A ready zip, uploaded as it is.
    Zip(PathBuf),
    /// An executable that was built elsewhere.
    Binary(PathBuf),
    /// A directory, whose files are zipped.
    Directory(PathBuf),
}

/// A binary of a cargo package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CargoBin {
    pub package: String,
    pub bin: String,
    /// Whether to take the package's only binary if none has the name `bin`.
    pub or_only: bool,
    /// `None` is "lambda" if the workspace's Cargo.toml defines `[profile.lambda]`, else "release".
    pub profile: Option<String>,
    pub features: Vec<String>,
}

/// The instruction set a function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Architecture {
    X86_64,
    Arm64,
}

impl Architecture {
    /// Returns this machine's architecture, if Lambda has it.
    #[must_use]
    pub fn host() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// Tells whether plain cargo on this machine builds for it.
    pub(crate) fn is_native(self) -> bool {
        cfg!(target_os = "linux") && Self::host() == Some(self)
    }

    /// Returns the newest processor, by rustc's names, whose code all of Lambda's hosts run.
    pub(crate) fn newest_processor(self) -> &'static str {
        match self {
            Self::X86_64 => "x86-64-v3",
            Self::Arm64 => "neoverse-n1",
        }
    }

    /// Returns Rust's name of the Linux target.
    #[must_use]
    pub fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

/// The Lambda runtime, as far as it matters for packaging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Runtime {
    ProvidedAl2023,
    ProvidedAl2,
    /// A language runtime. It accepts ready zips only, whose content is not checked.
    Managed,
}

impl Runtime {
    /// Parses Lambda's identifier, such as `provided.al2023`.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "provided.al2023" => Self::ProvidedAl2023,
            "provided.al2" => Self::ProvidedAl2,
            _ => Self::Managed,
        }
    }

    /// Returns the glibc version of its image.
    pub(crate) fn glibc(self) -> Option<[u32; 3]> {
        match self {
            Self::ProvidedAl2023 => Some([2, 34, 0]),
            Self::ProvidedAl2 => Some([2, 26, 0]),
            Self::Managed => None,
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProvidedAl2023 => "provided.al2023",
            Self::ProvidedAl2 => "provided.al2",
            Self::Managed => "a language runtime",
        })
    }
}

/// One function to package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The directory of `stack.yaml`; relative paths of the source start there.
    pub root: PathBuf,
    pub source: Source,
    pub platform: Platform,
    /// Tells whether the function has layers, which may contain libraries.
    pub layers: bool,
    /// The files beside the executable, or in addition to a directory's. A ready zip has none.
    pub files: Vec<FileRule>,
    /// The place of the executable in the zip. Default: `bootstrap`.
    pub executable: Option<String>,
}

/// Files that go into the zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRule {
    /// A file, a directory or a pattern, relative to the request's root.
    pub from: String,
    /// The name in the zip, or the directory for all files of a directory or a pattern. Default: their own paths.
    pub to: Option<String>,
}

/// The processor and runtime of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    pub architecture: Architecture,
    pub runtime: Runtime,
}

/// A function's code, ready for upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Path of the zip; read it with [`Artifact::bytes`].
    pub zip: PathBuf,
    /// The hash as Lambda reports it: padded base64.
    pub code_sha256: String,
    /// The zip's size in bytes.
    pub size: u64,
    /// The executable's SHA-256 in hexadecimal; it stays the same when only the zip format changes. For a ready zip of
    /// a language runtime, the zip's own SHA-256.
    pub binary_sha256: String,
    /// The sources, crates and settings that it was built from.
    pub origin: Option<WholeOrigin>,
}

impl Artifact {
    /// Reads the zip.
    ///
    /// # Errors
    /// [`PackageError::Moved`] if it is no longer the zip that was hashed, [`PackageError::Io`] if it is unreadable.
    pub fn bytes(&self) -> Result<Vec<u8>, PackageError> {
        let zip = std::fs::read(&self.zip).map_err(|e| PackageError::io(&self.zip, &e))?;
        if archive::code_sha256(&zip) != self.code_sha256 {
            // Remove a damaged zip from the cache, so that no later run finds it.
            if self.zip.parent().is_some_and(store::is_store) {
                let _ = std::fs::remove_file(&self.zip);
            }
            return Err(PackageError::Moved { path: self.zip.display().to_string() });
        }
        Ok(zip)
    }
}

/// Something that happened while packaging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildEvent<'a> {
    /// The binary is up to date: cargo is not started for it.
    Fresh { bin: &'a str },
    /// A cargo invocation for these binaries started.
    Building { bins: &'a [String] },
    /// A line that cargo or rustc wrote.
    Output { line: &'a str },
    /// The cargo invocation ended.
    Built { success: bool, took: Duration },
    /// Cargo downloads packages in a separate step, because that requires credentials withheld from builds.
    Fetching,
    /// The download ended, successfully or not.
    Fetched,
    /// A warning about the package of a request.
    Warning { request: usize, warning: &'a Warning },
}

/// Receives events while packaging; called from the packaging task.
pub trait BuildProgress: Send + Sync {
    fn on(&self, event: BuildEvent<'_>);
}

/// Ignores all events.
impl BuildProgress for () {
    fn on(&self, _: BuildEvent<'_>) {}
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
