//! Notifications of buckets, as functions and `buckets:` have them: their checks, and the resources that they are lowered
//! to. All entries on a bucket become one resource, because S3 keeps one document for each bucket.

mod lint;
mod merge;

use serde_json::Value;

pub(super) use self::lint::lint;
pub(super) use self::merge::complete;
use super::about::Draw;
use super::eventing::target_id;
use super::scheduling::target_arn;
use super::{LoweredStack, Scope, reference};
use crate::kinds::s3_notification::{Entry, EventPattern, Notification, S3Notification};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::nearest;

/// The service that calls functions and sends messages for buckets.
const SERVICE: &str = "s3.amazonaws.com";
/// Every new object.
pub(super) const CREATED: &str = "s3:ObjectCreated:*";

/// The events that S3 notifies of. Source: botocore's model of S3, `Event`.
const EVENTS: &[&str] = &[
    "s3:IntelligentTiering",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:LifecycleTransition",
    "s3:ObjectAcl:Put",
    "s3:ObjectAnnotation:*",
    "s3:ObjectAnnotation:Delete",
    "s3:ObjectAnnotation:Put",
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Put",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:ObjectRestore:Post",
    "s3:ObjectRetention:Put",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Delete",
    "s3:ObjectTagging:Put",
    "s3:ReducedRedundancyLostObject",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationNotTracked",
    "s3:Replication:OperationReplicatedAfterThreshold",
];

/// The events of a bucket that one receiver is told of, as they are written.
#[derive(Clone, Copy)]
pub(super) struct Notice<'e> {
    /// The receiver's property and value: `queue` and `jobs`.
    pub receiver: (&'static str, &'e str),
    pub events: &'e [String],
    pub prefix: Option<&'e str>,
    pub suffix: Option<&'e str>,
}

impl Notice<'_> {
    /// Checks the names of the events, and the beginning and the end of keys.
    pub(super) fn check(&self, path: &DocPath, findings: &mut Findings) {
        for (index, event) in self.events.iter().enumerate() {
            let path = path.then("events").then(index.to_string());
            if !EVENTS.contains(&event.as_str()) && !event.contains("${") {
                let prefixed = format!("s3:{event}");
                let meant = EVENTS.iter().copied().find(|known| *known == prefixed);
                let meant = meant.or_else(|| nearest(event, EVENTS.iter().copied()));
                findings
                    .error("bucket::event", path, format!("S3 has no event `{event}`"))
                    .help(format!("write `{}`", meant.unwrap_or(CREATED)));
            } else if let Some(other) = self.events[..index].iter().find(|other| shares(event, other)) {
                findings
                    .error("bucket::notification-overlap", path, format!("`{event}` and `{other}` mean the same event"))
                    .help("remove one of them: S3 tells a receiver of an event once");
            }
        }
        for (property, value) in [("prefix", self.prefix), ("suffix", self.suffix)] {
            if value.is_some_and(|value| value.contains(['*', '?'])) {
                findings
                    .warning(
                        "bucket::notification-pattern",
                        path.then(property),
                        "S3 takes `*` and `?` as they are, not as patterns",
                    )
                    .help("write only the beginning of the keys as `prefix`, and their end as `suffix`");
            }
        }
    }

    /// Returns the ARN of the receiver, or a reference to it.
    fn destination(&self) -> String {
        let (property, named) = self.receiver;
        match property {
            "queue" => target_arn("queues", named),
            "topic" => target_arn("topics", named),
            _ => target_arn("functions", named),
        }
    }

    fn entry(&self) -> Entry {
        let mut events: Vec<String> = self.events.to_vec();
        if events.is_empty() {
            events.push(CREATED.to_owned());
        }
        events.sort();
        Entry {
            destination: self.destination(),
            events,
            prefix: self.prefix.unwrap_or_default().to_owned(),
            suffix: self.suffix.unwrap_or_default().to_owned(),
        }
    }
}

fn shares(one: &str, other: &str) -> bool {
    EventPattern(one).shares_with(&EventPattern(other))
}

/// Adds notices of a bucket of the stack. [`complete`] joins all that are about the same bucket.
pub(super) fn add(at: &Scope<'_>, bucket: &str, notices: &[Notice<'_>], event_bridge: bool, out: &mut LoweredStack) {
    if notices.is_empty() && !event_bridge {
        return;
    }
    for (index, notice) in notices.iter().map(Some).chain(event_bridge.then_some(None)).enumerate() {
        let entries = notice.map(|notice| (target_id(notice.receiver.0, notice.receiver.1), notice.entry()));
        let notification = Notification {
            bucket: reference(&format!("buckets.{bucket}"), "name"),
            owner: at.stack.to_owned(),
            entries: entries.into_iter().collect(),
            event_bridge: notice.is_none().then_some(true),
            keeps_event_bridge: false,
        };
        out.add::<S3Notification>(at, at.part(&format!("notification[{bucket} {index}]")), &notification);
    }
}

/// Draws the arrows from a bucket to a receiver of its events.
pub(super) fn arrows(notification: &Value, address: &str) -> Vec<Draw> {
    let about = format!("${{{address}.");
    let entries = || notification["entries"].as_object().into_iter().flatten().map(|(_, entry)| entry);
    let of = |entry: &Value| entry["destination"].as_str().is_some_and(|destination| destination.contains(&about));
    let events = |entry: &Value| entry["events"].as_array().cloned().unwrap_or_default();
    let label = |event: &Value| match event.as_str().unwrap_or_default() {
        event if event.starts_with("s3:ObjectCreated:") => "new objects",
        event if event.starts_with("s3:ObjectRemoved:") => "removed objects",
        _ => "events",
    };
    let mut labels: Vec<&str> = entries()
        .filter(|entry| of(entry))
        .flat_map(|entry| events(entry).iter().map(label).collect::<Vec<_>>())
        .collect();
    labels.sort_unstable();
    labels.dedup();
    labels.into_iter().map(Draw::To).collect()
}

#[cfg(test)]
mod tests;
