//! Counts the processor's instructions while a large stack is checked and planned. Unlike times, counts are the same on
//! a busy machine.
//!
//! The gate runs two unit tests of the deployer in the profile of the test build. A release build takes longer than all
//! tests together, and a change that makes the program do more work shows in both. Callgrind counts only inside the
//! functions named here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::contest;
use crate::machine::first_line;
use crate::options::Options;
use xtask::{cargo, succeeds};

/// (name, test, function whose instructions are counted)
const COUNTED: &[(&str, &str, &str)] = &[
    ("check", "plan::tests::large::a_large_stack_is_checked", "deployer::pipeline::check::check"),
    ("plan", "plan::tests::large::a_large_stack_has_nothing_to_do_after_apply", "deployer::plan::planner::plan"),
];
/// Largest accepted increase, as a fraction.
const ALLOWED: f64 = 0.05;

pub fn run(options: &Options) -> Result<(), String> {
    let valgrind = succeeds(Command::new("valgrind").arg("--version"));
    if !valgrind && !options.check {
        return Err("valgrind is not installed: on Debian and Ubuntu `apt install valgrind`".to_owned());
    }
    let file = options.out.join("instructions.json");
    let here = json!({ "rustc": first_line("rustc", &["--version"]), "architecture": std::env::consts::ARCH });
    let kept = fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    if options.check {
        let kept = kept.as_ref().ok_or_else(|| format!("{} is missing: {RECORD}", file.display()))?;
        if let Some(reason) = skipped(valgrind, kept, &here) {
            println!("skipped  {reason}");
            return Ok(());
        }
    }
    let binary = build()?;
    let scratch = contest::scratch()?;
    let mut counts = json!({});
    for (name, test, function) in COUNTED {
        counts[*name] = json!(count(&binary, test, function, &scratch)?);
    }
    if options.check {
        return compare(&kept.unwrap_or_default()["instructions"], &counts);
    }
    let text = format!(
        "{{\n  \"rustc\": {},\n  \"architecture\": {},\n  \"instructions\": {counts}\n}}\n",
        here["rustc"], here["architecture"]
    );
    fs::create_dir_all(&options.out).map_err(|error| format!("{}: {error}", options.out.display()))?;
    fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    println!("{counts} kept in {}", file.display());
    Ok(())
}

const RECORD: &str = "`cargo xtask bench instructions` counts and keeps the counts";

/// Returns the reason for which the check cannot compare counts on this machine.
fn skipped(valgrind: bool, kept: &Value, here: &Value) -> Option<String> {
    if !valgrind {
        return Some("valgrind is not installed, so no instructions are counted".to_owned());
    }
    let differs = ["rustc", "architecture"].into_iter().find(|name| kept[*name] != here[*name])?;
    Some(format!("the kept counts are of {}, and this machine has {}; {RECORD}", kept[differs], here[differs]))
}

/// Builds the deployer's unit tests in the same way as `cargo xtask test`, and returns the binary.
fn build() -> Result<PathBuf, String> {
    let output = cargo::cargo()
        .args(["test", "--workspace", "--lib", "--bins", "--no-run", "--message-format=json"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let binary = unit_tests_of(&String::from_utf8_lossy(&output.stdout), "deployer");
    binary.filter(|_| output.status.success()).ok_or_else(|| "the unit tests could not be built".to_owned())
}

/// Runs one test under callgrind.
fn count(binary: &Path, test: &str, function: &str, scratch: &Path) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", scratch.join("callgrind.out").display()))
        .arg(format!("--toggle-collect={function}"))
        .arg(binary)
        .args(["--exact", test, "--test-threads=1"])
        .output()
        .map_err(|error| format!("cannot run valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok()).filter(|count| *count > 0);
    match count {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!("{test} could not be counted:\n{}{said}", String::from_utf8_lossy(&output.stdout))),
    }
}

fn compare(kept: &Value, counts: &Value) -> Result<(), String> {
    let mut grown = Vec::new();
    for (name, _, _) in COUNTED {
        let (before, now) = (kept[*name].as_f64().unwrap_or(0.0), counts[*name].as_f64().unwrap_or(0.0));
        let growth = now / before - 1.0;
        println!("{name}: {now} instructions, {:+.1} % of {before}", growth * 100.0);
        if growth.is_nan() || growth > ALLOWED {
            grown.push(*name);
        } else if growth < -ALLOWED {
            println!("{name} has become faster: {RECORD}");
        }
    }
    if grown.is_empty() {
        return Ok(());
    }
    let limit = ALLOWED * 100.0;
    Err(format!(
        "{} takes over {limit:.0} % more instructions than before; if that has to be, {RECORD}",
        grown.join(", ")
    ))
}

/// Finds the unit tests' binary among cargo's messages.
fn unit_tests_of(messages: &str, package: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut binaries = messages.filter(|message| {
        let target = &message["target"];
        target["name"] == package && target["kind"] == json!(["lib"]) && message["profile"]["test"] == true
    });
    binaries.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_skipped_with_a_reason_where_counts_cannot_be_compared() {
        let here = json!({ "rustc": "rustc 1.95.0", "architecture": "x86_64" });
        assert_eq!(skipped(true, &here, &here), None);
        assert!(skipped(false, &here, &here).unwrap().starts_with("valgrind is not installed"));
        for (name, other) in [("rustc", "rustc 1.96.0"), ("architecture", "aarch64")] {
            let mut kept = here.clone();
            kept[name] = json!(other);
            let reason = skipped(true, &kept, &here).unwrap();
            assert!(reason.starts_with(&format!("the kept counts are of \"{other}\"")), "{reason}");
        }
    }

    #[test]
    fn five_percent_more_instructions_fail_and_fewer_do_not() {
        let kept = json!({ "check": 1000, "plan": 1000 });
        assert!(compare(&kept, &json!({ "check": 1049, "plan": 10 })).is_ok());
        let refused = compare(&kept, &json!({ "check": 1000, "plan": 1051 })).unwrap_err();
        assert!(refused.starts_with("plan takes over 5 % more"), "{refused}");
        assert!(compare(&json!({}), &kept).is_err());
    }
}
