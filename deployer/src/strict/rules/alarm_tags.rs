//! Tags that are sent with an update of an alarm.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use aws_sdk_cloudwatch::types::Tag;
use futures::future::{BoxFuture, FutureExt};

use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

type Tags = BTreeMap<String, String>;

/// Takes back the tags that PutMetricAlarm sets on an alarm that exists.
#[derive(Default)]
pub struct AlarmTags {
    /// The tags of alarms before the request that is under way.
    before: Mutex<HashMap<Key, Tags>>,
}

impl Rule for AlarmTags {
    fn about(&self) -> About {
        About {
            name: "alarm-tags",
            summary: "PutMetricAlarm ignores tags if the alarm exists",
            source: "CloudWatch's model, PutMetricAlarm: \"If you are using this operation to update an existing alarm, \
                     any tags you specify in this parameter are ignored\"",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            if !sends_tags(call) {
                return None;
            }
            let (alarm, tags) = (place.key(call.text("AlarmName")), live_tags(call, place).await);
            match tags {
                Some(tags) => lock(&self.before).insert(alarm, tags),
                None => lock(&self.before).remove(&alarm),
            };
            None
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, _: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        async move {
            if !sends_tags(call) {
                return;
            }
            let before = lock(&self.before).remove(&place.key(call.text("AlarmName")));
            if let Some(before) = before {
                restore(call, &before, place).await;
            }
        }
        .boxed()
    }
}

fn sends_tags(call: &Call) -> bool {
    call.is("CloudWatch", &["PutMetricAlarm"]) && call.input["Tags"].as_array().is_some_and(|tags| !tags.is_empty())
}

fn arn(call: &Call, place: Place<'_>) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm:{}", place.region, place.account, call.text("AlarmName"))
}

/// Asks the emulator for the alarm's tags. None if there is no alarm.
async fn live_tags(call: &Call, place: Place<'_>) -> Option<Tags> {
    let cloudwatch = &place.clients().await.cloudwatch;
    let found = cloudwatch.describe_alarms().alarm_names(call.text("AlarmName")).send().await.ok()?;
    found.metric_alarms.filter(|alarms| !alarms.is_empty())?;
    let tags = cloudwatch.list_tags_for_resource().resource_arn(arn(call, place)).send().await.ok()?.tags;
    Some(tags.unwrap_or_default().into_iter().filter_map(|tag| tag.key.zip(tag.value)).collect())
}

/// Gives the alarm the tags that it had before.
async fn restore(call: &Call, before: &Tags, place: Place<'_>) {
    let Some(now) = live_tags(call, place).await else { return };
    let Difference { set, remove } = difference(&now, before);
    let cloudwatch = &place.clients().await.cloudwatch;
    // The emulator's refusal changes nothing, and then the tags stay those of the request.
    if !remove.is_empty() {
        let _ = cloudwatch.untag_resource().resource_arn(arn(call, place)).set_tag_keys(Some(remove)).send().await;
    }
    if !set.is_empty() {
        let set = set.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let _ = cloudwatch.tag_resource().resource_arn(arn(call, place)).set_tags(Some(set)).send().await;
    }
}

struct Difference {
    set: Tags,
    remove: Vec<String>,
}

fn difference(now: &Tags, wanted: &Tags) -> Difference {
    let set = wanted.iter().filter(|(key, value)| now.get(*key) != Some(value));
    let remove = now.keys().filter(|key| !wanted.contains_key(*key));
    Difference {
        set: set.map(|(key, value)| (key.clone(), value.clone())).collect(),
        remove: remove.cloned().collect(),
    }
}
