//! One JSON line an occurrence, on standard output, where Lambda collects it.
//!
//! Every line carries `timestamp`, `level`, `message`, `function`, `request_id` and `correlation_id` at its top level, so
//! that one filter on the correlation id follows a prompt from the request to the picture.

use aws_smithy_types::date_time::{DateTime, Format};
use serde_json::{Map, Value};
use std::io::Write;
use std::time::SystemTime;

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
    pub function: &'static str,
    pub least: Level,
    pub sink: S,
}

/// Writes the lines of one event or record.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    sink: &'a dyn Sink,
    function: &'static str,
    least: Level,
    request_id: &'a str,
    correlation_id: &'a str,
}

impl<S: Sink> Logger<S> {
    /// Returns the log of the event `request_id`, whose thread from client to picture is `correlation_id`.
    pub fn event<'a>(&'a self, request_id: &'a str, correlation_id: &'a str) -> Log<'a> {
        Log { sink: &self.sink, function: self.function, least: self.least, request_id, correlation_id }
    }

    /// Returns the log of what happens before the first event.
    pub fn start(&self) -> Log<'_> {
        self.event("", "")
    }
}

impl Log<'_> {
    /// Writes `message` with `fields`, a JSON object, unless the level is below the least wanted.
    pub fn line(&self, level: Level, message: &str, fields: Value) {
        if level < self.least {
            return;
        }
        let now = DateTime::from(SystemTime::now());
        let mut line = Map::new();
        let timestamp = now.fmt(Format::DateTime).unwrap_or_default();
        line.insert("timestamp".into(), timestamp.into());
        line.insert("level".into(), level.name().into());
        line.insert("message".into(), message.into());
        line.insert("function".into(), self.function.into());
        for (name, id) in [("request_id", self.request_id), ("correlation_id", self.correlation_id)] {
            if !id.is_empty() {
                line.insert(name.into(), id.into());
            }
        }
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        self.sink.write(Value::Object(line).to_string());
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

/// Accepts `candidate` as a correlation id when it fits a header, a log filter and a metadata value: 1 to 128 letters,
/// digits and `-_.:/=+@`.
pub fn correlation_id(candidate: Option<&str>) -> Option<&str> {
    let candidate = candidate?.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/=+@".contains(&byte);
    let length = 1..=128;
    (length.contains(&candidate.len()) && candidate.bytes().all(fits)).then_some(candidate)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;
    use std::cell::RefCell;

    /// Collects lines.
    #[derive(Default)]
    pub(crate) struct Lines(RefCell<Vec<String>>);

    impl Sink for Lines {
        fn write(&self, line: String) {
            self.0.borrow_mut().push(line);
        }
    }

    impl Lines {
        pub(crate) fn parsed(&self) -> Vec<Value> {
            let lines = self.0.borrow();
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    pub(crate) fn logger() -> Logger<Lines> {
        Logger { function: "test", least: Level::Info, sink: Lines::default() }
    }

    #[test]
    fn a_line_carries_the_ids_and_the_fields_at_its_top_level() {
        let logger = logger();
        logger.event("r-1", "c-1").info("done", json!({"seed": 7}));
        let line = &logger.sink.parsed()[0];
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "done");
        assert_eq!(line["function"], "test");
        assert_eq!(line["request_id"], "r-1");
        assert_eq!(line["correlation_id"], "c-1");
        assert_eq!(line["seed"], 7);
        let timestamp = line["timestamp"].as_str().unwrap();
        assert!(DateTime::from_str(timestamp, Format::DateTime).is_ok());
    }

    #[test]
    fn a_line_break_in_a_message_does_not_break_the_line() {
        let logger = logger();
        logger.start().error("a\nb", json!({}));
        assert!(!logger.sink.0.borrow()[0].contains('\n'));
    }

    #[test]
    fn lines_below_the_least_level_are_not_written() {
        let logger = logger();
        logger.start().line(Level::Debug, "detail", json!({}));
        assert!(logger.sink.parsed().is_empty());
        assert_eq!(Level::parse(Some("warn")), Level::Warn);
        assert_eq!(Level::parse(Some("FATAL")), Level::Error);
        assert_eq!(Level::parse(None), Level::Info);
    }

    #[test]
    fn correlation_ids_that_could_break_a_header_are_not_taken() {
        assert_eq!(correlation_id(Some(" 6f1c-22_a.b:1 ")), Some("6f1c-22_a.b:1"));
        for bad in ["", " ", "a b", "a\r\nx-amz-acl: public", "ø", &"x".repeat(129)] {
            assert_eq!(correlation_id(Some(bad)), None, "{bad:?}");
        }
        assert_eq!(correlation_id(None), None);
    }
}
