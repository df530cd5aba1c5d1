//! Compares the values of a request with the shapes of the model.

use std::fmt;

use super::rest::key_of;
use super::table::{Kind, Operation, Service, Shape};
use super::tree::Tree;

/// The shapes of a model may contain themselves.
const DEPTH: usize = 24;

/// A constraint that a request breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The member's path in the request, such as `Environment.Variables`. Empty for the request itself.
    pub member: String,
    pub rule: Rule,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// A required member is missing.
    Required,
    /// A value of another type.
    Type {
        expected: &'static str,
    },
    /// Shorter than allowed, in `unit`: characters, bytes, items, entries.
    TooShort {
        has: usize,
        min: f64,
        unit: &'static str,
    },
    /// Longer than allowed.
    TooLong {
        has: usize,
        max: f64,
        unit: &'static str,
    },
    Below {
        has: f64,
        min: f64,
    },
    Above {
        has: f64,
        max: f64,
    },
    /// Not one of the values that the model lists.
    Unlisted {
        value: String,
    },
    Pattern {
        value: String,
        pattern: String,
    },
}

impl Rule {
    /// Tells whether every service keeps to the rule. Tools that are built on the models check these alone: a service may
    /// take more than its model lists, or longer values, before the model is published anew.
    pub fn is_certain(&self) -> bool {
        matches!(self, Self::Required | Self::Type { .. } | Self::TooShort { .. } | Self::Below { .. })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = &self.member;
        match &self.rule {
            Rule::Required => write!(f, "`{member}` is required"),
            Rule::Type { expected } => write!(f, "`{member}` has to be {expected}"),
            Rule::TooShort { has, min, unit } => write!(f, "`{member}` has {has} {unit}, at least {min} are required"),
            Rule::TooLong { has, max, unit } => write!(f, "`{member}` has {has} {unit}, at most {max} are allowed"),
            Rule::Below { has, min } => write!(f, "`{member}` is {has}, at least {min} is required"),
            Rule::Above { has, max } => write!(f, "`{member}` is {has}, at most {max} is allowed"),
            Rule::Unlisted { value } => write!(f, "`{member}` is `{value}`, which is none of its values"),
            Rule::Pattern { value, pattern } => write!(f, "`{member}` is `{value}`, which does not match `{pattern}`"),
        }
    }
}

/// Lists the constraints that the input of an operation breaks.
pub fn input(service: &Service, operation: &Operation, input: &Tree) -> Vec<Violation> {
    let mut check = Check { service, violations: Vec::new() };
    check.shape(&operation.input, input, "", 0);
    check.violations
}

struct Check<'s> {
    service: &'s Service,
    violations: Vec<Violation>,
}

impl Check<'_> {
    fn add(&mut self, member: &str, rule: Rule) {
        self.violations.push(Violation { member: member.to_owned(), rule });
    }

    fn shape(&mut self, name: &str, value: &Tree, path: &str, depth: usize) {
        let Some(shape) = self.service.shape(name) else { return };
        if *value == Tree::Null || depth > DEPTH {
            return;
        }
        match shape.kind {
            Kind::Structure => self.structure(shape, value, path, depth),
            Kind::List => self.list(shape, value, path, depth),
            Kind::Map => self.map(shape, value, path, depth),
            Kind::String => self.text(shape, value, path),
            Kind::Blob => self.bytes(shape, value, path),
            Kind::Integer | Kind::Long | Kind::Float | Kind::Double => self.number(shape, value, path),
            Kind::Boolean => self.boolean(value, path),
            Kind::Timestamp => {}
        }
    }

    fn structure(&mut self, shape: &Shape, value: &Tree, path: &str, depth: usize) {
        if !matches!(value, Tree::Object(_)) {
            return self.add(path, Rule::Type { expected: "a structure" });
        }
        for (name, member) in &shape.members {
            let at = join(path, name);
            match value.get(&key_of(name, member)) {
                Some(Tree::Null) | None if shape.required.contains(name) => self.add(&at, Rule::Required),
                Some(inner) => self.shape(&member.shape, inner, &at, depth + 1),
                None => {}
            }
        }
    }

    fn list(&mut self, shape: &Shape, value: &Tree, path: &str, depth: usize) {
        let Tree::List(items) = value else { return self.add(path, Rule::Type { expected: "a list" }) };
        self.length(shape, items.len(), "items", path);
        for (index, item) in items.iter().enumerate() {
            self.shape(shape.member.as_deref().unwrap_or_default(), item, &format!("{path}[{index}]"), depth + 1);
        }
    }

    fn map(&mut self, shape: &Shape, value: &Tree, path: &str, depth: usize) {
        let Tree::Object(entries) = value else { return self.add(path, Rule::Type { expected: "a map" }) };
        self.length(shape, entries.len(), "entries", path);
        for (key, inner) in entries {
            let at = join(path, key);
            self.shape(shape.key.as_deref().unwrap_or_default(), &Tree::text(key.as_ref()), &at, depth + 1);
            self.shape(shape.value.as_deref().unwrap_or_default(), inner, &at, depth + 1);
        }
    }

    fn text(&mut self, shape: &Shape, value: &Tree, path: &str) {
        let Tree::Text(text) = value else { return self.add(path, Rule::Type { expected: "a text" }) };
        self.length(shape, text.chars().count(), "characters", path);
        if shape.values.as_ref().is_some_and(|values| !values.iter().any(|listed| listed == text)) {
            self.add(path, Rule::Unlisted { value: text.clone().into_owned() });
        }
        let Some(pattern) = &shape.pattern else { return };
        if pattern.regex().is_some_and(|regex| !regex.is_match(text)) {
            self.add(path, Rule::Pattern { value: text.clone().into_owned(), pattern: pattern.text().to_owned() });
        }
    }

    /// Bytes arrive as such, or as a text in base64.
    fn bytes(&mut self, shape: &Shape, value: &Tree, path: &str) {
        match value {
            Tree::Bytes(length) => self.length(shape, *length, "bytes", path),
            Tree::Text(base64) => self.length(shape, base64.trim_end_matches('=').len() * 3 / 4, "bytes", path),
            _ => self.add(path, Rule::Type { expected: "bytes" }),
        }
    }

    fn number(&mut self, shape: &Shape, value: &Tree, path: &str) {
        let number = match value {
            Tree::Number(number) => Some(*number),
            Tree::Text(text) => text.parse().ok(),
            _ => None,
        };
        let Some(has) = number else { return self.add(path, Rule::Type { expected: "a number" }) };
        match (shape.min, shape.max) {
            (Some(min), _) if has < min => self.add(path, Rule::Below { has, min }),
            (_, Some(max)) if has > max => self.add(path, Rule::Above { has, max }),
            _ => {}
        }
    }

    fn boolean(&mut self, value: &Tree, path: &str) {
        let is_text = |text: &str| matches!(text, "true" | "false");
        if !matches!(value, Tree::Boolean(_)) && !matches!(value, Tree::Text(text) if is_text(text)) {
            self.add(path, Rule::Type { expected: "`true` or `false`" });
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^53")]
    fn length(&mut self, shape: &Shape, has: usize, unit: &'static str, path: &str) {
        match (shape.min, shape.max) {
            (Some(min), _) if (has as f64) < min => self.add(path, Rule::TooShort { has, min, unit }),
            (_, Some(max)) if (has as f64) > max => self.add(path, Rule::TooLong { has, max, unit }),
            _ => {}
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
