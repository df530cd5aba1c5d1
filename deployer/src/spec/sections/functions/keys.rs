//! Permissions of functions on the KMS keys of their queues and topics.

use serde_json::Value;

use crate::kinds::Kind;
use crate::kinds::event_invoke_config::EventInvokeConfigKind;
use crate::kinds::event_source_mapping::EventSourceMapping;
use crate::kinds::iam_role::{IamRole, PERMISSIONS};
use crate::kinds::lambda_function::LambdaFunction;
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::sections::keys::{Key, allows, list, list_statements};
use crate::spec::sections::{LoweredStack, Resource, Resources};

/// The actions on a key by which Lambda sends to a queue or a topic.
const TO_SEND: &[&str] = &["kms:GenerateDataKey", "kms:Decrypt"];

/// Adds to functions' derived roles the permissions on the KMS keys of their queues and topics.
pub(super) fn derive(lowered: &mut LoweredStack) {
    let all = Resources(&lowered.resources);
    let mut needed = Vec::new();
    for resource in all.0 {
        let uses: &[(&str, &[&str])] = match resource.kind {
            EventSourceMapping::NAME => &[("event_source_arn", &["kms:Decrypt"])],
            LambdaFunction::NAME => &[("dead_letter_target_arn", TO_SEND)],
            EventInvokeConfigKind::NAME => &[("on_success", TO_SEND), ("on_failure", TO_SEND)],
            _ => continue,
        };
        for (property, actions) in uses {
            let on = resource.spec.get(*property).and_then(|arn| all.resolve(arn));
            if let Some(key) = on.and_then(|on| Key::within(&all, on)) {
                needed.push((format!("{}.role", resource.element), key.statement(actions)));
            }
        }
    }
    for (address, statement) in needed {
        let role = lowered.resources.iter_mut().find(|role| role.kind == IamRole::NAME && role.address == address);
        let statements = role.and_then(|role| role.spec["inline_policies"][PERMISSIONS]["Statement"].as_array_mut());
        if let Some(statements) = statements.filter(|statements| !statements.contains(&statement)) {
            statements.push(statement);
        }
    }
}

/// How Lambda uses queues and topics on a function's behalf, and the KMS action that each use needs.
const LAMBDA: &[(&str, &str, &str)] = &[
    (EventSourceMapping::NAME, "event_source_arn", "kms:Decrypt"),
    (LambdaFunction::NAME, "dead_letter_target_arn", "kms:GenerateDataKey"),
    (EventInvokeConfigKind::NAME, "on_failure", "kms:GenerateDataKey"),
    (EventInvokeConfigKind::NAME, "on_success", "kms:GenerateDataKey"),
];

/// Reports a function whose role is declared in the stack, because such a role gets no derived permissions. The
/// permissions of roles outside the stack are unknown.
pub(super) fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
    let keyed = LAMBDA.iter().filter(|(kind, ..)| *kind == resource.kind).find_map(|(_, property, needed)| {
        let on = all.resolve(resource.spec.get(*property)?)?;
        Some((on, Key::within(all, on)?, *needed))
    });
    let Some((on, key, needed)) = keyed else { return };
    let function = all.resolve(&resource.spec["function_name"]).unwrap_or(resource);
    let Some(role) = all.resolve(&function.spec["role"]).filter(|role| !role.external) else { return };
    let managed = role.spec["managed_policy_arns"].as_array().is_some_and(|arns| !arns.is_empty());
    // The check of the role itself covers statements on the queue or topic itself.
    let said = list_statements(role).any(|one| list(&one["Resource"]).into_iter().any(|text| names(all, text, on)));
    let derived = role.address == format!("{}.role", function.address);
    if managed || derived || said || list_statements(role).any(|one| allows(one, needed)) {
        return;
    }
    let arn = key.arn().unwrap_or_else(|| "ARN-OF-THE-KEY".to_owned());
    findings
        .warning(
            "permission::key",
            document.find_text(&function.element, &format!("{}.arn", role.element)),
            format!("`{}` uses `{}`, which needs `{needed}` on its KMS key; `{}` does not have it", function.address, on.address, role.address),
        )
        .help(format!("add `{{ allow: [kms:Decrypt, kms:GenerateDataKey], on: \"{arn}\" }}` to that role, unless the key's own policy lets it use the key"));
}

fn names(all: &Resources<'_>, text: &Value, resource: &Resource) -> bool {
    all.resolve(text).is_some_and(|named| named.address == resource.address)
}
