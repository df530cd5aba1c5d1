//! DynamoDB.

use super::{PRINCIPAL, Service, apart, cure};

const CHANGING: &str = "an earlier change of the table is still in progress";
const MANY: &str = "DynamoDB limits how many tables and indexes change at once";
const BACKUPS: &str = "DynamoDB is still preparing the new table's backups";
const UNSEEN: &str = "the new table is not visible everywhere yet";
const EXPIRY: &str = "DynamoDB changes the time to live of a table once an hour";

/// DynamoDB.
pub static DYNAMODB: Service = Service {
    rates: &[
        apart("dynamodb:DescribeContinuousBackups", &["dynamodb:DescribeContinuousBackups"], 9.8, 10.0),
        // Not published; calls above the rate of the neighbouring reads have been throttled.
        apart("dynamodb:DescribeTimeToLive", &["dynamodb:DescribeTimeToLive"], 9.8, 10.0),
        apart("dynamodb:ListTagsOfResource", &["dynamodb:ListTagsOfResource"], 9.8, 10.0),
        apart("dynamodb tags", &["dynamodb:TagResource", "dynamodb:UntagResource"], 4.8, 5.0),
        apart("dynamodb policies", &["dynamodb:GetResourcePolicy", "dynamodb:PutResourcePolicy"], 24.0, 25.0),
    ],
    cures: &[
        cure("dynamodb:", "ResourceInUseException", "", 900, CHANGING),
        // Other texts of this code name quotas of a day or of an account, which no run outlasts.
        cure("dynamodb:", "LimitExceededException", "simultaneously", 900, MANY),
        cure("dynamodb:UpdateContinuousBackups", "ContinuousBackupsUnavailableException", "", 300, BACKUPS),
        cure("dynamodb:Update", "ResourceNotFoundException", "", 60, UNSEEN),
        cure("dynamodb:Update", "TableNotFoundException", "", 60, UNSEEN),
        cure(
            "dynamodb:UpdateTimeToLive",
            "ValidationException",
            "multiple times within a fixed interval",
            3_900,
            EXPIRY,
        ),
        cure("dynamodb:PutResourcePolicy", "ValidationException", "nvalid principal", 120, PRINCIPAL),
    ],
    for_many: &["dynamodb:ListContributorInsights"],
    ..Service::of("dynamodb", "DynamoDB")
};
