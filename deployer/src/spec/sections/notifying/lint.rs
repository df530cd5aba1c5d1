//! Checks of a bucket's notifications against each other and against their receivers.

use serde_json::Value;

use super::{CREATED, SERVICE, shares};
use crate::kinds::Kind;
use crate::kinds::lambda_function::LambdaFunction;
use crate::kinds::s3_notification::{Entry, Notification, overlap};
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::sections::fifo::{fifo_of, target_name};
use crate::spec::sections::keys::{allows, has_own_key, list, list_statements};
use crate::spec::sections::{Resource, Resources};

/// Reports entries that S3 refuses, and a function that starts itself.
pub fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
    let Ok(notification) = serde_json::from_value::<Notification>(resource.spec.clone()) else { return };
    let entries: Vec<&Entry> = notification.entries.values().collect();
    for (index, entry) in entries.iter().enumerate() {
        let place = || place(document, &resource.element, entry);
        if let Some((other, event)) = entries[..index].iter().find_map(|other| Some((other, overlap(entry, other)?))) {
            let names = [*other, *entry].map(|entry| target_name(all, &Value::from(entry.destination.as_str())));
            findings
                .error(
                    "bucket::notification-overlap",
                    place(),
                    format!("`{}` and `{}` both get `{event}` of the same keys, and S3 sends an event once", names[0], names[1]),
                )
                .help("give each a `prefix` or `suffix` of its own; or let one topic get the event, and subscribe both to it");
        }
        receiver(all, resource, entry, place(), findings);
        if let Some(reach) = writes_back(all, resource, entry) {
            let function = target_name(all, &Value::from(entry.destination.as_str()));
            findings
                .warning(
                    "bucket::recursion",
                    place(),
                    format!("`{function}` may write to `{reach}`, and each object there calls it again: a loop without end"),
                )
                .help("let it write under a prefix that calls nothing, and narrow its permission to that: `on: \"${buckets.NAME.arn}/out/*\"`; or let it write to another bucket");
        }
    }
}

/// Reports a receiver that S3 cannot send to.
fn receiver(all: &Resources<'_>, bucket: &Resource, entry: &Entry, place: DocPath, findings: &mut Findings) {
    let destination = Value::from(entry.destination.as_str());
    if fifo_of(all, &destination) == Some(true) {
        let message =
            format!("`{}` is FIFO, and S3 sends to standard queues and topics", target_name(all, &destination));
        findings
            .error("bucket::fifo-receiver", place.clone(), message)
            .help("name a standard queue or topic; or write `event_bridge: true` and send with a rule, which has a message group");
    }
    let Some(receiver) = all.resolve(&destination).filter(|receiver| receiver.kind != LambdaFunction::NAME) else {
        return;
    };
    if receiver.external {
        let action = if receiver.address.starts_with("topics.") { "sns:Publish" } else { "sqs:SendMessage" };
        findings
            .warning(
                "bucket::external-receiver",
                place.clone(),
                format!("`{}` belongs to others, and only its own policy lets S3 send to it", receiver.address),
            )
            .help(format!(
                "its policy needs: `{{ Effect: Allow, Principal: {{ Service: {SERVICE} }}, Action: {action}, Resource: ARN, Condition: {{ \
                 ArnEquals: {{ \"aws:SourceArn\": \"${{{}.arn}}\" }}, StringEquals: {{ \"aws:SourceAccount\": ACCOUNT }} }} }}`",
                bucket.element
            ));
    }
    if has_own_key(receiver) {
        findings
            .error(
                "bucket::receiver-key",
                place,
                format!(
                    "S3 cannot send to `{}`: its key, of AWS's own, lets no other service use it",
                    receiver.address
                ),
            )
            .help("take a key of your own, whose policy lets `s3.amazonaws.com` use it, or remove `kms_master_key_id`");
    }
}

/// Returns the objects that a function of the stack may write and that call it, if there are any.
fn writes_back(all: &Resources<'_>, notification: &Resource, entry: &Entry) -> Option<String> {
    if !entry.events.iter().any(|event| shares(event, CREATED)) {
        return None;
    }
    let function = all.resolve(&Value::from(entry.destination.as_str()))?;
    let role = all.resolve(function.spec.get("role")?)?;
    let bucket = all.resolve(&notification.spec["bucket"])?;
    let name = bucket.spec["bucket"].as_str().unwrap_or_default();
    let own = [format!("${{{}.arn}}/", bucket.address), format!("arn:aws:s3:::{name}/"), "arn:aws:s3:::*/".to_owned()];
    let puts = list_statements(role).filter(|statement| allows(statement, "s3:PutObject"));
    let resources = puts.flat_map(|statement| list(&statement["Resource"])).filter_map(Value::as_str);
    let calls = |resource: &&str| match own.iter().find_map(|own| resource.strip_prefix(own.as_str())) {
        Some(keys) => can_match(keys, entry),
        None => matches!(*resource, "*" | "arn:aws:s3:::*"),
    };
    resources.into_iter().find(calls).map(str::to_owned)
}

/// Tells whether a pattern of keys has one that begins and ends as the entry demands.
fn can_match(keys: &str, entry: &Entry) -> bool {
    let (Some(first), Some(last)) = (keys.find(['*', '?']), keys.rfind(['*', '?'])) else {
        return keys.starts_with(&entry.prefix) && keys.ends_with(&entry.suffix);
    };
    let (start, end) = (&keys[..first], &keys[last + 1..]);
    (start.starts_with(&entry.prefix) || entry.prefix.starts_with(start))
        && (end.ends_with(&entry.suffix) || entry.suffix.ends_with(end))
}

/// Finds where stack.yaml states an entry: in the bucket, or in the function.
fn place(document: &Document, bucket: &str, entry: &Entry) -> DocPath {
    let destination = entry.destination.strip_prefix("${").and_then(|rest| rest.strip_suffix(".arn}"));
    let function = destination.filter(|address| address.starts_with("functions."));
    let name = bucket.split('.').nth(1).unwrap_or_default();
    let is_filter = |item: &Value| {
        let text = |property: &str| item[property].as_str().unwrap_or_default();
        text("prefix") == entry.prefix && text("suffix") == entry.suffix
    };
    let receives = |item: &Value| {
        let named = ["function", "queue", "topic"].iter().find_map(|property| item[*property].as_str());
        let own = destination.and_then(|address| address.split('.').nth(1));
        named.is_some_and(|named| Some(named) == own || named == entry.destination)
    };
    let in_bucket =
        document.find_item(&document.locate(bucket).then("notifications"), &|item| receives(item) && is_filter(item));
    let in_function = || {
        let events = document.locate(function?).then("events");
        document.find_item(&events, &|item| item["bucket"] == name && is_filter(item))
    };
    in_bucket.or_else(in_function).unwrap_or_else(|| document.locate(bucket))
}
