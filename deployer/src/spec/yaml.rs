//! Parses YAML text into a JSON value, in the order of the text. Only this file uses `serde_yaml`.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::finding::{At, DocPath, Finding, Findings};
use super::spans::SpanIndex;

/// The most that a text may expand to through aliases: values, and bytes of text.
const MOST_VALUES: usize = 1_000_000;
const MOST_BYTES: usize = 64 << 20;
const TOO_MUCH: &str = "the aliases repeat too much";

const TOO_LARGE: &str = "is too large a number";
const NOT_USABLE: &str = "is not a usable number";

/// Tells whether a finding is about a number that cannot be parsed. The same scalar may be a valid text.
pub fn is_of_number(finding: &Finding) -> bool {
    finding.message.ends_with(TOO_LARGE) || finding.message.ends_with(NOT_USABLE)
}

/// The readable part of a text, and its mistakes as YAML.
#[derive(Debug, Default)]
pub struct ParsedYaml {
    pub value: Value,
    pub spans: SpanIndex,
    /// Duplicate keys, keys that are not text, tags, and numbers out of range, with positions.
    pub findings: Findings,
}

/// Parses one YAML document. Resolves aliases and merge keys (`<<`). An empty text is `Null`.
///
/// # Errors
/// Returns findings if the text is unreadable: bad syntax, a second document, aliases that expand too far.
pub fn parse(text: &str) -> Result<ParsedYaml, Findings> {
    let (spans, mut findings) = SpanIndex::of(text)?;
    // Each value written in the text takes at least one byte; every value beyond that comes from an alias.
    let reader = Reader::of(&spans, MOST_VALUES + text.len());
    let read = reader.deserialize(serde_yaml::Deserializer::from_str(text));
    findings.0.extend(reader.findings.into_inner().0);
    let mut unreadable = false;
    let value = match read {
        Ok(value) => value,
        // The text has only blanks and comments.
        Err(error) if error.location().is_none() && error.to_string().starts_with("EOF") => Value::Null,
        Err(error) => {
            let place = error.location().map(|at| spans.span_at(at.line(), at.column()));
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            let (message, help) = if message.contains("limit exceeded") || message.contains(TOO_MUCH) {
                (TOO_MUCH.to_owned(), "use fewer aliases (`*name`)")
            } else {
                (
                    format!("this is not YAML: {message}"),
                    "look for a missing `:`, quote or bracket, or a wrong indent, here or on the line before",
                )
            };
            findings.error("stack::syntax", DocPath::default(), message).help(help).span = place;
            unreadable = true;
            Value::Null
        }
    };
    for finding in &mut findings.0 {
        finding.span = finding.span.or_else(|| spans.find(&finding.path, finding.at));
    }
    if unreadable { Err(findings) } else { Ok(ParsedYaml { value, spans, findings }) }
}

/// Parses an unquoted scalar: a number, a truth value, null or a text.
pub fn scalar(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Tells whether an unquoted scalar is null: empty, `~` or `null`.
pub fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Builds values and collects their mistakes.
struct Reader<'s> {
    spans: &'s SpanIndex,
    most: usize,
    values: Cell<usize>,
    bytes: Cell<usize>,
    path: RefCell<Vec<String>>,
    findings: RefCell<Findings>,
}

impl<'s> Reader<'s> {
    fn of(spans: &'s SpanIndex, most: usize) -> Self {
        let (values, bytes) = (Cell::new(0), Cell::new(0));
        Self { spans, most, values, bytes, path: RefCell::default(), findings: RefCell::default() }
    }

    /// Returns a key that is not text as its author wrote it.
    fn key(&self, key: &Value) -> String {
        let path = DocPath(self.path.borrow().clone());
        let written = self.spans.keys(&path).into_iter().find(|text| !is_nothing(text) && scalar(text) == *key);
        written.map_or_else(|| if key.is_null() { "~".to_owned() } else { key.to_string() }, str::to_owned)
    }

    fn spend<E: de::Error>(&self, bytes: usize) -> Result<(), E> {
        self.values.set(self.values.get() + 1);
        self.bytes.set(self.bytes.get() + bytes);
        if self.values.get() > self.most || self.bytes.get() > MOST_BYTES {
            return Err(E::custom(TOO_MUCH));
        }
        Ok(())
    }

    fn error(&self, at: At, message: String, help: &str) {
        let path = DocPath(self.path.borrow().clone());
        let mut findings = self.findings.borrow_mut();
        findings.error("stack::syntax", path, message).help(help).at = at;
    }

    fn within<T>(&self, part: String, read: impl FnOnce() -> T) -> T {
        self.path.borrow_mut().push(part);
        let result = read();
        self.path.borrow_mut().pop();
        result
    }

    /// Adds the entries of a merged map, or of a list of maps, without overriding the map's own.
    fn merge(&self, map: &mut Map<String, Value>, from: Value) {
        match from {
            Value::Object(entries) => {
                for (key, value) in entries {
                    map.entry(key).or_insert(value);
                }
            }
            Value::Array(maps) if maps.iter().all(Value::is_object) => {
                maps.into_iter().for_each(|entries| self.merge(map, entries));
            }
            _ => self.within("<<".to_owned(), || {
                self.error(At::Value, "`<<` merges a map or a list of maps".into(), "write `<<: *anchor`");
            }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.spend(0).map(|()| Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.spend(0).map(|()| value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.spend(0).map(|()| value.into())
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        self.error(At::Value, format!("{value} {TOO_LARGE}"), "put it in quotes if it is meant as text");
        Ok(Value::Null)
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        self.error(At::Value, format!("{value} {TOO_LARGE}"), "put it in quotes if it is meant as text");
        Ok(Value::Null)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        self.spend(0)?;
        Ok(Number::from_f64(value).map_or_else(
            || {
                self.error(At::Value, format!("{value} {NOT_USABLE}"), "write a finite number");
                Value::Null
            },
            Value::Number,
        ))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.spend(value.len()).map(|()| value.into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.spend(0).map(|()| Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.spend(0)?;
        let mut list = Vec::new();
        while let Some(item) = self.within(list.len().to_string(), || items.next_element_seed(self))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.spend(0)?;
        let mut map = Map::new();
        let mut merges = Vec::new();
        while let Some(key) = entries.next_key_seed(self)? {
            let name = match key {
                Value::String(name) => name,
                other => {
                    let name = self.key(&other);
                    let help = format!("put it in quotes: `\"{name}\"`");
                    self.within(name.clone(), || {
                        self.error(At::Key, format!("the key `{name}` is not text"), &help);
                    });
                    // Read and drop the value: checking it under a wrong key would only mislead.
                    self.within(name, || entries.next_value_seed(self))?;
                    continue;
                }
            };
            let value = self.within(name.clone(), || entries.next_value_seed(self))?;
            if name == "<<" {
                merges.push(value);
            } else {
                // For a duplicate key, which is reported, the first value counts.
                map.entry(name).or_insert(value);
            }
        }
        for merge in merges {
            self.merge(&mut map, merge);
        }
        Ok(Value::Object(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (tag, content) = tagged.variant::<String>()?;
        self.error(
            At::Value,
            format!("the tag `!{tag}` means nothing here"),
            "remove it; another resource's output is written `${section.name.output}`",
        );
        content.newtype_variant_seed(self)
    }
}
