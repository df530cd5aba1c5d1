//! Writes one JSON line for each occurrence to standard output, where Lambda collects it.
//!
//! Every line has `timestamp`, `level`, `message`, `function`, `version`, `request_id`, `correlation_id` and `trace_id`
//! at its top level, as far as they are known. A filter on the correlation id thus follows a prompt from the request to
//! the picture, and a filter on the version separates a canary from the version before it.

mod metric;

pub use metric::{Metric, Unit};

use crate::text::{clip, harmless};
use aws_smithy_types::date_time::{DateTime, Format};
use serde_json::{Map, Value};
use std::io::Write;
use std::time::SystemTime;

/// The most characters of a message.
const MAX_MESSAGE: usize = 1_000;
/// The most characters of any other text in a line.
const MAX_TEXT: usize = 4_000;
/// The most bytes of a line. CloudWatch accepts events of 256 KiB; it would cut a longer line, which would no longer be
/// JSON.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// The severity of an occurrence, in Lambda's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// Reads the value of `AWS_LAMBDA_LOG_LEVEL`; anything unknown means `Info`.
    pub fn parse(text: Option<&str>) -> Self {
        match text.map(str::to_ascii_uppercase).as_deref() {
            Some("TRACE" | "DEBUG") => Self::Debug,
            Some("WARN") => Self::Warn,
            Some("ERROR" | "FATAL") => Self::Error,
            _ => Self::Info,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// A receiver of complete lines. Tests collect them.
pub trait Sink {
    /// Writes one line and adds the line break.
    fn write(&self, line: String);
}

/// Standard output, to which each line is written whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stdout;

impl Sink for Stdout {
    fn write(&self, mut line: String) {
        line.push('\n');
        // If standard output is closed, nobody can read a report of it.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

/// The log of one function.
pub struct Logger<S> {
    /// The name by which AWS knows the function.
    pub function: String,
    /// The function's version: a number, or `$LATEST`.
    pub version: Option<String>,
    pub least: Level,
    pub sink: S,
}

/// The log of one event or record.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    sink: &'a dyn Sink,
    function: &'a str,
    version: Option<&'a str>,
    least: Level,
    request_id: &'a str,
    correlation_id: &'a str,
    trace_id: Option<&'a str>,
}

impl<S: Sink> Logger<S> {
    /// Creates the log of the function that the environment names, which `get` reads. Outside Lambda the name is that
    /// of `FUNCTION_NAME`, else `binary`.
    pub fn new(binary: &str, get: impl Fn(&str) -> Option<String>, sink: S) -> Self {
        let get = |name| get(name).filter(|value| !value.trim().is_empty());
        Self {
            function: get("AWS_LAMBDA_FUNCTION_NAME")
                .or_else(|| get("FUNCTION_NAME"))
                .unwrap_or_else(|| binary.to_owned()),
            version: get("AWS_LAMBDA_FUNCTION_VERSION"),
            least: Level::parse(get("AWS_LAMBDA_LOG_LEVEL").as_deref()),
            sink,
        }
    }

    /// Returns the log of the event `request_id`. `correlation_id` links all lines from client to picture.
    pub fn event<'a>(&'a self, request_id: &'a str, correlation_id: &'a str) -> Log<'a> {
        Log {
            sink: &self.sink,
            function: &self.function,
            version: self.version.as_deref(),
            least: self.least,
            request_id,
            correlation_id,
            trace_id: None,
        }
    }

    /// Returns the log for lines before the first event.
    pub fn start(&self) -> Log<'_> {
        self.event("", "")
    }
}

impl<'a> Log<'a> {
    /// Adds the id of the event's trace in X-Ray to every line.
    #[must_use]
    pub fn trace(self, trace_id: Option<&'a str>) -> Self {
        Self { trace_id, ..self }
    }
}

