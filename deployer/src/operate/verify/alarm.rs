//! The actions of an alarm, by its history, and its way back.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmHistoryItem, AlarmType, HistoryItemType, ScanBy};
use serde_json::Value;

use super::probe::Word;
use super::send::Sent;
use crate::aws::{Aws, AwsError};

/// The record of an action.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    Done,
    /// CloudWatch could not carry it out, for this reason.
    Failed(String),
}

/// How far the clocks of this machine and of AWS may be apart, in seconds.
const SKEW_S: i64 = 2;

/// Finds the record of the action on `arn` since the alarm rang: DescribeAlarmHistory.
///
/// # Errors
/// A refusal by CloudWatch.
pub async fn action(aws: &Aws, alarm: &str, arn: &str, sent: &Sent) -> Result<Option<Action>, AwsError> {
    let call = aws
        .clients
        .cloudwatch
        .describe_alarm_history()
        .alarm_name(alarm)
        .alarm_types(AlarmType::MetricAlarm)
        .history_item_type(HistoryItemType::Action)
        .start_date(DateTime::from_secs(sent.at_ms / 1_000 - SKEW_S))
        .scan_by(ScanBy::TimestampDescending)
        .send();
    let found = aws.call("cloudwatch:DescribeAlarmHistory", call).await?.alarm_history_items.unwrap_or_default();
    Ok(found.iter().find_map(|item| of(item, arn)))
}

fn of(item: &AlarmHistoryItem, arn: &str) -> Option<Action> {
    let (summary, data) = (item.history_summary().unwrap_or_default(), item.history_data().unwrap_or_default());
    if !summary.contains(arn) && !data.contains(arn) {
        return None;
    }
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    // The members of the data are not documented for every action.
    let is_failed =
        data["actionState"].as_str().map_or_else(|| summary.starts_with("Failed"), |state| state == "Failed");
    let reason = || data["error"].as_str().unwrap_or(summary).to_owned();
    Some(if is_failed { Action::Failed(reason()) } else { Action::Done })
}

/// Gives the alarm its former state back, unless CloudWatch has evaluated it meanwhile: DescribeAlarms, SetAlarmState. If
/// that fails, CloudWatch's next evaluation does it.
pub async fn restore(aws: &Aws, alarm: &str, sent: &Sent, word: &Word) {
    let Some(state) = sent.state.clone() else { return };
    let cloudwatch = &aws.clients.cloudwatch;
    let call = cloudwatch.describe_alarms().alarm_names(alarm).alarm_types(AlarmType::MetricAlarm);
    let Ok(found) = aws.call("cloudwatch:DescribeAlarms", call.send()).await else { return };
    let reason = found.metric_alarms().first().and_then(|alarm| alarm.state_reason()).unwrap_or_default();
    if reason.contains(word.text()) {
        let call = cloudwatch.set_alarm_state().alarm_name(alarm).state_value(state).state_reason(word.reason());
        let _ = aws.call("cloudwatch:SetAlarmState", call.send()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_an_action_tells_whether_it_was_carried_out() {
        let item = |summary: &str, data: &str| {
            of(&AlarmHistoryItem::builder().history_summary(summary).history_data(data).build(), "arn:t")
        };
        assert_eq!(item("Successfully executed action arn:t", "{}"), Some(Action::Done));
        assert_eq!(item("Successfully executed action arn:u", "{}"), None);
        let failed = r#"{"actionState":"Failed","notificationResource":"arn:t","error":"not authorized"}"#;
        assert_eq!(item("Failed to execute action", failed), Some(Action::Failed("not authorized".into())));
        let bare = item("Failed to execute action arn:t", "");
        assert_eq!(bare, Some(Action::Failed("Failed to execute action arn:t".into())));
    }
}
