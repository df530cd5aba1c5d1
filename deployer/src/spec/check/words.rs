//! The checker's words.

use serde_json::Value;

use super::Object;
use super::scalars::Limit;

/// Longer values are cut in messages.
const SHOWN: usize = 60;

/// Names the types that are taken: "a whole number or text".
pub(super) fn types(types: &[&str]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for wanted in types {
        let name = match *wanted {
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "`true` or `false`",
            "array" => "a list",
            "object" => "a map",
            "duration" => "a duration",
            "null" => continue,
            _ => "text",
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(" or ")
}

/// Describes a value: "the text `abc`", "a list".
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) if text.chars().count() > SHOWN => {
            format!("the text `{}…`", text.chars().take(SHOWN).collect::<String>())
        }
        Value::String(text) => format!("the text `{text}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

/// How to write it, where a text stands.
pub(super) fn instead_of_text(text: &str, types: &[&str], schema: &Object) -> String {
    let lower = text.to_ascii_lowercase();
    if types.contains(&"boolean") {
        return match lower.as_str() {
            "yes" | "on" | "y" | "true" => format!("write `true`: `{text}` is text in YAML 1.2"),
            "no" | "off" | "n" | "false" => format!("write `false`: `{text}` is text in YAML 1.2"),
            _ => "write `true` or `false`".to_owned(),
        };
    }
    let number = types.iter().any(|wanted| matches!(*wanted, "integer" | "number"));
    if number && text.parse::<i64>().is_ok() {
        return format!("write it without quotes: `{text}`");
    }
    instead(&Value::from(text), types, schema)
}

/// How to write it, where another value stands.
pub(super) fn instead(value: &Value, types: &[&str], schema: &Object) -> String {
    let scalar = match value {
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let about = schema.get("description").and_then(Value::as_str).map(first_sentence);
    let how = match (types.iter().find(|wanted| **wanted != "null").copied(), scalar) {
        (Some("string"), Some(text)) => return format!("put it in quotes: `\"{text}\"`"),
        (Some("array"), Some(text)) => return format!("write a list: `[ {text} ]`"),
        (Some("array"), None) => "write a list: `[ … ]`, or lines that begin with `- `",
        (Some("object"), _) => "write a map: `{ name: value }`, or indented `name: value` lines",
        (Some("integer"), _) => match value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15) {
            Some(whole) => return format!("write `{whole}`"),
            None => "write a whole number, such as `30`",
        },
        (Some("number"), _) => "write a number, such as `1.5`",
        (Some("boolean"), _) => "write `true` or `false`",
        (Some("duration"), _) => "write seconds, or a whole number with a unit: `30`, `30s`, `2m`, `1h`, `4d`",
        _ => "write a text",
    };
    about.map_or(how.to_owned(), |about| format!("{how} ({about})"))
}

/// Says what range is allowed.
pub(super) fn range(least: Limit, most: Limit, show: impl Fn(f64) -> String) -> String {
    let bound = |(limit, open): (f64, bool), closed: &str, opened: &str| {
        format!("{} {}", if open { opened } else { closed }, show(limit))
    };
    match (least, most) {
        (Some((least, false)), Some((most, false))) => format!("allowed are {} to {}", show(least), show(most)),
        (Some(least), Some(most)) => {
            format!("allowed is {} and {}", bound(least, "at least", "more than"), bound(most, "at most", "less than"))
        }
        (Some(least), None) => format!("allowed is {}", bound(least, "at least", "more than")),
        (None, Some(most)) => format!("allowed is {}", bound(most, "at most", "less than")),
        (None, None) => "choose another value".to_owned(),
    }
}

/// Writes seconds with the largest unit that fits: `12h`.
pub(super) fn duration(seconds: f64) -> String {
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "m")];
    match units.into_iter().find(|(unit, _)| seconds >= *unit && seconds % unit == 0.0) {
        Some((unit, name)) => format!("{}{name} ({seconds} s)", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// Explains a pattern that is one set of characters, or a first one and then more.
pub(super) fn pattern(pattern: &str) -> Option<String> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let (first, rest) = set(inner)?;
    match rest {
        "+" | "*" => Some(format!("use only {first}")),
        _ => {
            if let Some(times) = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                let times = times.replace(',', " to ");
                return (!times.ends_with(' ')).then(|| format!("write {times} characters, only {first}"));
            }
            let (more, rest) = set(rest)?;
            matches!(rest, "*" | "+").then(|| format!("begin with {first}, go on with {more} only"))
        }
    }
}

/// Reads `[a-z_]` in words, and what follows it.
fn set(pattern: &str) -> Option<(String, &str)> {
    let (inner, rest) = pattern.strip_prefix('[')?.split_once(']')?;
    if inner.starts_with('^') || inner.contains('[') {
        return None;
    }
    let mut left = inner.replace("\\", "");
    let mut names = Vec::new();
    let groups = [
        ("a-zA-Z", "letters"),
        ("A-Za-z", "letters"),
        ("a-z", "small letters"),
        ("A-Z", "capital letters"),
        ("0-9", "digits"),
        ("a-f", "`a` to `f`"),
        ("A-F", "`A` to `F`"),
    ];
    for (range, name) in groups {
        if left.contains(range) {
            left = left.replacen(range, "", 1);
            names.push(name.to_owned());
        }
    }
    names.extend(left.chars().map(|c| if c == ' ' { "space".to_owned() } else { format!("`{c}`") }));
    let last = names.pop()?;
    Some((if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }, rest))
}

/// Cuts a description after its first sentence, without the full stop.
pub(super) fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

/// "`a` or `b`"
pub(super) fn either(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}
