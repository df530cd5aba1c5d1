//! One JSON line an occurrence, on standard output, where Lambda collects it.
//!
//! Every line carries `timestamp`, `level`, `message`, `function`, `version`, `request_id`, `correlation_id` and
//! `trace_id` at its top level where they are known, so that one filter on the correlation id follows a prompt from the
//! request to the picture, and one on the version tells a canary from the version before it.

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
/// The most bytes of a line. CloudWatch takes events of 256 KiB; a longer line would be cut and be JSON no more.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Says how grave an occurrence is, in Lambda's words.
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

/// Takes finished lines; tests collect them.
pub trait Sink {
    /// Writes one line; the line break is the sink's.
    fn write(&self, line: String);
}

/// Writes to standard output, a line in one piece.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stdout;

impl Sink for Stdout {
    fn write(&self, mut line: String) {
        line.push('\n');
        // A closed standard output leaves nobody to tell.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

/// Writes the lines of one function.
pub struct Logger<S> {
    /// The name AWS knows the function by.
    pub function: String,
    /// The function's version: a number, or `$LATEST`.
    pub version: Option<String>,
    pub least: Level,
    pub sink: S,
}

/// Writes the lines of one event or record.
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
    /// Makes the log of the function that the environment names, which `get` reads; `binary` is its name elsewhere.
    pub fn new(binary: &str, get: impl Fn(&str) -> Option<String>, sink: S) -> Self {
        let get = |name| get(name).filter(|value| !value.trim().is_empty());
        Self {
            function: get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| binary.to_owned()),
            version: get("AWS_LAMBDA_FUNCTION_VERSION"),
            least: Level::parse(get("AWS_LAMBDA_LOG_LEVEL").as_deref()),
            sink,
        }
    }

    /// Returns the log of the event `request_id`, whose thread from client to picture is `correlation_id`.
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

    /// Returns the log of what happens before the first event.
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
    /// Writes `message` with `fields`, a JSON object, unless the level is below the least wanted.
    pub fn line(&self, level: Level, message: &str, fields: Value) {
        self.measure(level, message, fields, &[]);
    }

    /// Writes `message` with `fields` and `metrics`, which CloudWatch takes out of the line.
    ///
    /// When the level is below the least wanted, the metrics alone are written, at the least level: Lambda would drop a
    /// line below it.
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
        // After the fields: none may take the place of the name that metrics are filed under.
        line.insert(metric::DIMENSION.into(), self.function.into());
        metric::embed(&mut line, metrics, now);
        self.sink.write(bounded(line));
    }

    /// Returns the fields every line has.
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

    /// Writes an occurrence of the normal course.
    pub fn info(&self, message: &str, fields: Value) {
        self.line(Level::Info, message, fields);
    }

    /// Writes an occurrence that is the sender's to mend.
    pub fn warn(&self, message: &str, fields: Value) {
        self.line(Level::Warn, message, fields);
    }

    /// Writes an occurrence that is the operator's to mend.
    pub fn error(&self, message: &str, fields: Value) {
        self.line(Level::Error, message, fields);
    }
}

/// Makes every text in `value` harmless and no longer than [`MAX_TEXT`].
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

/// Returns `line` as JSON of at most [`MAX_LINE_BYTES`], without its longest fields where that takes it. The metrics stay:
/// there are few, and all numbers.
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
