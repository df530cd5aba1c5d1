//! Replaces variables in the document's texts.

use std::collections::HashMap;

use serde_json::Value;

use super::finding::{DocPath, Findings};
use super::nearest::{nearest, quoted};
use super::template::{self, TextPart};
use super::variables::Variables;

/// The paths of values that contain a variable; such a text may mean a number. If the value is a single variable with a
/// number or truth value, its spelling in the source is kept.
pub type VariablePaths = HashMap<Vec<String>, Option<String>>;

/// The longest text that variables may produce, in bytes.
const LONGEST: usize = 1 << 20;

/// Replaces every `${vars.…}` in the value's texts. Keys and other references stay as they are.
///
/// A text that cannot be resolved also stays, and is reported.
pub fn interpolate(
    value: &mut Value,
    variables: &Variables,
    path: &mut DocPath,
    findings: &mut Findings,
) -> VariablePaths {
    let names: Vec<&str> = variables.names().collect();
    let mut walk = Walk { variables, names, findings, touched: VariablePaths::new() };
    walk.value(value, path);
    walk.touched
}

struct Walk<'a> {
    variables: &'a Variables,
    names: Vec<&'a str>,
    findings: &'a mut Findings,
    touched: VariablePaths,
}

impl Walk<'_> {
    fn value(&mut self, value: &mut Value, path: &mut DocPath) {
        match value {
            Value::String(content) if content.contains("${") => {
                let whole = alone(content);
                if let Some(resolved) = text(content, self.variables, &self.names, path, self.findings) {
                    if resolved != *value {
                        let written = whole.and_then(|name| self.variables.spelling(&name).map(str::to_owned));
                        self.touched.insert(path.0.clone(), written);
                    }
                    *value = resolved;
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter_mut().enumerate() {
                    path.0.push(number.to_string());
                    self.value(item, path);
                    path.0.pop();
                }
            }
            Value::Object(entries) => {
                for (key, item) in entries {
                    path.0.push(key.clone());
                    self.value(item, path);
                    path.0.pop();
                }
            }
            _ => {}
        }
    }
}

/// Replaces the variables in one text. A text that is a single variable takes its type. Returns `None` on a mistake.
/// Unknown variables and bad syntax are reported here; a missing value was reported before.
pub(super) fn text(
    text: &str,
    variables: &Variables,
    names: &[&str],
    path: &DocPath,
    findings: &mut Findings,
) -> Option<Value> {
    let parts = match template::parse(text) {
        Ok(parts) => parts,
        Err(error) => {
            findings.error("stack::template", path.clone(), error.message).help(error.help);
            return None;
        }
    };
    if !parts.iter().any(|part| matches!(part, TextPart::Var(_))) {
        return Some(Value::from(text));
    }
    if let [TextPart::Var(name)] = &parts[..] {
        return variable(name, variables, names, path, findings).cloned();
    }
    let mut joined = Vec::new();
    let mut complete = true;
    let mut length = 0;
    for part in parts {
        match part {
            TextPart::Var(name) => match variable(&name, variables, names, path, findings) {
                Some(Value::String(value)) if length + value.len() > LONGEST => {
                    findings
                        .error("stack::template", path.clone(), "this text is longer than 1 MiB with its variables")
                        .help("shorten the variables");
                    return None;
                }
                Some(Value::String(value)) => {
                    length += value.len();
                    joined.extend(template::parse(value).unwrap_or_default());
                }
                Some(value) => {
                    let written = variables.spelling(&name).map_or_else(|| value.to_string(), str::to_owned);
                    joined.push(TextPart::Text(written));
                }
                None => complete = false,
            },
            part => joined.push(part),
        }
    }
    if !complete {
        return None;
    }
    match template::write(&merge_texts(joined)) {
        Ok(text) => Some(Value::String(text)),
        Err(error) => {
            findings.error("stack::template", path.clone(), error.message).help(error.help);
            None
        }
    }
}

/// Returns the variable's name, if the text consists of a single variable.
pub(super) fn alone(text: &str) -> Option<String> {
    match &template::parse(text).ok()?[..] {
        [TextPart::Var(name)] => Some(name.clone()),
        _ => None,
    }
}

/// Joins neighbouring texts, so that a `$` and a `{` that come together are escaped.
fn merge_texts(parts: Vec<TextPart>) -> Vec<TextPart> {
    let mut merged: Vec<TextPart> = Vec::new();
    for part in parts {
        match (merged.last_mut(), part) {
            (Some(TextPart::Text(last)), TextPart::Text(next)) => last.push_str(&next),
            (_, part) => merged.push(part),
        }
    }
    merged
}

/// Returns a variable's value. Reports an unknown one; a missing value was reported before.
pub(super) fn variable<'v>(
    name: &str,
    variables: &'v Variables,
    names: &[&str],
    path: &DocPath,
    findings: &mut Findings,
) -> Option<&'v Value> {
    if let Some(known) = variables.get(name) {
        return known;
    }
    let help = match nearest(name, names.iter().copied()) {
        Some(meant) => format!("did you mean `${{vars.{meant}}}`?"),
        None if names.is_empty() => format!("declare it: `vars: {{ {name}: … }}`"),
        None => format!("there are {}; or declare it in `vars:`", quoted(names.iter().copied())),
    };
    findings.error("stack::unknown-variable", path.clone(), format!("the stack has no variable `{name}`")).help(help);
    None
}
