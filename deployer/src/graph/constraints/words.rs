//! The wording of findings about AWS's own constraints.

use serde_json::Value;

use super::{Advice, Broken, Fault, Limit};
use crate::constraints::Rule;
use crate::spec::describe_pattern;
use crate::spec::document::ValueOrigin;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::{nearest, quoted};

/// The longest value that a message shows whole, in characters.
const SHOWN: usize = 60;

/// Adds the finding about a broken rule. A value that the model does not list is doubted only: AWS may have added it
/// after the model.
pub(super) fn report(broken: &Broken, address: &str, origin: ValueOrigin, findings: &mut Findings) {
    let ValueOrigin { path, at } = origin;
    let subject = subject(broken, address, &path);
    let (code, message) = message(broken, &subject);
    let finding = match code {
        "stack::unlisted-value" => findings.warning(code, path, message),
        _ => findings.error(code, path, message),
    };
    finding.help(help(broken)).at = at;
}

/// Names the value: its property in stack.yaml, or that of the resource if stack.yaml does not set it.
fn subject(broken: &Broken, address: &str, path: &DocPath) -> String {
    match path.0.as_slice() {
        [_, _, .., list, number] if number.parse::<usize>().is_ok() && !broken.is_key => {
            format!("item {} of `{list}`", number.parse::<usize>().unwrap_or_default() + 1)
        }
        [_, _, .., map, key] if broken.is_key => format!("the key `{key}` of `{map}`"),
        [_, _, .., name] if path.0.len() > 2 => format!("`{name}`"),
        _ => format!("the `{}` of `{address}`", broken.path.join(".")),
    }
}

fn message(broken: &Broken, subject: &str) -> (&'static str, String) {
    let shown = shown(&broken.value);
    let rule = match &broken.fault {
        Fault::Rule(rule) => rule,
        Fault::Elsewhere { of_arn, of_stack } => {
            let (code, place) = match broken.limited.limit {
                Limit::Account => ("stack::other-account", "account"),
                _ => ("stack::other-region", "region"),
            };
            let message =
                format!("{subject} is in {of_arn}, and AWS takes only one of the stack's {place}, {of_stack}");
            return (code, message);
        }
    };
    match rule {
        Rule::TooLong { has, max, unit: unit @ ("items" | "entries") } => {
            ("stack::too-many", format!("{subject} has {has} {unit}; AWS takes at most {max}"))
        }
        Rule::TooLong { has, max, unit } => {
            ("stack::too-long", format!("{subject} has {has} {unit}; AWS takes at most {max}"))
        }
        Rule::TooShort { has, min, unit: unit @ ("items" | "entries") } => {
            ("stack::too-few", format!("{subject} has {has} {unit}; AWS takes at least {min}"))
        }
        Rule::TooShort { has, min, unit } => {
            ("stack::too-short", format!("{subject} has {has} {unit}; AWS takes at least {min}"))
        }
        Rule::Below { .. } | Rule::Above { .. } => ("stack::out-of-range", format!("{subject} cannot be {shown}")),
        Rule::Unlisted { .. } => ("stack::unlisted-value", format!("AWS is not known to take {shown} as {subject}")),
        Rule::Pattern { .. } | Rule::Type { .. } | Rule::Required => {
            ("stack::bad-value", format!("AWS does not take {shown} as {subject}"))
        }
    }
}

fn help(broken: &Broken) -> String {
    let member = match broken.limited.advice {
        Advice::Text(text) => return text.to_owned(),
        Advice::Member(member) => member,
    };
    match &broken.fault {
        Fault::Rule(Rule::TooLong { max, unit, .. }) => format!("shorten it to {}", counted(*max, unit)),
        Fault::Rule(Rule::TooShort { min, unit, .. }) => format!("write at least {}", counted(*min, unit)),
        Fault::Rule(Rule::Below { min, .. }) => format!("write at least {min}"),
        Fault::Rule(Rule::Above { max, .. }) => format!("write at most {max}"),
        Fault::Rule(Rule::Unlisted { value }) => unlisted(broken, value),
        Fault::Rule(Rule::Pattern { pattern, .. }) => describe_pattern(&format!("^{pattern}$"))
            .unwrap_or_else(|| format!("it is `{member}` for AWS, which has to match `{pattern}`")),
        Fault::Rule(Rule::Type { .. } | Rule::Required) | Fault::Elsewhere { .. } => {
            format!("it is `{member}` for AWS")
        }
    }
}

/// Writes a number of things: `one item`, `3 items`.
fn counted(number: f64, unit: &str) -> String {
    let one = match unit {
        "entries" => "entry",
        other => other.strip_suffix('s').unwrap_or(other),
    };
    if number.to_string() == "1" { format!("one {one}") } else { format!("{number} {unit}") }
}

fn unlisted(broken: &Broken, value: &str) -> String {
    let Limit::Constraint(constraint) = &broken.limited.limit else { return String::new() };
    let known = || constraint.values().iter().map(String::as_str);
    let newer = "A value that AWS has added lately is taken as it is";
    match nearest(value, known()) {
        Some(meant) => format!("did you mean `{meant}`? {newer}"),
        None => format!("known are {}. {newer}", quoted(known())),
    }
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.is_empty() {
        return "an empty text".to_owned();
    }
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}
