use serde_json::{Value, json};

use crate::common::account;
use crate::contract::{Case, contract, read};
use deployer::kinds;

fn group(changes: Value) -> Value {
    let mut spec = json!({
        "name": "/couch/worker",
        "log_group_class": "STANDARD",
        "deletion_protection_enabled": false,
        "tags": { "deployer:stack": "couch", "deployer:address": "log_groups.worker" },
    });
    for (key, value) in changes.as_object().expect("a map").clone() {
        spec[key] = value;
    }
    spec
}

#[tokio::test]
async fn a_log_group_keeps_the_contract() {
    let aws = account().await;
    let tagged =
        json!({ "deployer:stack": "couch", "deployer:address": "log_groups.worker", "team": "sofa", "cost": "a" });
    let retagged = json!({ "deployer:stack": "couch", "deployer:address": "log_groups.worker", "team": "chair" });
    let case = Case {
        kind: "logs.log_group",
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
    };
    contract(&aws, case).await;
}

#[tokio::test]
async fn a_group_is_not_taken_for_one_whose_name_it_begins() {
    let aws = account().await;
    let kind = kinds::find("logs.log_group").expect("a registered kind");
    kind.create(&aws, &group(json!({ "name": "/couch/worker-2" }))).await.expect("create");
    assert!(read(kind, &aws, &group(json!({}))).await.is_none());
}
