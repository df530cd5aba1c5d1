//! Checks of a schedule's target and role.

use super::{ScheduleElement, call, target};
use crate::actions;
use crate::spec::finding::Findings;
use crate::spec::nearest::quoted;
use crate::spec::sections::{Scope, permission, service};

/// Checks that the element has one target, and what that target needs.
pub(super) fn target(element: &ScheduleElement, at: &Scope<'_>, findings: &mut Findings) {
    let targets = element.targets();
    let [(property, named)] = targets[..] else {
        let (path, message) = match targets[..] {
            [_, (second, _), ..] => (at.path([second]), "a schedule has one target".to_owned()),
            _ => (
                at.path::<&str>([]),
                format!("the schedule has no target: one of {}", quoted(target::NAMES.iter().copied())),
            ),
        };
        findings
            .error("schedule::target", path, message)
            .at_key()
            .help("write `function: NAME`, `queue: NAME`, `topic: NAME` or `call: dynamodb:updateTable`");
        return;
    };
    // Each property that belongs to one target alone, whether it is written, and whether the target needs it.
    let parts = [
        ("message_group_id", "queue", element.message_group_id.is_some(), false),
        ("partition_key", "stream", element.partition_key.is_some(), true),
        ("source", "bus", element.source.is_some(), true),
        ("detail_type", "bus", element.detail_type.is_some(), true),
        ("on", "call", element.on.is_some(), false),
    ];
    for (part, of, is_stated, is_needed) in parts {
        if is_stated && of != property {
            findings
                .error(
                    "schedule::target",
                    at.path([part]),
                    format!("`{part}` is for a `{of}`, and this schedule has a `{property}`"),
                )
                .at_key()
                .help("remove it");
        } else if is_needed && of == property && !is_stated {
            findings
                .error("schedule::target", at.path([property]), format!("a schedule for a `{property}` needs `{part}`"))
                .at_key()
                .help(format!("add `{part}: …`"));
        }
    }
    if let Some(source) = element.source.as_deref().filter(|source| source.starts_with("aws.")) {
        findings
            .error(
                "schedule::target",
                at.path(["source"]),
                format!("`{source}`: sources that begin with `aws.` are AWS's own"),
            )
            .help("write a source such as `shop.orders`");
    }
    // The targets that take any text are queues, topics and streams.
    if let Some(input) = element.input.as_ref().filter(|_| !["queue", "topic", "stream"].contains(&property)) {
        input.check_json(at.path(["input"]), findings);
    }
    if ["stream", "state_machine"].contains(&property) {
        service::check(property, named, at.path([property]), "schedule::target", findings);
    }
    if property == "call" {
        check_call(element, named, at, findings);
    }
}

fn check_call(element: &ScheduleElement, named: &str, at: &Scope<'_>, findings: &mut Findings) {
    if call::is_read(named) {
        findings
            .error("schedule::call", at.path(["call"]), format!("Scheduler makes no call that only reads: `{named}`"))
            .help("let it call a function that reads");
        return;
    }
    if element.role.is_some() || !element.permissions.is_empty() {
        return;
    }
    let action = call::action(named);
    if element.on.is_none() {
        findings
            .error(
                "schedule::call-permission",
                at.path(["call"]),
                format!("nothing says on what the role may do `{action}`"),
            )
            .help("add `on: ARN` for the resource that the call is about, or `permissions: [ … ]`");
    } else if actions::unknown(&action).is_some() {
        findings
            .warning(
                "schedule::call-permission",
                at.path(["call"]),
                format!("IAM has no action `{action}`, which would follow from this call"),
            )
            .help("write the permissions that the call needs: `permissions: [ { allow: SERVICE:ACTION, on: ARN } ]`");
    }
}

/// Checks the permissions, and that they are for a derived role.
pub(super) fn role(element: &ScheduleElement, at: &Scope<'_>, findings: &mut Findings) {
    permission::check(&element.permissions, "permissions", at, findings);
    if element.role.is_none() {
        return;
    }
    let derived = [
        ("permissions", !element.permissions.is_empty()),
        ("permissions_boundary", element.permissions_boundary.is_some()),
        ("on", element.on.is_some()),
    ];
    for (property, _) in derived.into_iter().filter(|(_, is_stated)| *is_stated) {
        findings
            .error(
                "schedule::role-and-permissions",
                at.path([property]),
                format!("`{property}` is for a derived role, but the schedule uses the one under `role`"),
            )
            .at_key()
            .help(format!("give `{property}` to that role, or remove `role`"));
    }
}
