//! IAM.

use super::{PRINCIPAL, Service, cure, overall};

/// IAM.
pub static IAM: Service = Service {
    // Not published, and one budget for the whole account.
    rates: &[overall("iam", 20.0, 40.0)],
    cures: &[
        cure("iam:", "MalformedPolicyDocument", "Invalid principal in policy", 120, PRINCIPAL),
        cure("iam:", "DeleteConflict", "", 120, "IAM still sees something attached to the role"),
        cure("iam:", "ConcurrentModification", "", 120, "another change of the role is in progress"),
        cure("iam:", "ConcurrentModificationException", "", 120, "another change of the role is in progress"),
    ],
    for_many: &["iam:GetAccountAuthorizationDetails", "iam:ListRoles"],
    ..Service::of("iam", "IAM")
};
