//! The two output streams: data goes to stdout, messages to stderr. Only this module writes to them.
//!
//! # Guarantees
//! The output contains no secret that is known so far, and no control character but line ends, tabs and our own
//! colours. In a GitHub step it contains no workflow command but ours.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;

use serde_json::Value;

use super::ending::{self, RunCost};
use super::heading::Heading;
use super::paint::{self, Paint, Tone};
use super::{diagnostics, github, live};
use crate::execute::ExecutionOutcome;
use crate::failure::{Failure, refusals};
use crate::log;
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::secrets::Secrets;
use crate::spec::source::SourceText;

/// The output settings of this run.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    pub out: Paint,
    pub err: Paint,
    pub json: bool,
    pub quiet: bool,
    pub verbose: bool,
    /// Whether somebody can answer questions and sees a live display.
    pub interactive: bool,
    pub width: usize,
    /// Whether a GitHub runner reads the lines. It takes some for commands, so quoted texts are disarmed.
    pub watched: bool,
}

/// The environment and options that decide about colour and questions.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    pub no_color_env: Option<String>,
    pub force_color_env: Option<String>,
    pub no_color: bool,
    pub json: bool,
    pub quiet: bool,
    pub verbose: bool,
    pub ci: bool,
    pub columns: Option<usize>,
    /// Whether a GitHub runner reads the output.
    pub watched: bool,
}

/// The error of the first failed write to stdout.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// Returns why some data could not be written to stdout. A closed pipe (`| head`) is the reader's choice and no error.
pub fn unwritten() -> Option<&'static str> {
    UNWRITTEN.get().map(String::as_str)
}

/// Writes to stdout. Records a failure instead of returning it: a run that is changing AWS must still end properly.
fn write_out(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        UNWRITTEN.get_or_init(|| error.to_string());
    }
}

/// Returns the height of the terminal behind stderr.
pub(super) fn rows() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(24, |(_, height)| height.0.into())
}

/// Returns the width of the terminal behind stdout or stderr.
fn columns() -> Option<usize> {
    let size = terminal_size::terminal_size_of(io::stdout());
    let size = size.or_else(|| terminal_size::terminal_size_of(io::stderr()));
    size.map(|(width, _)| width.0.into()).filter(|width| *width > 0)
}

/// Tells whether stdout is a file. A runner reads from a pipe.
fn into_a_file() -> bool {
    let owned = io::stdout().as_fd().try_clone_to_owned();
    owned.map(File::from).and_then(|file| file.metadata()).is_ok_and(|meta| meta.is_file())
}

impl Terminal {
    pub fn new(wishes: &Wishes) -> Self {
        let decide = |terminal| {
            Paint::decide(wishes.no_color_env.as_deref(), wishes.no_color, wishes.force_color_env.as_deref(), terminal)
        };
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self {
            out: decide(out),
            err: decide(err),
            json: wishes.json,
            quiet: wishes.quiet,
            verbose: wishes.verbose,
            interactive: io::stdin().is_terminal() && err && !wishes.ci,
            width: wishes.columns.or_else(columns).unwrap_or(100).max(20),
            watched: wishes.watched,
        }
    }

    /// Writes data to stdout.
    pub fn data(&self, text: &str) {
        if self.json { self.json_text(text) } else { write_out(&self.safe(text)) }
    }

    /// Writes an object as indented JSON.
    pub fn object(&self, value: &Value) {
        self.json_text(&format!("{value:#}\n"));
    }

    /// Writes JSON. None of its lines begins with a value's text, so it cannot contain a workflow command.
    fn json_text(&self, text: &str) {
        write_out(&paint::to_colours(&log::masked_json(text)));
    }

    /// Writes one bare value. A pipe or a file gets the exact characters, with only secrets masked. A terminal, and a
    /// runner that takes lines for commands, get the safe form.
    pub fn value(&self, text: &str) {
        let whole = format!("{text}\n");
        if self.json || io::stdout().is_terminal() {
            return self.data(&whole);
        }
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let masked = if is_json { log::masked_json(&whole) } else { log::masked(&whole) };
        write_out(&if self.watched && !into_a_file() { github::harmless(&masked).into_owned() } else { masked });
    }

    /// Makes a text safe to write.
    pub(super) fn safe(&self, text: &str) -> String {
        let text = paint::to_colours(&log::masked(text));
        if self.watched && !self.json { github::harmless(&text).into_owned() } else { text }
    }

