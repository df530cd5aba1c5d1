//! Prints the result of a rehearsal.

use std::time::Duration;

use serde_json::{Value, json};

use super::counted;
use super::heading::Heading;
use super::terminal::Terminal;
use crate::failure::{Failure, refusals};
use crate::pipeline::{Difference, Kills, Loss, Rehearsal, Remains};
use crate::plan::Action;
use crate::spec::finding::{At, DocPath, Finding, Findings, Severity};

/// Advises about a permission that the rehearsal's user lacks.
const PERMISSION: &str = "the policy of `deployer iam apply --with-state` does not have this permission: allow it, in \
                          addition to that policy, to the role that applies";

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
        if finding.code == "aws::access-denied" {
            finding.help = Some(PERMISSION.to_owned());
        }
        finding.code = "rehearse::refused";
    }
    Err(of_rehearsal(Failure::of(findings, Some(document))).masked(document.secrets()))
}

/// Prints that a rehearsal succeeded, and its cost.
pub fn print_rehearsed(terminal: &Terminal, rehearsal: &Rehearsal, kills: Option<&Kills>) {
    if terminal.json {
        let line = rehearsal.applied.loaded.document.secrets().mask_value(&as_json(rehearsal, kills));
        return terminal.data(&format!("{line}\n"));
    }
    let secrets = rehearsal.applied.loaded.document.secrets();
    terminal.data(&secrets.mask(&text(rehearsal, kills)));
}

/// Prints before an apply that its rehearsal succeeded.
pub fn print_rehearsed_before(terminal: &Terminal, rehearsal: &Rehearsal) {
    if terminal.json {
        return print_rehearsed(terminal, rehearsal, None);
    }
    let secrets = rehearsal.applied.loaded.document.secrets();
    terminal.say(&format!("rehearsal: {}", secrets.mask(text(rehearsal, None).trim_end())));
}

fn as_json(rehearsal: &Rehearsal, kills: Option<&Kills>) -> Value {
    let Rehearsal { applied, place, took, expected, waits, differences } = rehearsal;
    let (reads, writes) = applied.calls;
    let mut line = json!({
        "type": "rehearsal",
        "result": "ok",
        "changes": applied.outcome.done.len(),
        "calls": reads + writes,
        "reads": reads,
        "writes": writes,
        "seconds": took.as_secs_f64(),
        "seconds_on_aws": expected.as_secs_f64().ceil(),
        "within_rates": waits.is_none(),
        "least_seconds_on_aws": waits.as_ref().map_or(0.0, |(time, _)| time.as_secs_f64()),
        "differences": differences,
    });
    if let Some(properties) = line.as_object_mut() {
        properties.extend(Heading::of(&applied.loaded.document, place, false).properties());
        if let Some(kills) = kills {
            properties.insert("kills".to_owned(), json!({"writes": kills.writes, "kills": kills.kills}));
        }
    }
    line
}

fn text(rehearsal: &Rehearsal, kills: Option<&Kills>) -> String {
    let Rehearsal { applied, place, expected, waits, differences, .. } = rehearsal;
    let (reads, writes) = applied.calls;
    let mut text = format!(
        "Would succeed in about {}: {} to {}, with {} ({}, {})",
        duration(*expected),
        counted(applied.outcome.done.len() as u64, "change"),
        Heading::of(&applied.loaded.document, place, false).named(),
        counted(reads + writes, "call"),
        counted(reads, "read"),
        counted(writes, "write"),
    );
    match waits {
        None => text += ", within AWS's rates. AWS was only read.\n",
        Some((time, why)) => {
            text += &format!(". AWS was only read.\nAWS's rates make it take at least {}: {why}.\n", duration(*time));
        }
    }
    for Difference { address, on_aws, rehearsed } in differences {
        let (real, tried) = (word(*on_aws), word(*rehearsed));
        text += &format!("The plan differed for `{address}`: {real} on AWS, {tried} in the rehearsal.\n");
    }
    if let Some(Kills { writes, kills, .. }) = kills {
        let writes = if *writes == 1 { "its only write".to_owned() } else { format!("each of its {writes} writes") };
        text += &format!("Killed {kills} times, before and after {writes}: the next run healed every kill.\n");
    }
    text
}

/// Renders a time to expect: `24 s`, `3 min`.
fn duration(time: Duration) -> String {
    match time.as_secs_f64().ceil().max(1.0) {
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds => format!("{:.0} min", (seconds / 60.0).ceil()),
    }
}

/// Fails if the next run did not heal every kill.
///
/// # Errors
/// `rehearse::not-healed` at the first resource that was lost.
pub fn losses(rehearsal: &Rehearsal, kills: &Kills) -> Result<(), Failure> {
    let Some(first) = kills.lost.first() else { return Ok(()) };
    let document = &rehearsal.applied.loaded.document;
    let Loss { write, number, arrived, wound } = first;
    let moment = if *arrived { "after the call arrived" } else { "before the call arrived" };
    let of = wound.address.as_ref().map_or_else(|| "the next run".to_owned(), |address| format!("`{address}`"));
    let why = match &wound.remains {
        Remains::Failure(why) => why.clone(),
        Remains::Action(action) => {
            format!("the next run ends, and the plan after it has an action: {}", word(Some(*action)))
        }
        Remains::Orphan => "it exists a second time, and neither stack.yaml nor the state has that one".to_owned(),
    };
    let message = format!(
        "{} of {} are not healed by the next run; the first at {write}, {number} of {}, {moment}: {of}: {why}",
        kills.lost.len(),
        counted(kills.kills as u64, "kill"),
        counted(kills.writes as u64, "write"),
    );
    let path = wound.address.as_ref().map_or_else(DocPath::default, |address| document.locate(address));
    let help = "nothing was changed; this is a defect of the deployer: please report it".to_owned();
    let finding = Finding {
        code: "rehearse::not-healed",
        severity: Severity::Error,
        path,
        at: At::Key,
        span: None,
        message,
        help: Some(help),
    };
    let mut findings = Findings(vec![finding]);
    document.place(&mut findings);
    Err(of_rehearsal(Failure::of(findings, Some(document))).masked(document.secrets()))
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
