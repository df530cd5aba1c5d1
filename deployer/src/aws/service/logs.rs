//! CloudWatch Logs.

use super::{Service, apart, cure, overall};

/// CloudWatch Logs.
pub static LOGS: Service = Service {
    rates: &[
        overall("logs", 5.0, 10.0),
        // AWS documents both five and ten a second for each of these. If five holds, refusals slow the pace down.
        apart("logs:CreateLogGroup", &["logs:CreateLogGroup"], 9.5, 10.0),
        apart("logs:DeleteLogGroup", &["logs:DeleteLogGroup"], 9.5, 10.0),
        apart("logs:DescribeLogGroups", &["logs:DescribeLogGroups"], 9.5, 10.0),
        apart("logs:PutRetentionPolicy", &["logs:PutRetentionPolicy"], 9.5, 10.0),
        apart("logs:ListTagsForResource", &["logs:ListTagsForResource"], 9.5, 10.0),
    ],
    cures: &[cure("logs:", "OperationAbortedException", "", 60, "another change of the log group is in progress")],
    for_many: &["logs:DescribeLogGroups"],
    ..Service::of("logs", "CloudWatch Logs")
};
