//! Joins the notices of each bucket into one resource, and lets S3 reach the receivers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::SERVICE;
use crate::kinds::Kind;
use crate::kinds::lambda_permission::{LambdaPermission, Permission, statement_id};
use crate::kinds::s3_bucket::S3Bucket;
use crate::kinds::s3_notification::{Entry, Notification, S3Notification};
use crate::spec::sections::eventing::{Sender, Source, Sources, extend_policies};
use crate::spec::sections::{LoweredStack, Resource, Resources, reference};

/// The id of the statement in policies of queues and topics.
const SID: &str = "S3";

/// Joins the notices of each bucket. Adds the permissions of functions, and the statements in the policies of queues and
/// topics. Notices of a bucket that the stack does not have stay, for the graph to report.
pub fn complete(lowered: &mut LoweredStack) {
    let all = std::mem::take(&mut lowered.resources);
    let (notices, mut rest): (Vec<Resource>, Vec<Resource>) =
        all.into_iter().partition(|resource| resource.kind == S3Notification::NAME);
    let mut by_bucket: BTreeMap<String, Vec<Notification>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for notice in notices {
        let bucket = Resources(&rest).resolve(&notice.spec["bucket"]).filter(|found| found.kind == S3Bucket::NAME);
        match (bucket, serde_json::from_value(notice.spec.clone())) {
            (Some(bucket), Ok(spec)) => by_bucket.entry(bucket.address.clone()).or_default().push(spec),
            _ => unknown.push(notice),
        }
    }
    let mut senders = Sources::new();
    for (address, notices) in by_bucket {
        let Some(bucket) = rest.iter().find(|resource| resource.address == address).cloned() else { continue };
        let arn = arn(&bucket);
        let joined = join(&bucket, notices);
        let mut waits = BTreeSet::new();
        let mut added = Vec::new();
        for destination in joined.entries.values().map(|entry| Value::from(entry.destination.as_str())) {
            let Some(receiver) = Resources(&rest).resolve(&destination) else { continue };
            let name = receiver.address.split('.').nth(1).unwrap_or_default();
            if !receiver.address.starts_with("functions.") {
                senders.entry(receiver.address.clone()).or_default().insert(Source::of(&bucket, arn.clone()));
            } else if waits.insert(format!("{address}.permission[{name}]")) {
                added.push(permission(&bucket, &receiver.address, &arn));
            }
        }
        // The switch of a bucket of others stays on.
        let retain = bucket.external && joined.entries.is_empty();
        let spec = serde_json::to_value(joined).expect("specs are plain structs with string keys");
        let part = part(&bucket, format!("{address}.notifications"), S3Notification::NAME, spec);
        added.push(Resource { depends_on: waits, retain, ..part });
        rest.append(&mut added);
    }
    rest.append(&mut unknown);
    lowered.resources = rest;
    extend_policies(&mut lowered.resources, &senders, Sender { service: SERVICE, sid: SID, in_account: true });
}

/// Joins the notices of one bucket. Several entries for one receiver are numbered, in the order of their filters.
fn join(bucket: &Resource, notices: Vec<Notification>) -> Notification {
    let owner = notices.first().map(|notice| notice.owner.clone()).unwrap_or_default();
    let event_bridge = notices.iter().any(|notice| notice.event_bridge == Some(true)).then_some(true);
    let mut all: Vec<(String, Entry)> = notices.into_iter().flat_map(|notice| notice.entries).collect();
    let order = |(key, entry): &(String, Entry)| {
        (key.clone(), entry.prefix.clone(), entry.suffix.clone(), entry.events.clone())
    };
    all.sort_by_key(order);
    let mut entries = BTreeMap::new();
    for (key, entry) in all {
        let free = |key: &String| !entries.contains_key(key);
        let numbered = (2..).map(|number| format!("{key}-{number}"));
        let key = std::iter::once(key.clone()).chain(numbered).find(free).unwrap_or(key);
        entries.insert(key, entry);
    }
    let keeps_event_bridge = bucket.external || event_bridge.is_none();
    Notification { bucket: reference(&bucket.address, "name"), owner, entries, event_bridge, keeps_event_bridge }
}

/// Returns the ARN of a bucket as a text of its name, so that a policy need not wait for the bucket.
fn arn(bucket: &Resource) -> String {
    format!("arn:${{aws.partition}}:s3:::{}", bucket.spec["bucket"].as_str().unwrap_or_default())
}

/// Returns the permission of S3 to call a function for a bucket. A bucket's ARN has no account, so the account stands
/// beside it: otherwise whoever takes the name of a deleted bucket could call the function.
fn permission(bucket: &Resource, function: &str, arn: &str) -> Resource {
    let function_name = reference(function, "name");
    let name = function.split('.').nth(1).unwrap_or_default();
    let permission = Permission {
        statement_id: statement_id(&function_name, SERVICE, arn),
        function_name,
        action: "lambda:InvokeFunction".to_owned(),
        principal: SERVICE.to_owned(),
        source_arn: Some(arn.to_owned()),
        source_account: Some("${aws.account_id}".to_owned()),
        ..Permission::default()
    };
    part(bucket, format!("{}.permission[{name}]", bucket.address), LambdaPermission::NAME, json!(permission))
}

/// Returns a resource of ours in the bucket's element, also if the bucket belongs to others, or stays after a destroy.
fn part(bucket: &Resource, address: String, kind: &'static str, spec: Value) -> Resource {
    Resource {
        address,
        element: bucket.element.clone(),
        kind,
        spec,
        depends_on: BTreeSet::new(),
        protect: false,
        retain: false,
        external: false,
        code: None,
    }
}
