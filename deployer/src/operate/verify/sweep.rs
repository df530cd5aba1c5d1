//! Removes probes from queues.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry as Entry, Message};

use super::probe::Word;
use super::rounds::reached_from;
use super::{Arrival, Departure, Edge, Means, Outcome, Verdict};
use crate::aws::{Aws, AwsError};
use crate::operate::queues::{HIDDEN_S, QueueTarget, depth};

/// A queue with more messages is left alone: each receive counts for its messages, and hides them for a moment.
const MOST: u64 = 10;

/// Receives messages, deletes those with one of the words, and gives the others back: ReceiveMessage, DeleteMessage,
/// ChangeMessageVisibilityBatch. Returns how many it deleted.
///
/// # Errors
/// A refusal by SQS.
pub async fn take(aws: &Aws, url: &str, words: &[&Word]) -> Result<usize, AwsError> {
    let sqs = &aws.clients.sqs;
    let call = sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .visibility_timeout(HIDDEN_S)
        // A short poll asks only some of SQS's servers.
        .wait_time_seconds(1)
        .message_attribute_names("All");
    let found = aws.call("sqs:ReceiveMessage", call.send()).await?.messages.unwrap_or_default();
    let (ours, others): (Vec<Message>, Vec<Message>) =
        found.into_iter().partition(|message| words.iter().any(|word| has(message, word)));
    for message in &ours {
        let call = sqs.delete_message().queue_url(url).set_receipt_handle(message.receipt_handle.clone());
        aws.call("sqs:DeleteMessage", call.send()).await?;
    }
    let back = |(index, message): (usize, &Message)| {
        let entry = Entry::builder().id(index.to_string()).set_receipt_handle(message.receipt_handle.clone());
        entry.visibility_timeout(0).build().ok()
    };
    let entries: Vec<Entry> = others.iter().enumerate().filter_map(back).collect();
    if !entries.is_empty() {
        let call = sqs.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
        aws.call("sqs:ChangeMessageVisibility", call.send()).await?;
    }
    Ok(ours.len())
}

fn has(message: &Message, word: &Word) -> bool {
    let attributes = message.message_attributes.iter().flatten();
    message.body().is_some_and(|body| body.contains(word.text()))
        || attributes.filter_map(|(_, value)| value.string_value()).any(|value| value == word.text())
}

/// Removes the probes that ended in queues from which nothing of the stack receives, also over edges that were not
/// tried, and those that a failed edge left in its queue or in the dead-letter queue. Adds a hint to an edge whose probe may come back.
pub async fn all(edges: &[Edge], all: &[Edge], outcomes: &mut [Option<Outcome>], means: Means<'_>, words: &[Word]) {
    if words.is_empty() {
        return;
    }
    let words: Vec<&Word> = words.iter().collect();
    let mut removed: BTreeMap<&str, usize> = BTreeMap::new();
    for queue in queues(edges, outcomes).into_iter().chain(beside(edges, all)) {
        if !removed.contains_key(queue.address.as_str()) {
            removed.insert(&queue.address, remove(queue, means, &words).await);
        }
    }
    for (edge, outcome) in edges.iter().zip(outcomes) {
        let (Departure::Enqueue { queue }, Some(outcome)) = (&edge.departure, outcome) else { continue };
        let found = own(queue, edges).filter_map(|queue| removed.get(queue.address.as_str())).sum::<usize>();
        if outcome.verdict == Verdict::Failed && edge.obstacle.is_none() && found == 0 {
            outcome.text += &format!("; the probe may come back to {} later", queue.queue_name);
        }
    }
}

/// Lists the queues in which probes may remain.
fn queues<'e>(edges: &'e [Edge], outcomes: &[Option<Outcome>]) -> Vec<&'e QueueTarget> {
    let mut found = Vec::new();
    for (edge, outcome) in edges.iter().zip(outcomes).filter(|(edge, _)| edge.obstacle.is_none()) {
        let is_ok = outcome.as_ref().is_some_and(|outcome| outcome.verdict == Verdict::Ok);
        match (&edge.departure, &edge.arrival) {
            (Departure::Enqueue { queue }, _) if !is_ok => found.extend(own(queue, edges)),
            (_, Arrival::Message { queue, consumers }) if consumers.is_empty() => found.push(queue),
            _ => {}
        }
    }
    found
}

/// Lists the queues that probes reach over edges that are not tried.
fn beside<'e>(edges: &[Edge], all: &'e [Edge]) -> Vec<&'e QueueTarget> {
    let tried = edges.iter().filter(|edge| edge.obstacle.is_none() && !matches!(edge.departure, Departure::Nowhere));
    let reached = reached_from(&tried.map(|edge| edge.from.as_str()).collect::<Vec<_>>(), all);
    let ends = all.iter().filter(|edge| edge.obstacle.is_none() && reached.contains(edge.to.as_str()));
    let queue = |edge: &'e Edge| match &edge.arrival {
        Arrival::Message { queue, consumers } if consumers.is_empty() => Some(queue),
        _ => None,
    };
    ends.filter_map(queue).collect()
}

/// Lists a queue and its dead-letter queue.
fn own<'e>(queue: &'e QueueTarget, edges: &'e [Edge]) -> impl Iterator<Item = &'e QueueTarget> {
    let dead = edges.iter().filter_map(move |edge| match (&edge.departure, &edge.arrival) {
        (Departure::Settings { queue: source }, Arrival::Settings(dead)) if source.address == queue.address => {
            Some(dead)
        }
        _ => None,
    });
    std::iter::once(queue).chain(dead)
}

/// Removes probes from one queue. A queue that cannot be read keeps them: its edge has a failure of its own.
async fn remove(queue: &QueueTarget, means: Means<'_>, words: &[&Word]) -> usize {
    let waiting = || async { depth(means.aws, &queue.url).await.map_or(0, |depth| depth.waiting) };
    let mut removed = 0;
    // Each look takes at most ten messages.
    while (1..=MOST).contains(&waiting().await) {
        match take(means.aws, &queue.url, words).await {
            Ok(some) if some > 0 => removed += some,
            _ => break,
        }
    }
    removed
}
