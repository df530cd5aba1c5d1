//! The minute in which SQS spreads the changes of a queue.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};

use super::super::facts::{self, Attributes, Fact};
use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

const MINUTE: Duration = Duration::from_secs(60);

/// A deleted queue answers reads for a minute, in which its name stays taken, and changed attributes are read as they
/// were every second time.
#[derive(Default)]
pub struct QueueMinute {
    /// Queues during the call that deletes them.
    leaving: Mutex<HashMap<Key, Option<Former>>>,
    deleted: Mutex<HashMap<Key, Deleted>>,
    changed: Mutex<HashMap<Key, Changed>>,
}

/// A queue as it was.
#[derive(Debug, Clone, Default)]
struct Former {
    attributes: Attributes,
    tags: HashMap<String, String>,
}

#[derive(Debug, Clone)]
struct Deleted {
    since: Duration,
    /// None if the emulator told nothing about the queue.
    former: Option<Former>,
}

/// The attributes before a change, each with the time of the change. None for an attribute that was not there.
#[derive(Debug, Default)]
struct Changed {
    attributes: BTreeMap<String, (Duration, Option<String>)>,
    reads: u64,
}

impl Rule for QueueMinute {
    fn about(&self) -> About {
        About {
            name: "queue-minute",
            summary: "for 60 s a deleted queue answers reads and keeps its name, and changed attributes are read as \
                      they were every second time",
            source: "SQS API Reference, DeleteQueue and SetQueueAttributes; \
                     AWS.SimpleQueueService.QueueDeletedRecently in hashicorp/terraform-provider-aws#3113",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            match (call.service, call.operation) {
                ("SQS", "CreateQueue") => {
                    self.deleted(call.text("QueueName"), place)?;
                    let message = "You must wait 60 seconds after deleting a queue before you can create another with \
                                   the same name.";
                    Some(Refusal::invalid("AWS.SimpleQueueService.QueueDeletedRecently", message))
                }
                ("SQS", "DeleteQueue") => {
                    let queue = call.name("QueueUrl");
                    let former = match facts::queue(place, queue).await {
                        Fact::Found(attributes) => {
                            let tags = facts::tags_of_queue(place, call.text("QueueUrl")).await.unwrap_or_default();
                            Some(Former { attributes, tags })
                        }
                        Fact::Absent => return None,
                        Fact::Unknown => None,
                    };
                    lock(&self.leaving).insert(place.key(queue), former);
                    None
                }
                ("SQS", "SetQueueAttributes") => {
                    let was = facts::queue(place, call.name("QueueUrl")).await.found()?;
                    self.note(call, &was, place);
                    None
                }
                _ => None,
            }
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        match (call.service, call.operation) {
            ("SQS", "CreateQueue") if answer.is_success() => {
                lock(&self.deleted).remove(&place.key(call.text("QueueName")));
            }
            ("SQS", "DeleteQueue") => self.forget(call, answer, place),
            ("SQS", "GetQueueAttributes" | "ListQueueTags") if !answer.is_success() => {
                self.remember(call, answer, place);
            }
            ("SQS", "GetQueueAttributes") => self.alternate(call, answer, place),
            ("Resource Groups Tagging API", "GetResources") if answer.is_success() => self.list(call, answer, place),
            _ => {}
        }
        ready(()).boxed()
    }
}

impl QueueMinute {
    fn deleted(&self, queue: &str, place: Place<'_>) -> Option<Deleted> {
        lock(&self.deleted).get(&place.key(queue)).filter(|deleted| !place.is_over(deleted.since, MINUTE)).cloned()
    }

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
            if former.map(String::as_str) != value.as_str() {
                queue.attributes.insert(name.clone(), (place.now, former.cloned()));
            }
        }
    }

    fn forget(&self, call: &Call, answer: &Answer, place: Place<'_>) {
        let key = place.key(call.name("QueueUrl"));
        let left = lock(&self.leaving).remove(&key);
        if let Some(former) = left.filter(|_| answer.is_success()) {
            lock(&self.changed).remove(&key);
            let mut deleted = lock(&self.deleted);
            deleted.retain(|_, deleted| !place.is_over(deleted.since, MINUTE));
            deleted.insert(key, Deleted { since: place.now, former });
        }
    }

    /// Answers a read of a deleted queue.
    fn remember(&self, call: &Call, answer: &mut Answer, place: Place<'_>) {
        let Some(former) = self.deleted(call.name("QueueUrl"), place).and_then(|deleted| deleted.former) else {
            return;
        };
        let wanted = &call.input["AttributeNames"];
        let is_wanted = |name: &String| {
            wanted.as_array().is_some_and(|all| all.iter().any(|one| one == "All" || one == name.as_str()))
        };
        let body = match call.operation {
            "ListQueueTags" => json!({"Tags": former.tags}),
            _ => {
                let attributes: Attributes =
                    former.attributes.into_iter().filter(|(name, _)| is_wanted(name)).collect();
                json!({"Attributes": attributes})
            }
        };
        answer.replace_with_json(&body);
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

    /// Adds deleted queues to a listing by tags.
    fn list(&self, call: &Call, answer: &mut Answer, place: Place<'_>) {
        let types = &call.input["ResourceTypeFilters"];
        let has_type =
            |name: &str| types.as_array().is_none_or(|all| all.is_empty() || all.iter().any(|one| one == name));
        if !(has_type("sqs") || has_type("sqs:queue")) {
            return;
        }
        let own = place.key("");
        let deleted = lock(&self.deleted);
        let here = deleted
            .iter()
            .filter(|(key, deleted)| (&key.0, &key.1) == (&own.0, &own.1) && !place.is_over(deleted.since, MINUTE));
        let former = here.filter_map(|(_, deleted)| deleted.former.as_ref());
        let found: Vec<&Former> = former.filter(|former| has_tags(&call.input["TagFilters"], &former.tags)).collect();
        answer.change_json(|body| {
            let is_last = body["PaginationToken"].as_str().is_none_or(str::is_empty);
            let Some(listed) = body["ResourceTagMappingList"].as_array_mut().filter(|_| is_last) else { return };
            for former in found {
                let Some(arn) = former.attributes.get("QueueArn") else { continue };
                let tags: Vec<_> = former.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
                if listed.iter().all(|one| one["ResourceARN"] != arn.as_str()) {
                    listed.push(json!({"ResourceARN": arn, "Tags": tags}));
                }
            }
        });
    }
}

/// Tells whether tags pass all filters of a listing.
fn has_tags(filters: &Value, tags: &HashMap<String, String>) -> bool {
    filters.as_array().into_iter().flatten().all(|filter| {
        let value = filter["Key"].as_str().and_then(|key| tags.get(key));
        let values = filter["Values"].as_array().filter(|values| !values.is_empty());
        value.is_some_and(|value| values.is_none_or(|values| values.iter().any(|one| one == value.as_str())))
    })
}
