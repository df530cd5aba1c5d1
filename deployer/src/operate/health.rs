//! The health of deployed resources: AWS's reports beyond their configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, Dimension, StateValue, Statistic};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use futures::future::join_all;
use serde_json::Value;

use crate::aws::{Aws, AwsError};
use crate::kinds::Observed;

/// One statement about a resource's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// The user should look at the resource.
    pub alarming: bool,
    pub text: String,
}

impl Sign {
    fn fine(text: impl Into<String>) -> Self {
        Self { alarming: false, text: text.into() }
    }

    pub fn alarming(text: impl Into<String>) -> Self {
        Self { alarming: true, text: text.into() }
    }
}

/// The name of a resource's kind, and the resource as read.
pub type Live<'a> = (&'static str, &'a Observed<Value>);

/// Asks AWS for the health of the resources, by address. If a question fails, its sign says so, and the others go on.
/// Calls DescribeAlarms for all alarms, GetQueueAttributes and GetMetricStatistics for each queue.
pub async fn signs(aws: &Aws, live: &BTreeMap<String, Live<'_>>) -> BTreeMap<String, Vec<Sign>> {
    let dead_letters = dead_letter_queues(live);
    let alarms = alarms(aws, live);
    let queues = live.iter().filter(|(_, (kind, _))| *kind == "sqs.queue").map(|(address, (_, queue))| {
        let dead = text(&queue.outputs, "arn").is_some_and(|arn| dead_letters.contains(arn));
        async move { (address.clone(), self::queue(aws, queue, dead).await) }
    });
    let (alarms, queues) = tokio::join!(alarms, join_all(queues));
    let mut signs: BTreeMap<String, Vec<Sign>> = BTreeMap::new();
    for (address, (kind, observed)) in live {
        let own = signs.entry(address.clone()).or_default();
        own.extend(observed.notes.iter().map(Sign::alarming));
        if own.is_empty() {
            own.extend(of_configuration(kind, observed));
        }
    }
    for (address, more) in alarms.into_iter().chain(queues) {
        signs.entry(address).or_default().extend(more);
    }
    signs
}

/// Derives a sign from the configuration, for a resource without alarming notes.
fn of_configuration(kind: &str, observed: &Observed<Value>) -> Option<Sign> {
    match kind {
        "lambda.function" => Some(Sign::fine("active")),
        "lambda.event_source_mapping" if observed.spec["enabled"] == Value::Bool(false) => Some(Sign::fine("disabled")),
        "lambda.event_source_mapping" => Some(Sign::fine("enabled")),
        "sns.subscription" => Some(Sign::fine("confirmed")),
        "apigateway.stage" => text(&observed.outputs, "url").map(Sign::fine),
        _ => None,
    }
}

fn text<'a>(outputs: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    outputs.get(name).map(String::as_str)
}

/// Collects the ARNs of the queues that receive other queues' failed messages.
fn dead_letter_queues(live: &BTreeMap<String, Live<'_>>) -> BTreeSet<String> {
    live.values()
        .filter_map(|(_, seen)| seen.spec["redrive_policy"]["dead_letter_target_arn"].as_str().map(str::to_owned))
        .collect()
}

fn unknown(what: &str, error: &AwsError) -> Sign {
    let why = if error.is_access_denied() { "no permission".to_owned() } else { error.to_string() };
    Sign::fine(format!("{what} unknown: {why}"))
}

/// Reports the depth of a queue and the age of its oldest message.
async fn queue(aws: &Aws, queue: &Observed<Value>, dead_letters: bool) -> Vec<Sign> {
    let name = text(&queue.outputs, "name").unwrap_or_default();
    let (depth, oldest) = tokio::join!(depth(aws, &queue.physical_id), oldest(aws, name));
    let mut signs = Vec::new();
    match depth {
        Ok((waiting, in_flight)) if dead_letters && waiting + in_flight > 0 => {
            signs.push(Sign::alarming(format!("{} failed messages wait to be looked at", waiting + in_flight)));
        }
        Ok((waiting, in_flight)) => signs.push(Sign::fine(format!("{waiting} waiting, {in_flight} in flight"))),
        Err(error) => signs.push(unknown("depth", &error)),
    }
    match oldest {
        Ok(Some(age)) => signs.push(Sign::fine(format!("oldest message {age} s"))),
        Ok(None) => {}
        Err(error) => signs.push(unknown("oldest message", &error)),
    }
    signs
}

