//! Checks types, texts, numbers and durations.

use serde_json::{Number, Value};

use super::{Object, SchemaChecker, words};
use crate::spec::finding::DocPath;
use crate::spec::foreign;
use crate::spec::nearest::{nearest, quoted};
use crate::spec::template::{self, TextPart};
use crate::spec::values::Seconds;

/// The part of a text that is known before AWS is read.
pub(super) enum KnownText {
    /// A text without references; `$${` is unescaped.
    Plain(String),
    /// A text that refers to a resource, or to the account, region or partition. Holds the first such `${…}`.
    Later(String),
    /// A text with a mistake that is reported already: bad syntax, or a variable without a value.
    Reported,
}

impl KnownText {
    pub(super) fn of(text: &str) -> Self {
        if !text.contains("${") {
            return Self::Plain(text.to_owned());
        }
        let Ok(parts) = template::parse(text) else { return Self::Reported };
        if parts.iter().any(|part| matches!(part, TextPart::Var(_))) {
            return Self::Reported;
        }
        match parts.iter().find(|part| !matches!(part, TextPart::Text(_))) {
            Some(part) => Self::Later(template::write(std::slice::from_ref(part)).unwrap_or_default()),
            None => Self::Plain(template::plain(text).unwrap_or_default()),
        }
    }
}

impl<'s> SchemaChecker<'s> {
    /// Tells whether the value has the schema's type. First converts a value that comes from a variable.
    pub(super) fn check_type(&mut self, value: &mut Value, schema: &'s Object) -> bool {
        let types = types(schema);
        if types.is_empty() || types.iter().any(|wanted| is(value, wanted)) {
            return true;
        }
        let written = self.as_written(value).map(|text| Value::from(template::escape(&text)));
        if self.is_touched()
            && types.contains(&"string")
            && let Some(written) = &written
        {
            *value = written.clone();
            return true;
        }
        if self.is_touched()
            && let Some(converted) = types.iter().find_map(|wanted| convert(value, wanted))
        {
            *value = converted;
            return true;
        }
        self.report_type(value, &types, schema);
        false
    }

    pub(super) fn report_type(&mut self, value: &Value, types: &[&str], schema: &'s Object) {
        let subject = self.subject();
        let wanted = words::types(types);
        let written = self.as_written(value);
        match value {
            Value::Null => {
                let text = self.origin.spans.spelling(&DocPath(self.path.clone())).filter(|text| !text.is_empty());
                let help = match text.filter(|_| types.contains(&"string")) {
                    Some(text) => {
                        format!("write a value, put `\"{text}\"` in quotes if it is meant as text, or remove the line")
                    }
                    None => "write a value or remove the line".to_owned(),
                };
                self.error("stack::wrong-type", format!("{subject} has no value; it takes {wanted}")).help(help);
            }
            Value::String(text) => match KnownText::of(text) {
                KnownText::Reported => {}
                KnownText::Later(reference) => {
                    self.error(
                        "stack::reference-type",
                        format!("{subject} takes {wanted}, and `{reference}` is a text"),
                    )
                    .help("write the value itself, or use a variable: `${vars.name}`");
                }
                KnownText::Plain(text) => {
                    let help = words::invisible(&text).unwrap_or_else(|| words::instead_of_text(&text, types, schema));
                    self.error("stack::wrong-type", format!("{subject} takes {wanted}, not {}", words::value(value)))
                        .help(help);
                }
            },
            _ => {
                let help = match schema.get("enum").and_then(Value::as_array) {
                    Some(listed) => {
                        let names = listed.iter().filter_map(Value::as_str);
                        format!("it is one of {}", quoted(names))
                    }
                    None => foreign::map(value, self.path.last().map(String::as_str))
                        .unwrap_or_else(|| words::instead(value, written.as_deref(), types, schema)),
                };
                let shown = written.map_or_else(|| words::value(value), |text| words::describe_scalar(value, &text));
                self.error("stack::wrong-type", format!("{subject} takes {wanted}, not {shown}")).help(help);
            }
        }
    }

