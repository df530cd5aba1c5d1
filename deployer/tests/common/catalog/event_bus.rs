//! `events.bus`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, maybe, sure, with};

pub const ENTRY: Entry = Entry { kind: "events.bus", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Returns the names of all buses, the account's own among them.
pub(super) async fn names(aws: &Aws) -> Vec<String> {
    let page = sure(aws.clients.events.list_event_buses().send().await);
    page.event_buses.unwrap_or_default().into_iter().filter_map(|bus| bus.name).collect()
}

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let events = &aws.clients.events;
    let thing = |name: String| {
        Thing::new(format!("bus {name}"), async move {
            let bus = events.describe_event_bus().name(&name).send().await;
            let arn = aws.place.arn("events", &format!("event-bus/{name}"));
            let tags = events.list_tags_for_resource().resource_arn(arn).send().await;
            let mut bus = maybe(bus);
            // Settings that were taken back read as their defaults.
            for (setting, default) in [("kms_key_identifier", json!("")), ("log_config", json!({ "level": "Off" }))] {
                if bus[setting] == default {
                    bus[setting] = Value::Null;
                }
            }
            json!({ "bus": bus, "tags": maybe(tags) })
        })
    };
    names(aws).await.into_iter().filter(|name| name != "default").map(thing).collect()
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let owner = json!({ "deployer:stack": "couch", "deployer:address": "buses.orders" });
    let team = with(owner.clone(), &json!({ "team": "sofa" }));
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "others", "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::210987654321:root" }, "Action": "events:PutEvents",
        "Resource": aws.place.arn("events", "event-bus/couch-orders") }] });
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1";
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: bus(json!({})),
        steps: vec![
            (
                "every setting",
                bus(json!({
                    "description": "Orders", "kms_key_identifier": key,
                    "dead_letter_config": { "arn": aws.place.arn("sqs", "undelivered") },
                    "log_config": { "include_detail": "FULL", "level": "ERROR" },
                })),
                vec![
                    "log_config.include_detail",
                    "log_config.level",
                    "description",
                    "kms_key_identifier",
                    "dead_letter_config.arn",
                ],
            ),
            (
                "everything back",
                bus(json!({})),
                vec![
                    "log_config.include_detail",
                    "log_config.level",
                    "description",
                    "kms_key_identifier",
                    "dead_letter_config.arn",
                ],
            ),
            (
                "a policy and a tag",
                bus(json!({ "policy": policy.to_string(), "tags": team })),
                vec!["tags.team", "policy"],
            ),
            ("without both", bus(json!({})), vec!["tags.team", "policy"]),
        ],
    }]
}

pub fn bus(changes: Value) -> Value {
    let spec = json!({
        "name": "couch-orders",
        "log_config": { "include_detail": "NONE", "level": "OFF" },
        "tags": { "deployer:stack": "couch", "deployer:address": "buses.orders" },
    });
    with(spec, &changes)
}