/// Counts messages (waiting, in flight): GetQueueAttributes.
async fn depth(aws: &Aws, url: &str) -> Result<(u64, u64), AwsError> {
    let (visible, hidden) = (Attribute::ApproximateNumberOfMessages, Attribute::ApproximateNumberOfMessagesNotVisible);
    let call = aws
        .clients
        .sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(visible.clone())
        .attribute_names(hidden.clone());
    let found = aws.call("sqs:GetQueueAttributes", call.send()).await?.attributes.unwrap_or_default();
    let count = |name| found.get(&name).and_then(|value| value.parse().ok()).unwrap_or(0);
    Ok((count(visible), count(hidden)))
}

/// Returns the latest age in seconds of the oldest message, within the last ten minutes: GetMetricStatistics. An idle
/// queue reports none.
async fn oldest(aws: &Aws, queue_name: &str) -> Result<Option<u64>, AwsError> {
    let now = SystemTime::now();
    let call = aws
        .clients
        .cloudwatch
        .get_metric_statistics()
        .namespace("AWS/SQS")
        .metric_name("ApproximateAgeOfOldestMessage")
        .dimensions(Dimension::builder().name("QueueName").value(queue_name).build())
        .start_time(DateTime::from(now - Duration::from_secs(600)))
        .end_time(DateTime::from(now))
        .period(60)
        .statistics(Statistic::Maximum);
    let points = aws.call("cloudwatch:GetMetricStatistics", call.send()).await?.datapoints.unwrap_or_default();
    let newest = points.into_iter().max_by_key(|point| point.timestamp.map(|at| at.secs()));
    Ok(newest.and_then(|point| point.maximum).map(|age| age as u64))
}

/// Reports the state of every alarm: DescribeAlarms, a hundred names per call.
async fn alarms(aws: &Aws, live: &BTreeMap<String, Live<'_>>) -> Vec<(String, Vec<Sign>)> {
    let by_name: BTreeMap<&str, &String> = live
        .iter()
        .filter(|(_, (kind, _))| *kind == "cloudwatch.metric_alarm")
        .map(|(address, (_, alarm))| (alarm.physical_id.as_str(), address))
        .collect();
    let names: Vec<&str> = by_name.keys().copied().collect();
    let mut signs = Vec::new();
    for names in names.chunks(100) {
        let call = aws
            .clients
            .cloudwatch
            .describe_alarms()
            .set_alarm_names(Some(names.iter().map(|name| (*name).to_owned()).collect()))
            .alarm_types(AlarmType::MetricAlarm)
            .max_records(100);
        match aws.call("cloudwatch:DescribeAlarms", call.send()).await {
            Err(error) => {
                signs.extend(names.iter().map(|name| (by_name[name].clone(), vec![unknown("state", &error)])));
            }
            Ok(found) => signs.extend(found.metric_alarms.unwrap_or_default().into_iter().filter_map(|alarm| {
                let address = by_name.get(alarm.alarm_name.as_deref()?)?;
                let reason = alarm.state_reason.unwrap_or_default();
                Some(((*address).clone(), vec![alarm_sign(alarm.state_value.as_ref(), &reason)]))
            })),
        }
    }
    signs
}

fn alarm_sign(state: Option<&StateValue>, reason: &str) -> Sign {
    match state {
        Some(StateValue::Alarm) => Sign::alarming(format!("ALARM: {reason}")),
        Some(state) => Sign::fine(state.as_str()),
        None => Sign::fine("no state yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_queue_that_others_redrive_into_is_one_of_dead_letters() {
        let work =
            Observed::new("u", json!({"redrive_policy": {"dead_letter_target_arn": "arn:dead"}}), BTreeMap::new());
        let live = BTreeMap::from([("queues.work".to_owned(), ("sqs.queue", &work))]);
        assert_eq!(dead_letter_queues(&live), BTreeSet::from(["arn:dead".to_owned()]));
    }

    #[test]
    fn an_alarm_that_rings_asks_for_attention_and_others_do_not() {
        assert!(alarm_sign(Some(&StateValue::Alarm), "5 > 3").alarming);
        assert!(!alarm_sign(Some(&StateValue::Ok), "").alarming);
        assert!(!alarm_sign(Some(&StateValue::InsufficientData), "").alarming);
    }
}
