//! Sends a probe.

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use aws_sdk_sns::types::MessageAttributeValue as TopicAttribute;
use aws_sdk_sqs::types::MessageAttributeValue as QueueAttribute;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::filter::Passing;
use super::probe::Word;
use super::request::{HttpReply, request};
use super::{Departure, MARK, Means, Outcome};
use crate::aws::{Aws, AwsError};

/// A probe on its way.
pub struct Sent {
    pub began: Instant,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The id that AWS gave the message.
    pub id: Option<String>,
    pub reply: Option<HttpReply>,
    /// The alarm's state before.
    pub state: Option<StateValue>,
    /// The object that was stored.
    pub object: Option<StoredProbe>,
}

/// An object that is a probe.
pub struct StoredProbe {
    bucket: String,
    key: String,
    version: Option<String>,
}

/// The subject of a probe in a mailbox.
const SUBJECT: &str = "Test by deployer verify: nothing to do";

/// Sends a probe. `to_person` tells whether a person may read it.
///
/// # Errors
/// The outcome of all edges with this departure, if it could not be sent.
pub async fn send(departure: &Departure, word: &Word, means: Means<'_>, to_person: bool) -> Result<Sent, Outcome> {
    let (began, at_ms) = (Instant::now(), (means.now_ms)());
    let sent = Sent { began, at_ms, id: None, reply: None, state: None, object: None };
    let refused = |error: AwsError| Outcome::failed(format!("it cannot be sent: {error}"));
    Ok(match departure {
        Departure::Request { method, path, url } => {
            let reply = request(means, [method, path, url], word).await;
            Sent { reply: Some(reply.map_err(Outcome::failed)?), ..sent }
        }
        Departure::Publish { topic_arn, passing } => {
            let id = publish(means.aws, topic_arn, passing, word, to_person).await.map_err(refused)?;
            Sent { id, ..sent }
        }
        Departure::Enqueue { queue } => {
            let id = enqueue(means.aws, &queue.url, word).await.map_err(refused)?;
            Sent { id, ..sent }
        }
        Departure::Store { bucket, prefix, suffix } => {
            let key = format!("{prefix}{}{suffix}", word.name());
            Sent { object: Some(store(means.aws, bucket, key, word).await.map_err(refused)?), ..sent }
        }
        Departure::Ring { alarm_name } => Sent { state: Some(ring(means.aws, alarm_name, word).await?), ..sent },
        Departure::Settings { .. } | Departure::Nowhere => sent,
    })
}

/// Publishes a message: Publish. In a mailbox, it is a text for people.
async fn publish(
    aws: &Aws,
    topic_arn: &str,
    passing: &Passing,
    word: &Word,
    to_person: bool,
) -> Result<Option<String>, AwsError> {
    let body = word.body(passing.body.clone());
    let is_fifo = topic_arn.ends_with(".fifo");
    let letters = to_person && passing.body.is_empty();
    let message = if letters {
        json!({ "default": body, "email": word.letter(), "sms": word.letter() }).to_string()
    } else {
        body
    };
    let mut call = aws
        .clients
        .sns
        .publish()
        .topic_arn(topic_arn)
        .message(message)
        .set_message_structure(letters.then(|| "json".to_owned()))
        .set_subject((!is_fifo).then(|| SUBJECT.to_owned()))
        .set_message_group_id(is_fifo.then(|| MARK.to_owned()))
        .set_message_deduplication_id(is_fifo.then(|| word.text().to_owned()));
    let mark = Value::from(word.text());
    for (name, value) in passing.attributes.iter().chain([(&MARK.to_owned(), &mark)]) {
        let attribute = TopicAttribute::builder().data_type(if value.is_number() { "Number" } else { "String" });
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let attribute = attribute
            .string_value(text)
            .build()
            .map_err(|error| AwsError::Shape { what: "sns:Publish".to_owned(), message: error.to_string() })?;
        call = call.message_attributes(name, attribute);
    }
    Ok(aws.call("sns:Publish", call.send()).await?.message_id)
}

/// Sends a message to a queue: SendMessage.
async fn enqueue(aws: &Aws, url: &str, word: &Word) -> Result<Option<String>, AwsError> {
    let is_fifo = url.ends_with(".fifo");
    let mark = QueueAttribute::builder().data_type("String").string_value(word.text()).build();
    let mark =
        mark.map_err(|error| AwsError::Shape { what: "sqs:SendMessage".to_owned(), message: error.to_string() })?;
    let call = aws
        .clients
        .sqs
        .send_message()
        .queue_url(url)
        .message_body(word.body(serde_json::Map::new()))
        .message_attributes(MARK, mark)
        .set_message_group_id(is_fifo.then(|| MARK.to_owned()))
        .set_message_deduplication_id(is_fifo.then(|| word.text().to_owned()));
    Ok(aws.call("sqs:SendMessage", call.send()).await?.message_id)
}

/// Stores an object: PutObject.
async fn store(aws: &Aws, bucket: &str, key: String, word: &Word) -> Result<StoredProbe, AwsError> {
    let body = word.body(serde_json::Map::new()).into_bytes();
    let call = aws.clients.s3.put_object().bucket(bucket).key(&key).body(body.into());
    let stored = aws.call("s3:PutObject", call.send()).await?;
    Ok(StoredProbe { bucket: bucket.to_owned(), key, version: stored.version_id })
}

/// Deletes the object of a probe, in a bucket with versioning this version of it: DeleteObject. A refusal leaves it.
pub async fn remove(aws: &Aws, object: &StoredProbe) -> Result<(), AwsError> {
    let StoredProbe { bucket, key, version } = object;
    let call = aws.clients.s3.delete_object().bucket(bucket).key(key).set_version_id(version.clone());
    aws.call("s3:DeleteObject", call.send()).await.map(drop)
}

/// Lets an alarm ring, and returns the state that it had: DescribeAlarms, SetAlarmState.
async fn ring(aws: &Aws, name: &str, word: &Word) -> Result<StateValue, Outcome> {
    let refused = |error: AwsError| Outcome::failed(format!("it cannot ring: {error}"));
    let call = aws.clients.cloudwatch.describe_alarms().alarm_names(name).alarm_types(AlarmType::MetricAlarm);
    let found = aws.call("cloudwatch:DescribeAlarms", call.send()).await.map_err(refused)?;
    let state = found.metric_alarms.unwrap_or_default().pop().and_then(|alarm| alarm.state_value);
    let state = state.ok_or_else(|| Outcome::failed("CloudWatch shows no such alarm"))?;
    if state == StateValue::Alarm {
        return Err(Outcome::untried("the alarm rings already, and acts only when it begins to"));
    }
    let call = aws.clients.cloudwatch.set_alarm_state().alarm_name(name).state_value(StateValue::Alarm);
    let call = call.state_reason(word.reason());
    aws.call("cloudwatch:SetAlarmState", call.send()).await.map_err(refused)?;
    Ok(state)
}
