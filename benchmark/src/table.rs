//! Renders the tables for people.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use crate::cases::{Case, Operation};
use crate::results::{Results, Row};

/// The tools in column order, with their names for people.
pub const TOOLS: &[(&str, &str)] = &[
    ("floor", "floor"),
    ("deployer", "deployer"),
    ("terraform", "Terraform"),
    ("sam", "SAM"),
    ("alchemy", "Alchemy"),
    ("chalice", "Chalice"),
    ("ansible", "Ansible"),
];
/// Largest accepted ratio of the deployer's time to the floor's.
const GOAL: f64 = 1.5;
/// Calls are the same at every delay; this delay's are shown.
const BOUND_DELAY_MS: u64 = 50;
/// Share of the machine used by other programs above which a figure is doubtful.
const NOISE: f64 = 0.25;

/// Renders the page `results.md`.
pub fn page(results: &Results) -> String {
    let machine = results.get("machine");
    let field = |name: &str| machine[name].as_str().map(str::to_owned).unwrap_or_else(|| machine[name].to_string());
    let mut page = "<!-- Written by `cargo xtask bench`. -->\n# Measured\n\n".to_owned();
    let _ = writeln!(
        page,
        "{} × {}, {} GiB, {}, {}. [How to read this](README.md).\n",
        field("processors"),
        field("processor"),
        field("memory_gib"),
        field("system"),
        field("rustc")
    );
    for (tool, version) in results.get("versions").as_object().into_iter().flatten() {
        let _ = writeln!(page, "- {tool}: {}", version.as_str().unwrap_or(""));
    }
    page.push_str("\n![Times of each tool on a logarithmic scale](chart.svg)\n");
    page.push_str(&all(results));
    page
}

/// Renders every table.
pub fn all(results: &Results) -> String {
    let rows = results.rows();
    let groups: BTreeSet<(Case, u64)> = rows.iter().map(|row| (row.case, row.delay_ms)).collect();
    let mut text = String::new();
    for (case, delay_ms) in groups {
        let group: Vec<&Row> = rows.iter().filter(|row| row.case == case && row.delay_ms == delay_ms).collect();
        let _ = write!(text, "\n## {}, {delay_ms} ms a call\n\n{}", title(case), operations(&group));
    }
    text.push_str(&bounds(&rows));
    if results.get("rated").is_object() {
        text.push_str(&rated(results.get("rated")));
    }
    text.push_str(&growth(&rows));
    for (section, heading) in [("size", "The binary by itself"), ("functions", "The functions"), ("build", "Building")]
    {
        let section = results.get(section);
        if section.is_object() {
            let _ = write!(text, "\n## {heading}\n\n{}", facts(section));
        }
    }
    text
}

pub fn title(case: Case) -> String {
    match case {
        Case::Couch => "Couch".to_owned(),
        Case::CouchCargo => "Couch, functions built by cargo".to_owned(),
        Case::Scaled(n) => format!("N = {n}"),
    }
}

fn operations(rows: &[&Row]) -> String {
    let tools: Vec<&(&str, &str)> = TOOLS.iter().filter(|(tool, _)| rows.iter().any(|row| row.tool == *tool)).collect();
    let mut text = "| |".to_owned();
    for (tool, title) in &tools {
        let ratio = if *tool == "floor" {
            ""
        } else if *tool == "deployer" {
            " × floor |"
        } else {
            " × deployer |"
        };
        let _ = write!(text, " {title} |{ratio}");
    }
    let columns = 2 * tools.len() - usize::from(tools.iter().any(|(tool, _)| *tool == "floor"));
    let _ = writeln!(text, "\n| --- |{}", " ---: |".repeat(columns));
    for operation in Operation::ALL.into_iter().filter(|operation| rows.iter().any(|row| row.operation == *operation)) {
        let _ = write!(text, "| {} |", operation.words());
        for (tool, _) in &tools {
            let row = find(rows, tool, operation);
            let _ = write!(text, " {} |", row.map_or("–".to_owned(), cell));
            let beside = if *tool == "deployer" { "floor" } else { "deployer" };
            if *tool != "floor" {
                let ratio = row.zip(find(rows, beside, operation)).map(|(row, beside)| row.wall_s / beside.wall_s);
                let _ = write!(text, " {} |", ratio.map_or("–".to_owned(), |ratio| times(ratio, *tool == "deployer")));
            }
        }
        text.push('\n');
    }
    let fewest = rows.iter().map(|row| row.runs).min().unwrap_or(0);
    let dates: BTreeSet<&str> = rows.iter().map(|row| row.date.as_str()).collect();
    let dates: Vec<&str> = dates.into_iter().collect();
    let _ = writeln!(text, "\nMedians of at least {fewest}, {}.", dates.join(", "));
    let doubtful = rows.iter().filter(|row| row.others > NOISE).count();
    if doubtful > 0 {
        let _ = writeln!(text, "\n`~`: others used more than {:.0} % of the processors meanwhile.", NOISE * 100.0);
    }
    text
}

