//! Sentences about a table for people.

use aws_sdk_dynamodb::types::{TableDescription, TableStatus};

use super::Table;
use crate::aws::dynamodb::list_index_work;

/// Tells about an update what its properties do not show.
pub(super) fn remarks(live: &Table, want: &Table) -> Vec<String> {
    let mut remarks = Vec::new();
    for (name, index) in &live.global_secondary_indexes {
        if want.global_secondary_indexes.get(name).is_some_and(|want| !index.is_built_like(want)) {
            remarks.push(format!(
                "the index {name} is deleted and built again: queries of it fail until it is filled; under another name \
                 it would be built beside the old one"
            ));
        }
    }
    if let (Some(old), Some(new)) = (&live.time_to_live, &want.time_to_live)
        && old != new
    {
        remarks.push(format!(
            "no item expires for about an hour: DynamoDB switches expiry by {old} off, and takes the next change, to \
             {new}, an hour later. The run waits for it"
        ));
    }
    let (was, is) = (live.is_provisioned(), want.is_provisioned());
    if was && !is {
        remarks.push("DynamoDB switches a table to on demand at most four times in 24 hours".to_owned());
    }
    remarks
}

/// Describes states that a user should know.
pub(super) fn notes(live: &TableDescription) -> Vec<String> {
    let of_table = match live.table_status() {
        Some(TableStatus::Active) | None => None,
        Some(TableStatus::InaccessibleEncryptionCredentials) => Some(
            "DynamoDB cannot use its KMS key: it is archived after seven days, unless the key can be used again"
                .to_owned(),
        ),
        Some(status) => Some(format!("state {status}")),
    };
    let replicas = live.replicas().iter().filter_map(|replica| replica.region_name()).collect::<Vec<_>>();
    let others = (!replicas.is_empty()).then(|| format!("others replicate it to {}", replicas.join(", ")));
    of_table.into_iter().chain(list_index_work(live)).chain(others).collect()
}
