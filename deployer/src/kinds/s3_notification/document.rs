//! A bucket's notification configuration: the document that all its users share.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput as Configuration;
use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName, LambdaFunctionConfiguration,
    NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter, TopicConfiguration,
};

use super::{Entry, Notification, overlap};
use crate::aws::error::ServiceError;
use crate::aws::{Aws, AwsError};

const GET: &str = "s3:GetBucketNotificationConfiguration";
pub(super) const ABSENT: &[&str] = &["NoSuchBucket", "NotFound"];

/// The document, in the SDK's form: entries of others stay as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Document {
    functions: Vec<LambdaFunctionConfiguration>,
    queues: Vec<QueueConfiguration>,
    topics: Vec<TopicConfiguration>,
    event_bridge: Option<EventBridgeConfiguration>,
}

/// Returns the beginning of the ids of an owner's entries. No name of a stack or environment has a dot or `_`.
fn prefix_of(owner: &str) -> String {
    format!("deployer.{}.", owner.replace('@', "_"))
}

/// Returns the error for a bucket that does not exist.
pub(super) fn no_bucket(bucket: &str) -> AwsError {
    AwsError::Service(Box::new(ServiceError {
        operation: GET,
        code: "NoSuchBucket".to_owned(),
        message: format!("the bucket {bucket} does not exist"),
        status: 404,
        request_id: None,
        retry_after_s: None,
        needed: None,
    }))
}

impl Document {
    /// Calls GetBucketNotificationConfiguration. `None` if the bucket does not exist.
    pub(super) async fn read(aws: &Aws, bucket: &str) -> Result<Option<Self>, AwsError> {
        let call = aws.clients.s3.get_bucket_notification_configuration().bucket(bucket).send();
        Ok(aws.find(GET, ABSENT, call).await?.map(Self::of))
    }

    fn of(found: Configuration) -> Self {
        Self {
            functions: found.lambda_function_configurations.unwrap_or_default(),
            queues: found.queue_configurations.unwrap_or_default(),
            topics: found.topic_configurations.unwrap_or_default(),
            event_bridge: found.event_bridge_configuration,
        }
    }

    pub(super) fn has_event_bridge(&self) -> bool {
        self.event_bridge.is_some()
    }

    /// Iterates over all entries with their ids.
    fn entries(&self) -> impl Iterator<Item = (&str, Entry)> {
        let functions =
            self.functions.iter().map(|one| (one.id(), entry(one.lambda_function_arn(), one.events(), one.filter())));
        let queues = self.queues.iter().map(|one| (one.id(), entry(one.queue_arn(), one.events(), one.filter())));
        let topics = self.topics.iter().map(|one| (one.id(), entry(one.topic_arn(), one.events(), one.filter())));
        functions.chain(queues).chain(topics).map(|(id, entry)| (id.unwrap_or_default(), entry))
    }

    /// Returns the entries of an owner, by the ends of their ids.
    pub(super) fn entries_of(&self, owner: &str) -> BTreeMap<String, Entry> {
        let prefix = prefix_of(owner);
        let own = self.entries().filter_map(|(id, entry)| Some((id.strip_prefix(&prefix)?.to_owned(), entry)));
        own.collect()
    }

    /// Returns the document with an owner's entries as wanted. Those of others stay.
    ///
    /// # Errors
    /// An entry of others stands in the way, or a value that the SDK refuses to send.
    pub(super) fn with(mut self, want: &Notification, event_bridge: bool) -> Result<Self, AwsError> {
        let prefix = prefix_of(&want.owner);
        let is_foreign = |id: Option<&str>| !id.unwrap_or_default().starts_with(&prefix);
        self.functions.retain(|one| is_foreign(one.id()));
        self.queues.retain(|one| is_foreign(one.id()));
        self.topics.retain(|one| is_foreign(one.id()));
        for entry in want.entries.values() {
            let mut others = self.entries();
            if let Some((id, other, event)) = others.find_map(|(id, other)| {
                let event = overlap(entry, &other)?.to_owned();
                Some((id.to_owned(), other, event))
            }) {
                return Err(in_the_way(&want.bucket, &event, &id, &other));
            }
        }
        for (key, entry) in &want.entries {
            self.add(format!("{prefix}{key}"), entry)?;
        }
        self.event_bridge = event_bridge.then(|| EventBridgeConfiguration::builder().build());
        Ok(self)
    }

    fn add(&mut self, id: String, entry: &Entry) -> Result<(), AwsError> {
        let shape = |error: aws_sdk_s3::error::BuildError| AwsError::Shape {
            what: "a notification".to_owned(),
            message: error.to_string(),
        };
        let (arn, filter) = (&entry.destination, filter(entry));
        let events = Some(entry.events.iter().map(|event| Event::from(event.as_str())).collect());
        match arn.split(':').nth(2) {
            Some("sqs") => {
                let one = QueueConfiguration::builder().id(id).queue_arn(arn).set_events(events).set_filter(filter);
                self.queues.push(one.build().map_err(shape)?);
            }
            Some("sns") => {
                let one = TopicConfiguration::builder().id(id).topic_arn(arn).set_events(events).set_filter(filter);
                self.topics.push(one.build().map_err(shape)?);
            }
            _ => {
                let one = LambdaFunctionConfiguration::builder().id(id).lambda_function_arn(arn);
                self.functions.push(one.set_events(events).set_filter(filter).build().map_err(shape)?);
            }
        }
        Ok(())
    }

