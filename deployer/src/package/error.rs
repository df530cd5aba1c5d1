//! Errors between a function's source and its zip.

use std::path::Path;

use super::{Architecture, Runtime};

/// The origin of an executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutableOrigin {
    /// Supplied by the user: `binary:` or `zip:`.
    Elsewhere,
    /// Built by plain cargo, against this machine's glibc.
    Here,
    /// Built by a cross compiler, against the runtime's glibc.
    Across,
}

/// A function that could not be packaged. Match on [`PackageError::code`], not on texts.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PackageError {
    #[error("no Cargo.toml in {directory} or in any directory above it")]
    NoWorkspace { directory: String },
    #[error("{program} could not be started: {message}")]
    NoCargo { program: String, message: String },
    #[error("the cargo workspace has no package `{package}`; it has {}", list_names(available))]
    NoPackage { package: String, nearest: Option<String>, available: Vec<String> },
    #[error("the package `{package}` has no binary `{bin}`; it has {}", list_names(available))]
    NoBin { package: String, bin: String, nearest: Option<String>, available: Vec<String> },
    /// `output` is cargo's.
    #[error("cargo cannot read the workspace\n{output}")]
    Manifest { output: String },
    #[error("{lock} does not fit the Cargo.toml files, and in CI (`CI` is set) cargo may not change it")]
    LockOutdated { lock: String },
    /// `output` is that of cargo and rustc, without the progress lines.
    #[error("cargo could not build {}\n{output}", list_names(bins))]
    BuildFailed {
        bins: Vec<String>,
        output: String,
        /// Variables named in the output that are withheld from builds.
        withheld: Vec<String>,
    },
    #[error("cargo succeeded but named no executable for `{bin}`")]
    NoExecutable { bin: String },
    #[error("{host} cannot build for {wanted} without cargo-zigbuild or cargo-lambda, and neither is installed")]
    NoCrossCompiler { host: String, wanted: Architecture },
    #[error("{file} needs {version}, but {runtime} has glibc {limit}")]
    Glibc {
        file: String,
        /// The newest symbol version that the file requires, such as `GLIBC_2.38`.
        version: String,
        runtime: Runtime,
        limit: String,
        made: ExecutableOrigin,
    },
    #[error("{file} loads {}, which {runtime} does not have", list_names(libraries))]
    NoLibrary { file: String, libraries: Vec<String>, runtime: Runtime },
    #[error("{file} is started by the loader {loader}, which Lambda does not have")]
    NoLoader { file: String, loader: String },
    #[error(
        "the build uses {flag} (from {place}): the code would be for this machine's processor, and end with an illegal \
         instruction on an older one of Lambda's"
    )]
    NativeProcessor { flag: String, place: String, architecture: Architecture },
    #[error("{file} is built for {found}, but the function runs on {wanted}")]
    WrongMachine { file: String, found: String, wanted: Architecture },
    #[error("{file} is not a Linux executable: {found}")]
    NotExecutableFormat { file: String, found: String },
    #[error("{runtime} runs no compiled executable; a ready zip is needed")]
    NotCompiled { runtime: Runtime },
    #[error("{path} is not a readable zip: {message}")]
    NotZip { path: String, message: String },
    #[error("{path} has no `bootstrap` at its root; it has {}", list_names(found))]
    NoBootstrap { path: String, found: Vec<String> },
    #[error("`bootstrap` in {path} is not marked executable (mode {mode:o})")]
    NotExecutable { path: String, mode: u32 },
    /// Sizes in bytes.
    #[error("{path} is {} {}, more than Lambda's {}", mib(*size), if *unzipped { "unzipped" } else { "zipped" }, mib(*limit))]
    TooLarge { path: String, size: u64, limit: u64, unzipped: bool },
    /// A file that cannot go into the zip. `property` names it in `stack.yaml`.
    #[error("`{path}` {why}")]
    Files { path: String, why: String, property: &'static str },
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

    /// Refuses a file of `files`.
    pub(super) fn file(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Files { path: path.into(), why: why.into(), property: "files" }
    }

    /// Records that a refused file is one of the function's directory.
    pub(super) fn of_directory(mut self) -> Self {
        if let Self::Files { property, .. } = &mut self {
            *property = "dir";
        }
        self
    }

    /// Records that the deployer itself built the executable that needs a newer glibc than the runtime's.
    pub(super) fn of_build(mut self, across: bool) -> Self {
        if let Self::Glibc { made, .. } = &mut self {
            *made = if across { ExecutableOrigin::Across } else { ExecutableOrigin::Here };
        }
        self
    }

    /// Returns the stable, documented code, such as `package::build-failed`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoWorkspace { .. } => "package::no-workspace",
            Self::NoCargo { .. } => "package::no-cargo",
            Self::NoPackage { .. } => "package::unknown-package",
            Self::NoBin { .. } => "package::unknown-bin",
            Self::Manifest { .. } => "package::bad-manifest",
            Self::LockOutdated { .. } => "package::lock-outdated",
            Self::BuildFailed { .. } => "package::build-failed",
            Self::NoExecutable { .. } => "package::no-executable",
            Self::NoCrossCompiler { .. } => "package::no-cross-compiler",
            Self::Glibc { .. } => "package::glibc-too-new",
            Self::NoLibrary { .. } => "package::missing-library",
            Self::NoLoader { .. } => "package::no-loader",
            Self::NativeProcessor { .. } => "package::native-processor",
            Self::WrongMachine { .. } => "package::wrong-architecture",
            Self::NotExecutableFormat { .. } => "package::not-an-executable",
            Self::NotCompiled { .. } => "package::runtime-needs-zip",
            Self::NotZip { .. } => "package::not-a-zip",
            Self::NoBootstrap { .. } => "package::no-bootstrap",
            Self::NotExecutable { .. } => "package::bootstrap-not-executable",
            Self::TooLarge { .. } => "package::too-large",
            Self::Files { .. } => "package::files",
            Self::Moved { .. } => "package::moved",
            Self::Io { .. } => "package::io",
        }
    }

    /// Lists properties of a function. The error concerns the first of them that `stack.yaml` states.
    #[must_use]
    pub fn properties(&self) -> &'static [&'static str] {
        match self {
            Self::NoWorkspace { .. } | Self::NoPackage { .. } => &["crate"],
            Self::NoBin { .. } => &["bin", "crate"],
            Self::Files { property: "dir", .. } => &["dir"],
            Self::Files { .. } => &["files"],
            _ => &[],
        }
    }

    /// Returns the next step for the user.
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
            Self::Glibc { made, limit, .. } => glibc_help(*made, limit),
            Self::NoLibrary { .. } => "link it statically (many crates have a feature `vendored`, `bundled` or `static`), \
                 put it into `lib/` of a ready zip (`zip:`), or give the function a layer that has it"
                .into(),
            Self::NoLoader { loader, .. } => loader_help(loader).into(),
            Self::NativeProcessor { flag, architecture, .. } => native_help(flag, *architecture),
            Self::WrongMachine { .. } => "build it for the function's architecture, or change `architecture`".into(),
            Self::NotCompiled { .. } => "use `zip:`, or the runtime provided.al2023".into(),
            Self::NoBootstrap { .. } => "name the executable `bootstrap` and put it at the root of the zip".into(),
            Self::NotExecutable { .. } => "`chmod +x bootstrap`, then zip it again on Linux or macOS".into(),
            Self::TooLarge { .. } => TOO_LARGE.into(),
            Self::Files { .. } => FILES.into(),
            Self::Moved { .. } => "plan again".into(),
            Self::Manifest { .. } => "correct the Cargo.toml that cargo names above".into(),
            Self::LockOutdated { .. } => {
                "run `cargo update --workspace`, which keeps the versions as far as it can, and commit Cargo.lock"
                    .into()
            }
            Self::BuildFailed { output, .. } if output.contains("error[E0463]") => {
                "the target's standard library is missing: `rustup target add` it as rustc says above".into()
            }
            Self::BuildFailed { withheld, .. } if !withheld.is_empty() => format!(
                "{} is set and withheld from builds: if every dependency may read it, set DEPLOYER_BUILD_ENV={}",
                list_names(withheld),
                withheld.join(",")
            ),
            Self::BuildFailed { output, .. } if lacks_zig(output) => {
                "cargo-zigbuild is installed and does not find zig: `pip install ziglang` in the same environment, or put zig \
                 on the PATH"
                    .into()
            }
            Self::BuildFailed { output, .. } if asks_for_a_variable(output) => {
                "if the run's environment has the variable and every dependency may read it, name it in DEPLOYER_BUILD_ENV: \
                 builds see no others than compilers, build scripts and cargo are known to need"
                    .into()
            }
            Self::BuildFailed { .. } => "correct what cargo names above, then run the same command again".into(),
            Self::NoExecutable { .. } => "check `bin:` and `features:`".into(),
            Self::NotExecutableFormat { .. } => {
                "name an executable built for Linux, or let the deployer build it with `crate:`".into()
            }
            Self::NotZip { path, .. } => format!("create it again: `zip {path} bootstrap`"),
            Self::Io { .. } => {
                "check the path, which counts from the directory of stack.yaml, and the file's permissions".into()
            }
        }
    }
}

