//! The result of one cargo run: the executables it named, the build scripts it ran, and its output for people.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

use super::job::{Builder, BuiltExecutable, Job};
use super::seen::FileStamp;
use super::{BuildEvent, BuildProgress};

/// A phrase that all versions of cargo print when `--locked` prevents a change. Cargo has no code for this.
const LOCK_OUTDATED: &str = "--locked was passed to prevent this";

/// The result of one invocation.
#[derive(Debug, Default)]
pub(super) struct CargoRun {
    pub success: bool,
    /// Cargo's output for people, without its progress lines.
    pub output: String,
    executables: Vec<(String, String, PathBuf)>,
    scripts: Vec<Script>,
}

/// A build script that ran, now or in an earlier build.
#[derive(Debug)]
struct Script {
    /// Tells whether it belongs to a package that people edit here, not to a registry's.
    local: bool,
    output: PathBuf,
}

impl CargoRun {
    /// Finds a job's executable among those that this invocation named.
    pub fn find_executable(&self, job: &Job, builder: Builder) -> Option<BuiltExecutable> {
        let (_, _, path) =
            self.executables.iter().find(|(package, bin, _)| *package == job.package && *bin == job.bin)?;
        let mut made = BuiltExecutable {
            executable: FileStamp::of(path)?,
            path: path.clone(),
            builder,
            tracked: true,
            variables: source_variables(path),
        };
        for script in &self.scripts {
            let text = fs::read_to_string(&script.output).unwrap_or_default();
            let rules = RerunRules::of(&text);
            made.tracked &= !script.local || rules.any;
            made.variables.extend(rules.variables);
        }
        Some(made)
    }

    /// Tells whether cargo refused to go on because Cargo.lock would have to change.
    pub fn lock_is_outdated(&self) -> bool {
        self.output.contains(LOCK_OUTDATED)
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

/// Runs cargo to its end, and reports each line of its output for people.
///
/// # Errors
/// If it cannot be started. A failed build is no error here: see [`CargoRun::success`].
pub(super) async fn watch(mut command: Command, progress: &dyn BuildProgress) -> std::io::Result<CargoRun> {
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut run = CargoRun::default();
    let mut output = String::new();
    let messages = each_line(stdout, |line| run.message(line));
    let talk = each_line(stderr, |line| {
        progress.on(BuildEvent::Output { line });
        if !is_status(line) {
            output.push_str(line);
            output.push('\n');
        }
    });
    let (messages, talk) = tokio::join!(messages, talk);
    messages.and(talk)?;
    run.success = child.wait().await?.success();
    run.output = output.trim().to_owned();
    Ok(run)
}

/// Calls `hand` with each line; invalid UTF-8 is replaced.
async fn each_line(stream: Option<impl AsyncRead + Unpin>, mut hand: impl FnMut(&str)) -> std::io::Result<()> {
    let Some(stream) = stream else { return Ok(()) };
    let (mut reader, mut line) = (BufReader::new(stream), Vec::new());
    while reader.read_until(b'\n', &mut line).await? > 0 {
        hand(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

/// Tells whether a line is cargo's progress ("   Compiling tiny v0.1.0"): a verb aligned right in twelve columns.
fn is_status(line: &str) -> bool {
    let Some((head, rest)) = line.split_at_checked(12) else {
        return false;
    };
    let verb = head.trim_start();
    rest.starts_with(' ')
        && verb.starts_with(|c: char| c.is_ascii_uppercase())
        && verb.chars().all(|c| c.is_ascii_alphabetic())
}

/// Extracts the package's name from cargo's package id: `…#name@1.0.0`, `…/name#1.0.0`, or before 1.77 `name 1.0.0
/// (…)`.
fn package_name(id: &str) -> &str {
    let Some((url, fragment)) = id.rsplit_once('#') else {
        return id.split(' ').next().unwrap_or(id);
    };
    match fragment.split_once('@') {
        Some((name, _)) => name,
        None => url.rsplit('/').next().unwrap_or(url),
    }
}

/// The files and variables that a build script tells cargo to watch.
struct RerunRules {
    any: bool,
    variables: BTreeSet<String>,
}

impl RerunRules {
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

/// Returns the variables that `env!` and `option_env!` read in any crate of this build, from rustc's own dep-info
/// files. Variables that cargo itself sets for each crate are left out.
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
        assert!(!RerunRules::of("cargo:rustc-cfg=x\n").any);
        let rules = RerunRules::of("cargo::rerun-if-env-changed=FOO\ncargo:rerun-if-changed=a.c\n");
        assert!(rules.any);
        assert_eq!(rules.variables, BTreeSet::from(["FOO".to_owned()]));
    }
}
