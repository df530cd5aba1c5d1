//! `anyOf` and `oneOf`: reports mistakes against the variant that the author most likely meant.

use serde_json::Value;

use super::scalars::{KnownText, convert, is, types};
use super::{SchemaChecker, words};
use crate::spec::finding::Findings;
use crate::spec::nearest::quoted;
use crate::spec::template;

impl<'s> SchemaChecker<'s> {
    pub(super) fn variants(&mut self, value: &mut Value, variants: &'s [Value]) {
        if value.is_null() && variants.iter().any(|variant| self.takes(value, variant)) {
            return;
        }
        if self.takes_scalars(variants)
            && let Some(text) = self.as_written(value)
        {
            // `1.10`, `680841e1` and `True` are texts here, not the numbers and truth values that YAML reads.
            *value = Value::from(template::escape(&text));
            return;
        }
        let constants: Vec<&Value> = variants.iter().flat_map(|variant| constants(self.resolve(variant))).collect();
        let listed = variants.iter().all(|variant| !constants_or_null(self.resolve(variant)).is_empty());
        if listed && value.is_string() {
            return self.one_of(value, &constants);
        }
        let fitting: Vec<&'s Value> = variants.iter().filter(|variant| self.takes(value, variant)).collect();
        match fitting[..] {
            [] => self.no_variant(value, variants),
            [only] => self.value(value, only),
            _ if self.lacks_choice(value, &fitting) => {}
            _ => self.best(value, &fitting),
        }
    }

    /// Tells whether the variants accept a text, a number and a truth value, so that an unquoted scalar means its text.
    /// In `vars` the type is kept: the variable may be used as a number.
    fn takes_scalars(&self, variants: &'s [Value]) -> bool {
        let has = |wanted: &str| {
            let of =
                |variant: &'s Value| self.resolve(variant).as_object().is_some_and(|schema| types(schema) == [wanted]);
            variants.iter().any(of)
        };
        self.path.first().is_none_or(|top| top != "vars") && ["string", "number", "boolean"].into_iter().all(has)
    }

    /// Tells whether the value has the variant's type, or can be converted to it.
    fn takes(&self, value: &Value, variant: &'s Value) -> bool {
        let variant = self.resolve(variant);
        let Value::Object(schema) = variant else { return variant == &Value::Bool(true) };
        let wanted = types(schema);
        if let (true, Some(Value::Array(inner))) = (wanted.is_empty(), schema.get("anyOf").or(schema.get("oneOf"))) {
            return inner.iter().any(|variant| self.takes(value, variant));
        }
        let touched = self.is_touched();
        match schema.get("const") {
            Some(constant) if wanted.is_empty() => constant.is_string() == value.is_string(),
            _ => {
                wanted.is_empty()
                    || wanted.iter().any(|wanted| is(value, wanted) || (touched && convert(value, wanted).is_some()))
            }
        }
    }

    fn no_variant(&mut self, value: &Value, variants: &'s [Value]) {
        let mut wanted: Vec<&str> = Vec::new();
        let mut schema = None;
        for variant in variants {
            if let Value::Object(variant) = self.resolve(variant) {
                let duration = variant.get("format").and_then(Value::as_str) == Some("duration-seconds");
                wanted.extend(if duration { vec!["duration"] } else { types(variant) });
                schema = schema.or(Some(variant));
            }
        }
        if let Some(schema) = schema {
            self.report_type(value, &wanted, schema);
        }
    }

    /// Reports a map without the deciding key, if every variant is a map that requires a key of its own and the value
    /// has none of the variants' properties.
    fn lacks_choice(&mut self, value: &Value, variants: &[&'s Value]) -> bool {
        let Value::Object(entries) = value else { return false };
        let mut needed: Vec<&str> = Vec::new();
        for variant in variants {
            let required = self.resolve(variant).get("required").and_then(Value::as_array);
            let Some(first) = required.and_then(|names| names.first()).and_then(Value::as_str) else { return false };
            needed.push(first);
        }
        needed.sort_unstable();
        needed.dedup();
        let known = |key: &String| {
            variants
                .iter()
                .any(|variant| self.resolve(variant).get("properties").is_some_and(|own| own.get(key).is_some()))
        };
        if needed.len() < 2 || entries.keys().any(known) || (!entries.is_empty() && needed.is_empty()) {
            return false;
        }
        let subject = self.subject();
        self.error("stack::missing-property", format!("{subject} needs one of {}", quoted(needed.iter().copied())))
            .help(format!("add {}", words::either(&needed)))
            .at_key();
        true
    }

    /// Tries each variant and takes the first that fits. If none fits, reports the findings of the variant with the
    /// fewest mistakes at the top level.
    fn best(&mut self, value: &mut Value, variants: &[&'s Value]) {
        let mut closest: Option<((usize, usize), Findings)> = None;
        for variant in variants {
            let before = std::mem::take(&mut self.findings);
            let mut trial = value.clone();
            self.value(&mut trial, variant);
            let found = std::mem::replace(&mut self.findings, before);
            if found.0.is_empty() {
                *value = trial;
                return;
            }
            let depth = self.path.len() + 1;
            let near = found.0.iter().filter(|finding| finding.path.0.len() <= depth).count();
            let score = (near, found.0.len());
            if closest.as_ref().is_none_or(|(least, _)| score < *least) {
                closest = Some((score, found));
            }
        }
        if let Value::String(text) = value
            && !matches!(KnownText::of(text), KnownText::Plain(_))
        {
            return;
        }
        self.findings.0.extend(closest.into_iter().flat_map(|(_, found)| found.0));
    }
}

/// Lists a schema's constants without `null`.
fn constants(schema: &Value) -> Vec<&Value> {
    constants_or_null(schema).into_iter().filter(|constant| !constant.is_null()).collect()
}

/// Lists a schema's constants; `type: null` counts as the constant `null`.
fn constants_or_null(schema: &Value) -> Vec<&Value> {
    if schema.get("type").and_then(Value::as_str) == Some("null") {
        return vec![&Value::Null];
    }
    match (schema.get("const"), schema.get("enum")) {
        (Some(constant), _) => vec![constant],
        (None, Some(Value::Array(several))) => several.iter().collect(),
        _ => Vec::new(),
    }
}