    /// Checks the value against `enum` and `const`.
    pub(super) fn check_enum(&mut self, value: &Value, schema: &'s Object) {
        let listed = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice);
        let Some(listed) = listed.or_else(|| schema.get("const").map(std::slice::from_ref)) else { return };
        self.one_of(value, &listed.iter().collect::<Vec<_>>());
    }

    pub(super) fn one_of(&mut self, value: &Value, allowed: &[&Value]) {
        let value = match value {
            Value::String(text) => match KnownText::of(text) {
                KnownText::Plain(text) => Value::from(text),
                KnownText::Later(_) | KnownText::Reported => return,
            },
            other => other.clone(),
        };
        if allowed.contains(&&value) {
            return;
        }
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let names: Vec<String> = allowed.iter().filter(|value| !value.is_null()).map(|value| plain(value)).collect();
        let names = || names.iter().map(String::as_str);
        let last = self.path.last().map(String::as_str);
        let help = match nearest(&plain(&value), names()) {
            _ if let Some(help) = foreign::attribute(last, &value, names()) => help,
            Some(meant) => format!("did you mean `{meant}`? It is one of {}", quoted(names())),
            None => format!("it is one of {}", quoted(names())),
        };
        let subject = self.subject();
        self.error("stack::bad-value", format!("{subject} cannot be {}", words::value(&value))).help(help);
    }

    pub(super) fn text(&mut self, text: &str, schema: &'s Object) {
        let KnownText::Plain(text) = KnownText::of(text) else { return };
        let limit = |word: &str| schema.get(word).and_then(Value::as_u64);
        let length = text.chars().count() as u64;
        let subject = self.subject();
        if let Some(most) = limit("maxLength").filter(|most| length > *most) {
            self.error("stack::too-long", format!("{subject} has {length} characters; at most {most} fit"))
                .help(format!("shorten it by {}, to at most {most} characters", length - most));
        } else if let Some(least) = limit("minLength").filter(|least| length < *least) {
            self.error("stack::too-short", format!("{subject} has {length} characters; at least {least} are needed"))
                .help(format!("write at least {least} characters"));
        } else if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && self.pattern(pattern).is_some_and(|regex| !regex.is_match(&text))
        {
            if pattern == words::ARN {
                let shown = words::value(&Value::from(text.as_str()));
                let help = words::meant_arn(&text).or_else(|| words::pattern(pattern)).unwrap_or_default();
                self.error("stack::bad-value", format!("{subject} takes an ARN, not {shown}")).help(help);
                return;
            }
            let rule = words::invisible(&text)
                .or_else(|| words::pattern(pattern))
                .unwrap_or_else(|| format!("it has to match `{pattern}`"));
            let about = schema.get("description").and_then(Value::as_str);
            let help = about.map_or(rule.clone(), |about| format!("{rule}. {}", about.replace('\n', " ")));
            let shown = words::value(&Value::from(text));
            self.error("stack::bad-value", format!("{shown} does not fit {subject}")).help(help);
        }
    }

    pub(super) fn number(&mut self, number: &Number, schema: &'s Object) {
        let value = number.as_f64().unwrap_or(f64::NAN);
        let [least, most] = range(schema);
        let below = least.is_some_and(|(limit, open)| value < limit || (open && value <= limit));
        let above = most.is_some_and(|(limit, open)| value > limit || (open && value >= limit));
        if below || above {
            let subject = self.subject();
            self.error("stack::out-of-range", format!("{subject} cannot be {number}")).help(words::range(
                least,
                most,
                |limit| limit.to_string(),
            ));
            return;
        }
        if let Some(step) = schema.get("multipleOf").and_then(Value::as_f64).filter(|step| value % step != 0.0) {
            let subject = self.subject();
            self.error("stack::out-of-range", format!("{subject} cannot be {number}"))
                .help(format!("it is a multiple of {step}"));
        }
    }

    pub(super) fn duration(&mut self, value: &Value, schema: &'s Object) {
        let types = types(schema);
        let seconds = match value {
            Value::Null if types.contains(&"null") => return,
            Value::Number(number) if number.is_i64() || number.is_u64() => {
                number.as_u64().and_then(|n| u32::try_from(n).ok()).map(Seconds)
            }
            Value::String(text) => match KnownText::of(text) {
                KnownText::Plain(text) => Seconds::parse(&text),
                KnownText::Later(_) => return self.report_type(value, &["duration"], schema),
                KnownText::Reported => return,
            },
            _ => return self.report_type(value, &["duration"], schema),
        };
        let subject = self.subject();
        let Some(Seconds(seconds)) = seconds else {
            self.error("stack::bad-value", format!("{subject} takes a duration, not {}", words::value(value)))
                .help(words::DURATION);
            return;
        };
        let [least, most] = range(schema);
        let least = least.filter(|(limit, _)| *limit > 0.0);
        let outside = least.is_some_and(|(limit, _)| f64::from(seconds) < limit)
            || most.is_some_and(|(limit, _)| f64::from(seconds) > limit);
        if outside {
            self.error("stack::out-of-range", format!("{subject} cannot be {}", words::duration(seconds.into())))
                .help(words::range(least, most, words::duration));
        }
    }
}

/// Lists the types that a schema allows; empty if it names none.
pub(super) fn types(schema: &Object) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Null => wanted == "null",
        Value::Bool(_) => wanted == "boolean",
        Value::Number(number) => wanted == "number" || (wanted == "integer" && !number.is_f64()),
        Value::String(_) => wanted == "string",
        Value::Array(_) => wanted == "array",
        Value::Object(_) => wanted == "object",
    }
}

/// Converts a variable's value to the wanted type.
pub(super) fn convert(value: &Value, wanted: &str) -> Option<Value> {
    match (value, wanted) {
        (Value::String(text), "integer") => {
            text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
        }
        (Value::String(text), "number") => serde_json::from_str::<Number>(text).ok().map(Value::Number),
        (Value::String(text), "boolean") => text.parse().ok().map(Value::Bool),
        (Value::Number(number), "string") => Some(number.to_string().into()),
        (Value::Bool(value), "string") => Some(value.to_string().into()),
        _ => None,
    }
}

/// A limit, and whether it is exclusive.
pub(super) type Limit = Option<(f64, bool)>;

/// Reads the lower and upper limit, including those of an integer `format` such as `uint8`.
fn range(schema: &Object) -> [Limit; 2] {
    let limit = |word: &str| schema.get(word).and_then(Value::as_f64);
    let format: [Option<f64>; 2] = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => [Some(0.0), Some(u8::MAX.into())],
        Some("uint16") => [Some(0.0), Some(u16::MAX.into())],
        Some("uint32") => [Some(0.0), Some(u32::MAX.into())],
        Some("int32") => [Some(i32::MIN.into()), Some(i32::MAX.into())],
        _ => [None, None],
    };
    let of = |inclusive: &str, exclusive: &str, format: Option<f64>| {
        let open = limit(exclusive).map(|limit| (limit, true));
        limit(inclusive).or(format).map(|limit| (limit, false)).or(open)
    };
    [of("minimum", "exclusiveMinimum", format[0]), of("maximum", "exclusiveMaximum", format[1])]
}
