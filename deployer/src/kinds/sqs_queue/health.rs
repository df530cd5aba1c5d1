//! The depth of queues and the age of their oldest messages.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use futures::future::join_all;

use super::{ObservedResource, Queue};
use crate::aws::{Aws, AwsError};
use crate::kinds::Sign;

/// Reports on each queue: GetQueueAttributes and GetMetricStatistics.
pub(super) async fn signs(aws: &Aws, queues: &[ObservedResource<Queue>]) -> Vec<Vec<Sign>> {
    let dead_letters = dead_letter_queues(queues);
    join_all(queues.iter().map(|queue| {
        let has_failures = dead_letters.contains(queue.outputs["arn"].as_str());
        signs_of(aws, queue, has_failures)
    }))
    .await
}

/// Collects the ARNs of the queues that receive other queues' failed messages.
fn dead_letter_queues(queues: &[ObservedResource<Queue>]) -> HashSet<&str> {
    let redrives = queues.iter().filter_map(|queue| queue.spec.redrive_policy.as_ref());
    redrives.map(|redrive| redrive.dead_letter_target_arn.as_str()).collect()
}

async fn signs_of(aws: &Aws, queue: &ObservedResource<Queue>, has_failures: bool) -> Vec<Sign> {
    let (depth, oldest) = tokio::join!(depth(aws, &queue.physical_id), oldest(aws, &queue.spec.name));
    let mut signs = Vec::new();
    match depth {
        Ok((waiting, in_flight)) if has_failures && waiting + in_flight > 0 => {
            signs.push(failed(waiting + in_flight, &queue.spec.name));
        }
        Ok((waiting, in_flight)) => signs.push(Sign::fine(format!("{waiting} waiting, {in_flight} in flight"))),
        Err(error) => signs.push(Sign::unknown("depth", &error)),
    }
    match oldest {
        Ok(Some(age)) => signs.push(Sign::fine(format!("oldest message {age} s"))),
        Ok(None) => {}
        Err(error) => signs.push(Sign::unknown("oldest message", &error)),
    }
    signs
}

/// Reports the messages that consumers failed to handle.
fn failed(messages: u64, queue_name: &str) -> Sign {
    let text = match messages {
        1 => "1 message in the dead-letter queue".to_owned(),
        many => format!("{many} messages in the dead-letter queue"),
    };
    Sign { command: Some(format!("deployer queue peek {queue_name}")), ..Sign::alarming(text) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Outputs;
    use crate::kinds::sqs_queue::RedrivePolicy;

    #[test]
    fn failed_messages_are_counted_and_can_be_looked_at() {
        let one = failed(1, "jobs-dlq");
        assert_eq!((one.text.as_str(), one.alarming), ("1 message in the dead-letter queue", true));
        assert_eq!(one.command.as_deref(), Some("deployer queue peek jobs-dlq"));
        assert_eq!(failed(2, "jobs-dlq").text, "2 messages in the dead-letter queue");
    }

    #[test]
    fn a_queue_that_others_redrive_into_is_one_of_dead_letters() {
        let redrive = RedrivePolicy { dead_letter_target_arn: "arn:dead".to_owned(), max_receive_count: 3 };
        let work = Queue { redrive_policy: Some(redrive), ..Queue::default() };
        let queues = [
            ObservedResource::new("u", work, Outputs::new()),
            ObservedResource::new("v", Queue::default(), Outputs::new()),
        ];
        assert_eq!(dead_letter_queues(&queues), HashSet::from(["arn:dead"]));
    }
}
