//! Topics that exist with other attributes or tags, or were just deleted.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_sns::types::Tag;
use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::Value;

use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule};
use crate::mutex::lock;

/// AWS says "a short while".
const STALE: Duration = Duration::from_secs(5);

/// Refuses to create a topic that exists with other attributes or without the tags, and one with tags in place of a
/// topic that was just deleted.
#[derive(Default)]
pub struct TopicNames {
    deleted: Mutex<HashMap<Key, Duration>>,
}

impl Rule for TopicNames {
    fn about(&self) -> About {
        About {
            name: "topic-names",
            summary: "CreateTopic refuses a name whose topic has other attributes or tags, and tags for 5 s after a \
                      topic of the name was deleted",
            source: "SNS's model, CreateTopic and StaleTagException; InvalidParameter \"Topic already exists with different attributes\", \
                     \"… different tags\" (localstack/localstack#2405)",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            if !call.is("SNS", &["CreateTopic"]) {
                return None;
            }
            match self.stale_tag(call, place) {
                Some(refusal) => Some(refusal),
                None => refusal(call, place).await,
            }
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        if answer.is_success() && call.is("SNS", &["DeleteTopic"]) {
            let mut deleted = lock(&self.deleted);
            deleted.retain(|_, since| !place.is_over(*since, STALE));
            deleted.insert(place.key(call.name("TopicArn")), place.now);
        }
        ready(()).boxed()
    }
}

impl TopicNames {
    fn stale_tag(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        let since = lock(&self.deleted).get(&place.key(call.text("Name"))).copied()?;
        let message = "A tag has been added to a resource with the same ARN as a deleted resource. Wait a short while \
                       and then retry the operation.";
        (has_tags(call) && !place.is_over(since, STALE)).then(|| Refusal::invalid("StaleTag", message))
    }
}

fn has_tags(call: &Call) -> bool {
    call.input["Tags"].as_array().is_some_and(|tags| !tags.is_empty())
}

async fn refusal(call: &Call, place: Place<'_>) -> Option<Refusal> {
    let arn = format!("arn:aws:sns:{}:{}:{}", place.region, place.account, call.text("Name"));
    let sns = &place.clients().await.sns;
    let live = sns.get_topic_attributes().topic_arn(&arn).send().await.ok()?.attributes?;
    if differs(&call.input["Attributes"], &live) {
        return Some(exists("Attributes", "attributes"));
    }
    if !has_tags(call) {
        return None;
    }
    let tags = sns.list_tags_for_resource().resource_arn(&arn).send().await.ok()?.tags.unwrap_or_default();
    lacks(&tags, &call.input["Tags"]).then(|| exists("Tags", "tags"))
}

fn exists(member: &str, what: &str) -> Refusal {
    let message = format!("Invalid parameter: {member} Reason: Topic already exists with different {what}");
    Refusal::invalid("InvalidParameter", message)
}

/// Tells whether one of the attributes in a request is not that of the topic.
fn differs(wanted: &Value, live: &HashMap<String, String>) -> bool {
    let differs = |(name, wanted): (&String, &Value)| {
        let (wanted, live) = (wanted.as_str().unwrap_or_default(), live.get(name).map_or("", String::as_str));
        let is_default = matches!(
            (name.as_str(), wanted, live),
            (_, "", "") | (_, "false", "") | ("TracingConfig", "PassThrough", "") | ("SignatureVersion", "1", "")
        );
        !is_default && wanted != live && !is_same_document(wanted, live)
    };
    wanted.as_object().is_some_and(|all| all.iter().any(differs))
}

fn is_same_document(one: &str, other: &str) -> bool {
    let parse = |text| serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    parse(one).is_some_and(|one| parse(other) == Some(one))
}

/// Tells whether a topic has not all of the tags in a request.
fn lacks(live: &[Tag], wanted: &Value) -> bool {
    let has = |wanted: &Value| live.iter().any(|tag| wanted["Key"] == tag.key() && wanted["Value"] == tag.value());
    wanted.as_array().is_some_and(|all| !all.iter().all(has))
}