impl Log<'_> {
    /// Writes `message` with `fields`, a JSON object, unless its level is below the configured one.
    pub fn line(&self, level: Level, message: &str, fields: Value) {
        self.measure(level, message, fields, &[]);
    }

    /// Writes `message` with `fields` and `metrics`, which CloudWatch extracts from the line.
    ///
    /// If the level is below the configured one, only the metrics are written, at the configured level: Lambda would
    /// drop a line below it.
    pub fn measure(&self, level: Level, message: &str, fields: Value, metrics: &[Metric]) {
        let wanted = level >= self.least;
        if !wanted && metrics.is_empty() {
            return;
        }
        let (message, fields) = if wanted { (message, fields) } else { ("metrics", Value::Null) };
        let now = SystemTime::now();
        let mut line = self.head(level.max(self.least), message, now);
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        line.values_mut().for_each(tame);
        // Inserted after the fields, so that no field can replace the name by which metrics are grouped.
        line.insert(metric::DIMENSION.into(), self.function.into());
        metric::embed(&mut line, metrics, now);
        self.sink.write(bounded(line));
    }

    /// Returns the fields that every line has.
    fn head(&self, level: Level, message: &str, now: SystemTime) -> Map<String, Value> {
        let mut line = Map::new();
        let timestamp = DateTime::from(now).fmt(Format::DateTime).unwrap_or_default();
        line.insert("timestamp".into(), timestamp.into());
        line.insert("level".into(), level.name().into());
        line.insert("message".into(), clip(message, MAX_MESSAGE).into());
        line.insert(metric::DIMENSION.into(), self.function.into());
        let ids = [
            ("version", self.version),
            ("request_id", Some(self.request_id)),
            ("correlation_id", Some(self.correlation_id)),
            ("trace_id", self.trace_id),
        ];
        for (name, id) in ids {
            if let Some(id) = id.filter(|id| !id.is_empty()) {
                line.insert(name.into(), id.into());
            }
        }
        line
    }

    /// Writes a normal occurrence.
    pub fn info(&self, message: &str, fields: Value) {
        self.line(Level::Info, message, fields);
    }

    /// Writes an occurrence that the sender has to correct.
    pub fn warn(&self, message: &str, fields: Value) {
        self.line(Level::Warn, message, fields);
    }

    /// Writes an occurrence that the operator has to correct.
    pub fn error(&self, message: &str, fields: Value) {
        self.line(Level::Error, message, fields);
    }
}

/// Makes every text in `value` harmless and at most [`MAX_TEXT`] long.
fn tame(value: &mut Value) {
    match value {
        Value::String(text) => {
            let tamed = harmless(text);
            let tamed = clip(&tamed, MAX_TEXT);
            if tamed != text.as_str() {
                *text = tamed.into_owned();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(tame),
        Value::Object(fields) => fields.values_mut().for_each(tame),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns `line` as JSON of at most [`MAX_LINE_BYTES`], if necessary without its longest fields. The metrics stay:
/// they are few and all numbers.
fn bounded(mut line: Map<String, Value>) -> String {
    loop {
        let text = serde_json::to_string(&line).unwrap_or_default();
        if text.len() <= MAX_LINE_BYTES {
            return text;
        }
        let longest =
            line.iter_mut().filter(|(name, _)| *name != "_aws").max_by_key(|(_, value)| value.to_string().len());
        let Some((_, value)) = longest else {
            return text;
        };
        *value = format!("({} bytes left out)", value.to_string().len()).into();
    }
}

/// Accepts `candidate` as a correlation id when it fits a header, a log filter and a metadata value: 1 to 128 letters,
/// digits and `-_.:/=+@`.
pub fn correlation_id(candidate: Option<&str>) -> Option<&str> {
    let candidate = candidate?.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/=+@".contains(&byte);
    let length = 1..=128;
    (length.contains(&candidate.len()) && candidate.bytes().all(fits)).then_some(candidate)
}

#[cfg(test)]
pub(crate) mod tests;
