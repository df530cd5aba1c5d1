//! Renders the versions of functions and rollbacks, for people and programs.

use serde_json::{Value, json};

use super::counted;
use super::ending::RunCost;
use super::heading::Heading;
use super::json::{aws_error, version as first_line};
use super::paint::{Paint, Tone};
use super::plan::{bytes, short};
use super::ready::headed;
use super::state::table;
use super::terminal::Terminal;
use crate::aws::Place;
use crate::operate::history::{History, Version};
use crate::operate::rollback::{
    Decision, RollbackCandidate, RollbackError, RollbackEvent, RollbackOutcome, RollbackStep, SkippedFunction,
};

/// Prints the versions of functions.
pub fn print_versions(terminal: &Terminal, subjects: &[RollbackCandidate], stack: &str, place: &Place) {
    terminal.data(&match terminal.json {
        true => format!("{}\n", list_json(subjects, stack, place)),
        false => list(subjects, terminal.out),
    });
}

/// Prints the rollback that is about to be carried out; with `--json` only the first line.
pub fn announce(terminal: &Terminal, decision: &Decision, heading: &Heading) {
    terminal.data(&match terminal.json {
        true => format!("{}\n", first_line("rollback", heading)),
        false => headed(heading, &list_changes(decision, terminal.out)),
    });
}

/// Prints an event.
pub fn print_event(terminal: &Terminal, event: &RollbackEvent<'_>) {
    match terminal.json {
        true => terminal.data(&event_json(event)),
        false => terminal.say(&event_text(event)),
    }
}

/// Prints the summary.
pub fn print_end(terminal: &Terminal, outcome: &RollbackOutcome, unchanged: &[SkippedFunction], end: &RollbackEnd) {
    match terminal.json {
        true => terminal.data(&summary_json(outcome, unchanged, end)),
        false => terminal.say(&summary(outcome, end, terminal.err)),
    }
}

/// The stack and the cost of a rollback, for its summary.
pub struct RollbackEnd {
    pub heading: Heading,
    pub cost: RunCost,
}

