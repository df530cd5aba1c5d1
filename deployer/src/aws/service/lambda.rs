//! Lambda.

use super::{BUSY, ROLE, Service, apart, cure, overall};

const GRANT: &str = "IAM has not spread the role's permissions yet";
const NETWORK: &str = "EC2 limits the rate at which the function's network is made";

/// Lambda.
pub static LAMBDA: Service = Service {
    rates: &[overall("lambda", 14.0, 14.0), apart("lambda:GetFunction", &["lambda:GetFunction"], 90.0, 90.0)],
    cures: &[
        cure("lambda:", "InvalidParameterValueException", "cannot be assumed by Lambda", 180, ROLE),
        cure("lambda:", "InvalidParameterValueException", "execution role does not have permissions", 180, GRANT),
        cure("lambda:", "InvalidParameterValueException", "ensure the role can perform", 180, GRANT),
        cure("lambda:", "InvalidParameterValueException", "KMS key is invalid for CreateGrant", 180, GRANT),
        // Other programs change the function at the same time; any call may meet this.
        cure("lambda:", "ResourceConflictException", "concurrent update", 300, BUSY),
        cure(
            "lambda:",
            "ResourceConflictException",
            "following state: Pending",
            300,
            "AWS is still making the function",
        ),
        cure("lambda:Update", "ResourceConflictException", "", 300, BUSY),
        cure("lambda:PublishVersion", "ResourceConflictException", "", 300, BUSY),
        cure("lambda:TagResource", "ResourceConflictException", "", 300, BUSY),
        cure("lambda:UntagResource", "ResourceConflictException", "", 300, BUSY),
        cure("lambda:Put", "ResourceConflictException", "", 300, BUSY),
        cure("lambda:Delete", "ResourceConflictException", "", 300, BUSY),
        cure("lambda:", "EC2ThrottledException", "", 540, NETWORK),
        cure("lambda:", "InvalidParameterValueException", "throttled by EC2", 540, NETWORK),
        cure("lambda:", "ResourceInUseException", "", 300, "the event source mapping is still changing"),
    ],
    for_many: &["lambda:ListEventSourceMappings"],
    ..Service::of("lambda", "Lambda")
};
