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
        for rule in own_rules(shape, value) {
            self.add(path, rule);
        }
        match (shape.kind, value) {
            (Kind::Structure, Tree::Object(_)) => self.structure(shape, value, path, depth),
            (Kind::List, Tree::List(items)) => {
                let of = shape.member.as_deref().unwrap_or_default();
                for (index, item) in items.iter().enumerate() {
                    self.shape(of, item, &format!("{path}[{index}]"), depth + 1);
                }
            }
            (Kind::Map, Tree::Object(entries)) => {
                for (key, inner) in entries {
                    let at = join(path, key);
                    self.shape(shape.key.as_deref().unwrap_or_default(), &Tree::text(key.as_ref()), &at, depth + 1);
                    self.shape(shape.value.as_deref().unwrap_or_default(), inner, &at, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn structure(&mut self, shape: &Shape, value: &Tree, path: &str, depth: usize) {
        for (name, member) in &shape.members {
            let at = join(path, name);
            match value.get(&key_of(name, member)) {
                Some(Tree::Null) | None if shape.required.contains(name) => self.add(&at, Rule::Required),
                Some(inner) => self.shape(&member.shape, inner, &at, depth + 1),
                None => {}
            }
        }
    }
}

/// Lists the rules that a value breaks by itself, apart from the values inside it.
pub fn own_rules(shape: &Shape, value: &Tree) -> Vec<Rule> {
    let mut broken = Vec::new();
    match (shape.kind, value) {
        (Kind::List, Tree::List(items)) => length(shape, items.len(), "items", &mut broken),
        (Kind::Map, Tree::Object(entries)) => length(shape, entries.len(), "entries", &mut broken),
        (Kind::String, Tree::Text(text)) => check_text(shape, text, &mut broken),
        // Bytes arrive as such, or as a text in base64.
        (Kind::Blob, Tree::Bytes(bytes)) => length(shape, *bytes, "bytes", &mut broken),
        (Kind::Blob, Tree::Text(base64)) => {
            length(shape, base64.trim_end_matches('=').len() * 3 / 4, "bytes", &mut broken);
        }
        (Kind::Integer | Kind::Long | Kind::Float | Kind::Double, value) => number(shape, value, &mut broken),
        (Kind::Boolean, Tree::Boolean(_)) | (Kind::Structure, Tree::Object(_)) | (Kind::Timestamp, _) => {}
        (Kind::Boolean, Tree::Text(text)) if matches!(text.as_ref(), "true" | "false") => {}
        (kind, _) => broken.push(Rule::Type { expected: expected(kind) }),
    }
    broken
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Structure => "a structure",
        Kind::List => "a list",
        Kind::Map => "a map",
        Kind::String => "a text",
        Kind::Blob => "bytes",
        Kind::Boolean => "`true` or `false`",
        Kind::Integer | Kind::Long | Kind::Float | Kind::Double => "a number",
        Kind::Timestamp => "a time",
    }
}

fn check_text(shape: &Shape, text: &str, broken: &mut Vec<Rule>) {
    length(shape, text.chars().count(), "characters", broken);
    if shape.values.as_ref().is_some_and(|values| !values.iter().any(|listed| listed == text)) {
        broken.push(Rule::Unlisted { value: text.to_owned() });
    }
    let Some(pattern) = &shape.pattern else { return };
    if pattern.regex().is_some_and(|regex| !regex.is_match(text)) {
        broken.push(Rule::Pattern { value: text.to_owned(), pattern: pattern.text().to_owned() });
    }
}

fn number(shape: &Shape, value: &Tree, broken: &mut Vec<Rule>) {
    let number = match value {
        Tree::Number(number) => Some(*number),
        Tree::Text(text) => text.parse().ok(),
        _ => None,
    };
    let Some(has) = number else { return broken.push(Rule::Type { expected: expected(shape.kind) }) };
    match (shape.min, shape.max) {
        (Some(min), _) if has < min => broken.push(Rule::Below { has, min }),
        (_, Some(max)) if has > max => broken.push(Rule::Above { has, max }),
        _ => {}
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^53")]
fn length(shape: &Shape, has: usize, unit: &'static str, broken: &mut Vec<Rule>) {
    match (shape.min, shape.max) {
        (Some(min), _) if (has as f64) < min => broken.push(Rule::TooShort { has, min, unit }),
        (_, Some(max)) if (has as f64) > max => broken.push(Rule::TooLong { has, max, unit }),
        _ => {}
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
