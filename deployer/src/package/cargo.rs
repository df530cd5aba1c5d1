//! Builds binaries with cargo, all of one kind in one invocation, and reads what cargo says it made.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

use super::build::Job;
use super::environment::Environment;
use super::stamp::Seen;
use super::{Event, PackageError, Platform, Progress};

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
    /// The installed command that builds for other architectures and older glibc versions.
    pub fn cross(environment: &Environment) -> Option<Self> {
        [("cargo-zigbuild", Self::Zigbuild), ("cargo-lambda", Self::Lambda)]
            .into_iter()
            .find_map(|(program, builder)| environment.program(program).map(|_| builder))
    }

    fn arguments(self, store: &Path) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Cargo => &["build"],
            Self::Zigbuild => &["zigbuild"],
            Self::Lambda => &["lambda", "build", "--compiler", "cargo-zigbuild", "--skip-target-check", "--lambda-dir"],
        };
        let mut arguments: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        if self == Self::Lambda {
            // Its default, target/lambda, is also where the profile "lambda" puts plain files of these names.
            arguments.push(store.join("cargo-lambda").display().to_string());
        }
        arguments
    }
}

/// One executable that cargo made or found up to date.
#[derive(Debug)]
pub(super) struct Made {
    pub executable: Seen,
    pub path: PathBuf,
    pub builder: Builder,
    /// Whether the dep-info file names everything that the build looked at.
    pub tracked: bool,
    /// Variables that sources or build scripts read.
    pub variables: BTreeSet<String>,
}

impl Made {
    /// The dep-info file that cargo leaves beside an executable.
    pub fn dep_info(&self) -> PathBuf {
        self.path.with_extension("d")
    }
}

/// What one invocation did.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub success: bool,
    /// What cargo wrote for people, without its progress lines.
    pub output: String,
    executables: Vec<(String, String, PathBuf)>,
    scripts: Vec<Script>,
}

/// A build script that ran, now or in an earlier build.
#[derive(Debug)]
struct Script {
    /// Whether it belongs to a package that people edit here, not to a registry's.
    local: bool,
    output: PathBuf,
}

impl Run {
    /// Finds a job's executable among those that this invocation named.
    pub fn made(&self, job: &Job, builder: Builder) -> Option<Made> {
        let (_, _, path) =
            self.executables.iter().find(|(package, bin, _)| *package == job.package && *bin == job.bin)?;
        let mut made = Made {
            executable: Seen::of(path)?,
            path: path.clone(),
            builder,
            tracked: true,
            variables: source_variables(path),
        };
        for script in &self.scripts {
            let text = fs::read_to_string(&script.output).unwrap_or_default();
            let rules = Rules::of(&text);
            made.tracked &= !script.local || rules.any;
            made.variables.extend(rules.variables);
        }
        Some(made)
    }

    fn message(&mut self, line: &str) {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            return;
        };
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let id = text("/package_id").unwrap_or_default();
        match text("/reason") {
            Some("compiler-artifact") => {
                if let (Some(executable), Some(bin)) = (text("/executable"), text("/target/name")) {
                    let package = package_name(id).to_owned();
                    self.executables.push((package, bin.to_owned(), executable.into()));
                }
            }
            Some("build-script-executed") => {
                if let Some(out) = text("/out_dir") {
                    self.scripts.push(Script {
                        local: id.starts_with("path+") || id.contains("(path+"),
                        output: Path::new(out).with_file_name("output"),
                    });
                }
            }
            _ => {}
        }
    }
}

/// Builds all `jobs`, which share workspace, profile and target, by one invocation.
///
/// # Errors
/// [`PackageError::NoCargo`] if cargo cannot be started. A failed build is no error here: see [`Run::success`].
pub(super) async fn build(
    jobs: &[Job],
    builder: Builder,
    environment: &Environment,
    progress: &dyn Progress,
) -> Result<Run, PackageError> {
    let Some(first) = jobs.first() else {
        return Ok(Run { success: true, ..Run::default() });
    };
    let mut arguments = builder.arguments(&first.workspace.store);
    arguments.extend(["--message-format=json-render-diagnostics", "--keep-going", "--profile"].map(String::from));
    arguments.push(first.profile.clone());
    if builder != Builder::Cargo {
        arguments.extend(["--target".to_owned(), target(first.platform)]);
    }
    let packages: BTreeSet<&str> = jobs.iter().map(|j| j.package.as_str()).collect();
    let bins: BTreeSet<&str> = jobs.iter().map(|j| j.bin.as_str()).collect();
    let features: BTreeSet<String> =
        jobs.iter().flat_map(|j| j.features.iter().map(move |f| format!("{}/{f}", j.package))).collect();
    for (flag, names) in [("--package", &packages), ("--bin", &bins)] {
        arguments.extend(names.iter().flat_map(|n| [flag.to_owned(), (*n).to_owned()]));
    }
    for feature in features {
        arguments.extend(["--features".to_owned(), feature]);
    }
    let bins: Vec<String> = bins.into_iter().map(str::to_owned).collect();
    progress.on(Event::Building { bins: &bins });
    // The monotonic clock only measures how long the build took.
    let started = Instant::now();
    let run = invoke(&first.workspace.directory, &arguments, environment, progress).await?;
    progress.on(Event::Built { success: run.success, took: started.elapsed() });
    Ok(run)
}

/// The target with the glibc that the runtime has; cargo-zigbuild reads the suffix.
fn target(platform: Platform) -> String {
    let triple = platform.architecture.triple();
    match platform.runtime.glibc() {
        Some([major, minor, _]) => format!("{triple}.{major}.{minor}"),
        None => triple.to_owned(),
    }
}

