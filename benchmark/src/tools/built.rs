//! Functions that cargo builds: a small workspace around the stack, and a `cargo` that records each start.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Place, Tool, set_environment};
use crate::cases::Case;

const MANIFEST: &str = "\
[workspace]

[package]
name = \"couch\"
version = \"0.1.0\"
edition = \"2021\"

[profile.release]
strip = true
";
/// The functions are never called.
const PROGRAM: &str = "fn main() {\n    println!(\"NAME\");\n}\n";
/// The function's code in the stack that all tools share.
const READY: &str = "    zip: fn.zip\n    runtime: python3.12\n    handler: index.handler\n";
/// Names of Couch's functions and of the package's binaries, in the order of the stack.
const NAMES: [&str; 2] = ["couch-api", "couch-worker"];
/// Variables that locate cargo, rustup and their settings.
const KEPT: [&str; 3] = ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];

/// Tells whether this machine's cargo builds for Lambda without further tools.
pub fn can_be() -> bool {
    cfg!(target_os = "linux") && architecture().is_some()
}

fn architecture() -> Option<&'static str> {
    match env::consts::ARCH {
        "x86_64" => Some("x86_64"),
        "aarch64" => Some("arm64"),
        _ => None,
    }
}

/// Writes the workspace unless it exists: a rewritten source counts as changed.
pub fn write(directory: &Path) -> io::Result<()> {
    if directory.join("Cargo.toml").exists() {
        return Ok(());
    }
    fs::create_dir_all(directory.join("src/bin"))?;
    fs::create_dir_all(shims(directory))?;
    for name in NAMES {
        fs::write(directory.join(format!("src/bin/{name}.rs")), PROGRAM.replace("NAME", name))?;
    }
    let shim = shims(directory).join("cargo");
    let log = notes(directory);
    fs::write(
        &shim,
        format!("#!/bin/sh\necho \"cargo $*\" >> '{}'\nexec '{}' \"$@\"\n", log.display(), cargo().display()),
    )?;
    #[cfg(unix)]
    fs::set_permissions(&shim, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    fs::write(directory.join("Cargo.toml"), MANIFEST)
}

/// Returns Couch's stack with code from that workspace.
pub fn stack(couch: &str) -> String {
    NAMES.iter().fold(couch.to_owned(), |text, name| {
        let architecture = architecture().unwrap_or_default();
        text.replacen(READY, &format!("    crate: couch\n    bin: {name}\n    architecture: {architecture}\n"), 1)
    })
}

/// Builds the functions, and lets the deployer notice that everything is built.
pub fn prepare(place: &Place, deployer: &dyn Tool, binary: &Path) -> Result<(), String> {
    let mut build = Command::new(shims(place.directory).join("cargo"));
    build.args(["build", "--release", "--quiet"]);
    let mut plan = Command::new(binary);
    plan.arg("plan");
    for mut command in [build, plan] {
        set_environment(&mut command, place, deployer);
        let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            return Err(format!("the functions could not be built:\n{}", String::from_utf8_lossy(&said)));
        }
    }
    // One start is this function's own. Without a second one, the check after the measurement would notice nothing.
    if starts(place.directory).lines().count() < 2 {
        return Err("the deployer started no cargo for functions that it had not seen before".to_owned());
    }
    fs::remove_file(notes(place.directory)).map_err(|error| format!("cannot forget cargo's starts: {error}"))
}

/// Fails if cargo was started after everything was built.
pub fn check(place: &Place) -> Result<(), String> {
    match (place.case, starts(place.directory)) {
        (Case::CouchCargo, starts) if !starts.is_empty() => {
            Err(format!("all functions were built, and it started:\n{starts}"))
        }
        _ => Ok(()),
    }
}

/// Returns the variables that put the recording `cargo` first on the path.
pub fn environment(directory: &Path) -> Vec<(&'static str, String)> {
    let path = env::var("PATH").unwrap_or_default();
    let kept = KEPT.iter().filter_map(|name| Some((*name, env::var(name).ok()?)));
    kept.chain([("PATH", format!("{}:{path}", shims(directory).display()))]).collect()
}

fn starts(directory: &Path) -> String {
    fs::read_to_string(notes(directory)).unwrap_or_default()
}

fn notes(directory: &Path) -> PathBuf {
    directory.join("cargo-starts.log")
}

fn shims(directory: &Path) -> PathBuf {
    directory.join("shims")
}

/// Returns the cargo that runs this program, or else the one on the path.
fn cargo() -> PathBuf {
    let on_path = || {
        let path = env::var_os("PATH")?;
        env::split_paths(&path).map(|directory| directory.join("cargo")).find(|file| file.is_file())
    };
    env::var_os("CARGO").map(PathBuf::from).or_else(on_path).unwrap_or_else(|| "cargo".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_functions_of_couch_have_their_code_from_cargo() {
        let couch = fs::read_to_string(crate::tools::stack_file("deployer/couch.yaml")).unwrap();
        let stack = stack(&couch);
        assert!(!stack.contains("zip:") && !stack.contains("python"), "{stack}");
        for name in NAMES {
            assert!(stack.contains(&format!("    name: {name}\n    crate: couch\n    bin: {name}\n")), "{stack}");
        }
    }
}
