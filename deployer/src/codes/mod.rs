//! Every code that a finding may carry, with its meaning, an example and the fix.
//!
//! `deployer validate --explain CODE` shows an entry, and docs/errors.md is generated from all of them. The tests check
//! that the source uses no other codes, and that every example of a stack has its finding.

mod apis;
mod buckets;
mod elements;
mod events;
mod functions;
mod http_apis;
mod layers;
mod messages;
mod runs;
mod schedules;
mod stack;
mod state;
mod tables;

use crate::spec::finding::Severity;
use crate::spec::nearest::nearest;

/// One code.
#[derive(Debug)]
pub struct Code {
    /// `queue::fifo-name`
    pub code: &'static str,
    /// The usual severity of its findings.
    pub severity: Severity,
    pub means: &'static str,
    pub example: Example,
    /// The next step for the user.
    pub fix: &'static str,
}

/// The cause of a finding.
#[derive(Debug)]
pub enum Example {
    /// Lines of a stack.yaml that has the finding, and lines of one that does not. If they name no stack, `stack: shop`
    /// is put in front.
    Stack { wrong: &'static str, right: &'static str },
    /// Another cause, in words.
    Situation(&'static str),
}

const fn error(
    code: &'static str,
    means: &'static str,
    wrong: &'static str,
    right: &'static str,
    fix: &'static str,
) -> Code {
    Code { code, severity: Severity::Error, means, example: Example::Stack { wrong, right }, fix }
}

const fn warning(
    code: &'static str,
    means: &'static str,
    wrong: &'static str,
    right: &'static str,
    fix: &'static str,
) -> Code {
    Code { code, severity: Severity::Warning, means, example: Example::Stack { wrong, right }, fix }
}

const fn run(code: &'static str, means: &'static str, when: &'static str, fix: &'static str) -> Code {
    Code { code, severity: Severity::Error, means, example: Example::Situation(when), fix }
}

const fn run_warning(code: &'static str, means: &'static str, when: &'static str, fix: &'static str) -> Code {
    Code { code, severity: Severity::Warning, means, example: Example::Situation(when), fix }
}

/// All codes in groups, each with its title.
pub static GROUPS: &[(&str, &[Code])] = &[
    ("The text, its types, variables and references", stack::CODES),
    ("Functions, their events and permissions", functions::CODES),
    ("Layers, and files of functions", layers::CODES),
    ("Queues, topics and alarms", messages::CODES),
    ("Schedules", schedules::CODES),
    ("Event buses and rules", events::CODES),
    ("Notifications of buckets", buckets::CODES),
    ("HTTP APIs", http_apis::CODES),
    ("REST APIs", apis::CODES),
    ("Buckets, log groups and roles", elements::CODES),
    ("Tables", tables::CODES),
    ("Code packages, plans and runs", runs::CODES),
    ("The state", state::CODES),
];

/// Iterates over all codes.
pub fn all() -> impl Iterator<Item = &'static Code> {
    GROUPS.iter().flat_map(|(_, codes)| codes.iter())
}

/// Finds a code by its name. The prefix may be left out (`fifo-name`) if only one code has that ending.
pub fn find(name: &str) -> Option<&'static Code> {
    let ends = |code: &&Code| code.code.rsplit("::").next() == Some(name);
    all().find(|code| code.code == name).or_else(|| {
        let mut found = all().filter(ends);
        found.next().filter(|_| found.next().is_none())
    })
}

/// Finds the code that the user probably meant.
pub fn similar(name: &str) -> Option<&'static str> {
    nearest(name, all().map(|code| code.code))
}

impl Example {
    /// Returns a complete stack.yaml with the lines of an example.
    pub fn complete_stack(lines: &str) -> String {
        let named = lines.is_empty() || lines.contains("stack:") || lines.starts_with('#');
        if named { lines.to_owned() } else { format!("stack: shop\n{lines}") }
    }
}

#[cfg(test)]
mod tests;
