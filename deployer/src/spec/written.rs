//! The spelling of numbers and truth values in the source: `1.10` and `+4712345678` mean a text as often as a number.

use std::collections::BTreeMap;

use serde_json::Value;

use super::finding::{DocPath, Findings};
use super::spans::SpanIndex;
use super::{template, yaml};

/// The source spelling of variables' numbers and truth values, by the variable's name.
#[derive(Debug, Clone, Default)]
pub struct Spellings(pub BTreeMap<String, String>);

impl Spellings {
    /// Collects the spellings from `vars:` or from a file of values. Turns a number that is too large into a text and
    /// removes its finding from `unreadable`. Turns `allowed` values into texts, too: they are compared as texts.
    pub fn of(vars: &mut Value, spans: &SpanIndex, path: &DocPath, unreadable: &mut Findings) -> Self {
        let mut written = Self::default();
        for (name, entry) in vars.as_object_mut().into_iter().flatten() {
            let path = path.then(name);
            let (value, place) = match entry {
                Value::Object(declaration) => {
                    let allowed = declaration.get_mut("allowed").and_then(Value::as_array_mut);
                    for (index, item) in allowed.into_iter().flatten().enumerate() {
                        texts(item, spans, &path.then("allowed").then(index.to_string()), unreadable);
                    }
                    let Some(default) = declaration.get_mut("default") else { continue };
                    (default, path.then("default"))
                }
                value => (value, path),
            };
            match value {
                Value::Number(_) | Value::Bool(_) => {
                    written.0.extend(spans.spelling(&place).map(|text| (name.clone(), text.to_owned())));
                }
                Value::Null => texts(value, spans, &place, unreadable),
                _ => {}
            }
        }
        written
    }
}

/// Replaces a scalar by its spelling in the source.
fn texts(value: &mut Value, spans: &SpanIndex, path: &DocPath, unreadable: &mut Findings) {
    let scalar = matches!(value, Value::Number(_) | Value::Bool(_) | Value::Null);
    if let Some(text) = spans.spelling(path).filter(|text| scalar && !yaml::is_nothing(text)) {
        *value = Value::from(template::escape(text));
        unreadable.0.retain(|finding| finding.path != *path || !yaml::is_of_number(finding));
    }
}
