//! The rules that call a function with events: `events: [ { bus: default, pattern: { source: [aws.s3] } } ]`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{EventElement, FunctionElement};
use crate::kinds::event_rule::{EventRule, EventRuleKind, Target};
use crate::spec::finding::Findings;
use crate::spec::sections::eventing::{Delivery, add_permission, bus_name, check_pattern, pattern_text, rule_arn};
use crate::spec::sections::scheduling::names_within;
use crate::spec::sections::{LoweredStack, Scope, reference};

/// The most characters of a rule's name.
const NAME_LENGTH: usize = 64;
/// The id of the function in its rules.
const ID: &str = "function";

/// Returns a function's rules with their places in `events`.
fn rules(element: &FunctionElement) -> impl Iterator<Item = (usize, &EventElement, &Value)> {
    let all = element.events.iter().enumerate();
    all.filter_map(|(index, event)| Some((index, event, event.pattern.as_ref()?)))
}

fn delivery(event: &EventElement) -> Delivery<'_> {
    Delivery {
        input: event.input.as_ref(),
        input_path: event.input_path.as_deref(),
        input_transformer: event.input_transformer.as_ref(),
        retries: event.retries,
        max_age: event.max_age,
        dead_letter: event.dead_letter.as_deref(),
    }
}

/// Checks the rules. The first rule without a name has the function's; the others need one.
pub(super) fn check(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    let mut names: Vec<Option<&str>> = Vec::new();
    for (index, event, pattern) in rules(element) {
        let path = at.path(["events".to_owned(), index.to_string()]);
        check_pattern(pattern, event.bus.as_deref(), &path.then("pattern"), findings);
        delivery(event).check(&path, findings);
        let name = event.name.as_deref();
        if names.contains(&name) {
            let message = match name {
                Some(name) => format!("the function has two rules with the name `{name}`"),
                None => "the function has two rules without a name".to_owned(),
            };
            findings
                .error("function::rule-name", path, message)
                .help("give this one a name of its own: `{ pattern: …, name: orders }`; or join the patterns: a list names several values, `$or` several rules");
        }
        names.push(name);
    }
}

/// Adds the rules, each with its permission to call the function.
pub(super) fn lower(element: &FunctionElement, at: &Scope<'_>, function: &str, out: &mut LoweredStack) {
    for (_, event, pattern) in rules(element) {
        let label = event.name.as_deref().or(event.bus.as_deref()).unwrap_or("default");
        let name = event.name.as_ref().map_or_else(|| function.to_owned(), |name| format!("{function}-{name}"));
        let (name, bus) = (names_within(&name, NAME_LENGTH), bus_name(event.bus.as_deref()));
        let function_arn = reference(&at.element(), "arn");
        let address = at.part(&format!("rule_permission[{label}]"));
        let permission = add_permission(at, address, &function_arn, &rule_arn(&bus, &name), out);
        let target = delivery(event).apply(Target { arn: function_arn, ..Target::default() });
        let address = at.part(&format!("rule[{label}]"));
        let rule = EventRule {
            event_bus_name: bus,
            name,
            event_pattern: pattern_text(pattern),
            state: if event.enabled { "ENABLED" } else { "DISABLED" }.to_owned(),
            description: event.description.clone().filter(|text| !text.is_empty()),
            targets: BTreeMap::from([(ID.to_owned(), target)]),
            tags: at.tags(&address),
        };
        out.add::<EventRuleKind>(at, address, &rule).depends_on.extend(permission);
    }
}
