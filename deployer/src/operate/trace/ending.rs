//! How an invocation ended, by its log.

use serde_json::Value;

use super::Invocation;
use crate::operate::logs::entry::Entry;

/// How an invocation ended. The first that applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Lambda stopped it at its time limit, after so many seconds.
    TimedOut(Option<String>),
    /// Lambda killed it at its memory limit.
    OutOfMemory,
    /// It panicked here: `FILE:LINE:COLUMN`.
    Panicked(String),
    /// The process ended, with this status or signal.
    Exited(String),
    /// Lambda reports a failure, of this type if any.
    Failed(Option<String>),
    /// It ended, and the last line of level ERROR has this message. Lambda does not report whether it failed.
    Logged(String),
    /// It ended, without a sign of a failure.
    Ended,
    /// The log has no end of it.
    Open,
}

/// What the lines of an invocation tell about its end.
#[derive(Default)]
struct Facts {
    panic: Option<String>,
    error: Option<String>,
    exit: Option<String>,
    timeout: Option<String>,
    status: Option<String>,
    error_type: Option<String>,
    /// The limit, and the most that was used, in MB.
    memory: (Option<u64>, Option<u64>),
    ended: bool,
}

impl Ending {
    pub(super) fn of(invocation: &Invocation) -> Self {
        let mut facts = Facts::default();
        for line in &invocation.lines {
            facts.take(&line.message, &invocation.request_id);
        }
        facts.ending()
    }

    /// Returns one word or two for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::TimedOut(_) => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::Panicked(_) => "panicked",
            Self::Exited(_) => "exited",
            Self::Failed(_) => "failed",
            Self::Logged(_) => "logged_error",
            Self::Ended => "ended",
            Self::Open => "open",
        }
    }

    /// Returns the place, status, type or message, if there is one.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::TimedOut(detail) | Self::Failed(detail) => detail.as_deref(),
            Self::Panicked(detail) | Self::Exited(detail) | Self::Logged(detail) => Some(detail),
            Self::OutOfMemory | Self::Ended | Self::Open => None,
        }
    }
}

impl Facts {
    fn take(&mut self, message: &str, request_id: &str) {
        if let Ok(line @ Value::Object(_)) = serde_json::from_str::<Value>(message)
            && line["record"]["requestId"] == request_id
        {
            return self.take_platform(line["type"].as_str().unwrap_or_default(), &line["record"]);
        }
        if let Some(entry) = Entry::parse(message) {
            if entry.is_error() && !entry.message.starts_with("platform.") {
                self.panic = self.panic.take().or_else(|| panic_of(&entry.message));
                self.error = Some(entry.message);
            }
            return;
        }
        let own = message.strip_prefix("RequestId: ").and_then(|rest| rest.strip_prefix(request_id));
        if let Some(error) = own.and_then(|rest| rest.trim_start().strip_prefix("Error: ")) {
            let mut lines = error.lines().map(str::trim);
            let text = lines.next().unwrap_or_default();
            self.exit = self.exit.take().or(text.strip_prefix("Runtime exited with error: ").map(str::to_owned));
            self.error_type = self.error_type.take().or(lines.next().map(str::to_owned));
            self.status.get_or_insert_with(|| "error".to_owned());
        } else if let Some((_, rest)) = message.split_once(&format!("{request_id} Task timed out after ")) {
            self.timeout = rest.split_whitespace().next().map(|seconds| format!("{seconds} s"));
            self.status = Some("timeout".to_owned());
        } else if message.starts_with(&format!("REPORT RequestId: {request_id}")) {
            self.take_report(message);
        } else if message.starts_with(&format!("END RequestId: {request_id}")) {
            self.ended = true;
        } else if message.starts_with("thread ") {
            self.panic = self.panic.take().or_else(|| panic_of(message));
        } else if let Some(text) = plain_error(message) {
            self.error = Some(text.to_owned());
        }
    }

    fn take_platform(&mut self, kind: &str, record: &Value) {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        if !["platform.runtimeDone", "platform.report"].contains(&kind) {
            return;
        }
        self.ended = true;
        self.status = text("status").or(self.status.take());
        self.error_type = text("errorType").or(self.error_type.take());
        if self.status.as_deref() == Some("timeout") {
            let seconds =
                record["metrics"]["durationMs"].as_f64().map(|duration| format!("{:.2} s", duration / 1000.0));
            self.timeout = seconds.or(self.timeout.take());
        }
        let megabytes = |name: &str| record["metrics"][name].as_u64();
        let (limit, used) = self.memory;
        self.memory = (megabytes("memorySizeMB").or(limit), megabytes("maxMemoryUsedMB").or(used));
    }

    fn take_report(&mut self, message: &str) {
        self.ended = true;
        for part in message.split(['\t', '\n']) {
            let Some((name, value)) = part.trim().split_once(": ") else { continue };
            let megabytes = || value.strip_suffix(" MB").and_then(|number| number.parse().ok());
            match name {
                "Status" => self.status = Some(value.to_owned()),
                "Error Type" => self.error_type = Some(value.to_owned()),
                "Memory Size" => self.memory.0 = megabytes(),
                "Max Memory Used" => self.memory.1 = megabytes(),
                _ => {}
            }
        }
    }

    fn ending(self) -> Ending {
        let status = self.status.as_deref();
        let at_limit = matches!(self.memory, (Some(limit), Some(used)) if used >= limit);
        let is_type = |name: &str| self.error_type.as_deref() == Some(name);
        let killed = match self.exit.as_deref() {
            Some(exit) => exit.contains("signal: killed"),
            // Lambda's records do not tell a kill from another exit; a panic was one.
            None => is_type("Runtime.ExitError") && self.panic.is_none(),
        };
        if status == Some("timeout") {
            Ending::TimedOut(self.timeout)
        } else if is_type("Runtime.OutOfMemory") || (killed && at_limit) {
            Ending::OutOfMemory
        } else if status == Some("success") {
            Ending::Ended
        } else if let Some(place) = self.panic {
            Ending::Panicked(place)
        } else if let Some(exit) = self.exit {
            Ending::Exited(exit)
        } else if let Some("error" | "failure") = status {
            Ending::Failed(self.error_type.or(self.error))
        } else if !self.ended {
            Ending::Open
        } else {
            self.error.map_or(Ending::Ended, Ending::Logged)
        }
    }
}

/// Finds the place in the message of a panic, of this form or the one before Rust 1.73:
/// `thread 'main' panicked at FILE:LINE:COLUMN:` and `thread 'main' panicked at 'MESSAGE', FILE:LINE:COLUMN`.
fn panic_of(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("panicked at ")?;
    let first = rest.lines().next()?;
    let place = first.rsplit_once("', ").map_or(first, |(_, place)| place);
    Some(place.trim_end_matches(':').to_owned())
}

/// Returns the rest of a plain line whose first word, or the one after a time, is the level ERROR.
fn plain_error(message: &str) -> Option<&str> {
    let line = message.lines().next()?.trim_start();
    let after_time = line.split_once(' ').filter(|(time, _)| time.parse::<jiff::Timestamp>().is_ok());
    let line = after_time.map_or(line, |(_, rest)| rest.trim_start());
    line.strip_prefix("ERROR ").or_else(|| line.strip_prefix("[ERROR] ")).map(str::trim)
}
