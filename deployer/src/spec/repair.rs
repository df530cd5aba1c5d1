//! Repairs a broken element where its author's meaning is clear, so that its section can check the rest of it.
//!
//! A repaired element serves only to find mistakes: it is never lowered for a graph.

use serde_json::{Map, Value, json};

use super::check::{self, Origin};
use super::finding::{DocPath, Finding, Findings, Severity};
use super::interpolate::VariablePaths;
use super::nearest::nearest;
use super::schema::checked_schema;
use super::spans::SpanIndex;
use super::uncovered::{self, WordMeaning};
use super::values::Seconds;

/// A text whose value is known only later. No check doubts it.
const LATER: &str = "${aws.region}";
/// Each round may show mistakes that the ones before it hid.
const ROUNDS: usize = 4;

/// Returns the element at `path` (section, name) without the mistakes that the schema finds; `None` if it is unclear
/// what its author meant.
pub(super) fn repair_element(element: &Value, path: &DocPath, spans: &SpanIndex) -> Option<Value> {
    let schema = &checked_schema()["properties"][path.0.first()?]["additionalProperties"];
    let origin = Origin { spans, touched: &VariablePaths::default() };
    let mut element = element.clone();
    for _ in 0..ROUNDS {
        let mut trial = element.clone();
        let found = check::check(&mut trial, checked_schema(), schema, path, &origin);
        let errors: Vec<&Finding> = found.0.iter().filter(|finding| finding.severity == Severity::Error).collect();
        if errors.is_empty() {
            return Some(trial);
        }
        for error in errors {
            repair(&mut element, error, schema, path)?;
        }
    }
    None
}

/// Keeps the findings about properties in which the schema finds no mistake. Findings about the whole element may
/// follow from a mistake elsewhere in it.
pub(super) fn keep_unrelated(found: &mut Findings, broken: &Findings) {
    let is_related = |one: &DocPath, other: &DocPath| one.0.starts_with(&other.0) || other.0.starts_with(&one.0);
    // A missing property has no place in the text.
    let is_error =
        |finding: &&Finding| finding.severity == Severity::Error && finding.code != "stack::missing-property";
    let errors: Vec<&Finding> = broken.0.iter().filter(is_error).collect();
    found.0.retain(|finding| {
        finding.path.0.len() > 2 && !errors.iter().any(|error| is_related(&error.path, &finding.path))
    });
}

fn repair(element: &mut Value, error: &Finding, schema: &'static Value, path: &DocPath) -> Option<()> {
    let inner = error.path.0.get(path.0.len()..)?;
    if error.code == "stack::missing-property" {
        let map = at(element, inner)?.as_object_mut()?;
        for parent in schemas(schema, inner) {
            for name in required_properties(parent).filter(|name| !map.contains_key(*name)).collect::<Vec<_>>() {
                map.insert(name.to_owned(), invent_value(&schemas(&parent["properties"][name], &[]))?);
            }
        }
        return Some(());
    }
    let (last, outer) = inner.split_last()?;
    let parents = schemas(schema, outer);
    let parent = at(element, outer)?;
    let (Value::Object(_), "stack::unknown-property" | "stack::not-covered" | "stack::bad-name") =
        (&*parent, error.code)
    else {
        let options = schemas(schema, inner);
        let optional = parents.iter().all(|parent| !required_properties(parent).any(|name| name == last));
        let value = at(parent, std::slice::from_ref(last))?;
        match likeliest_value(value, error.code, &options) {
            Some(meant) => *value = meant,
            None if optional && is_plain(&options) => drop(parent.as_object_mut()?.shift_remove(last)?),
            None => *value = invent_value(&options).filter(|_| is_plain(&options))?,
        }
        return Some(());
    };
    let map = parent.as_object_mut()?;
    let value = map.shift_remove(last)?;
    let known: Vec<&str> = parents
        .iter()
        .filter_map(|parent| parent["properties"].as_object())
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect();
    let full: Vec<String> = path.0.iter().chain(outer).cloned().collect();
    if let WordMeaning::Property(meant) = uncovered::find_meaning(last, &known, &full) {
        map.entry(meant).or_insert(value);
    }
    Some(())
}

