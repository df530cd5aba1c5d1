//! Prints the result of a rehearsal.

use serde_json::json;

use super::counted;
use super::heading::Heading;
use super::terminal::Terminal;
use crate::failure::{Failure, refusals};
use crate::pipeline::{Difference, Rehearsal};
use crate::plan::Action;

/// Marks a failure as one of the rehearsal: AWS itself was only read.
#[must_use]
pub fn of_rehearsal(mut failure: Failure) -> Failure {
    for finding in &mut failure.findings.0 {
        finding.message = format!("rehearsal: {}", finding.message);
    }
    failure
}

/// Fails if a call of the rehearsal was refused, with the findings that an apply would have.
///
/// # Errors
/// `rehearse::refused` at the line of each refused element.
pub fn refusal(rehearsal: &Rehearsal) -> Result<(), Failure> {
    let outcome = &rehearsal.applied.outcome;
    if outcome.interrupted {
        return Err(Failure::interrupted());
    }
    let document = &rehearsal.applied.loaded.document;
    let mut findings = refusals(outcome, document);
    if findings.0.is_empty() {
        return Ok(());
    }
    for finding in &mut findings.0 {
        finding.code = "rehearse::refused";
    }
    Err(of_rehearsal(Failure::of(findings, Some(document))).masked(document.secrets()))
}

/// Prints that a rehearsal succeeded, and its cost.
pub fn print_rehearsed(terminal: &Terminal, rehearsal: &Rehearsal) {
    let Rehearsal { applied, place, took, least, differences } = rehearsal;
    let heading = Heading::of(&applied.loaded.document, place, false);
    let (changes, (reads, writes)) = (applied.outcome.done.len() as u64, applied.calls);
    if terminal.json {
        let mut line = json!({
            "type": "rehearsal",
            "result": "ok",
            "changes": changes,
            "reads": reads,
            "writes": writes,
            "seconds": took.as_secs_f64(),
            "least_seconds_on_aws": least.as_ref().map_or(0.0, |(time, _)| time.as_secs_f64()),
            "differences": differences,
        });
        if let Some(properties) = line.as_object_mut() {
            properties.extend(heading.properties());
        }
        return terminal.data(&format!("{}\n", applied.loaded.document.secrets().mask_value(&line)));
    }
    let mut text = format!(
        "Would succeed: {} to {}, with {} and {}. AWS was only read.\n",
        counted(changes, "change"),
        heading.named(),
        counted(reads, "read"),
        counted(writes, "write"),
    );
    if let Some((time, why)) = least.as_ref().filter(|(time, _)| time.as_secs() > 0) {
        text += &format!("On AWS it takes at least {} s: {why}.\n", time.as_secs());
    }
    for Difference { address, on_aws, rehearsed } in differences {
        let (real, tried) = (word(*on_aws), word(*rehearsed));
        text += &format!("The plan differed for `{address}`: {real} on AWS, {tried} in the rehearsal.\n");
    }
    terminal.data(&applied.loaded.document.secrets().mask(&text));
}

fn word(action: Option<Action>) -> &'static str {
    match action {
        Some(Action::Create) => "create",
        Some(Action::Update) => "update",
        Some(Action::Replace) => "replace",
        Some(Action::Delete) => "delete",
        Some(Action::Adopt) => "adopt",
        Some(Action::Unchanged) => "no change",
        Some(Action::Forget) => "remove from the state",
        None => "no action",
    }
}
