//! Metrics inside a log line, in CloudWatch's embedded metric format.
//!
//! CloudWatch extracts the metrics from the line when it arrives, so they need no call and no permission.

use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The namespace of all metrics of the functions.
const NAMESPACE: &str = "CouchExplorers";
/// The field that distinguishes the functions. A line must have it as a text.
pub(super) const DIMENSION: &str = "function";

/// One measured value. Its name becomes a field of the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    pub unit: Unit,
    pub value: f64,
}

/// The unit of a metric, in CloudWatch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Milliseconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// Adds `metrics` to `line`: their values as fields, and `_aws`, which names them. CloudWatch accepts finite numbers
/// only.
pub(super) fn embed(line: &mut Map<String, Value>, metrics: &[Metric], now: SystemTime) {
    let mut names = Vec::with_capacity(metrics.len());
    for metric in metrics.iter().filter(|metric| metric.value.is_finite()) {
        line.insert(metric.name.to_owned(), number(metric.value));
        names.push(json!({"Name": metric.name, "Unit": metric.unit.name()}));
    }
    if names.is_empty() {
        return;
    }
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let timestamp = u64::try_from(since.as_millis()).unwrap_or_default();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": names});
    line.insert("_aws".to_owned(), json!({"Timestamp": timestamp, "CloudWatchMetrics": [directive]}));
}

/// Returns a whole number without a decimal point, like the other fields.
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the range an f64 holds exactly")]
        true => Value::from(value as i64),
        false => Value::from(value),
    }
}
