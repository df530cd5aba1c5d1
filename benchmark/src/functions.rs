//! Measures the functions: how fast they start and answer, and how much memory they need. `benchmark/python/functions.py`
//! takes the measurements.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::options::Options;
use crate::results::Results;
use crate::{table, worker};
use xtask::{cargo, succeeds};

/// Number of fresh processes for each figure; slow figures use a quarter of them.
const RUNS: &str = "20";
const PYTHONS: &[&str] = &["python3", "python"];

pub fn run(options: &Options) -> Result<(), String> {
    let built = build()?;
    let mut section = facts(&measure(&built)?);
    worker::add_facts(&mut section, &worker::measure(&built)?);
    let mut results = Results::open(&options.out)?;
    results.set("functions", section);
    println!("{}", table::facts(results.get("functions")));
    results.save()
}

/// Builds the functions as released and returns their directory.
fn build() -> Result<PathBuf, String> {
    cargo::run(cargo::cargo().args(["build", "--profile", "lambda", "--package", "functions"]))?;
    Ok(cargo::target_directory()?.join("lambda"))
}

fn measure(built: &Path) -> Result<Value, String> {
    let interpreter = interpreter()?;
    let (http, queue) = (built.join("generate-image"), built.join("image-worker"));
    let mut arguments: Vec<&OsStr> = vec!["functions.py".as_ref()];
    arguments.extend(["--http".as_ref(), http.as_os_str(), "--queue".as_ref(), queue.as_os_str()]);
    arguments.extend(["--runs", RUNS].map(OsStr::new));
    if runs(interpreter, "import boto3") {
        arguments.extend(["--python", interpreter].map(OsStr::new));
    } else {
        eprintln!("without the same in Python: `{interpreter}` has no boto3");
    }
    python(arguments)
}

/// Runs a script of `benchmark/python`, the first of `arguments`, and returns the JSON that it prints.
pub fn python<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<Value, String> {
    let interpreter = interpreter()?;
    let mut command = Command::new(interpreter);
    // Writes no compiled copies of the scripts beside them.
    command.current_dir(cargo::root().join("benchmark/python")).arg("-B").args(arguments);
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| format!("cannot run {interpreter}: {error}"))?;
    if !output.status.success() {
        return Err("the functions could not be measured".to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("the script printed no JSON: {error}"))
}

fn interpreter() -> Result<&'static str, String> {
    let found = PYTHONS.iter().find(|python| runs(python, "import ssl"));
    found.copied().ok_or_else(|| "Python 3 is not installed".to_owned())
}

fn runs(python: &str, script: &str) -> bool {
    succeeds(Command::new(python).args(["-c", script]))
}

/// (name, scenario, figure, unit, goal)
const FACTS: &[(&str, &str, &str, &str, &str)] = &[
    ("HTTP: start to first poll", "http", "init_ms", "ms", "≤ 8 ms"),
    ("HTTP: first event", "http", "first_ms", "ms", "≤ 8 ms"),
    ("HTTP: warm event", "http", "warm_ms", "ms", "≤ 2 ms"),
    ("HTTP: peak memory", "http", "peak_mib", "MiB", "≤ 10 MiB"),
    ("queue: start to first poll", "queue", "init_ms", "ms", "≤ 8 ms"),
    ("queue: first event", "queue", "first_ms", "ms", "≤ 8 ms"),
    ("queue: peak memory", "queue", "peak_mib", "MiB", "≤ 10 MiB"),
    ("batch of ten, model 0.6 s, pictures of 0.8 MB", "batch", "total_ms", "ms", "≤ 750 ms"),
    ("batch of ten: peak memory", "batch", "peak_mib", "MiB", ""),
    ("picture of 3 MB: peak memory", "large", "peak_mib", "MiB", "≤ 25 MiB"),
];

fn facts(measured: &Value) -> Value {
    let mut section = json!({});
    for (name, scenario, figure, unit, goal) in FACTS {
        let of = |language: &str| {
            let value = &measured[language][scenario][figure];
            value.as_f64().map(|value| format!("{value:.1} {unit}"))
        };
        let mut fact = json!({ "measured": of("rust"), "goal": goal });
        if let Some(python) = of("python") {
            fact["beside"] = json!(python);
        }
        section[*name] = fact;
    }
    for (name, function) in [("generate-image", "http"), ("image-worker", "queue")] {
        let size = format!("{} MB", measured["zip_mb"][function]);
        section[format!("zip of {name}")] = json!({ "measured": size, "goal": "≤ 3 MB" });
    }
    section
}
