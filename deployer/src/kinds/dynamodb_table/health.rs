//! How full tables are, and whether they refuse requests for want of capacity.

use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use futures::future::join_all;

use super::{ObservedResource, Table};
use crate::aws::dynamodb::describe;
use crate::aws::{Aws, AwsError};
use crate::kinds::Sign;

/// The metrics of requests that DynamoDB refused, and the words for each.
const THROTTLES: [(&str, &str); 2] = [("ReadThrottleEvents", "reads"), ("WriteThrottleEvents", "writes")];
const WITHIN: Duration = Duration::from_secs(3_600);

/// Reports on each table: DescribeTable and GetMetricStatistics.
pub(super) async fn signs(aws: &Aws, tables: &[ObservedResource<Table>]) -> Vec<Vec<Sign>> {
    join_all(tables.iter().map(|table| signs_of(aws, &table.spec.table_name))).await
}

async fn signs_of(aws: &Aws, name: &str) -> Vec<Sign> {
    let [reads, writes] = THROTTLES;
    let (size, reads, writes) =
        tokio::join!(describe(aws, name), throttled(aws, name, reads), throttled(aws, name, writes));
    let size = match size {
        Ok(Some(found)) => {
            let number = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
            Some(Sign::fine(size_of(number(found.item_count()), number(found.table_size_bytes()))))
        }
        Ok(None) => None,
        Err(error) => Some(Sign::unknown("size", &error)),
    };
    size.into_iter().chain(reads).chain(writes).collect()
}

/// Describes a table's size, which DynamoDB counts about every six hours.
fn size_of(items: u64, bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (bytes as f64 / 1_000.0, 0);
    while size >= 1_000.0 && unit + 1 < UNITS.len() {
        (size, unit) = (size / 1_000.0, unit + 1);
    }
    let items = if items == 1 { "1 item".to_owned() } else { format!("{items} items") };
    format!("{items}, {size:.1} {} at the last count", UNITS[unit])
}

/// Reports requests that were refused within the last hour: GetMetricStatistics. A table without any has no such metric.
async fn throttled(aws: &Aws, name: &str, (metric, requests): (&str, &str)) -> Option<Sign> {
    match sum(aws, name, metric).await {
        Ok(0) => None,
        Ok(count) => Some(Sign::alarming(format!("{count} {requests} refused for want of capacity within an hour"))),
        Err(error) => Some(Sign::unknown(&format!("throttled {requests}"), &error)),
    }
}

async fn sum(aws: &Aws, name: &str, metric: &str) -> Result<u64, AwsError> {
    let now = SystemTime::now();
    let call = aws
        .clients
        .cloudwatch
        .get_metric_statistics()
        .namespace("AWS/DynamoDB")
        .metric_name(metric)
        .dimensions(Dimension::builder().name("TableName").value(name).build())
        .start_time(DateTime::from(now - WITHIN))
        .end_time(DateTime::from(now))
        .period(3_600)
        .statistics(Statistic::Sum);
    let points = aws.call("cloudwatch:GetMetricStatistics", call.send()).await?.datapoints.unwrap_or_default();
    Ok(points.iter().filter_map(|point| point.sum).sum::<f64>() as u64)
}

#[cfg(test)]
mod tests {
    use super::size_of;

    #[test]
    fn a_size_is_told_in_a_unit_that_people_read() {
        assert_eq!(size_of(0, 0), "0 items, 0.0 KB at the last count");
        assert_eq!(size_of(1, 2_340), "1 item, 2.3 KB at the last count");
        assert_eq!(size_of(7_000_000, 5_600_000_000), "7000000 items, 5.6 GB at the last count");
    }
}
