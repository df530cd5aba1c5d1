//! Renders the last lines of a run that carried out a plan.

use super::counted;
use super::heading::Heading;
use super::paint::{Paint, Tone};
use super::slowest::slowest;
use crate::execute::ExecutionOutcome;

/// The cost of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunCost {
    /// Numbers of read and write calls.
    pub calls: (u64, u64),
    pub seconds: f64,
}

impl RunCost {
    /// Renders `0.8 s (42 reads, 30 writes)`.
    pub fn text(self) -> String {
        let (reads, writes) = (counted(self.calls.0, "read"), counted(self.calls.1, "write"));
        format!("{:.1} s ({reads}, {writes})", self.seconds)
    }
}

/// Tells whether a run did all that it was to do.
pub fn is_complete(outcome: &ExecutionOutcome) -> bool {
    let ExecutionOutcome { interrupted, failed, state_error, not_started, .. } = outcome;
    !interrupted && failed.is_empty() && state_error.is_none() && not_started.is_empty()
}

/// Renders the summary of a run.
pub fn text(outcome: &ExecutionOutcome, heading: &Heading, cost: RunCost, paint: Paint) -> String {
    let mut text = String::new();
    if !outcome.abandoned.is_empty() {
        text += &format!("left in flight: {}\n", outcome.abandoned.join(", "));
    }
    if !outcome.unwatched.is_empty() {
        text += &format!("AWS goes on by itself with: {}\n", outcome.unwatched.join(", "));
    }
    if !outcome.not_started.is_empty() {
        text += &format!("not started: {}\n", outcome.not_started.join(", "));
    }
    if !outcome.failed.is_empty() || outcome.interrupted {
        text += "Run the same command again: it goes on where this one stopped.\n";
    }
    text + &slowest_line(outcome) + &last_line(outcome, heading, cost, paint)
}

fn last_line(outcome: &ExecutionOutcome, heading: &Heading, cost: RunCost, paint: Paint) -> String {
    let (done, stack, cost) = (outcome.done.len(), heading.named(), cost.text());
    if is_complete(outcome) {
        return match done {
            0 => format!("{} in {stack}. Checked in {cost}.", paint.tone(Tone::Good, "Nothing to do")),
            done => {
                let changes = counted(done as u64, "change");
                format!("{} {changes} to {stack} in {cost}.", paint.tone(Tone::Good, "Applied"))
            }
        };
    }
    let word = if outcome.interrupted { "Interrupted" } else { "Failed" };
    let mut counts = format!("{done} done");
    if !outcome.failed.is_empty() || !outcome.not_started.is_empty() {
        counts += &format!(", {} failed, {} not started", outcome.failed.len(), outcome.not_started.len());
    }
    if !outcome.unwatched.is_empty() {
        counts += &format!(", {} accepted", outcome.unwatched.len());
    }
    format!("{}: {counts} in {stack} after {cost}.", paint.tone(Tone::Bad, word))
}

/// Returns no line for a single action: its own line already has the duration.
fn slowest_line(outcome: &ExecutionOutcome) -> String {
    let named: Vec<String> = slowest(outcome).iter().map(|(address, took)| format!("{address} {took:.1} s")).collect();
    if named.len() < 2 { String::new() } else { format!("slowest: {}\n", named.join(", ")) }
}
