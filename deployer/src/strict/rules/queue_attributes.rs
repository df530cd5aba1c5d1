//! Changed attributes of queues.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::json;

use super::super::facts::{self, Attributes};
use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

const MINUTE: Duration = Duration::from_secs(60);
/// Spreads within 15 minutes, for which no client waits. Here it is changed at once.
const RETENTION: &str = "MessageRetentionPeriod";

/// Shows changed attributes as they were, in every second read of the next minute.
#[derive(Default)]
pub struct QueueAttributes {
    changed: Mutex<HashMap<Key, Changed>>,
}

/// The attributes before a change, each with the time of the change. None for an attribute that was not there.
#[derive(Debug, Default)]
struct Changed {
    attributes: BTreeMap<String, (Duration, Option<String>)>,
    reads: u64,
}

impl Rule for QueueAttributes {
    fn about(&self) -> About {
        About {
            name: "queue-attributes",
            summary: "for 60 s after a change, every second read shows a queue's attributes as they were",
            source: "SQS API Reference, SetQueueAttributes; waitQueueAttributesPropagated of terraform-provider-aws",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            if call.is("SQS", &["SetQueueAttributes"])
                && let Some(was) = facts::queue(place, call.name("QueueUrl")).await.found()
            {
                self.note(call, &was, place);
            }
            None
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() && call.is("SQS", &["GetQueueAttributes"]) {
            self.alternate(call, answer, place);
        } else if answer.is_success() && call.is("SQS", &["DeleteQueue"]) {
            lock(&self.changed).remove(&place.key(call.name("QueueUrl")));
        }
        ready(()).boxed()
    }
}

impl QueueAttributes {
    /// Notes the values of the attributes that a call is about to change.
    fn note(&self, call: &Call, was: &Attributes, place: Place<'_>) {
        let Some(wanted) = call.input["Attributes"].as_object() else { return };
        let mut changed = lock(&self.changed);
        for queue in changed.values_mut() {
            queue.attributes.retain(|_, (since, _)| !place.is_over(*since, MINUTE));
        }
        changed.retain(|_, queue| !queue.attributes.is_empty());
        let queue = changed.entry(place.key(call.name("QueueUrl"))).or_default();
        for (name, value) in wanted {
            let former = was.get(name);
            if name != RETENTION && former.map(String::as_str) != value.as_str() {
                queue.attributes.insert(name.clone(), (place.now, former.cloned()));
            }
        }
    }

    /// Shows the former values of changed attributes, in the first read after the change and in every second one.
    fn alternate(&self, call: &Call, answer: &mut Answer, place: Place<'_>) {
        let mut changed = lock(&self.changed);
        let Some(queue) = changed.get_mut(&place.key(call.name("QueueUrl"))) else { return };
        queue.attributes.retain(|_, (since, _)| !place.is_over(*since, MINUTE));
        let is_former = queue.reads.is_multiple_of(2);
        queue.reads += 1;
        if !is_former {
            return;
        }
        answer.change_json(|body| {
            let Some(attributes) = body["Attributes"].as_object_mut() else { return };
            for (name, (_, former)) in &queue.attributes {
                match former {
                    Some(value) if attributes.contains_key(name) => _ = attributes.insert(name.clone(), json!(value)),
                    Some(_) => {}
                    None => _ = attributes.remove(name),
                }
            }
        });
    }
}