/// A cargo command that can be stopped by dropping it, with no variables of an outer cargo.
pub(super) fn command(directory: &Path, environment: &Environment) -> Command {
    let mut command = Command::new(environment.cargo());
    command
        .current_dir(directory)
        .env_clear()
        .envs(environment.for_cargo())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(super) fn not_started(environment: &Environment, error: &std::io::Error) -> PackageError {
    PackageError::NoCargo { program: environment.cargo().to_string_lossy().into_owned(), message: error.to_string() }
}

async fn invoke(
    directory: &Path,
    arguments: &[String],
    environment: &Environment,
    progress: &dyn Progress,
) -> Result<Run, PackageError> {
    let failed = |e: std::io::Error| not_started(environment, &e);
    let mut child = command(directory, environment).args(arguments).spawn().map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut run = Run::default();
    let mut output = String::new();
    let messages = each_line(stdout, |line| run.message(line));
    let talk = each_line(stderr, |line| {
        progress.on(Event::Output { line });
        if !is_status(line) {
            output.push_str(line);
            output.push('\n');
        }
    });
    let (messages, talk) = tokio::join!(messages, talk);
    messages.and(talk).map_err(failed)?;
    run.success = child.wait().await.map_err(failed)?.success();
    run.output = output.trim().to_owned();
    Ok(run)
}

/// Hands over each line; text that is not UTF-8 is made so.
async fn each_line(stream: Option<impl AsyncRead + Unpin>, mut hand: impl FnMut(&str)) -> std::io::Result<()> {
    let Some(stream) = stream else { return Ok(()) };
    let (mut reader, mut line) = (BufReader::new(stream), Vec::new());
    while reader.read_until(b'\n', &mut line).await? > 0 {
        hand(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

/// Whether a line is cargo's progress ("   Compiling tiny v0.1.0"): a verb set flush right in twelve columns.
fn is_status(line: &str) -> bool {
    let Some((head, rest)) = line.split_at_checked(12) else {
        return false;
    };
    let verb = head.trim_start();
    rest.starts_with(' ')
        && verb.starts_with(|c: char| c.is_ascii_uppercase())
        && verb.chars().all(|c| c.is_ascii_alphabetic())
}

/// The package's name in cargo's package id: `…#name@1.0.0`, `…/name#1.0.0`, or before 1.77 `name 1.0.0 (…)`.
fn package_name(id: &str) -> &str {
    let Some((url, fragment)) = id.rsplit_once('#') else {
        return id.split(' ').next().unwrap_or(id);
    };
    match fragment.split_once('@') {
        Some((name, _)) => name,
        None => url.rsplit('/').next().unwrap_or(url),
    }
}

/// What a build script told cargo to watch.
struct Rules {
    any: bool,
    variables: BTreeSet<String>,
}

impl Rules {
    fn of(output: &str) -> Self {
        let rules = || output.lines().filter_map(|l| l.strip_prefix("cargo::").or_else(|| l.strip_prefix("cargo:")));
        Self {
            any: rules().any(|r| r.starts_with("rerun-if-")),
            variables: rules()
                .filter_map(|r| r.strip_prefix("rerun-if-env-changed="))
                .map(|name| name.trim().to_owned())
                .collect(),
        }
    }
}

/// Variables that `env!` and `option_env!` read in any crate of this build, from rustc's own dep-info files. Those that
/// cargo sets for each crate by itself are left out.
fn source_variables(executable: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(executable.with_file_name("deps"));
    let files = entries.into_iter().flatten().flatten().map(|e| e.path());
    let mut variables = BTreeSet::new();
    for file in files.filter(|f| f.extension().is_some_and(|e| e == "d")) {
        let text = fs::read_to_string(file).unwrap_or_default();
        let names = text.lines().filter_map(|l| l.strip_prefix("# env-dep:"));
        variables.extend(
            names
                .map(|n| n.split('=').next().unwrap_or(n))
                .filter(|n| !n.starts_with("CARGO_") && *n != "OUT_DIR")
                .map(str::to_owned),
        );
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::super::{Architecture, Runtime};
    use super::*;

    #[test]
    fn package_ids_of_every_cargo_are_read() {
        for id in ["path+file:///w/tiny#0.1.0", "path+file:///w/dir#tiny@0.1.0", "tiny 0.1.0 (path+file:///w/tiny)"] {
            assert_eq!(package_name(id), "tiny", "{id}");
        }
    }

    #[test]
    fn progress_lines_are_told_from_diagnostics() {
        assert!(is_status("   Compiling tiny v0.1.0 (/w)"));
        assert!(is_status("    Blocking waiting for file lock on build directory"));
        for line in ["error[E0308]: mismatched types", "  --> src/main.rs:1:13", "   |", "1  | fn main() {}", ""] {
            assert!(!is_status(line), "{line}");
        }
    }

    #[test]
    fn build_scripts_without_rules_cannot_be_tracked() {
        assert!(!Rules::of("cargo:rustc-cfg=x\n").any);
        let rules = Rules::of("cargo::rerun-if-env-changed=FOO\ncargo:rerun-if-changed=a.c\n");
        assert!(rules.any);
        assert_eq!(rules.variables, BTreeSet::from(["FOO".to_owned()]));
    }

    #[test]
    fn the_target_names_the_runtimes_glibc() {
        assert_eq!(
            target(Platform { architecture: Architecture::Arm64, runtime: Runtime::ProvidedAl2023 }),
            "aarch64-unknown-linux-gnu.2.34"
        );
    }
}