/// Returns a tool's row of an operation. The deployer's first apply ends when the functions are Active, so it counts
/// for both rows.
pub fn find<'a>(rows: &[&'a Row], tool: &str, operation: Operation) -> Option<&'a Row> {
    let of = |operation| rows.iter().find(|row| row.tool == tool && row.operation == operation).copied();
    match operation {
        Operation::ApplyActive if tool == "deployer" => of(Operation::Apply),
        operation => of(operation),
    }
}

/// Lists the operations whose duration is limited by AWS's documented rates rather than by the distance.
fn bounds(rows: &[Row]) -> String {
    let looked_at = |row: &&Row| row.delay_ms == BOUND_DELAY_MS && row.operation != Operation::ApplyActive;
    let bound: Vec<&Row> = rows.iter().filter(looked_at).filter(|row| row.bound.is_some()).collect();
    let lines: BTreeSet<(Case, Operation)> = bound.iter().map(|row| (row.case, row.operation)).collect();
    if lines.is_empty() {
        return String::new();
    }
    let tools: Vec<&(&str, &str)> =
        TOOLS.iter().filter(|(tool, _)| bound.iter().any(|row| row.tool == *tool)).collect();
    let mut text = "\n## What AWS's rates make of it\n\nThe least time in which AWS accepts these calls by its documented rates, and which rate it is.\n\n| |".to_owned();
    text.extend(tools.iter().map(|(_, title)| format!(" {title} |")));
    let _ = writeln!(text, "\n| --- |{}", " ---: |".repeat(tools.len()));
    for (case, operation) in lines {
        let _ = write!(text, "| {}, {} |", title(case), operation.words());
        for (tool, _) in &tools {
            let of_line = |row: &&&Row| row.tool == *tool && row.case == case && row.operation == operation;
            let found = bound.iter().find(of_line).and_then(|row| row.bound);
            let _ = write!(text, " {} |", found.map_or("–".to_owned(), |(s, rate)| format!("{s:.1} s, {rate}")));
        }
        text.push('\n');
    }
    text
}

/// Renders the times measured while calls beyond the rates were refused.
pub fn rated(section: &Value) -> String {
    let mut text = "\n## On AWS's rates\n\nThe deployer behind a proxy that refuses calls beyond the documented rates, 50 ms a call.\n\n\
                    | | least by the rates | measured | calls | refused |\n| --- | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for (name, fact) in section.as_object().into_iter().flatten().filter(|(_, fact)| fact.is_object()) {
        let least = fact["least_s"].as_f64().zip(fact["rate"].as_str());
        let least = least.map_or("–".to_owned(), |(seconds, rate)| format!("{seconds:.1} s, {rate}"));
        let wall = seconds(fact["wall_s"].as_f64().unwrap_or(0.0));
        let _ = writeln!(text, "| {name} | {least} | {wall} s | {} | {} |", fact["calls"], fact["refused"]);
    }
    let _ = writeln!(text, "\nMeasured on {}.", section["date"].as_str().unwrap_or("an unknown day"));
    text
}