const TOO_LARGE: &str = "strip the binary, build with `opt-level = \"z\"` and `lto = \"fat\"` in [profile.lambda], and let the function \
                         fetch large files from a bucket";
const FILES: &str = "name files below the Cargo.toml of the workspace, or without one below the directory of stack.yaml; each needs \
                     a name of its own in the zip";

/// Recognises cargo-zigbuild's message, which has no code, that zig is missing.
fn lacks_zig(output: &str) -> bool {
    let output = output.to_ascii_lowercase();
    ["failed to find zig", "zig is not installed", "no module named ziglang"].iter().any(|words| output.contains(words))
}

/// Recognises messages about a missing variable: rustc's, or of `std::env::VarError` in a build script's panic.
fn asks_for_a_variable(output: &str) -> bool {
    output.contains("not defined at compile time") || output.contains("NotPresent")
}

fn glibc_help(made: ExecutableOrigin, limit: &str) -> String {
    match made {
        ExecutableOrigin::Here => "install cargo-zigbuild (`pip install cargo-zigbuild ziglang`), which is then used by itself, or build \
                       on a host with an older glibc"
            .into(),
        ExecutableOrigin::Across => "the cross compiler kept to the runtime's glibc, so a library that was compiled against a newer one is \
                         linked in: let its crate build it from source (many have a feature `vendored` or `bundled`), or \
                         build on a host with an older glibc"
            .into(),
        ExecutableOrigin::Elsewhere => {
            format!("build it for glibc {limit} (`cargo zigbuild --target TARGET.{limit}`), or on a host with an older glibc")
        }
    }
}

fn loader_help(loader: &str) -> &'static str {
    if loader.contains("musl") {
        "link it statically: `-C target-feature=+crt-static`, or build for a `-gnu` target"
    } else {
        "build it with an ordinary toolchain, or change the loader: `patchelf --set-interpreter`"
    }
}

fn native_help(flag: &str, architecture: Architecture) -> String {
    let newest = architecture.newest_processor();
    match flag.strip_suffix("native") {
        Some(name) if name.starts_with('-') => format!("take it out, or write `{name}{newest}`"),
        _ => format!(
            "write `target-cpu={newest}` instead; where the flag is for all your projects, set that one in this project's \
             .cargo/config.toml under the same key: of two, the last one counts"
        ),
    }
}

fn cross_help(wanted: Architecture) -> String {
    format!("`pip install cargo-zigbuild ziglang` and `rustup target add {}`", wanted.triple())
}

/// Lists names in prose: "`a`, `b`", at most twelve of them.
fn list_names(names: &[String]) -> String {
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

/// Rounds to a tenth of a mebibyte.
fn mib(bytes: u64) -> String {
    const MIB: u64 = 1_048_576;
    let tenths = (bytes * 10 + MIB / 2) / MIB;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
