//! Checks a value against a JSON Schema and collects every mistake, worded for people.
//!
//! Texts that come from variables are converted to the numbers and truth values that the schema expects. Texts with
//! references are not checked against patterns, lengths or lists of values: their final value is known only later.

mod scalars;
mod variants;
pub(in crate::spec) mod words;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::finding::{DocPath, Finding, Findings};
use super::interpolate::VariablePaths;
use super::nearest::quoted;
use super::spans::SpanIndex;
use super::uncovered::{self, WordMeaning};
use super::yaml;

/// Checks `value`, and converts the texts in it that come from variables.
///
/// `root` is the schema that `$ref`s point into; `schema` is a part of it.
pub fn check(value: &mut Value, root: &Value, schema: &Value, path: &DocPath, origin: &Origin<'_>) -> Findings {
    let mut checker =
        SchemaChecker { root, origin, patterns: HashMap::new(), path: path.0.clone(), findings: Findings::default() };
    checker.value(value, schema);
    checker.findings
}

/// How the author wrote the values: their positions, and which of them come from variables.
pub struct Origin<'o> {
    pub spans: &'o SpanIndex,
    pub touched: &'o VariablePaths,
}

struct SchemaChecker<'s> {
    root: &'s Value,
    origin: &'s Origin<'s>,
    /// Compiled once; `None` for a pattern that `regex-lite` does not support.
    patterns: HashMap<&'s str, Option<regex_lite::Regex>>,
    path: Vec<String>,
    findings: Findings,
}

type Object = Map<String, Value>;

impl<'s> SchemaChecker<'s> {
    fn error(&mut self, code: &'static str, message: impl Into<String>) -> &mut Finding {
        self.findings.error(code, DocPath(self.path.clone()), message)
    }

    fn within(&mut self, part: &str, check: impl FnOnce(&mut Self)) {
        self.path.push(part.to_owned());
        check(self);
        self.path.pop();
    }

    /// Returns a number or truth value as its author wrote it: `1.10`, `+47`, `True`. Includes numbers too large to
    /// parse.
    fn as_written(&self, value: &Value) -> Option<String> {
        if !matches!(value, Value::Number(_) | Value::Bool(_) | Value::Null) {
            return None;
        }
        match self.origin.touched.get(&self.path) {
            Some(written) => written.clone(),
            None => {
                let written = self.origin.spans.spelling(&DocPath(self.path.clone()));
                written.filter(|text| !yaml::is_nothing(text)).map(str::to_owned)
            }
        }
    }

    fn is_touched(&self) -> bool {
        self.origin.touched.contains_key(&self.path)
    }

    /// Names the current value for a message: `timeout`, or item 2 of `events`.
    fn subject(&self) -> String {
        match &self.path[..] {
            [] => "the document".to_owned(),
            [.., list, number] if let Ok(number) = number.parse::<usize>() => {
                format!("item {} of `{list}`", number + 1)
            }
            [.., name] => format!("`{name}`"),
        }
    }

