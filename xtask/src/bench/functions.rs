//! Measures the functions: how fast they start and answer, and how much memory they need. `xtask/bench/functions.py`
//! takes the measurements.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::options::Options;
use super::results::Results;
use super::{cloud, table};
use crate::cargo;

/// Number of fresh processes for each figure; slow figures use a quarter of them.
const RUNS: &str = "20";
const PYTHONS: &[&str] = &["python3", "python"];

pub fn run(options: &Options) -> Result<(), String> {
    let built = cargo::build_functions()?;
    let measured = measure(&built)?;
    let mut results = Results::open(&options.out)?;
    results.set("functions", facts(&measured));
    println!("{}", table::facts(results.get("functions")));
    results.save()
}

fn measure(built: &Path) -> Result<Value, String> {
    let python = PYTHONS.iter().find(|python| runs(python, "import ssl")).ok_or("Python 3 is not installed")?;
    let mut command = Command::new(python);
    command
        .arg(cargo::root().join("xtask/bench/functions.py"))
        .arg("--http")
        .arg(built.join("generate-image"))
        .arg("--queue")
        .arg(built.join("image-worker"))
        .args(["--runs", RUNS]);
    if runs(python, "import boto3") {
        command.args(["--python", python]);
    } else {
        eprintln!("without the same in Python: `{python}` has no boto3");
    }
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| format!("cannot run {python}: {error}"))?;
    if !output.status.success() {
        return Err("the functions could not be measured".to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("functions.py printed no JSON: {error}"))
}

fn runs(python: &str, script: &str) -> bool {
    cloud::quiet(Command::new(python).args(["-c", script])).is_ok_and(|status| status.success())
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
