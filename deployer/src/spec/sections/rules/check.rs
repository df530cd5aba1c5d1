//! Checks of a rule's targets.

use std::collections::BTreeSet;

use super::{RuleElement, target};
use crate::spec::finding::Findings;
use crate::spec::nearest::quoted;
use crate::spec::sections::{Scope, service};

/// Checks each target, and that no two have one id.
pub(super) fn targets(rule: &RuleElement, at: &Scope<'_>, findings: &mut Findings) {
    let mut ids = BTreeSet::new();
    for (index, one) in rule.targets.iter().enumerate() {
        let path = at.path(["targets".to_owned(), index.to_string()]);
        let Some(id) = one.id() else {
            findings
                .error(
                    "rule::target",
                    path,
                    format!("a target has exactly one of {}", quoted(target::NAMES.iter().copied())),
                )
                .help("write `{ function: NAME }`, `{ queue: NAME }`, `{ topic: NAME }` or `{ bus: NAME }`");
            continue;
        };
        one.delivery().check(&path, findings);
        let property = one.named().first().map_or("", |(property, _)| *property);
        if let [(property, named)] = one.named()[..] {
            service::check(property, named, path.then(property), "rule::target", findings);
        }
        let parts = [
            ("message_group_id", &["queue"][..], one.message_group_id.is_some()),
            ("partition_key_path", &["stream"], one.partition_key_path.is_some()),
            ("role", &["bus", "stream", "state_machine"], one.role.is_some()),
        ];
        for (part, of, _) in parts.into_iter().filter(|(_, of, is_stated)| *is_stated && !of.contains(&property)) {
            let owners = quoted(of.iter().copied());
            findings
                .error(
                    "rule::target",
                    path.then(part),
                    format!("`{part}` is for {owners}, and this target is a `{property}`"),
                )
                .at_key()
                .help("remove it");
        }
        if one.bus.as_deref() == Some(rule.bus.as_deref().unwrap_or("default")) {
            findings
                .error("rule::own-bus", path.then("bus"), "the rule sends the events of its bus back to it")
                .help("name another bus");
        }
        if !ids.insert(id.clone()) {
            findings
                .error("rule::target-twice", path, format!("two targets have the id `{id}`"))
                .help("remove one of them, or give one an `id` of its own");
        }
    }
}