    fn target(&self, reference: &str) -> Option<&'s Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    /// Follows `$ref`s to the first schema that is not a reference.
    fn resolve(&self, mut schema: &'s Value) -> &'s Value {
        for _ in 0..16 {
            match schema.get("$ref").and_then(Value::as_str).and_then(|to| self.target(to)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn value(&mut self, value: &mut Value, schema: &'s Value) {
        let Value::Object(schema) = schema else { return };
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|to| self.target(to)) {
            self.value(value, target);
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.value(value, part);
        }
        for word in ["anyOf", "oneOf"] {
            if let Some(Value::Array(variants)) = schema.get(word) {
                self.variants(value, variants);
            }
        }
        if schema.get("format").and_then(Value::as_str) == Some("duration-seconds") {
            return self.duration(value, schema);
        }
        if !self.check_type(value, schema) {
            return;
        }
        self.check_enum(value, schema);
        match value {
            Value::String(text) => self.text(text, schema),
            Value::Number(number) => self.number(&number.clone(), schema),
            Value::Array(items) => self.list(items, schema),
            Value::Object(entries) => self.map(entries, schema),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn list(&mut self, items: &mut [Value], schema: &'s Object) {
        self.count(items.len(), "items", ["minItems", "maxItems"], schema);
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (number, item) in items.iter_mut().enumerate() {
            if let Some(schema) = first.get(number).or_else(|| schema.get("items")) {
                self.within(&number.to_string(), |at| at.value(item, schema));
            }
        }
    }

    fn map(&mut self, entries: &mut Object, schema: &'s Object) {
        self.count(entries.len(), "entries", ["minProperties", "maxProperties"], schema);
        let own = schema.get("properties").and_then(Value::as_object);
        let rest = schema.get("additionalProperties").or_else(|| schema.get("unevaluatedProperties"));
        let names = schema.get("propertyNames");
        let is_closed = rest == Some(&Value::Bool(false));
        for name in entries.keys().filter(|name| is_closed && !own.is_some_and(|own| own.contains_key(*name))) {
            self.unknown(name, entries, schema);
        }
        for (name, value) in entries.iter_mut() {
            if let Some(names) = names {
                self.within(name, |at| at.entry_name(name, names));
            }
            match own.and_then(|own| own.get(name)) {
                Some(schema) => self.within(name, |at| at.value(value, schema)),
                None if is_closed => {}
                None => {
                    if let Some(schema) = rest {
                        self.within(name, |at| at.value(value, schema));
                    }
                }
            }
        }
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = required.as_str()
                && !entries.contains_key(name)
                && !self.is_misspelt(name, entries.keys(), own)
            {
                self.missing(name, own.and_then(|own| own.get(name)));
            }
        }
    }

    /// Tells whether the property is present under a misspelt name, which is reported already.
    fn is_misspelt<'a>(&self, name: &str, written: impl IntoIterator<Item = &'a String>, own: Option<&Object>) -> bool {
        let Some(own) = own else { return false };
        let known: Vec<&str> = own.keys().map(String::as_str).collect();
        let mut unknown = written.into_iter().filter(|written| !own.contains_key(*written));
        unknown.any(
            |written| matches!(uncovered::find_meaning(written, &known, &self.path), WordMeaning::Property(meant) if meant == name),
        )
    }

    fn entry_name(&mut self, name: &str, schema: &'s Value) {
        let longest = schema.get("maxLength").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let pattern = schema.get("pattern").and_then(Value::as_str);
        let fits = pattern.and_then(|pattern| self.pattern(pattern)).is_none_or(|pattern| pattern.is_match(name));
        if name.chars().count() as u64 > longest {
            self.error("stack::bad-name", format!("the name is longer than {longest} characters"))
                .help("shorten it")
                .at_key();
        } else if !fits {
            let help = pattern.and_then(words::pattern).unwrap_or_else(|| "choose another name".to_owned());
            self.error("stack::bad-name", format!("`{name}` cannot be a name here")).help(help).at_key();
        }
    }

    fn unknown(&mut self, name: &str, entries: &Object, schema: &'s Object) {
        let mut known = Vec::new();
        self.collect_names(schema, &mut known, 0);
        if known.contains(&name) {
            return;
        }
        let meant = uncovered::find_meaning(name, &known, &self.path);
        let (code, message) = match &meant {
            WordMeaning::Word(answer) if let Some(things) = answer.things() => {
                ("stack::not-covered", format!("the deployer does not manage {things}"))
            }
            _ if self.path.is_empty() => ("stack::unknown-property", format!("a stack has no property `{name}`")),
            _ => ("stack::unknown-property", format!("{} has no property `{name}`", self.subject())),
        };
        let help = words::invisible(name).unwrap_or_else(|| match meant {
            WordMeaning::Word(answer) => answer.help(),
            WordMeaning::Property(meant) if entries.contains_key(meant) => {
                format!("did you mean `{meant}`? It is given already: keep one of the two")
            }
            WordMeaning::Property(meant) => format!("did you mean `{meant}`?"),
            WordMeaning::Nothing if known.is_empty() => "it takes no properties: remove it".to_owned(),
            WordMeaning::Nothing => format!("it takes {}", quoted(known.iter().copied())),
        });
        self.within(name, |at| {
            at.error(code, message).help(help).at_key();
        });
    }

    /// Collects the property names of a schema and its variants.
    fn collect_names(&self, schema: &'s Object, known: &mut Vec<&'s str>, depth: usize) {
        known.extend(
            schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Object::keys).map(String::as_str),
        );
        for word in ["anyOf", "oneOf", "allOf"] {
            for part in schema.get(word).and_then(Value::as_array).into_iter().flatten().filter(|_| depth < 4) {
                if let Value::Object(part) = self.resolve(part) {
                    self.collect_names(part, known, depth + 1);
                }
            }
        }
    }

    fn missing(&mut self, name: &str, schema: Option<&'s Value>) {
        let owner = if self.path.is_empty() { "the stack".to_owned() } else { self.subject() };
        let resolved = schema.map(|schema| self.resolve(schema));
        let about = [schema, resolved].into_iter().flatten().find_map(|schema| schema.get("description")?.as_str());
        let about = about.map_or(String::new(), |about| format!(": {}", words::first_sentence(about)));
        self.error("stack::missing-property", format!("{owner} needs `{name}`"))
            .help(format!("add `{name}`{about}"))
            .at_key();
    }

    fn count(&mut self, count: usize, what: &str, [least, most]: [&str; 2], schema: &'s Object) {
        let limit = |word: &str| schema.get(word).and_then(Value::as_u64);
        let (subject, count) = (self.subject(), count as u64);
        if let Some(most) = limit(most).filter(|most| count > *most) {
            self.error("stack::too-many", format!("{subject} has {count} {what}; at most {most} fit"))
                .help(format!("remove {}", count - most));
        }
        if let Some(least) = limit(least).filter(|least| count < *least) {
            self.error("stack::too-few", format!("{subject} has {count} {what}; at least {least} are needed"))
                .help(format!("add {}", least - count));
        }
    }

    fn pattern(&mut self, pattern: &'s str) -> Option<&regex_lite::Regex> {
        self.patterns.entry(pattern).or_insert_with(|| regex_lite::Regex::new(pattern).ok()).as_ref()
    }
}
