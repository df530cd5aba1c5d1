//! The calls that read or delete many alarms at once.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{AlarmType, MetricAlarm};
use futures::future::join_all;

use super::{ABSENT, CloudwatchAlarm, Kind, arn, tags_of};
use crate::aws::gather::Bulk;
use crate::aws::{Aws, AwsError, tagged};

/// The most alarms in one call of either sort.
const AT_ONCE: usize = 100;

/// Reads alarms by name.
pub(super) struct DescribeAlarms;

impl Bulk for DescribeAlarms {
    type Item = MetricAlarm;
    const LIMIT: usize = AT_ONCE;

    /// DescribeAlarms, which returns 50 alarms a page unless asked for more.
    async fn fetch(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, MetricAlarm>, AwsError> {
        let asked = aws
            .clients
            .cloudwatch
            .describe_alarms()
            .set_alarm_names(Some(names.into_iter().collect()))
            .alarm_types(AlarmType::MetricAlarm)
            .max_records(AT_ONCE as i32);
        let found = aws.call("cloudwatch:DescribeAlarms", asked.send()).await?.metric_alarms.unwrap_or_default();
        Ok(found.into_iter().filter_map(|alarm| Some((alarm.alarm_name.clone()?, alarm))).collect())
    }
}

/// Deletes alarms by name.
pub(super) struct DeleteAlarms;

impl Bulk for DeleteAlarms {
    type Item = ();
    const LIMIT: usize = AT_ONCE;

    /// DeleteAlarms. A name asked for alone gets its own result: success if the alarm was deleted already, and a
    /// refusal if it belongs to another stack by now.
    async fn fetch(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, ()>, AwsError> {
        let alone = names.len() == 1;
        let mut ours = BTreeMap::new();
        for (name, checked) in join_all(names.into_iter().map(|name| check_owner(&aws, name))).await {
            match checked {
                Ok(()) => drop(ours.insert(name, ())),
                Err(error) if alone => return Err(error),
                Err(_) => {}
            }
        }
        if ours.is_empty() {
            return Ok(ours);
        }
        let call = aws.clients.cloudwatch.delete_alarms().set_alarm_names(Some(ours.keys().cloned().collect()));
        let deleted = aws.find("cloudwatch:DeleteAlarms", ABSENT, call.send()).await?;
        Ok(if alone || deleted.is_some() { ours } else { BTreeMap::new() })
    }
}

/// Reads the owner of an alarm if only a listing has shown it until now.
async fn check_owner(aws: &Aws, name: String) -> (String, Result<(), AwsError>) {
    let arn = arn(&name, &aws.place);
    let recorded = aws.run.recorded_tags(CloudwatchAlarm::NAME, &[&name]);
    let checked = tagged::check_owner(aws, &arn, recorded, tags_of(aws, &arn)).await;
    (name, checked)
}
