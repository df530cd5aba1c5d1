//! Converts an SDK response to a JSON value, by parsing its `Debug` text: everything that AWS returned, whatever its
//! type.
//!
//! A reader that names each field would miss the fields that a kind begins to write later.

use std::fmt::Debug;

use serde_json::{Map, Value};

/// Converts a response. Leaves out absent and empty values.
pub fn told(answer: &impl Debug) -> Value {
    let text = format!("{answer:#?}");
    let mut lines = text.lines().map(str::trim_start);
    let first = lines.next().unwrap_or_default();
    tree(&mut lines, first)
}

fn tree<'a>(lines: &mut impl Iterator<Item = &'a str>, first: &str) -> Value {
    match first.as_bytes().last() {
        Some(b'(') => {
            let mut items = items(lines, ")");
            if items.len() == 1 { items.remove(0) } else { Value::Array(items) }
        }
        Some(b'[') => Value::Array(items(lines, "]")),
        Some(b'{') => entries(lines),
        _ => leaf(first),
    }
}

fn items<'a>(lines: &mut impl Iterator<Item = &'a str>, end: &str) -> Vec<Value> {
    let mut items = Vec::new();
    while let Some(line) = lines.next().map(|line| line.trim_end_matches(',')).filter(|line| *line != end) {
        items.push(tree(lines, line));
    }
    items
}

/// Parses the fields of a struct, the entries of a map, or the items of a set.
fn entries<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Value {
    let (mut fields, mut items) = (Map::new(), Vec::new());
    while let Some(line) = lines.next().map(|line| line.trim_end_matches(',')).filter(|line| *line != "}") {
        match label(line) {
            Some((name, rest)) => {
                let value = tree(lines, rest);
                if !is_nothing(&value) {
                    fields.insert(name, value);
                }
            }
            None => items.push(tree(lines, line)),
        }
    }
    if items.is_empty() { Value::Object(fields) } else { Value::Array(items) }
}

/// Parses a label: `name: rest` or `"name": rest`.
fn label(line: &str) -> Option<(String, &str)> {
    if line.starts_with('"') {
        let mut stream = serde_json::Deserializer::from_str(line).into_iter::<String>();
        let name = stream.next()?.ok()?;
        let rest = line[stream.byte_offset()..].strip_prefix(": ")?;
        return Some((name, rest));
    }
    let (name, rest) = line.split_once(": ")?;
    Some((name.to_owned(), rest))
}

fn leaf(text: &str) -> Value {
    match text {
        "None" | "[]" | "{}" => Value::Null,
        // Rust escapes texts almost like JSON. A text that is not valid JSON stays as it is.
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[test]
fn an_answer_is_read_with_all_its_parts() {
    #[derive(Debug)]
    struct Answer {
        _name: Option<String>,
        _absent: Option<u8>,
        _tags: std::collections::BTreeMap<String, String>,
        _parts: Vec<Part>,
    }
    #[derive(Debug)]
    struct Part {
        _open: bool,
        _count: Option<i32>,
    }
    let answer = Answer {
        _name: Some("a: {\"b\"},".into()),
        _absent: None,
        _tags: [("team: x".to_owned(), "so\nfa".to_owned())].into(),
        _parts: vec![Part { _open: true, _count: Some(3) }, Part { _open: false, _count: None }],
    };
    let expected = serde_json::json!({
        "_name": "a: {\"b\"},",
        "_tags": { "team: x": "so\nfa" },
        "_parts": [{ "_open": true, "_count": 3 }, { "_open": false }],
    });
    assert_eq!(told(&answer), expected);
}
