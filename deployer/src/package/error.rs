//! What can go wrong between a function's source and its zip.

use std::path::Path;

use super::{Architecture, Runtime};

/// A function that could not be packaged. Match on [`PackageError::code`], not on texts.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PackageError {
    #[error("no Cargo.toml in {directory} or in any directory above it")]
    NoWorkspace { directory: String },
    #[error("{program} could not be started: {message}")]
    NoCargo { program: String, message: String },
    #[error("the cargo workspace has no package `{package}`; it has {}", listed(available))]
    NoPackage { package: String, nearest: Option<String>, available: Vec<String> },
    #[error("the package `{package}` has no binary `{bin}`; it has {}", listed(available))]
    NoBin { package: String, bin: String, nearest: Option<String>, available: Vec<String> },
    /// `output` is what cargo and rustc wrote, without the progress lines.
    #[error("cargo could not build {}\n{output}", listed(bins))]
    BuildFailed { bins: Vec<String>, output: String },
    #[error("cargo succeeded but named no executable for `{bin}`")]
    NoExecutable { bin: String },
    #[error("{host} cannot build for {wanted} without cargo-zigbuild or cargo-lambda, and neither is installed")]
    NoCrossCompiler { host: String, wanted: Architecture },
    #[error("{file} needs {version}, but {runtime} has glibc {limit}")]
    Glibc {
        file: String,
        /// The newest symbol version asked for, such as `GLIBC_2.38`.
        version: String,
        runtime: Runtime,
        limit: String,
    },
    #[error("{file} is built for {found}, but the function runs on {wanted}")]
    WrongMachine { file: String, found: String, wanted: Architecture },
    #[error("{file} is not a Linux executable: {found}")]
    NotExecutableFormat { file: String, found: String },
    #[error("{runtime} runs no compiled executable; a ready zip is needed")]
    NotCompiled { runtime: Runtime },
    #[error("{path} is not a readable zip: {message}")]
    NotZip { path: String, message: String },
    #[error("{path} has no `bootstrap` at its root; it has {}", listed(found))]
    NoBootstrap { path: String, found: Vec<String> },
    #[error("`bootstrap` in {path} is not marked executable (mode {mode:o})")]
    NotExecutable { path: String, mode: u32 },
    /// Sizes in bytes.
    #[error("{path} is {} {}, more than Lambda's {}", mib(*size), if *unzipped { "unzipped" } else { "zipped" }, mib(*limit))]
    TooLarge { path: String, size: u64, limit: u64, unzipped: bool },
    #[error("{path} changed since it was hashed")]
    Moved { path: String },
    #[error("{path}: {message}")]
    Io { path: String, message: String },
}

impl PackageError {
    /// Wraps an I/O failure at `path`.
    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), message: error.to_string() }
    }

    /// Stable and documented, such as `package::build-failed`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoWorkspace { .. } => "package::no-workspace",
            Self::NoCargo { .. } => "package::no-cargo",
            Self::NoPackage { .. } => "package::unknown-package",
            Self::NoBin { .. } => "package::unknown-bin",
            Self::BuildFailed { .. } => "package::build-failed",
            Self::NoExecutable { .. } => "package::no-executable",
            Self::NoCrossCompiler { .. } => "package::no-cross-compiler",
            Self::Glibc { .. } => "package::glibc-too-new",
            Self::WrongMachine { .. } => "package::wrong-architecture",
            Self::NotExecutableFormat { .. } => "package::not-an-executable",
            Self::NotCompiled { .. } => "package::runtime-needs-zip",
            Self::NotZip { .. } => "package::not-a-zip",
            Self::NoBootstrap { .. } => "package::no-bootstrap",
            Self::NotExecutable { .. } => "package::bootstrap-not-executable",
            Self::TooLarge { .. } => "package::too-large",
            Self::Moved { .. } => "package::moved",
            Self::Io { .. } => "package::io",
        }
    }

    /// The next thing to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NoWorkspace { .. } => {
                "put stack.yaml beside or below the Cargo.toml of the functions' workspace".into()
            }
            Self::NoCargo { .. } => "install Rust (https://rustup.rs), or name cargo in the variable CARGO".into(),
            Self::NoPackage { nearest: Some(meant), .. } | Self::NoBin { nearest: Some(meant), .. } => {
                format!("did you mean `{meant}`?")
            }
            Self::NoPackage { nearest: None, .. } => "name one of these in `crate:`, or add it to the workspace".into(),
            Self::NoBin { nearest: None, .. } => "name one of these in `bin:`, or add it to the package".into(),
            Self::NoCrossCompiler { wanted, .. } => cross_help(*wanted),
            Self::Glibc { .. } => "install cargo-zigbuild (`pip install cargo-zigbuild ziglang`), which is then \
                 used by itself, or build on a host with an older glibc"
                .into(),
            Self::WrongMachine { .. } => "build it for the function's architecture, or change `architecture`".into(),
            Self::NotCompiled { .. } => "use `zip:`, or the runtime provided.al2023".into(),
            Self::NoBootstrap { .. } => "name the executable `bootstrap` and put it at the root of the zip".into(),
            Self::NotExecutable { .. } => "`chmod +x bootstrap`, then zip it again on Linux or macOS".into(),
            Self::TooLarge { .. } => {
                "strip the binary, and build with `opt-level = \"z\"` and `lto = \"fat\"` in [profile.lambda]".into()
            }
            Self::Moved { .. } => "plan again".into(),
            Self::BuildFailed { output, .. } if output.contains("error[E0463]") => {
                "the target's standard library is missing: `rustup target add` it as rustc says above".into()
            }
            Self::BuildFailed { .. } => "correct what cargo names above, then run the same command again".into(),
            Self::NoExecutable { .. } => "check `bin:` and `features:`".into(),
            Self::NotExecutableFormat { .. } => {
                "name an executable built for Linux, or let the deployer build it with `crate:`".into()
            }
            Self::NotZip { path, .. } => format!("make it anew: `zip {path} bootstrap`"),
            Self::Io { .. } => {
                "check the path, which counts from the directory of stack.yaml, and the file's permissions".into()
            }
        }
    }
}

fn cross_help(wanted: Architecture) -> String {
    format!("`pip install cargo-zigbuild ziglang` and `rustup target add {}`", wanted.triple())
}

/// Names in prose: "`a`, `b`", at most twelve of them.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}
