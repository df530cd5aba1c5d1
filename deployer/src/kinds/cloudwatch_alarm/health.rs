//! The state of alarms.

use std::collections::HashMap;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};

use super::{Alarm, ObservedResource};
use crate::aws::Aws;
use crate::kinds::Sign;

/// Names in one DescribeAlarms.
const AT_ONCE: usize = 100;

/// Reports the state of each alarm: DescribeAlarms, a hundred names a call.
pub(super) async fn signs(aws: &Aws, alarms: &[ObservedResource<Alarm>]) -> Vec<Vec<Sign>> {
    let mut signs = Vec::new();
    for alarms in alarms.chunks(AT_ONCE) {
        let names = alarms.iter().map(|alarm| alarm.physical_id.clone()).collect();
        let call = aws.clients.cloudwatch.describe_alarms().set_alarm_names(Some(names));
        let call = call.alarm_types(AlarmType::MetricAlarm).max_records(100);
        match aws.call("cloudwatch:DescribeAlarms", call.send()).await {
            Err(error) => signs.extend(alarms.iter().map(|_| vec![Sign::unknown("state", &error)])),
            Ok(found) => {
                let states = found.metric_alarms.unwrap_or_default().into_iter().filter_map(|alarm| {
                    let reason = alarm.state_reason.unwrap_or_default();
                    Some((alarm.alarm_name?, sign(alarm.state_value.as_ref(), &reason)))
                });
                let mut states: HashMap<String, Sign> = states.collect();
                signs.extend(alarms.iter().map(|alarm| states.remove(&alarm.physical_id).into_iter().collect()));
            }
        }
    }
    signs
}

fn sign(state: Option<&StateValue>, reason: &str) -> Sign {
    match state {
        Some(StateValue::Alarm) => Sign::alarming(format!("ALARM: {reason}")),
        Some(state) => Sign::fine(state.as_str()),
        None => Sign::fine("no state yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_that_rings_asks_for_attention_and_others_do_not() {
        assert!(sign(Some(&StateValue::Alarm), "5 > 3").alarming);
        assert!(!sign(Some(&StateValue::Ok), "").alarming);
        assert!(!sign(Some(&StateValue::InsufficientData), "").alarming);
    }
}
