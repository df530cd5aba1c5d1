//! Waits until changed attributes have spread.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;

use super::{ABSENT, Live, Queue, SqsQueue};
use crate::aws::tags::Tags;
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError};
use crate::kinds::{Changes, Kind};

/// The longest wait. SQS takes up to a minute for most attributes, after which some reads follow, and up to 15 minutes for
/// the retention, for which no run waits.
const SPREAD_WITHIN: Duration = Duration::from_secs(80);
/// How many answers in a row must show the changes: one of SQS's servers may already return the changed attributes, and
/// the next one still the old ones.
const TOLD_IN_A_ROW: u32 = 4;

/// Calls GetQueueAttributes until all of SQS's servers report the changes, so that the next plan does not mistake the
/// old values for somebody else's changes. An attribute that SQS has not reported in time appears later; that is no
/// failure.
pub(super) async fn watch(aws: &Aws, spec: &Queue, changes: &Changes) -> Result<(), AwsError> {
    if !changes.touch_other_than(&["tags", "message_retention_period"]) {
        return Ok(());
    }
    let in_a_row = AtomicU32::new(0);
    let url = &SqsQueue::predict(spec, &aws.place)["url"];
    let told = aws.until("SQS to spread the queue's attributes", SPREAD_WITHIN, || {
        let sqs = &aws.clients.sqs;
        let call = sqs.get_queue_attributes().queue_url(url).attribute_names(Attribute::All).send();
        let told = aws.find("sqs:GetQueueAttributes", ABSENT, call);
        let in_a_row = &in_a_row;
        async move {
            let told = Live(told.await?.and_then(|told| told.attributes).unwrap_or_default());
            let now = if told.queue(&spec.name, Tags::new())?.is_as(spec) { in_a_row.load(Relaxed) + 1 } else { 0 };
            in_a_row.store(now, Relaxed);
            Ok(if now >= TOLD_IN_A_ROW { Poll::Ready(()) } else { Poll::Pending("not everywhere yet".into()) })
        }
    });
    match told.await {
        Err(AwsError::Deadline { .. }) => Ok(()),
        told => told,
    }
}
