//! `s3.notification`: a stack's entries in a bucket's notification configuration.
//!
//! **Guarantees**: S3 keeps one document for each bucket. Entries of others stay in it: the document is read right before
//! each write, and again after it. An entry is this stack's by its id, which begins with the owner's name. All entries of
//! a stack are one resource, so an event that moves to another receiver moves in one call, and never overlaps with itself.
//! **Assumptions**: nobody else writes the document in the moment between the read and the write. S3 has no condition for
//! this call.
//! **Caveats**: S3 sends a test message to each queue and topic in the document, whenever it checks them. A bucket has one
//! switch for EventBridge. On a bucket of others it stays on, because others may rely on it.

mod document;
mod overlap;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::document::Document;
pub use self::overlap::{EventPattern, overlap};
use super::{
    About, Calls, Changes, CreatedResource, Destination, Grant, Kind, ObservedResource, Op, Outputs, Parent, Passage,
    Person, Probe, References, Rule, Verification,
};
use crate::aws::service::{S3, cure};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError, Place, Trust};

/// The notification kind.
pub struct S3Notification;

/// The entries of one owner on one bucket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    pub bucket: String,
    /// The stack, or `STACK@ENV` in an environment.
    pub owner: String,
    /// By the ends of their ids.
    pub entries: BTreeMap<String, Entry>,
    /// Whether all events of the bucket go to EventBridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_bridge: Option<bool>,
    /// Whether a deletion leaves EventBridge as it is: it was not switched on here, or the bucket belongs to others.
    #[serde(default)]
    pub keeps_event_bridge: bool,
}

/// Events, and the receiver of their messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The ARN of a function, a queue or a topic.
    pub destination: String,
    /// Sorted.
    pub events: Vec<String>,
    /// The beginning of the keys.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// The end of the keys.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suffix: String,
}

const EVENT_BRIDGE: &str = "event_bridge";
const PUT: &str = "s3:PutBucketNotificationConfiguration";
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

impl Kind for S3Notification {
    const ABOUT: About = About {
        identity: &["bucket", "owner"],
        owner_property: Some("owner"),
        rules: &[
            ("bucket", Rule::Replace("notifications belong to their bucket")),
            ("owner", Rule::Replace("the ids of the entries have the stack's name")),
            (EVENT_BRIDGE, Rule::Unmanaged),
            ("keeps_event_bridge", Rule::Hint),
        ],
        parent: Some(Parent { kind: "s3.bucket", owns: false, deletes: true }),
        references: References::DEFAULT,
        calls: Calls {
            cures: &[
                cure(PUT, "InvalidArgument", "Unable to validate", 120, "the receiver's permission is not known yet"),
                cure("s3:", "NoSuchBucket", "", 60, "the new bucket is not visible everywhere yet"),
            ],
            ..Calls::DEFAULT
        },
        person: Person { gap: Some("events of these seconds reach no receiver"), ..Person::DEFAULT },
        ..About::of("s3.notification", &S3)
    };
    type Spec = Notification;

    fn predict(_: &Notification, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn given_back(last: &Value, want: &Notification, _: &Place) -> Vec<(&'static str, Value)> {
        // A switch that was given back is recorded as off, and is nobody's from then on.
        let is_gone = !last[EVENT_BRIDGE].is_null() && last[EVENT_BRIDGE] != false && want.event_bridge.is_none();
        let stays = last["keeps_event_bridge"] == true;
        is_gone.then(|| (EVENT_BRIDGE, stays.into())).into_iter().collect()
    }

    fn iam(op: Op, spec: &Notification, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read | Op::Present => &["s3:GetBucketNotification"],
            Op::Create | Op::Update | Op::Delete => &["s3:GetBucketNotification", "s3:PutBucketNotification"],
        };
        vec![Grant::new(actions, arn(&spec.bucket, place))]
    }

    fn any_named(names: &str, _: &Place) -> Vec<Notification> {
        vec![Notification { bucket: names.to_owned(), ..Notification::default() }]
    }

