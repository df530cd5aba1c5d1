//! CloudWatch, without its logs.

use super::{Service, apart};

/// CloudWatch.
pub static CLOUDWATCH: Service = Service {
    rates: &[
        apart("cloudwatch:PutMetricAlarm", &["cloudwatch:PutMetricAlarm"], 2.9, 3.0),
        apart("cloudwatch:DeleteAlarms", &["cloudwatch:DeleteAlarms"], 2.9, 3.0),
        apart("cloudwatch:DescribeAlarms", &["cloudwatch:DescribeAlarms"], 8.8, 9.0),
        apart("cloudwatch:DescribeAlarmHistory", &["cloudwatch:DescribeAlarmHistory"], 19.8, 20.0),
        apart("cloudwatch:SetAlarmState", &["cloudwatch:SetAlarmState"], 2.9, 3.0),
        apart("cloudwatch:ListTagsForResource", &["cloudwatch:ListTagsForResource"], 9.8, 10.0),
    ],
    for_many: &["cloudwatch:DescribeAlarms"],
    ..Service::of("cloudwatch", "CloudWatch")
};
