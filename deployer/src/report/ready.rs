//! Prints the plan of a run, and its result.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ending::RunCost;
use super::heading::Heading;
use super::picture::{self, Page, Picture};
use super::plan::PlanView;
use super::planned::PLAN_FORMAT;
use super::running::RunningReport;
use super::shown::MaskedPlan;
use super::terminal::Terminal;
use super::{counted, diagnostics, json as form, plan as text};
use crate::failure::Failure;
use crate::graph::Graph;
use crate::operate::invoke::FunctionAnswer;
use crate::pipeline::{ApplyResult, LoadedStack, Ready, RecordedPlan, RefreshResult};
use crate::plan::Effects;
use crate::spec::secrets::Secrets;

/// Prints a plan, as text or as one JSON object.
pub fn print_plan(terminal: &Terminal, ready: &Ready) {
    let secrets = ready.loaded.document.secrets();
    terminal.data(&match terminal.json {
        true => object(ready).to_string() + "\n",
        false => headed(&heading(ready), &text::plan(&ready.plan, ready.cost, view(terminal, secrets))),
    });
}

/// Prints a plan that was made from the last state alone.
pub fn print_recorded(terminal: &Terminal, recorded: &RecordedPlan) {
    let RecordedPlan { loaded, plan, cost, place, .. } = recorded;
    let heading = Heading::of(&loaded.document, place, false);
    let secrets = loaded.document.secrets();
    terminal.data(&match terminal.json {
        true => form::plan(plan, &heading, *cost, secrets).to_string() + "\n",
        false => headed(&heading, &text::plan(plan, *cost, view(terminal, secrets))),
    });
}

/// Prints the plan that is about to be carried out; with `--json` only the first line.
pub fn announce(terminal: &Terminal, ready: &Ready, command: &str) {
    if terminal.json {
        let line = form::version(command, &heading(ready));
        terminal.data(&format!("{line}\n"));
    } else {
        print_plan(terminal, ready);
    }
}

/// Prints the plan's digest, which `--expect-plan` accepts.
pub fn print_digest(terminal: &Terminal, effects: &Effects) {
    if !effects.is_empty() {
        terminal.say(&format!("Plan digest: {}", effects.digest()));
    }
}

/// Prints when the stack's resources act by themselves next, after `now` (RFC 3339).
pub fn print_upcoming(terminal: &Terminal, graph: &Graph, now: &str) {
    let Ok(now) = now.parse::<Timestamp>() else { return };
    for node in graph.nodes().filter(|node| !node.external) {
        if let Some(words) = node.kind.upcoming(&node.spec, now) {
            terminal.say(&format!("{} {words}", node.address));
        }
    }
}

/// Returns the stack and the place that a plan is about.
pub fn heading(ready: &Ready) -> Heading {
    Heading::of(&ready.loaded.document, ready.place(), ready.is_local())
}

/// Puts the stack and the place above the text of a plan.
pub fn headed(heading: &Heading, plan: &str) -> String {
    format!("{}\n\n{plan}", heading.line())
}

/// Returns how this terminal shows a plan.
pub fn view<'a>(terminal: &Terminal, secrets: &'a Secrets) -> PlanView<'a> {
    PlanView { paint: terminal.out, verbose: terminal.verbose, width: terminal.width, secrets }
}

/// Returns the plan as one JSON object, with its effects and their digest.
pub fn object(ready: &Ready) -> Value {
    let document = &ready.loaded.document;
    let mut report = form::plan(&ready.plan, &heading(ready), ready.cost, document.secrets());
    let effects = ready.effects();
    if let Some(running) = ready.running().map(RunningReport::of) {
        report["running"] = form::masked(serde_json::to_value(running).unwrap_or_default(), document.secrets());
    }
    report["digest"] = effects.digest().into();
    report["effects"] = serde_json::to_value(&effects).unwrap_or_default();
    report
}

/// Renders the plan as an HTML page.
pub fn page(ready: &Ready) -> String {
    let document = &ready.loaded.document;
    let picture = Picture::of(document.stack(), &ready.loaded.graph, Some(&ready.plan), document.secrets());
    picture::html(&Page {
        picture: &picture,
        about: heading(ready).line(),
        plan: Some((&MaskedPlan::of(&ready.plan, document.secrets()), ready.cost)),
        secrets: document.secrets(),
    })
}