    /// Calls PutBucketNotificationConfiguration.
    pub(super) async fn put(self, aws: &Aws, bucket: &str, checks: bool) -> Result<(), AwsError> {
        let configuration = NotificationConfiguration::builder()
            .set_lambda_function_configurations(Some(self.functions))
            .set_queue_configurations(Some(self.queues))
            .set_topic_configurations(Some(self.topics))
            .set_event_bridge_configuration(self.event_bridge)
            .build();
        let call = aws.clients.s3.put_bucket_notification_configuration().bucket(bucket);
        let call = call.notification_configuration(configuration);
        let call = call.set_skip_destination_validation((!checks).then_some(true));
        aws.call(super::PUT, call.send()).await.map(drop)
    }
}

fn in_the_way(bucket: &str, event: &str, id: &str, other: &Entry) -> AwsError {
    let Entry { destination, prefix, suffix, .. } = other;
    AwsError::Unplanned {
        message: format!(
            "{bucket} already sends {event} of {prefix:?}…{suffix:?} to {destination} (entry {id:?}), and S3 sends no event \
             twice: choose another prefix or suffix, or remove that entry"
        ),
    }
}

fn filter(entry: &Entry) -> Option<NotificationConfigurationFilter> {
    let rule = |name: FilterRuleName, value: &str| {
        (!value.is_empty()).then(|| FilterRule::builder().name(name).value(value).build())
    };
    let rules = [rule(FilterRuleName::Prefix, &entry.prefix), rule(FilterRuleName::Suffix, &entry.suffix)];
    let rules: Vec<FilterRule> = rules.into_iter().flatten().collect();
    let key = S3KeyFilter::builder().set_filter_rules(Some(rules.clone())).build();
    (!rules.is_empty()).then(|| NotificationConfigurationFilter::builder().key(key).build())
}

fn entry(destination: &str, events: &[Event], filter: Option<&NotificationConfigurationFilter>) -> Entry {
    let rules = filter.and_then(|filter| filter.key()).map(|key| key.filter_rules()).unwrap_or_default();
    let value = |name: &str| {
        let rule = rules.iter().find(|rule| rule.name().is_some_and(|n| n.as_str().eq_ignore_ascii_case(name)));
        rule.and_then(|rule| rule.value()).unwrap_or_default().to_owned()
    };
    let mut events: Vec<String> = events.iter().map(|event| event.as_str().to_owned()).collect();
    events.sort();
    Entry { destination: destination.to_owned(), events, prefix: value("prefix"), suffix: value("suffix") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(arn: &str, prefix: &str) -> Entry {
        let events = vec!["s3:ObjectCreated:Put".to_owned()];
        Entry { destination: arn.to_owned(), events, prefix: prefix.to_owned(), suffix: String::new() }
    }

    fn want(owner: &str, entries: &[(&str, Entry)]) -> Notification {
        let entries = entries.iter().map(|(key, entry)| ((*key).to_owned(), entry.clone())).collect();
        Notification { bucket: "images".to_owned(), owner: owner.to_owned(), entries, ..Notification::default() }
    }

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:draw";
    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:jobs";
    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:news";

    #[test]
    fn entries_read_back_as_written_beside_those_of_others() {
        let others = want("shop-eu", &[("queue-jobs", put(QUEUE, "theirs/"))]);
        let ours = want("shop", &[("function-draw", put(FUNCTION, "in/")), ("topic-news", put(TOPIC, "out/"))]);
        let preview = want("shop@pr-1", &[("queue-jobs", put(QUEUE, "pr/"))]);
        let mut document = Document::default();
        for one in [&others, &ours, &preview] {
            document = document.with(one, true).expect("no overlap");
        }
        for one in [&others, &ours, &preview] {
            assert_eq!(document.entries_of(&one.owner), one.entries);
        }
        let left = document.with(&want("shop", &[]), false).expect("no overlap");
        assert_eq!(left.entries_of("shop-eu"), others.entries);
        assert_eq!(left.entries_of("shop@pr-1"), preview.entries);
        assert!(left.entries_of("shop").is_empty() && !left.has_event_bridge());
    }

    #[test]
    fn an_entry_of_others_in_the_way_is_named_before_s3_refuses_it() {
        let document = Document::default().with(&want("theirs", &[("queue-jobs", put(QUEUE, "in/"))]), false);
        let refused = document.expect("no overlap").with(&want("shop", &[("f", put(FUNCTION, "in/a/"))]), false);
        let message = refused.expect_err("an overlap").to_string();
        assert!(message.contains("deployer.theirs.queue-jobs") && message.contains(QUEUE), "{message}");
    }
}
