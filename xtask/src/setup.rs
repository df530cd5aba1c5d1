//! Checks that the machine has what the other tasks need.

use std::process::Command;

use xtask::{cargo, succeeds};

/// Python code that ends without an error if this Python can create the local cloud's virtual environment.
const CHECK_PYTHON: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
const PYTHONS: &[&str] = &["python3", "python3.13", "python3.12", "python3.11", "python3.10"];

/// Reports every check; `Err` when a required program is missing.
pub fn run() -> Result<(), String> {
    let python = PYTHONS.iter().find(|python| succeeds(Command::new(python).args(["-I", "-c", CHECK_PYTHON])));
    let git = succeeds(Command::new("git").arg("--version"));
    report(python.is_some(), "Python 3.10 or newer with its venv module, for the local cloud");
    report(git, "git");
    if cargo::has_nextest() {
        report(true, "cargo-nextest");
    } else {
        println!("without  cargo-nextest: tests run with `cargo test` instead, which is slower");
    }
    if python.is_none() {
        return Err("install Python 3.10 or newer; on Debian and Ubuntu with `apt install python3-venv`".to_owned());
    }
    if !git {
        return Err("install git".to_owned());
    }
    println!("The first `cargo xtask demo` installs the local cloud's emulator into your cache directory.");
    Ok(())
}

fn report(found: bool, what: &str) {
    println!("{}  {what}", if found { "found  " } else { "MISSING" });
}
