use super::*;
use serde_json::json;
use std::cell::RefCell;

/// A sink that collects lines.
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
    logger.event("r-1", "c-1").measure(Level::Info, "image stored", json!({"seed": 7, "function": "other"}), &DRAWN);
    let lines = logger.sink.parsed();
    let line = &lines[0];
    assert_eq!((lines.len(), &line["seed"], &line["message"]), (1, &json!(7), &json!("image stored")));
    assert_eq!((&line["Drawn"], &line["ModelTime"], &line["function"]), (&json!(1), &json!(2_345.5), &json!("test")));
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
