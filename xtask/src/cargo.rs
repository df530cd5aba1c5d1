//! Runs cargo in this workspace.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::succeeds;

/// Returns the workspace's directory.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Runs every test of the workspace; `arguments` go to the runner.
pub fn test(arguments: &[String]) -> Result<(), String> {
    let mut command = cargo();
    if has_nextest() {
        command.args(["nextest", "run", "--workspace"]);
    } else {
        eprintln!("cargo-nextest is not installed: running the tests with `cargo test`");
        command.args(["test", "--workspace"]);
    }
    run(command.args(arguments))
}

/// Writes the generated documents: the tests that check them write them if UPDATE is set.
pub fn docs() -> Result<(), String> {
    run(cargo().args(["test", "--workspace", "--lib", "--bins", "--quiet", "up_to_date"]).env("UPDATE", "1"))
}

/// Checks formatting and lints.
pub fn lint() -> Result<(), String> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Builds the packages' binaries and returns their directory.
pub fn build(packages: &[&str]) -> Result<PathBuf, String> {
    let mut command = cargo();
    command.arg("build");
    for package in packages {
        command.args(["--package", package]);
    }
    run(&mut command)?;
    Ok(target_directory()?.join("debug"))
}

/// Replaces this process by a package's binary, so that its exit code is this process's. Returns only if cargo cannot
/// be started. The binary runs in the caller's directory, to which paths in `arguments` are relative.
pub fn become_binary(package: &str, arguments: &[String]) -> String {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", package, "--manifest-path"]).arg(root().join("Cargo.toml"));
    command.arg("--").args(arguments);
    match env::current_dir() {
        Ok(directory) => format!("cannot run cargo: {}", command.current_dir(directory).exec()),
        Err(error) => format!("cannot read the current directory: {error}"),
    }
}

/// Tells whether cargo-nextest is installed.
pub fn has_nextest() -> bool {
    succeeds(cargo().args(["nextest", "--version"]))
}

/// Returns cargo's target directory.
pub fn target_directory() -> Result<PathBuf, String> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata answered no JSON: {error}"))?;
    let directory = metadata["target_directory"].as_str();
    directory.map(PathBuf::from).ok_or_else(|| "cargo metadata names no target directory".to_owned())
}

/// Returns a cargo command in the workspace.
///
/// Removes the variables that the outer cargo sets about this package. Build scripts read them, so a crate built by a
/// person's own cargo would otherwise be rebuilt by this one, and the other way round.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let ours = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];
    for (name, _) in env::vars_os() {
        if ours.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command.current_dir(root());
    command
}

/// Prints and runs a cargo command.
pub fn run(command: &mut Command) -> Result<(), String> {
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    let line = format!("cargo {}", arguments.join(" "));
    eprintln!("$ {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed ({status})")),
        Err(error) => Err(format!("cannot run `{line}`: {error}")),
    }
}
