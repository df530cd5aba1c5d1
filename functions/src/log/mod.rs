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
        Logger { function: "test".into(), version: None, least: Level::Info, sink: Lines::default() }
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
    fn a_line_names_the_function_as_aws_does_and_its_version() {
        let environment = |name: &str| match name {
            "AWS_LAMBDA_FUNCTION_NAME" => Some("couch-image-worker-32".to_owned()),
            "AWS_LAMBDA_FUNCTION_VERSION" => Some("7".to_owned()),
            _ => None,
        };
        let logger = Logger::new("image-worker", environment, Lines::default());
        logger.event("r-1", "c-1").trace(Some("1-5759e988-bd862e3fe1be46a994272793")).info("done", json!({}));
        let line = &logger.sink.parsed()[0];
        assert_eq!(line["function"], "couch-image-worker-32");
        assert_eq!(line["version"], "7");
        assert_eq!(line["trace_id"], "1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(Logger::new("image-worker", |_| None, Stdout).function, "image-worker");
    }

    const DRAWN: [Metric; 2] = [
        Metric { name: "Drawn", unit: Unit::Count, value: 1.0 },
        Metric { name: "ModelTime", unit: Unit::Milliseconds, value: 2_345.5 },
    ];

    #[test]
    fn metrics_stand_in_the_line_as_cloudwatch_wants_them() {
        let logger = logger();
        logger.event("r-1", "c-1").measure(
            Level::Info,
            "image stored",
            json!({"seed": 7, "function": "other"}),
            &DRAWN,
        );
        let lines = logger.sink.parsed();
        let line = &lines[0];
        assert_eq!((lines.len(), &line["seed"], &line["message"]), (1, &json!(7), &json!("image stored")));
        assert_eq!(
            (&line["Drawn"], &line["ModelTime"], &line["function"]),
            (&json!(1), &json!(2_345.5), &json!("test"))
        );
        let now_ms = SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        assert!(now_ms - u128::from(line["_aws"]["Timestamp"].as_u64().unwrap()) < 60_000);
        let directive = json!([{
            "Namespace": "CouchExplorers",
            "Dimensions": [["function"]],
            "Metrics": [{"Name": "Drawn", "Unit": "Count"}, {"Name": "ModelTime", "Unit": "Milliseconds"}]
        }]);
        assert_eq!(line["_aws"]["CloudWatchMetrics"], directive);
    }

    #[test]
    fn metrics_are_written_even_when_the_line_is_below_the_least_level() {
        let logger = Logger { least: Level::Warn, ..logger() };
        logger.start().measure(Level::Info, "image stored", json!({"seed": 7}), &DRAWN);
        let line = &logger.sink.parsed()[0];
        assert_eq!((&line["level"], &line["Drawn"]), (&json!("WARN"), &json!(1)));
        assert_eq!((line.get("seed"), &line["message"]), (None, &json!("metrics")));
    }

    #[test]
    fn a_number_cloudwatch_cannot_take_is_left_out() {
        let logger = logger();
        let metrics = [Metric { name: "Odd", unit: Unit::Count, value: f64::NAN }];
        logger.start().measure(Level::Info, "done", json!({}), &metrics);
        let line = &logger.sink.parsed()[0];
        assert_eq!((line.get("Odd"), line.get("_aws")), (None, None));
    }

    #[test]
    fn a_message_from_elsewhere_is_cut_and_harmless() {
        let logger = logger();
        logger
            .start()
            .error(&"x".repeat(600_000), json!({"error": "\u{9b}2J".repeat(100_000), "list": [{"a": "\u{202e}"}]}));
        let line = &logger.sink.parsed()[0];
        let message = line["message"].as_str().unwrap();
        assert!(message.ends_with("x… (599000 more characters)") && message.len() < 1_100);
        let error = line["error"].as_str().unwrap();
        assert!(error.starts_with("\u{fffd}2J") && error.ends_with("(296000 more characters)"), "{error}");
        assert_eq!(line["list"], json!([{"a": "\u{fffd}"}]));
    }

    #[test]
    fn a_line_never_outgrows_a_cloudwatch_event() {
        let logger = logger();
        let many: Vec<_> = (0..200).map(|_| "\n".repeat(4_000)).collect();
        let fields = json!({"many": many, "wide": vec!["ø"; 20_000], "seed": 7});
        logger.event("r-1", "c-1").measure(Level::Info, "done", fields, &DRAWN);
        assert!(logger.sink.0.borrow()[0].len() <= MAX_LINE_BYTES);
        let line = &logger.sink.parsed()[0];
        assert!(line["many"].as_str().unwrap().ends_with("bytes left out)"));
        assert_eq!((&line["seed"], &line["correlation_id"], &line["Drawn"]), (&json!(7), &json!("c-1"), &json!(1)));
        assert!(line["_aws"].is_object());
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
