//! Measures the binary by itself: its size, how fast it starts, and how fast it checks a large stack.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::contest;
use crate::measure;
use crate::options::Options;
use crate::results::{Results, median, round};
use crate::table;
use crate::tools::{scaled_stack, write_zip};

/// Number of copies of six resources: queue, log group, role, function, mapping, alarm.
const COPIES: usize = 167;
const STARTS: usize = 30;

pub fn run(options: &Options) -> Result<(), String> {
    let binary = contest::deployer(options)?;
    let directory = contest::scratch()?.join("size");
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    fs::create_dir_all(&directory).map_err(failed)?;
    write_stack(&directory, COPIES).map_err(failed)?;
    let bytes = fs::metadata(&binary).map_err(failed)?.len();
    let help = median_ms(&binary, &["--help"], &directory)?;
    let validate = median_ms(&binary, &["validate", "--quiet"], &directory)?;
    let mut command = Command::new(&binary);
    command.args(["validate", "--quiet"]).current_dir(&directory);
    let memory = measure::run(command, &directory.join("validate.log"), &[])?.peak_mib;
    let mut section = json!({
        "binary": { "measured": format!("{:.1} MB", bytes as f64 / 1e6), "goal": "≤ 15 MB" },
        "`--help`": { "measured": format!("{help} ms"), "goal": "< 10 ms" },
        "`validate` of 1,002 resources": { "measured": format!("{validate} ms"), "goal": "< 100 ms" },
    });
    if let Some(memory) = memory {
        section["`validate` of 1,002 resources, peak memory"] = json!({ "measured": format!("{memory:.0} MiB") });
    }
    let mut results = Results::open(&options.out)?;
    for (name, case) in [("Couch", "couch"), ("N = 100", "scaled-100")] {
        if let Some(peak) = peak(&results, case) {
            let goal = if case == "couch" { "≤ 40 MiB" } else { "≤ 80 MiB" };
            section[format!("peak memory, any operation on {name}")] =
                json!({ "measured": format!("{peak:.0} MiB"), "goal": goal });
        }
    }
    results.set("size", section);
    println!("{}", table::facts(results.get("size")));
    results.save()
}

/// Writes a stack with `copies` of {queue, function, alarm}, and the code that it names.
pub fn write_stack(directory: &Path, copies: usize) -> std::io::Result<()> {
    write_zip(&directory.join("fn.zip"))?;
    fs::write(directory.join("stack.yaml"), scaled_stack(copies).replace("MEMORY", "512"))
}

/// Returns the largest peak memory of any measured operation on a case.
fn peak(results: &Results, case: &str) -> Option<f64> {
    let rows = results.rows();
    let peaks = rows.iter().filter(|row| row.tool == "deployer" && row.case.to_string() == case);
    peaks.filter_map(|row| row.peak_mib).max_by(f64::total_cmp)
}

fn median_ms(binary: &Path, arguments: &[&str], directory: &Path) -> Result<Value, String> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let status = Command::new(binary)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("cannot run {}: {error}", binary.display()))?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        if !status.success() {
            return Err(format!("`deployer {}` ended with {status}", arguments.join(" ")));
        }
    }
    Ok(json!(round(median(times).unwrap_or(0.0), 1)))
}
