//! Sentences about a table for people.

use aws_sdk_dynamodb::types::{TableDescription, TableStatus};

use super::Table;
use crate::aws::dynamodb::list_index_work;

/// Tells about an update what its properties do not show.
pub(super) fn remarks(live: &Table, want: &Table) -> Vec<String> {
    let mut remarks = Vec::new();
    for (name, index) in &live.global_secondary_indexes {
        match want.global_secondary_indexes.get(name) {
            Some(want) if !index.is_built_like(want) => remarks.push(format!(
                "the index {name} is deleted and built again: queries of it fail until it is filled; under another name \
                 it would be built beside the old one"
            )),
            Some(_) => {}
            None => remarks.push(format!(
                "queries of the index {name} fail once it is deleted. No item is lost, and DynamoDB fills an index that \
                 comes back from the table"
            )),
        }
    }
    remarks.extend(lost_backups(live, want));
    if let Some(attribute) = want.time_to_live.as_ref().filter(|new| live.time_to_live.as_ref() != Some(new)) {
        remarks.push(format!(
            "lost for good: items whose `{attribute}` is a time in the past. DynamoDB deletes them within some days"
        ));
    }
    if let (Some(live), Some(want)) = (live.warm_throughput, want.warm_throughput)
        && live.is_above(want)
    {
        remarks.push("DynamoDB never lowers warm throughput: the table stays ready for as much as before".to_owned());
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

/// Names the backups that a table loses.
fn lost_backups(live: &Table, want: &Table) -> Option<String> {
    let was = live.point_in_time_recovery?.recovery_period_in_days;
    match want.point_in_time_recovery.map(|recovery| recovery.recovery_period_in_days) {
        None => Some("lost for good: the table's backups for point-in-time recovery".to_owned()),
        Some(days) if days < was => {
            Some(format!("lost for good: backups for point-in-time recovery that are older than {days} days"))
        }
        Some(_) => None,
    }
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
