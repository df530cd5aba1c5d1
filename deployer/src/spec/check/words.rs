//! The wording of the checker's messages.

use serde_json::Value;

use super::Object;
use super::scalars::Limit;
use crate::spec::foreign;
use crate::spec::sections::SECTIONS;

/// The longest text that a message shows whole, in characters.
const SHOWN: usize = 60;

/// Names the accepted types: "a whole number or text".
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

/// Describes a number or truth value as its author wrote it.
pub(super) fn describe_scalar(value: &Value, text: &str) -> String {
    if value.is_number() { format!("the number {text}") } else { format!("`{text}`") }
}

/// Suggests a reference, if the author wrote an element's address where an ARN is expected.
pub(super) fn meant_arn(text: &str) -> Option<String> {
    let mut parts = text.split('.');
    let (section, name, output) = (parts.next()?, parts.next()?, parts.next());
    let known = SECTIONS.iter().any(|known| known.name() == section);
    let whole = parts.next().is_none() && !name.is_empty() && output.is_none_or(|output| output == "arn");
    (known && whole).then(|| format!("write a reference: `${{{section}.{name}.arn}}`"))
}

/// Suggests how to write the expected type instead of a text.
pub(super) fn instead_of_text(text: &str, types: &[&str], schema: &Object) -> String {
    let lower = text.to_ascii_lowercase();
    if types.contains(&"boolean") {
        if matches!(text, "true" | "false") {
            return format!("write it without quotes: `{text}`");
        }
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
    let is_permission = schema.get("properties").is_some_and(|known| known.get("allow").is_some());
    if let Some(help) = foreign::permission(text).filter(|_| is_permission) {
        return help;
    }
    if types.contains(&"object")
        && let Some((key, value)) = text.split_once(':')
        && !key.contains([' ', '"'])
        && !value.is_empty()
        && !value.starts_with([' ', '/', ':'])
    {
        return format!("put a space behind the colon: `{key}: {value}`");
    }
    instead(&Value::from(text), None, types, schema)
}

/// Suggests how to write the expected type instead of another value. `written` is a number or truth value as its author
/// wrote it.
pub(super) fn instead(value: &Value, written: Option<&str>, types: &[&str], schema: &Object) -> String {
    let scalar = match value {
        _ if written.is_some() => written.map(str::to_owned),
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
            None => return whole_number(schema, about.as_deref()),
        },
        (Some("number"), _) => "write a number, such as `1.5`",
        (Some("boolean"), _) => "write `true` or `false`",
        (Some("duration"), _) => DURATION,
        _ => "write a text",
    };
    about.map_or(how.to_owned(), |about| format!("{how} ({about})"))
}

/// The hint for durations.
pub(super) const DURATION: &str = "write seconds, or a whole number with a unit: `30`, `30s`, `2m`, `1h`, `4d`";

fn whole_number(schema: &Object, about: Option<&str>) -> String {
    let limit = |word: &str| schema.get(word).and_then(Value::as_f64);
    let how = match (limit("minimum"), limit("maximum")) {
        (Some(least), Some(most)) => format!("write a whole number from {least} to {most}"),
        _ => "write a whole number, such as `30`".to_owned(),
    };
    about.map_or(how.clone(), |about| format!("{how} ({about})"))
}

/// Describes the allowed range.
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

/// The pattern of properties that expect an ARN.
pub(super) const ARN: &str = "^arn:";

/// The pattern of a region code, in every partition: `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`, `us-isob-east-1`.
pub(in crate::spec) const REGION: &str = "^[a-z]{2,4}(-[a-z]+)+-[0-9]+$";

/// The pattern of every runtime that Lambda has had. AWS itself refuses those that it has retired.
const RUNTIME: &str = r"^(provided(\.al2(023)?)?|nodejs[0-9]+\.x|python[0-9]\.[0-9]+|java[0-9]+(\.al2)?|dotnet(core)?[0-9]+(\.[0-9])?|ruby[0-9]\.[0-9]|go1\.x)$";

/// Hints for patterns that are more than one set of characters.
const PATTERNS: &[(&str, &str)] = &[
    (ARN, "write an ARN, `arn:aws:…`, or refer to what it belongs to: `${section.name.arn}`"),
    (REGION, "write a region's code, such as `eu-west-1`"),
    (
        "^[a-z0-9][a-z0-9.-]*[a-z0-9]$",
        "use only small letters, digits, `.` and `-`; begin and end with a letter or digit",
    ),
    (r"^[A-Za-z0-9_-]+(\.fifo)?$", "use only letters, digits, `_` and `-`, with `.fifo` behind them if it is FIFO"),
    (r"^\S+$", "write it without spaces"),
    ("^[0-9]+(ms|s)?$", "write seconds or milliseconds: `29s`, `500ms`"),
    (r"^[^/\s]+/[^/\s]+$", "write a media type, such as `image/png`"),
    (RUNTIME, "write `provided.al2023` for an executable, or a runtime such as `nodejs22.x`, `python3.13`, `java21`"),
    ("^/([!-~]*/)?$", "begin and end it with a slash: `/shop/`"),
    (
        r"^(p|tm|tc|ts|wm)[0-9]{1,2}(\.[0-9]{1,10})?$|^(p|tm|tc|ts|wm)100$|^(TM|TC|TS|WM|PR)\(.*\)$|^iqm$",
        "write a percentile or a trimmed statistic: `p99`, `p99.9`, `tm90`, `PR(:300)`",
    ),
];

/// Describes a pattern that is one set of characters, or one set for the first character and another for the rest.
pub(in crate::spec) fn pattern(pattern: &str) -> Option<String> {
    if let Some((_, words)) = PATTERNS.iter().find(|(known, _)| *known == pattern) {
        return Some((*words).to_owned());
    }
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let (first, rest) = describe_set(inner)?;
    match rest {
        "+" | "*" => Some(format!("use only {first}")),
        _ => {
            if let Some(times) = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                let times = times.replace(',', " to ");
                return (!times.ends_with(' ')).then(|| format!("write {times} characters, only {first}"));
            }
            let (more, rest) = describe_set(rest)?;
            matches!(rest, "*" | "+").then(|| format!("begin with {first}, go on with {more} only"))
        }
    }
}

/// Describes a set such as `[a-z_]` in words, and returns the rest of the pattern.
fn describe_set(pattern: &str) -> Option<(String, &str)> {
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

/// Names the invisible character or typographic quote that makes a text wrong.
pub(super) fn invisible(text: &str) -> Option<String> {
    let odd = |c: &char| matches!(*c, '\u{a0}' | '\u{ad}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{3000}' | '\u{feff}');
    if let Some(c) = text.chars().find(odd) {
        return Some(format!(
            "remove the invisible character U+{:04X}, or write an ordinary space for it",
            u32::from(c)
        ));
    }
    text.starts_with(['“', '”', '„', '‘', '’']).then(|| "write straight quotes: `\"` or `'`".to_owned())
}

/// Cuts a description after its first sentence and drops the full stop.
pub(super) fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

/// Joins words with "or": "`a` or `b`".
pub(super) fn either(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}