    /// Names the edge of each entry. A probe is a new object, so it takes only edges for new objects.
    fn verification(spec: &Notification, place: &Place) -> Verification {
        let of = |entry: &Entry| {
            let probe = Probe::Store {
                bucket: spec.bucket.clone(),
                prefix: entry.prefix.clone(),
                suffix: entry.suffix.clone(),
            };
            let stores = EventPattern("s3:ObjectCreated:Put");
            let is_open = entry.events.iter().any(|event| EventPattern(event).shares_with(&stores));
            let closed = (!is_open).then(|| format!("a probe is a new object, and no `{}`", entry.events.join("`, `")));
            let passage = Passage::new(probe, Destination::Resource(entry.destination.clone()));
            Passage { from: Some(arn(&spec.bucket, place)), closed, ..passage }
        };
        let passages: Vec<Passage> = spec.entries.values().map(of).collect();
        let stored = spec.entries.values().map(|entry| format!("{}/{}*", arn(&spec.bucket, place), entry.prefix));
        let objects = Grant::on(&["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"], stored);
        let grants = if passages.is_empty() { Vec::new() } else { vec![objects] };
        Verification { passages, grants }
    }

    /// Calls GetBucketNotificationConfiguration.
    async fn read(
        aws: &Aws,
        spec: &Notification,
        _: Trust,
    ) -> Result<Option<ObservedResource<Notification>>, AwsError> {
        let Some(found) = Document::read(aws, &spec.bucket).await? else { return Ok(None) };
        let (entries, is_on) = (found.entries_of(&spec.owner), found.has_event_bridge());
        // With entries of ours, a switch that stays on is no sign of this resource.
        let is_switch = spec.event_bridge == Some(true) && (spec.entries.is_empty() || !spec.keeps_event_bridge);
        if entries.is_empty() && !(is_on && is_switch) {
            return Ok(None);
        }
        let live = Notification { entries, event_bridge: Some(is_on), ..spec.clone() };
        Ok(Some(ObservedResource::new(physical_id(spec), live, Outputs::new())))
    }

    async fn create(aws: &Aws, want: &Notification) -> Result<CreatedResource, AwsError> {
        write(aws, want, want.event_bridge, true).await?;
        Ok(CreatedResource { physical_id: physical_id(want), outputs: Outputs::new() })
    }

    async fn update(
        aws: &Aws,
        _: &ObservedResource<Notification>,
        want: &Notification,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let given_back = changes.touch(EVENT_BRIDGE).then_some(false);
        write(aws, want, want.event_bridge.or(given_back), true).await
    }

    /// Removes this stack's entries. S3 does not check the receivers that remain: those of others may be deleted.
    async fn delete(aws: &Aws, live: &ObservedResource<Notification>) -> Result<(), AwsError> {
        let none = Notification { entries: BTreeMap::new(), ..live.spec.clone() };
        let switch = (!live.spec.keeps_event_bridge).then_some(false);
        match write(aws, &none, switch, false).await {
            Err(error) if error.is(document::ABSENT) => Ok(()),
            written => written,
        }
    }
}

fn arn(bucket: &str, place: &Place) -> String {
    format!("arn:{}:s3:::{bucket}", place.partition)
}

fn physical_id(spec: &Notification) -> String {
    format!("{}/{}", spec.bucket, spec.owner)
}

/// Puts the stack's entries into the document, until a read shows them there. `checks` lets S3 send a test message to the
/// receivers, and refuse those that it cannot reach.
async fn write(aws: &Aws, want: &Notification, event_bridge: Option<bool>, checks: bool) -> Result<(), AwsError> {
    let _turn = aws.run.turn(&format!("s3-notification/{}", want.bucket)).await;
    let condition = format!("the notifications of {} to have the stack's entries", want.bucket);
    aws.until(&condition, SETTLED_WITHIN, || async {
        let found = Document::read(aws, &want.bucket).await?;
        let found = found.ok_or_else(|| document::no_bucket(&want.bucket))?;
        let switch = event_bridge.unwrap_or(found.has_event_bridge());
        if found.entries_of(&want.owner) == want.entries && found.has_event_bridge() == switch {
            return Ok(Poll::Ready(()));
        }
        let next = found.with(want, switch)?;
        next.put(aws, &want.bucket, checks).await?;
        Ok(Poll::Pending("written, but not in the configuration".to_owned()))
    })
    .await
}

#[cfg(test)]
mod tests;