/// Renders how the cost of a plan without changes grows with the stack, without any delay.
fn growth(rows: &[Row]) -> String {
    let plans =
        rows.iter().filter(|row| row.tool == "deployer" && row.delay_ms == 0 && row.operation == Operation::NoopPlan);
    let mut plans: Vec<(usize, &Row)> = plans.filter_map(|row| Some((row.case.copies()?, row))).collect();
    plans.sort_by_key(|(copies, _)| *copies);
    if plans.len() < 2 {
        return String::new();
    }
    let mut text = "\n## Growth\n\nA plan with nothing to do, no delay; for each copy of {role, function, queue, mapping, alarm}.\n\n".to_owned();
    text.push_str("| copies | calls | for each | processor | for each | peak memory |\n| ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (copies, row) in plans {
        let each = |value: f64| value / copies as f64;
        let cpu = row.cpu_s.unwrap_or(0.0);
        let _ = writeln!(
            text,
            "| {copies} | {} | {:.1} | {cpu:.2} s | {:.1} ms | {:.0} MiB |",
            row.calls,
            each(row.calls as f64),
            each(cpu) * 1000.0,
            row.peak_mib.unwrap_or(0.0)
        );
    }
    text
}

fn cell(row: &Row) -> String {
    let noisy = if row.others > NOISE { "~" } else { "" };
    let memory = row.peak_mib.filter(|_| row.tool != "floor").map_or(String::new(), |mib| format!(" · {mib:.0} MiB"));
    format!("{noisy}{} s{memory} · {} calls", seconds(row.wall_s), row.calls)
}

/// Formats seconds with a useful number of digits.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        0.0..1.0 => format!("{seconds:.3}"),
        1.0..10.0 => format!("{seconds:.2}"),
        _ => format!("{seconds:.1}"),
    }
}

fn times(ratio: f64, has_goal: bool) -> String {
    let text = if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") };
    if has_goal && ratio > GOAL { format!("**{text}**") } else { text }
}

/// Renders a section's members as a table: `{name: {measured, goal, beside}}`, where `beside` is the result in Python.
pub fn facts(section: &Value) -> String {
    let facts: Vec<(&String, &Value)> =
        section.as_object().into_iter().flatten().filter(|(_, fact)| fact.is_object()).collect();
    let beside = facts.iter().any(|(_, fact)| fact.get("beside").is_some());
    let (title, rule) = if beside { (" in Python |", " ---: |") } else { ("", "") };
    let mut text = format!("| | measured | goal |{title}\n| --- | ---: | ---: |{rule}\n");
    for (name, fact) in facts {
        let show = |name: &str| fact[name].as_str().unwrap_or_default();
        let last = if beside { format!(" {} |", show("beside")) } else { String::new() };
        let _ = writeln!(text, "| {name} | {} | {} |{last}", show("measured"), show("goal"));
    }
    let _ = writeln!(text, "\nMeasured on {}.", section["date"].as_str().unwrap_or("an unknown day"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tool: &str, operation: Operation, wall_s: f64) -> Row {
        Row {
            tool: tool.into(),
            case: Case::Couch,
            delay_ms: 50,
            operation,
            wall_s,
            cpu_s: None,
            peak_mib: None,
            calls: 7,
            bound: None,
            others: 0.0,
            runs: 3,
            date: "2026-01-31".into(),
        }
    }

    #[test]
    fn one_first_apply_of_the_deployer_stands_beside_the_floor_that_waits_and_the_one_that_does_not() {
        let rows = [
            row("floor", Operation::Apply, 0.4),
            row("floor", Operation::ApplyActive, 0.8),
            row("deployer", Operation::Apply, 1.0),
            row("terraform", Operation::Apply, 30.0),
        ];
        let table = operations(&rows.iter().collect::<Vec<_>>());
        assert!(table.contains("| first apply | 0.400 s · 7 calls | 1.00 s · 7 calls | **2.50** | 30.0 s"), "{table}");
        let waiting = "| first apply, functions Active | 0.800 s · 7 calls | 1.00 s · 7 calls | 1.25 | – | – |";
        assert!(table.contains(waiting), "{table}");
        assert!(!table.contains("destroy"), "a row that nobody was measured in: {table}");
    }
}
