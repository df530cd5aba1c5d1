//! `logs.log_group`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, maybe, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "logs.log_group", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let logs = &aws.clients.logs;
    let mut things = Vec::new();
    for group in sure(logs.describe_log_groups().limit(50).send().await).log_groups.unwrap_or_default() {
        let name = format!("log group {}", group.log_group_name().unwrap_or_default());
        things.push(Thing::new(name, async move {
            let arn = group.arn().unwrap_or_default().trim_end_matches(":*");
            let tags = logs.list_tags_for_resource().resource_arn(arn).send().await;
            json!({ "group": told(&group), "tags": maybe(tags) })
        }));
    }
    things
}

async fn cases(_: &Aws) -> Vec<Case> {
    let tagged =
        json!({ "deployer:stack": "couch", "deployer:address": "log_groups.worker", "team": "sofa", "cost": "a" });
    let retagged = json!({ "deployer:stack": "couch", "deployer:address": "log_groups.worker", "team": "chair" });
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[
            ("kms_key_id", "the emulator has no AssociateKmsKey"),
            ("deletion_protection_enabled", "the emulator has no PutLogGroupDeletionProtection"),
        ],
        create: group(json!({ "retention_in_days": 14 })),
        steps: vec![
            ("another retention", group(json!({ "retention_in_days": 30 })), vec!["retention_in_days"]),
            ("kept for ever", group(json!({})), vec!["retention_in_days"]),
            ("tags", group(json!({ "tags": tagged })), vec!["tags.team", "tags.cost"]),
            ("tags changed and removed", group(json!({ "tags": retagged })), vec!["tags.team", "tags.cost"]),
        ],
    }]
}

pub fn group(changes: Value) -> Value {
    let spec = json!({
        "name": "/couch/worker",
        "log_group_class": "STANDARD",
        "deletion_protection_enabled": false,
        "tags": { "deployer:stack": "couch", "deployer:address": "log_groups.worker" },
    });
    with(spec, &changes)
}
