//! Words of roles that are no property.

use crate::spec::sections::permission;
use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of a role.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    permission::WORDS,
    UncoveredWords::of(&["instance_profile", "instance_profiles"], unmanaged("instance profiles", "create the profile elsewhere, for the role's name")),
    UncoveredWords::of(&["users", "user", "groups", "group"], unmanaged("IAM users and groups", "let users assume the role: name them in `assume_role_policy`")),
    UncoveredWords::of(
        &["principal", "principals", "services", "service", "assumed_by", "trust_policy", "trust_relationship"],
        Otherwise("write `trust: [lambda.amazonaws.com]` for services of AWS, or a whole document under `assume_role_policy`"),
    ),
    UncoveredWords::of(
        &["policies", "policy", "policy_document", "statements", "statement"],
        Otherwise("write `permissions: [ { allow: s3:GetObject, on: ARN } ]`, whole documents under `inline_policies`, or ARNs under `managed_policy_arns`"),
    ),
    UncoveredWords::of(&["functions", "function", "lambda"], Otherwise("name the role in the function: `role: \"${roles.NAME.arn}\"`")),
];
