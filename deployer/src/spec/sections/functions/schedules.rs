//! The schedules that call a function: `events: [ { schedule: rate(5 minutes) } ]`.

use serde_json::{Value, json};

use super::{EventElement, FunctionElement};
use crate::kinds::schedule::Target;
use crate::spec::finding::Findings;
use crate::spec::sections::scheduling::{Derived, Options, names_within, target_arn};
use crate::spec::sections::{LoweredStack, Scope, reference};

/// The parts of a function's address: the group of its schedules, and the role that Scheduler assumes.
pub(super) const GROUP: &str = "schedule_group";
pub(super) const ROLE: &str = "schedule_role";
/// The most characters of a group's name.
const GROUP_LENGTH: usize = 64;

/// Returns a function's schedules with their places in `events`.
fn schedules(element: &FunctionElement) -> impl Iterator<Item = (usize, &EventElement, &str)> {
    let all = element.events.iter().enumerate();
    all.filter_map(|(index, event)| Some((index, event, event.schedule.as_deref()?)))
}

fn options<'e>(event: &'e EventElement, expression: &'e str) -> Options<'e> {
    Options {
        expression,
        timezone: event.timezone.as_deref(),
        flexible_window: event.flexible_window,
        start: event.start.as_deref(),
        end: event.end.as_deref(),
        enabled: event.enabled,
        delete_after_completion: event.delete_after_completion.unwrap_or_default(),
        description: event.description.as_deref(),
        kms_key_arn: event.kms_key_arn.as_deref(),
        input: event.input.as_ref(),
        retries: event.retries,
        max_age: event.max_age,
        dead_letter: event.dead_letter.as_deref(),
        group: event.group.as_deref(),
    }
}

/// Checks the schedules. The first schedule without a name has the function's; the others need one.
pub(super) fn check(element: &FunctionElement, at: &Scope<'_>, findings: &mut Findings) {
    let mut names: Vec<Option<&str>> = Vec::new();
    for (index, event, expression) in schedules(element) {
        let path = at.path(["events".to_owned(), index.to_string()]);
        options(event, expression).check(&path, findings);
        if let Some(input) = &event.input {
            input.check_json(path.then("input"), findings);
        }
        let name = event.name.as_deref();
        if names.contains(&name) {
            let message = match name {
                Some(name) => format!("the function has two schedules with the name `{name}`"),
                None => "the function has two schedules without a name".to_owned(),
            };
            findings
                .error("function::schedule-name", path, message)
                .help("give this one a name of its own: `{ schedule: …, name: nightly }`");
        }
        names.push(name);
    }
}

/// Adds the schedules with their group and their role.
pub(super) fn lower(element: &FunctionElement, at: &Scope<'_>, function: &str, out: &mut LoweredStack) {
    let all: Vec<_> = schedules(element).collect();
    if all.is_empty() {
        return;
    }
    let derived = Derived::new(at, names_within(&format!("{function}-schedules"), GROUP_LENGTH), [GROUP, ROLE]);
    let groups: Vec<Option<&str>> = all.iter().map(|(_, event, _)| event.group.as_deref()).collect();
    if groups.contains(&None) {
        derived.add_group(out);
    }
    derived.add_role(&groups, (statements(&all, at), element.permissions_boundary.clone()), out);
    for (_, event, expression) in all {
        let address = at.part(&format!("schedule[{}]", event.name.as_deref().unwrap_or(expression)));
        let name = event.name.as_ref().map_or_else(|| function.to_owned(), |name| format!("{function}-{name}"));
        let target = Target { arn: reference(&at.element(), "arn"), role_arn: derived.role_arn(), ..Target::default() };
        derived.add_schedule([address, name], &options(event, expression), target, out);
    }
}

/// Returns what the role allows: to call the function, and to send to the queues for calls that failed.
fn statements(all: &[(usize, &EventElement, &str)], at: &Scope<'_>) -> Vec<Value> {
    let allow = |action: &str, resource: String| json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    let mut statements = vec![allow("lambda:InvokeFunction", reference(&at.element(), "arn"))];
    for queue in all.iter().filter_map(|(_, event, _)| event.dead_letter.as_deref()) {
        let statement = allow("sqs:SendMessage", target_arn("queues", queue));
        if !statements.contains(&statement) {
            statements.push(statement);
        }
    }
    statements
}