fn at<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, part| match value {
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        value => value.get_mut(part),
    })
}

/// Lists the schemas that the value at `path` may conform to: variants and references are resolved.
fn schemas(schema: &'static Value, path: &[String]) -> Vec<&'static Value> {
    let mut found = Vec::new();
    collect_schemas(schema, 0, &mut found);
    for part in path {
        let outer = std::mem::take(&mut found);
        for schema in outer {
            let inner = [&schema["properties"][part], &schema["items"], &schema["additionalProperties"]];
            if let Some(inner) = inner.into_iter().find(|inner| inner.is_object()) {
                collect_schemas(inner, 0, &mut found);
            }
        }
    }
    found
}

fn collect_schemas(schema: &'static Value, depth: usize, found: &mut Vec<&'static Value>) {
    if depth > 8 {
        return;
    }
    found.push(schema);
    let target = schema["$ref"].as_str().and_then(|to| checked_schema().pointer(to.strip_prefix('#')?));
    let variants =
        ["anyOf", "oneOf", "allOf"].into_iter().flat_map(|word| schema[word].as_array().into_iter().flatten());
    target.into_iter().chain(variants).for_each(|part| collect_schemas(part, depth + 1, found));
}

fn required_properties(schema: &'static Value) -> impl Iterator<Item = &'static str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn has_type(schemas: &[&'static Value], wanted: &str) -> bool {
    let has =
        |types: &Value| types == wanted || types.as_array().is_some_and(|types| types.iter().any(|one| one == wanted));
    schemas.iter().any(|schema| has(&schema["type"]))
}

fn is_duration(schemas: &[&'static Value]) -> bool {
    schemas.iter().any(|schema| schema["format"] == "duration-seconds")
}

/// Tells whether no other property's meaning depends on the value: numbers, durations and free texts.
fn is_plain(schemas: &[&'static Value]) -> bool {
    let number = has_type(schemas, "integer") || has_type(schemas, "number") || is_duration(schemas);
    number || (has_type(schemas, "string") && words(schemas).is_empty())
}

/// Lists the words that the schemas allow for a value.
fn words(schemas: &[&'static Value]) -> Vec<&'static str> {
    let listed = schemas.iter().flat_map(|schema| schema["enum"].as_array().into_iter().flatten());
    listed.chain(schemas.iter().map(|schema| &schema["const"])).filter_map(Value::as_str).collect()
}

/// Returns the valid value that an author most likely meant.
fn likeliest_value(value: &Value, code: &str, schemas: &[&'static Value]) -> Option<Value> {
    let words = words(schemas);
    if let (Some(text), false) = (value.as_str(), words.is_empty()) {
        return nearest(text, words).map(Value::from);
    }
    if has_type(schemas, "boolean") {
        return match value.as_str()?.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" | "true" => Some(Value::Bool(true)),
            "no" | "off" | "n" | "false" => Some(Value::Bool(false)),
            _ => None,
        };
    }
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if is_duration(schemas) => Seconds::parse(text).map(|Seconds(seconds)| seconds.into()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    if let Some(number) = number.filter(|_| code == "stack::out-of-range" || !has_type(schemas, "string")) {
        return in_range(number, schemas);
    }
    (has_type(schemas, "string") && words.is_empty() && !is_duration(schemas)).then(|| LATER.into())
}

fn in_range(number: f64, schemas: &[&'static Value]) -> Option<Value> {
    let limit = |word: &str| schemas.iter().find_map(|schema| schema[word].as_f64());
    let number = number.max(limit("minimum").unwrap_or(0.0)).min(limit("maximum").unwrap_or(f64::MAX));
    let is_whole = has_type(schemas, "integer") || is_duration(schemas);
    Some(if is_whole { json!(number as i64) } else { json!(number) })
}

/// Returns a value for a property that is missing or unclear.
fn invent_value(schemas: &[&'static Value]) -> Option<Value> {
    if let Some(word) = words(schemas).first() {
        return Some(Value::from(*word));
    }
    if is_duration(schemas) || has_type(schemas, "integer") || has_type(schemas, "number") {
        return in_range(1.0, schemas);
    }
    let types = [("string", json!(LATER)), ("object", json!({})), ("array", json!([]))];
    types.into_iter().find(|(name, _)| has_type(schemas, name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use crate::pipeline;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    /// Returns the codes of a stack's findings, each with the property that it is about.
    fn finding_codes(element: &str) -> Vec<String> {
        let text = format!("stack: s\nregion: eu-west-1\n{element}\n");
        let failure = pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default()).err().expect("an error");
        let one = |finding: &super::Finding| {
            format!("{} {}", finding.code, finding.path.0.last().cloned().unwrap_or_default())
        };
        failure.findings.0.iter().map(one).collect()
    }

    fn alarm(changes: &str) -> Vec<String> {
        finding_codes(&format!(
            "alarms:\n  a: {{ namespace: Shop, metric_name: Orders, comparison_operator: GreaterThanThreshold, threshold: 1, {changes} }}"
        ))
    }

    #[test]
    fn one_run_reports_what_the_schema_and_what_the_section_finds_in_an_element() {
        let both = ["stack::bad-value statistic", "alarm::period period"];
        assert_eq!(alarm("statistic: Max, period: 45s, evaluation_periods: 1"), both);
        let both = ["alarm::period period", "stack::missing-property a"];
        let mut unsorted = alarm("statistic: Maximum, period: 45s");
        unsorted.sort();
        assert_eq!(unsorted, both);
        let both = ["stack::unknown-property evaluation_periodes", "alarm::datapoints datapoints_to_alarm"];
        assert_eq!(alarm("statistic: Sum, period: 60s, evaluation_periodes: 1, datapoints_to_alarm: 2"), both);
        let both = ["stack::out-of-range memory_size", "function::log-retention log_retention"];
        assert_eq!(finding_codes("functions:\n  f: { zip: f.zip, memory_size: 1, log_retention: 15 }"), both);
        let both = ["stack::bad-value name", "api::route FETCH /"];
        assert_eq!(
            finding_codes(
                "queues: { q: { name: \"a b\" } }\napis: { a: { routes: { \"FETCH /\": f } } }\nfunctions: { f: { zip: f.zip, timeout: 29s } }"
            ),
            both
        );
    }

    #[test]
    fn nothing_is_reported_that_follows_from_a_mistake() {
        // The author clearly means a FIFO queue.
        assert_eq!(finding_codes("queues: { q: { name: q.fifo, fifo_queue: yes } }"), ["stack::wrong-type fifo_queue"]);
        // It is unclear whether the queue is FIFO.
        assert_eq!(
            finding_codes("queues: { q: { name: q.fifo, fifo_queue: perhaps } }"),
            ["stack::wrong-type fifo_queue"]
        );
        assert_eq!(finding_codes("functions: { f: { crte: f, bin: f } }"), ["stack::unknown-property crte"]);
        assert_eq!(
            finding_codes("functions: { f: { source: f, memory_size: 512 } }"),
            ["stack::unknown-property source"]
        );
        assert_eq!(alarm("statistc: Sum, period: 60s, evaluation_periods: 1"), ["stack::unknown-property statistc"]);
        assert_eq!(alarm("statistic: Sum, period: often, evaluation_periods: 200"), ["stack::bad-value period"]);
        let bucket = "buckets: { b: { encryption: { sse_algorithm: kms, kms_master_key_id: k } } }";
        assert_eq!(finding_codes(bucket), ["stack::bad-value sse_algorithm"]);
    }
}
