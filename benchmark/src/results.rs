//! The stored measurements: `results.json`, and the tables and the chart generated from it.
//!
//! Measuring a part replaces that part; the others stay, with their own dates.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::calls::Summary;
use crate::cases::{Case, Operation};
use crate::{chart, machine, rates, table};

/// One operation, measured once.
pub struct Run {
    pub tool: String,
    pub case: Case,
    pub delay_ms: u64,
    pub operation: Operation,
    pub wall_s: f64,
    pub cpu_s: Option<f64>,
    pub peak_mib: Option<f64>,
    pub others: Option<f64>,
    pub calls: Summary,
    pub date: String,
}

/// The medians of an operation's runs.
#[derive(Clone, Debug)]
pub struct Row {
    pub tool: String,
    pub case: Case,
    pub delay_ms: u64,
    pub operation: Operation,
    pub wall_s: f64,
    pub cpu_s: Option<f64>,
    pub peak_mib: Option<f64>,
    pub calls: u64,
    /// The minimum seconds that these calls take on AWS, and the limiting rate.
    pub bound: Option<(f64, &'static str)>,
    pub others: f64,
    pub runs: u64,
    pub date: String,
}

pub struct Results {
    directory: PathBuf,
    all: Map<String, Value>,
}

impl Results {
    /// Reads the existing results.
    pub fn open(directory: &Path) -> Result<Self, String> {
        let path = directory.join("results.json");
        let all = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?,
            Err(_) => Map::new(),
        };
        Ok(Self { directory: directory.to_owned(), all })
    }

    pub fn set_version(&mut self, tool: &str, version: &str) {
        let versions = self.all.entry("versions").or_insert_with(|| json!({}));
        versions[tool] = json!(version);
    }

    /// Stores the results of one part of the benchmark.
    pub fn set(&mut self, section: &str, mut value: Value) {
        value["date"] = json!(machine::today());
        self.all.insert(section.to_owned(), value);
    }

    pub fn get(&self, section: &str) -> &Value {
        self.all.get(section).unwrap_or(&Value::Null)
    }

    pub fn add(&mut self, runs: &[Run]) {
        let mut groups: BTreeMap<String, Vec<&Run>> = BTreeMap::new();
        for run in runs {
            groups.entry(key(&run.tool, &run.case.to_string(), run.delay_ms, run.operation)).or_default().push(run);
        }
        let rows = self.all.entry("operations").or_insert_with(|| json!({}));
        for (key, runs) in groups {
            rows[&key] = medians(&runs);
        }
        if let Some(rows) = rows.as_object_mut() {
            rows.sort_keys();
        }
        self.all.insert("machine".to_owned(), machine::describe());
    }

    pub fn rows(&self) -> Vec<Row> {
        let rows = self.get("operations").as_object();
        rows.into_iter().flatten().filter_map(|(_, row)| Row::of(row)).collect()
    }

    pub fn tables(&self) -> String {
        table::all(self)
    }

    pub fn save(&self) -> Result<(), String> {
        let write = |name: &str, text: &str| {
            let path = self.directory.join(name);
            fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
        };
        fs::create_dir_all(&self.directory).map_err(|error| format!("{}: {error}", self.directory.display()))?;
        write("results.json", &self.json())?;
        write("results.md", &table::page(self))?;
        write("chart.svg", &chart::draw(&self.rows()))
    }

    /// Writes each operation on its own line, so that diffs show which ones changed.
    fn json(&self) -> String {
        let section = |(name, value): (&String, &Value)| {
            let lines = value.as_object().filter(|_| name == "operations").map(|rows| {
                let lines: Vec<String> = rows.iter().map(|(key, row)| format!("    {}: {row}", json!(key))).collect();
                format!("{{\n{}\n  }}", lines.join(",\n"))
            });
            format!("  {}: {}", json!(name), lines.unwrap_or_else(|| value.to_string()))
        };
        format!("{{\n{}\n}}\n", self.all.iter().map(section).collect::<Vec<_>>().join(",\n"))
    }
}

fn key(tool: &str, case: &str, delay_ms: u64, operation: Operation) -> String {
    format!("{case} {delay_ms} ms {} {tool}", operation.key())
}

fn medians(runs: &[&Run]) -> Value {
    let of = |value: &dyn Fn(&Run) -> Option<f64>| median(runs.iter().filter_map(|run| value(run)).collect());
    let walls: Vec<f64> = runs.iter().map(|run| round(run.wall_s, 3)).collect();
    // The calls are those of the run with the median time.
    let mut by_time: Vec<&&Run> = runs.iter().collect();
    by_time.sort_by(|a, b| a.wall_s.total_cmp(&b.wall_s));
    let middle = by_time[(by_time.len() - 1) / 2];
    let mut row = json!({
        "tool": middle.tool, "case": middle.case.to_string(), "delay_ms": middle.delay_ms,
        "operation": middle.operation.key(), "date": middle.date,
        "wall_s": of(&|run| Some(run.wall_s)).map(|value| round(value, 3)), "walls_s": walls,
        "cpu_s": of(&|run| run.cpu_s).map(|value| round(value, 2)),
        "peak_mib": of(&|run| run.peak_mib).map(|value| round(value, 1)),
        "others": of(&|run| run.others).map(|value| round(value, 2)),
    });
    if let (Some(row), Some(calls)) = (row.as_object_mut(), middle.calls.json().as_object()) {
        row.extend(calls.clone());
    }
    row
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

pub fn round(value: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (value * unit).round() / unit
}

impl Row {
    fn of(row: &Value) -> Option<Self> {
        Some(Self {
            tool: row["tool"].as_str()?.to_owned(),
            case: row["case"].as_str()?.parse().ok()?,
            delay_ms: row["delay_ms"].as_u64()?,
            operation: Operation::from_key(row["operation"].as_str()?)?,
            wall_s: row["wall_s"].as_f64()?,
            cpu_s: row["cpu_s"].as_f64(),
            peak_mib: row["peak_mib"].as_f64(),
            calls: row["calls"].as_u64()?,
            bound: rates::bound(row["actions"].as_object()?),
            others: row["others"].as_f64().unwrap_or(0.0),
            runs: row["walls_s"].as_array()?.len() as u64,
            date: row["date"].as_str()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn measuring_a_part_again_leaves_the_rest() {
        let run = |tool: &str, wall_s| Run {
            tool: tool.into(),
            case: Case::Couch,
            delay_ms: 50,
            operation: Operation::Apply,
            wall_s,
            cpu_s: None,
            peak_mib: Some(20.0),
            others: None,
            calls: Summary { calls: 7, ..Summary::default() },
            date: "2026-01-31".into(),
        };
        let directory = std::env::temp_dir().join("no-such-results");
        let mut results = Results::open(&directory).unwrap();
        results.add(&[run("deployer", 1.0), run("deployer", 3.0), run("deployer", 2.0), run("floor", 0.5)]);
        results.add(&[run("floor", 0.6)]);
        let walls: Vec<(String, f64)> = results.rows().into_iter().map(|row| (row.tool, row.wall_s)).collect();
        assert_eq!(walls, [("deployer".to_owned(), 2.0), ("floor".to_owned(), 0.6)]);
        assert_eq!(serde_json::from_str::<Map<String, Value>>(&results.json()).unwrap(), results.all);
    }
}
