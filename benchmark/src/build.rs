//! Measures builds, from nothing and after one file was touched.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use serde_json::{Value, json};

use crate::contest;
use crate::options::Options;
use crate::results::Results;
use crate::table;
use xtask::cargo;

/// A file whose change makes cargo build most of the crate again.
const TOUCHED: &str = "deployer/src/plan/diff.rs";

pub fn run(options: &Options) -> Result<(), String> {
    let directory = contest::scratch()?.join("build");
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    let cargo = |arguments: &[&str]| {
        let mut command = cargo::cargo();
        command.args(arguments).env("CARGO_TARGET_DIR", &directory);
        seconds(command)
    };
    // Downloads must not count as compile time.
    cargo(&["fetch"])?;
    let tests = cargo(&["test", "--workspace", "--no-run"])?;
    let binaries = ["build", "--workspace", "--bins"];
    cargo(&binaries)?;
    touch()?;
    let again = cargo(&binaries)?;
    let release = cargo(&["build", "--release", "--package", "deployer"])?;
    let mut results = Results::open(&options.out)?;
    results.set(
        "build",
        json!({
            "all tests, from nothing": fact(tests, "about 240 s"),
            format!("the binaries, after `touch {TOUCHED}`"): fact(again, "about 3 s"),
            "the release binary, from nothing": fact(release, "6 to 8 min"),
        }),
    );
    println!("{}", table::facts(results.get("build")));
    results.save()?;
    fs::remove_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))
}

fn fact(seconds: f64, goal: &str) -> Value {
    json!({ "measured": format!("{seconds:.1} s"), "goal": goal })
}

fn touch() -> Result<(), String> {
    let path = cargo::root().join(TOUCHED);
    let file = File::options().append(true).open(&path);
    file.and_then(|file| file.set_modified(SystemTime::now())).map_err(|error| format!("{}: {error}", path.display()))
}

fn seconds(mut command: Command) -> Result<f64, String> {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(start.elapsed().as_secs_f64()) } else { Err("the build failed".to_owned()) }
}
