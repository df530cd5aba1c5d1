//! The names of deleted queues.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule, facts};
use crate::mutex::lock;

const MINUTE: Duration = Duration::from_secs(60);

/// Refuses a queue with the name of one that was deleted in the last minute.
#[derive(Default)]
pub struct QueueNames {
    deleted: Mutex<HashMap<Key, Duration>>,
    /// Names that no queue has when a call deletes it.
    free: Mutex<HashSet<Key>>,
}

impl Rule for QueueNames {
    fn about(&self) -> About {
        About {
            name: "queue-names",
            summary: "the name of a deleted queue is not free for 60 s",
            source: "SQS API Reference, DeleteQueue; AWS.SimpleQueueService.QueueDeletedRecently in \
                     hashicorp/terraform-provider-aws#3113",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            if call.is("SQS", &["DeleteQueue"]) {
                let queue = call.name("QueueUrl");
                let is_free = facts::queue(place, queue).await.is_absent();
                let mut free = lock(&self.free);
                _ = if is_free { free.insert(place.key(queue)) } else { free.remove(&place.key(queue)) };
                return None;
            }
            let name = Some(call.text("QueueName")).filter(|_| call.is("SQS", &["CreateQueue"]))?;
            let since = *lock(&self.deleted).get(&place.key(name))?;
            (!place.is_over(since, MINUTE)).then(|| {
                let message = "You must wait 60 seconds after deleting a queue before you can create another with the \
                               same name.";
                Refusal::invalid("AWS.SimpleQueueService.QueueDeletedRecently", message)
            })
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if call.is("SQS", &["DeleteQueue"]) {
            let key = place.key(call.name("QueueUrl"));
            let was_free = lock(&self.free).remove(&key);
            if answer.is_success() && !was_free {
                let mut deleted = lock(&self.deleted);
                deleted.retain(|_, since| !place.is_over(*since, MINUTE));
                deleted.insert(key, place.now);
            }
        }
        ready(()).boxed()
    }
}