/// Prints the result of carrying a plan out.
pub fn print_applied(terminal: &Terminal, applied: &ApplyResult, heading: &Heading, took: Duration) {
    let ApplyResult { outcome, loaded, calls, .. } = applied;
    let cost = RunCost { calls: *calls, seconds: took.as_secs_f64() };
    let (outputs, secrets) = (&outcome.state.outputs, loaded.document.secrets());
    if let Some(error) = &outcome.state_error {
        terminal.failure(&Failure::state(error.clone()));
    }
    if terminal.json {
        terminal.refusals(outcome, &loaded.document);
        let summary = form::summary(outcome, heading, cost, secrets);
        terminal.data(&format!("{summary}\n"));
    } else {
        terminal.outcome(outcome, heading, cost, secrets);
        terminal.refusals(outcome, &loaded.document);
        if !outputs.is_empty() {
            terminal.data(&secrets.mask(&outputs_text(outputs)));
        }
    }
}

/// Prints the result of updating the state from AWS.
pub fn print_refreshed(terminal: &Terminal, RefreshResult { changed, outputs }: &RefreshResult) {
    if terminal.json {
        return terminal.data(&format!("{}\n", form::refresh_summary(changed, outputs)));
    }
    let records = match changed.as_slice() {
        [] => "none of the state's records changed".to_owned(),
        changed => format!("the state's records of {} changed", changed.join(", ")),
    };
    terminal.say(&format!("Done: {records}; AWS was only read."));
}

/// Renders outputs, one a line.
fn outputs_text(outputs: &BTreeMap<String, String>) -> String {
    outputs.iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
}

/// Prints that a refresh has nothing to record: only programs need a line.
pub fn print_nothing_to_refresh(terminal: &Terminal, ready: &Ready) {
    if terminal.json {
        terminal.data(&format!("{}\n", form::refresh_summary(&[], &ready.outputs_now())));
    }
}

/// Prints the changes that others made.
pub fn print_drift(terminal: &Terminal, ready: &Ready) {
    let document = &ready.loaded.document;
    if terminal.json {
        let whole = form::plan(&ready.plan, &heading(ready), ready.cost, document.secrets());
        return terminal.data(&format!("{}\n", json!({"format_version": PLAN_FORMAT, "drift": whole["drift"]})));
    }
    let lines = match ready.plan.drift() {
        [] => "No drift.\n".to_owned(),
        _ => text::drift_lines(&MaskedPlan::of(&ready.plan, document.secrets()), view(terminal, document.secrets())),
    };
    terminal.data(&format!("{lines}{}\n", text::cost_line(ready.cost)));
}

/// Tells where a plan was saved, and how to carry it out.
pub fn print_saved(terminal: &Terminal, file: &Path, can_be_applied: bool) {
    if !can_be_applied {
        return terminal.say(&format!("The plan is saved, for reading: `deployer show {}`", file.display()));
    }
    terminal.say(&format!("The plan is saved. Carry it out: `deployer apply {}`", file.display()));
}

/// Prints that a stack is valid, and its warnings for programs.
pub fn print_valid(terminal: &Terminal, loaded: &LoadedStack, file: &Path) {
    let (document, warnings) = (&loaded.document, &loaded.warnings);
    let resources = loaded.graph.nodes().count();
    if !terminal.json {
        let place = document.env().map(|env| format!(" in the environment {env}")).unwrap_or_default();
        let count = counted(resources as u64, "resource");
        return terminal.data(&format!("{} is valid{place}: {count}.\n", file.display()));
    }
    terminal.data(&diagnostics::json(warnings, document.source()));
    let line =
        json!({"type": "valid", "stack": document.stack(), "resources": resources, "warnings": warnings.0.len()});
    terminal.data(&format!("{line}\n"));
}

/// Prints all outputs of the stack.
pub fn print_outputs(terminal: &Terminal, outputs: &BTreeMap<String, String>) {
    terminal.data(&if terminal.json { json!(outputs).to_string() + "\n" } else { outputs_text(outputs) });
}

/// Prints one output: the bare value.
pub fn print_output(terminal: &Terminal, value: &str) {
    match terminal.json {
        true => terminal.data(&(json!(value).to_string() + "\n")),
        false => terminal.value(value),
    }
}

/// Prints the answer of a function. Shows its log on request and if the function failed.
pub fn print_answer(terminal: &Terminal, answer: &FunctionAnswer, secrets: &Secrets) {
    terminal.value(&answer.payload);
    if terminal.verbose || answer.error.is_some() {
        // AWS returns only the last 4 KB of the log, so a secret may be cut.
        terminal.say(&secrets.mask_cut(answer.log.trim_end()));
    }
}