/// Lists the versions of functions, the newest first.
fn list(all: &[RollbackCandidate], paint: Paint) -> String {
    let one = |RollbackCandidate { target, history, .. }: &RollbackCandidate| {
        let head = format!("{}  {}\n", paint.tone(Tone::Strong, &target.element), target.function_name);
        let Some(history) = history else { return head + "  does not exist\n" };
        let runs = history.runs();
        let row = |version: &Version| {
            let runs = if runs == Some(version.number) { "runs" } else { "" };
            let size = version.code().size.map(bytes).unwrap_or_default();
            [format!("  {}", version.number), moment(version), short(&version.code().sha256), size, runs.to_owned()]
        };
        let rows = table(history.versions.iter().map(row));
        let unkept = match runs {
            Some(_) => String::new(),
            None => format!("  what runs, {}, is no version\n", short(&history.running.code.sha256)),
        };
        head + &unkept + &rows
    };
    all.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Lists the versions as one object.
fn list_json(all: &[RollbackCandidate], stack: &str, place: &Place) -> Value {
    let one = |RollbackCandidate { target, history, .. }: &RollbackCandidate| {
        let history = history.as_ref();
        let runs = history.and_then(History::runs);
        let version = |version: &Version| {
            json!({
                "version": version.number,
                "published": time(version).map_or_else(|| version.published.clone(), |at| at.to_string()),
                "code_sha256": version.code().sha256,
                "size": version.code().size,
                "runs": runs == Some(version.number),
            })
        };
        json!({
            "address": target.element,
            "function_name": target.function_name,
            "external": target.external,
            "exists": history.is_some(),
            "code_sha256": history.map(|history| &history.running.code.sha256),
            "runs": runs,
            "versions": history.map(|h| h.versions.iter().map(version).collect::<Vec<_>>()).unwrap_or_default(),
        })
    };
    let functions: Vec<Value> = all.iter().map(one).collect();
    json!({
        "format_version": 1,
        "stack": stack,
        "region": place.region,
        "account": place.account,
        "functions": functions,
    })
}

/// Lists the intended changes, one function a line.
fn list_changes(Decision { steps, unchanged }: &Decision, paint: Paint) -> String {
    let mut out = String::new();
    for RollbackStep { target, seen, version } in steps {
        let from = seen.runs().map_or_else(|| "what runs, which is no version".to_owned(), |n| format!("version {n}"));
        let size = version.code().size.map(|size| format!("{}, ", bytes(size))).unwrap_or_default();
        let line = format!("~ {}: {from} → version {}", target.element, version.number);
        out += &paint.tone(Tone::Change, &line);
        out += &format!("  ({}, {size}published {})\n", short(&version.code().sha256), moment(version));
        let settings = version.set_otherwise(&seen.running);
        if !settings.is_empty() {
            let note =
                format!("    # its settings stay; version {} had other: {}\n", version.number, settings.join(", "));
            out += &paint.tone(Tone::Note, &note);
        }
    }
    for function in unchanged {
        let line = match function {
            SkippedFunction::Runs(element, number) => {
                format!("· {element}: runs the code of version {number} already\n")
            }
            SkippedFunction::Because(element, why) => format!("· {element}: {why}\n"),
        };
        out += &paint.tone(Tone::Faint, &line);
    }
    out
}

/// Renders an event as one line of text.
fn event_text(event: &RollbackEvent<'_>) -> String {
    match event {
        RollbackEvent::Started(step) => {
            format!("putting version {} back: {}", step.version.number, step.target.element)
        }
        RollbackEvent::Done(step, took) => {
            let RollbackStep { target, version, .. } = step;
            format!("{} runs the code of version {}, after {:.1} s", target.element, version.number, took.as_secs_f64())
        }
        RollbackEvent::Failed(step, _) => format!("failed: {}", step.target.element),
    }
}

/// Renders an event as a JSON line.
fn event_json(event: &RollbackEvent<'_>) -> String {
    let (RollbackEvent::Started(step) | RollbackEvent::Done(step, _) | RollbackEvent::Failed(step, _)) = event;
    let mut line = json!({
        "type": "action_started",
        "address": step.target.element,
        "action": "rollback",
        "from": step.seen.runs(),
        "to": step.version.number,
        "code_sha256": step.version.code().sha256,
    });
    match event {
        RollbackEvent::Started(_) => {}
        RollbackEvent::Done(_, took) => {
            line["type"] = "action_done".into();
            line["seconds"] = took.as_secs_f64().into();
        }
        RollbackEvent::Failed(_, error) => {
            line["type"] = "action_failed".into();
            line["error"] = match error {
                RollbackError::Aws(error) => aws_error(error),
                other => json!({ "message": other.to_string() }),
            };
        }
    }
    format!("{line}\n")
}

/// Renders the last JSON line.
fn summary_json(outcome: &RollbackOutcome, unchanged: &[SkippedFunction], end: &RollbackEnd) -> String {
    let result = match outcome {
        o if !o.failed.is_empty() => "failed",
        o if o.not_started.is_empty() && o.unwatched.is_empty() => "ok",
        _ => "interrupted",
    };
    let element =
        |(SkippedFunction::Runs(element, _) | SkippedFunction::Because(element, _)): &SkippedFunction| element.clone();
    let unchanged: Vec<String> = unchanged.iter().map(element).collect();
    let RunCost { calls: (reads, writes), seconds } = end.cost;
    let mut line = json!({
        "type": "summary",
        "result": result,
        "done": outcome.done,
        "failed": outcome.failed.iter().map(|(element, _)| element).collect::<Vec<_>>(),
        "not_started": outcome.not_started,
        "unwatched": outcome.unwatched,
        "unchanged": unchanged,
        "reads": reads,
        "writes": writes,
        "seconds": seconds,
    });
    if let Some(properties) = line.as_object_mut() {
        properties.extend(end.heading.properties());
    }
    format!("{line}\n")
}

/// Renders the summary: the outcome, and what applies from now on.
fn summary(outcome: &RollbackOutcome, end: &RollbackEnd, paint: Paint) -> String {
    let RollbackOutcome { done, failed, not_started, unwatched } = outcome;
    let mut text = String::new();
    if !unwatched.is_empty() {
        text += &format!("AWS goes on by itself with: {}\n", unwatched.join(", "));
    }
    if !not_started.is_empty() {
        text += &format!("not started: {}\n", not_started.join(", "));
    }
    if !done.is_empty() || !unwatched.is_empty() {
        text += "stack.yaml still means the newer code: `deployer plan` shows this as changed outside, and the next apply \
                 takes it back.\nTo stay here, go back in the source and apply that.\n";
    }
    let (stack, cost) = (end.heading.named(), end.cost.text());
    let functions = counted(done.len() as u64, "function");
    let word = match (failed.is_empty(), not_started.is_empty() && unwatched.is_empty()) {
        (false, _) => "Failed",
        (true, false) => "Interrupted",
        (true, true) if done.is_empty() => {
            return text + &format!("{} in {stack}. Checked in {cost}.", paint.tone(Tone::Good, "Nothing to do"));
        }
        (true, true) => {
            return text + &format!("{} {functions} of {stack} in {cost}.", paint.tone(Tone::Good, "Rolled back"));
        }
    };
    let failed = if failed.is_empty() { String::new() } else { format!(", {} failed", failed.len()) };
    text + &format!("{}: {functions} rolled back{failed} in {stack} after {cost}.", paint.tone(Tone::Bad, word))
}

/// Formats a version's date as `2026-11-24 17:20 UTC`. Falls back to AWS's own text.
fn moment(version: &Version) -> String {
    time(version).map_or_else(|| version.published.clone(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn time(version: &Version) -> Option<jiff::Timestamp> {
    version.published.parse().ok()
}
