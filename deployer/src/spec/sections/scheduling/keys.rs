//! Permissions of schedules' roles on the KMS keys of the queues and topics that they send to.

use crate::kinds::Kind;
use crate::kinds::iam_role::{IamRole, PERMISSIONS};
use crate::kinds::schedule::ScheduleKind;
use crate::spec::sections::keys::Key;
use crate::spec::sections::{LoweredStack, Resources};

/// Adds to the derived roles of schedules the permissions on the KMS keys of their targets and dead-letter queues.
pub fn derive(lowered: &mut LoweredStack) {
    let all = Resources(&lowered.resources);
    let mut needed = Vec::new();
    for schedule in all.0.iter().filter(|resource| resource.kind == ScheduleKind::NAME && !resource.external) {
        let target = &schedule.spec["target"];
        // A role of another element is the user's own.
        let role = all.resolve(&target["role_arn"]).filter(|role| role.element == schedule.element);
        let Some(role) = role else { continue };
        for arn in [&target["arn"], &target["dead_letter_config"]["arn"]] {
            if let Some(key) = all.resolve(arn).and_then(Key::of) {
                needed.push((role.address.clone(), key.statement(&["kms:GenerateDataKey", "kms:Decrypt"])));
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
