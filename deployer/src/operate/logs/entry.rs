//! The parts of a structured log line: Lambda's own JSON, that of `tracing-subscriber`, or any with a `message`.

use serde_json::{Map, Value};

/// A structured line. The order of the fields is the one in which people want to read them.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub level: String,
    pub message: String,
    /// All else that the line has.
    pub fields: Vec<(String, Value)>,
}

/// Members that each shown line has already in another form.
const KNOWN: &[&str] = &["message", "level", "timestamp", "function"];

/// The states of a record of Lambda's that report a failure.
const FAILED: &[&str] = &["error", "failure", "timeout"];
/// Members with the id of the request, as Lambda's runtimes and `lambda_runtime` name them.
const REQUEST: &[&str] = &["requestId", "AWSRequestId", "aws_request_id", "request_id"];

impl Entry {
    /// Reads a line. `None` if it is no JSON object, or has no message.
    pub fn parse(line: &str) -> Option<Self> {
        let Value::Object(map) = serde_json::from_str(line).ok()? else { return None };
        let level = map.get("level").and_then(Value::as_str).unwrap_or("INFO").to_owned();
        if let (Some(Value::String(message)), Some(Value::Object(record))) = (map.get("type"), map.get("record")) {
            let mut fields = Vec::new();
            flatten(record, &mut fields);
            let failed = record.get("status").and_then(Value::as_str).is_some_and(|status| FAILED.contains(&status));
            let level = if failed { "ERROR".to_owned() } else { level };
            return message.starts_with("platform.").then(|| Self { level, message: message.clone(), fields });
        }
        if let Some(message) = map.get("message").and_then(Value::as_str) {
            return Some(Self { level, message: message.to_owned(), fields: own(&map) });
        }
        let event = map.get("fields").and_then(Value::as_object)?;
        let message = event.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut fields = own(event);
        fields.extend(own(&map).into_iter().filter(|(name, _)| name != "fields"));
        Some(Self { level, message, fields })
    }

    /// Returns the id of the request that the line belongs to, if it names one as Lambda's runtimes do.
    pub fn request_id(&self) -> Option<&str> {
        let is_id = |text: &&str| text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
        let named = self.fields.iter().filter(|(name, _)| REQUEST.contains(&name.as_str()));
        named.filter_map(|(_, value)| value.as_str()).find(is_id)
    }

    pub fn is_error(&self) -> bool {
        ["ERROR", "FATAL"].contains(&self.level.to_ascii_uppercase().as_str())
    }
}

/// Lists the members but those that are shown already. Those of `tracing`'s spans become fields of the line; an inner
/// span's go before those of an outer one.
fn own(map: &Map<String, Value>) -> Vec<(String, Value)> {
    let of_spans = |name: &str| matches!((name, &map[name]), ("span", Value::Object(_)) | ("spans", Value::Array(_)));
    let shown = |name: &str| !KNOWN.contains(&name) && !of_spans(name);
    let members = map.iter().filter(|(name, _)| shown(name));
    let mut fields: Vec<(String, Value)> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    let spans: Vec<&Map<String, Value>> = match (map.get("spans"), map.get("span")) {
        (Some(Value::Array(spans)), _) => spans.iter().filter_map(Value::as_object).collect(),
        (_, Some(Value::Object(span))) => vec![span],
        _ => Vec::new(),
    };
    for (name, value) in spans.iter().rev().flat_map(|span| span.iter()) {
        if name != "name" && fields.iter().all(|(own, _)| own != name) {
            fields.push((name.clone(), value.clone()));
        }
    }
    let names: Vec<&str> = spans.iter().filter_map(|span| span.get("name")?.as_str()).collect();
    if !names.is_empty() {
        fields.push(("span".to_owned(), names.join(":").into()));
    }
    fields
}

fn flatten(record: &Map<String, Value>, fields: &mut Vec<(String, Value)>) {
    for (name, value) in record {
        match value {
            Value::Object(inner) => flatten(inner, fields),
            value => fields.push((name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Option<String> {
        let entry = Entry::parse(line)?;
        let fields = entry.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>();
        Some(format!("{} {}{fields}", entry.level, entry.message))
    }

    #[test]
    fn each_way_to_write_a_line_has_its_message_and_fields() {
        for (line, expected) in [
            (r#"{"timestamp":"x","level":"WARN","message":"slow","took_ms":12}"#, "WARN slow took_ms=12"),
            (r#"{"message":"no level","span":"a text"}"#, r#"INFO no level span="a text""#),
            (
                r#"{"timestamp":"x","level":"ERROR","fields":{"message":"no","order":7},"target":"worker::take","span":{"name":"take","job":"j"},"spans":[{"name":"invoke","requestId":"r-1","job":"outer"},{"name":"take","job":"j"}]}"#,
                r#"ERROR no order=7 target="worker::take" job="j" requestId="r-1" span="invoke:take""#,
            ),
            (r#"{"level":"INFO","fields":{"order":7},"target":"w"}"#, r#"INFO  order=7 target="w""#),
            (
                r#"{"time":"x","type":"platform.report","record":{"requestId":"r-1","metrics":{"durationMs":1.5},"status":"success"}}"#,
                r#"INFO platform.report requestId="r-1" durationMs=1.5 status="success""#,
            ),
            (
                r#"{"time":"x","type":"platform.initReport","record":{"phase":"init","status":"error","errorType":"Runtime.ExitError"}}"#,
                r#"ERROR platform.initReport phase="init" status="error" errorType="Runtime.ExitError""#,
            ),
        ] {
            assert_eq!(shown(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_line_has_the_request_that_a_runtime_names() {
        let id = "8286a188-ba32-4475-8077-530cd35c09a9";
        for (line, expected) in [
            (r#"{"level":"INFO","message":"m","requestId":"ID"}"#, true),
            (r#"{"level":"INFO","message":"m","AWSRequestId":"ID"}"#, true),
            (
                r#"{"level":"INFO","fields":{"message":"m"},"spans":[{"name":"Lambda runtime invoke","requestId":"ID"}]}"#,
                true,
            ),
            (r#"{"level":"INFO","message":"m","requestId":"7"}"#, false),
            (r#"{"level":"INFO","message":"m","order":"ID"}"#, false),
        ] {
            let entry = Entry::parse(&line.replace("ID", id)).unwrap();
            assert_eq!(entry.request_id(), expected.then_some(id), "{line}");
        }
    }

    #[test]
    fn a_line_without_a_message_is_none() {
        for line in ["START r-1", "{\"message\":\"cut", "[1]", "{\"a\":1}", "{\"message\":7}", "{\"fields\":7}"] {
            assert_eq!(Entry::parse(line), None, "{line}");
        }
    }
}
