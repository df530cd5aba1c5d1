//! Finds alarms that `stack.yaml` does not have.

use super::{Alarm, FoundResource};
use crate::aws::{Aws, AwsError};

pub(super) fn found_resource(name: &str) -> FoundResource<Alarm> {
    FoundResource::of(name, Alarm { alarm_name: name.to_owned(), ..Alarm::default() })
}

/// DescribeAlarms. AWS lists alarms by their tags, a local AWS does not.
pub(super) async fn named_like(aws: &Aws, begins: &str) -> Result<Vec<FoundResource<Alarm>>, AwsError> {
    if aws.place.endpoint_url.is_none() {
        return Ok(Vec::new());
    }
    let call = aws.clients.cloudwatch.describe_alarms().alarm_name_prefix(begins).max_records(100);
    let page = aws.call("cloudwatch:DescribeAlarms", call.send()).await?;
    Ok(page.metric_alarms().iter().filter_map(|alarm| alarm.alarm_name()).map(found_resource).collect())
}
