//! Makes two accounts comparable: removes random values and normalises equivalent ones.

use std::collections::HashMap;

use deployer::aws::Aws;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::DeploymentSnapshots;
use crate::catalog::lambda_permission::without_digest;

/// Fields with times or random values, which differ between accounts.
const BY_CHANCE: &[&str] = &[
    "_request_id",
    "_extended_request_id",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "alarm_configuration_updated_timestamp",
    "arn_of_deployment",
    "code_sha_of_version",
    "create_date",
    "created_date",
    "creation_date",
    "creation_date_time",
    "creation_time",
    "earliest_restorable_date_time",
    "last_modification_date",
    "last_modified",
    "last_modified_time",
    "last_update_status",
    "last_update_date_time",
    "last_update_to_pay_per_request_date_time",
    "last_updated_date",
    // A table that had a stream tells its name for ever.
    "latest_stream_arn",
    "latest_stream_label",
    "latest_restorable_date_time",
    "location",
    "revision_id",
    "role_id",
    "role_last_used",
    "state_reason",
    "state_reason_code",
    "state_reason_data",
    "state_transitioned_timestamp",
    "state_updated_timestamp",
    "state_value",
    "table_id",
    "uuid",
    "version_id",
];

/// Fields that depend on the content, not on how the resource was created.
const CONTENT: &[&str] =
    &["ApproximateNumberOf", "stored_bytes", "SubscriptionsConfirmed", "SubscriptionsPending", "SubscriptionsDeleted"];

/// The replacements for one account.
pub struct Replacements {
    account: String,
    /// Random ids, and the things that they identify.
    ids: Vec<(String, String)>,
    deployed: HashMap<String, Value>,
}

impl Replacements {
    pub fn of(aws: &Aws, ids: Vec<(String, String)>, deployed: &DeploymentSnapshots) -> Self {
        let deployed = deployed.iter().map(|(id, served)| (id.clone(), served.clone())).collect();
        Self { account: aws.place.account.clone(), ids, deployed }
    }

    pub fn text(&self, text: &str) -> String {
        let text = self.ids.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id, name));
        text.replace(&self.account, "ACCOUNT")
    }

    /// Normalises a value: sorts lists and parses documents.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => match document(&text) {
                Some(parsed) => self.value(parsed),
                None => Value::String(self.text(&text)),
            },
            Value::Array(items) => {
                let mut items: Vec<Value> = items.into_iter().map(|item| self.value(item)).collect();
                items.sort_by_key(Value::to_string);
                items.dedup();
                // In a policy a list of one item equals the item.
                if items.len() == 1 { items.remove(0) } else { Value::Array(items) }
            }
            Value::Object(fields) => Value::Object(self.fields(fields)),
            other => other,
        }
    }

    fn fields(&self, fields: Map<String, Value>) -> Map<String, Value> {
        let by_chance = |name: &str| BY_CHANCE.contains(&name) || CONTENT.iter().any(|of| name.starts_with(of));
        let kept = fields.into_iter().filter(|(name, _)| !by_chance(name));
        let mut alike: Vec<(String, Value)> = kept
            .map(|(name, value)| match (name.as_str(), &value) {
                // A stage serves its deployment's snapshot, not the API's current routes.
                ("deployment_id", Value::String(id)) => {
                    let served = self.deployed.get(id).cloned().unwrap_or_default();
                    ("serves".to_owned(), self.value(served))
                }
                // Pending is a transition to Active.
                ("state", Value::String(state)) if state == "Pending" => (name, "Active".into()),
                ("Sid", Value::String(sid)) => (name, without_digest(sid).into()),
                _ => (self.text(&name), self.value(value)),
            })
            .collect();
        alike.sort_by(|a, b| a.0.cmp(&b.0));
        alike.into_iter().collect()
    }
}

/// Parses a JSON document inside a text. IAM's are percent-encoded.
fn document(text: &str) -> Option<Value> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    let structured = decoded.starts_with('{') || decoded.starts_with('[');
    structured.then(|| serde_json::from_str(&decoded).ok()).flatten()
}