    /// Writes to stderr, even with `--quiet`.
    fn aloud(&self, text: &str) {
        let text = self.safe(text);
        let _ = live::aside(|| io::stderr().write_all(text.as_bytes()));
    }

    /// Writes a message to stderr, unless `--quiet` is given.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.aloud(&format!("{text}\n"));
        }
    }

    /// Tells what a signal does to the run; the first one has `level` 1.
    pub fn stopping(&self, level: u8) {
        self.say(match level {
            1 => "Stopping: waiting for calls in progress. Press Ctrl-C again to abandon them.",
            _ => "Abandoning calls in progress, saving the state. Press Ctrl-C again to end at once.",
        });
    }

    /// Warns that requests to a custom endpoint are not encrypted.
    pub fn warn_unencrypted(&self, url: &str) {
        self.say(&format!(
            "warning: requests to {url} are not encrypted, values of secrets in them neither; use https outside this machine"
        ));
    }

    /// Reports arguments that clap rejects; with `--json` as a line on stdout. A value without its option may be a
    /// secret, so everything after `=` is omitted.
    pub fn usage_error(&self, text: &str) {
        let text = regex_lite::Regex::new("'([^'=\n]*)=[^'\n]+'")
            .map_or_else(|_| text.to_owned(), |given| given.replace_all(text, "'${1}=…'").into_owned());
        if !self.json {
            let begin = self.err.tone(Tone::Bad, "error:");
            return self.aloud(&text.replacen("error:", &begin, 1));
        }
        let mut parts = text.trim().splitn(2, "\n\n");
        let message = parts.next().unwrap_or_default().trim_start_matches("error: ");
        let hints: Vec<&str> =
            parts.next().unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let failure = Failure::plain("run::usage", message, hints.join("; "));
        self.json_text(&diagnostics::json(&failure.findings, &SourceText::default()));
    }

    /// Writes a command for the CI system to stderr, even with `--quiet`.
    pub fn command(&self, text: &str) {
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Prints warnings to stderr.
    pub fn warnings(&self, findings: &Findings, source: &SourceText) {
        if findings.0.is_empty() || self.quiet {
            return;
        }
        self.aloud(&diagnostics::text(findings, source, self.style()));
    }

    /// Reports why a run ended early: with `--json` as lines on stdout, else as text on stderr.
    pub fn failure(&self, failure: &Failure) {
        let nowhere = SourceText::new("", "");
        let source = failure.source.as_ref().unwrap_or(&nowhere);
        if self.json {
            self.data(&diagnostics::json(&failure.findings, source));
        } else {
            let findings = if self.quiet { &failure.findings.errors() } else { &failure.findings };
            self.aloud(&diagnostics::text(findings, source, self.style()));
        }
    }

    /// Returns the style for findings on stdout.
    pub fn out_style(&self) -> diagnostics::Style {
        diagnostics::Style { colour: self.out.colour, width: self.width }
    }

    fn style(&self) -> diagnostics::Style {
        diagnostics::Style { colour: self.err.colour, width: self.width }
    }

    /// Asks a question and returns the typed answer; `None` if there is none.
    pub async fn ask(&self, question: &str) -> Option<String> {
        self.aloud(&format!("{question} "));
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).ok().filter(|n| *n > 0).map(|_| line.trim().to_owned())
        });
        answer.await.ok().flatten()
    }

    /// Reports each refusal of AWS at its element; with `--json` among the lines on stdout.
    pub fn refusals(&self, outcome: &ExecutionOutcome, document: &Document) {
        let findings = refusals(outcome, document);
        if self.json {
            self.data(&diagnostics::json(&findings, document.source()));
        } else {
            self.aloud(&diagnostics::text(&findings, document.source(), self.style()));
        }
    }

    /// Prints the summary of a run; with `--quiet` only if it did not do everything.
    pub fn outcome(&self, outcome: &ExecutionOutcome, heading: &Heading, cost: RunCost, secrets: &Secrets) {
        let text = secrets.mask(&ending::text(outcome, heading, cost, self.err)).into_owned();
        if ending::is_complete(outcome) {
            self.say(&text);
        } else {
            self.aloud(&format!("{text}\n"));
        }
    }
}
