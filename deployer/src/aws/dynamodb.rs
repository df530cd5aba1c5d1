//! Tables of DynamoDB, as their own kind and that of their streams see them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::{IndexStatus, TableDescription, TableStatus};
use futures::future::join_all;

use super::gather::Bulk;
use super::wait::Poll;
use super::{Aws, AwsError};

/// Codes that mean "no such table".
pub(crate) const ABSENT: &[&str] = &["ResourceNotFoundException", "TableNotFoundException"];
/// The longest wait for a table to accept changes again.
const CHANGEABLE_WITHIN: Duration = Duration::from_secs(3_600);
/// The longest wait for an index. DynamoDB reads the whole table to fill one.
const FILLED_WITHIN: Duration = Duration::from_secs(24 * 3_600);
/// The longest wait for the end of a deletion.
const GONE_WITHIN: Duration = Duration::from_secs(1_800);

/// The key of the turn among the calls that change one table: DynamoDB accepts one at a time.
pub(crate) fn turn(table: &str) -> String {
    format!("dynamodb table {table}")
}

/// Describes a table: DescribeTable. `None` if it does not exist, or is being deleted.
pub(crate) async fn describe(aws: &Aws, table: &str) -> Result<Option<TableDescription>, AwsError> {
    Ok(describe_any(aws, table).await?.filter(|table| !is_being_deleted(table)))
}

/// As [`describe`], with an answer that a table and its stream share.
pub(crate) async fn describe_along(aws: &Aws, table: &str) -> Result<Option<TableDescription>, AwsError> {
    aws.gather::<DescribeTables>(table).await?.transpose()
}

/// Describes a table that may be in deletion.
async fn describe_any(aws: &Aws, table: &str) -> Result<Option<TableDescription>, AwsError> {
    let call = aws.clients.dynamodb.describe_table().table_name(table).send();
    Ok(aws.find("dynamodb:DescribeTable", ABSENT, call).await?.and_then(|found| found.table))
}

fn is_being_deleted(table: &TableDescription) -> bool {
    table.table_status() == Some(&TableStatus::Deleting)
}

/// The tables by name, each with its own answer: a refused read of one table says nothing about the others.
struct DescribeTables;

impl Bulk for DescribeTables {
    type Item = Result<TableDescription, AwsError>;

    async fn fetch(aws: Aws, names: BTreeSet<String>) -> Result<BTreeMap<String, Self::Item>, AwsError> {
        let one = |name: String| async {
            let found = describe(&aws, &name).await.transpose()?;
            Some((name, found))
        };
        Ok(join_all(names.into_iter().map(one)).await.into_iter().flatten().collect())
    }
}

/// Waits until a table accepts changes: DescribeTable. Fails if it does not exist.
pub(crate) async fn changeable(aws: &Aws, table: &str) -> Result<TableDescription, AwsError> {
    aws.until(&format!("the table {table} to be ACTIVE"), CHANGEABLE_WITHIN, || async move {
        let found = described(aws, table).await?;
        Ok(match found.table_status() {
            Some(status @ (TableStatus::Creating | TableStatus::Updating)) => Poll::Pending(status.to_string()),
            _ => Poll::Ready(found),
        })
    })
    .await
}

/// Waits until a table accepts changes of its indexes as well: DynamoDB builds or deletes one index at a time.
pub(crate) async fn with_settled_indexes(aws: &Aws, table: &str) -> Result<TableDescription, AwsError> {
    aws.until(&format!("the indexes of {table} to be ACTIVE"), FILLED_WITHIN, || async move {
        let found = described(aws, table).await?;
        let is_busy = matches!(found.table_status(), Some(TableStatus::Creating | TableStatus::Updating));
        let works = list_index_work(&found);
        Ok(match (works.is_empty(), is_busy) {
            (false, _) => Poll::Pending(works.join(", ")),
            (true, true) => Poll::Pending("the table is UPDATING".to_owned()),
            (true, false) => Poll::Ready(found),
        })
    })
    .await
}

/// Waits until a deleted table is gone: DescribeTable. Its name is free then.
pub(crate) async fn gone(aws: &Aws, table: &str) -> Result<(), AwsError> {
    aws.until(&format!("the table {table} to be gone"), GONE_WITHIN, || async move {
        Ok(match describe_any(aws, table).await? {
            Some(found) if is_being_deleted(&found) => Poll::Pending("DELETING".to_owned()),
            // Another table may have the name already.
            _ => Poll::Ready(()),
        })
    })
    .await
}

/// Tells whether a table of this name is being deleted: DescribeTable.
pub(crate) async fn is_going(aws: &Aws, table: &str) -> Result<bool, AwsError> {
    Ok(describe_any(aws, table).await?.is_some_and(|found| is_being_deleted(&found)))
}

/// Describes a table that must exist. Right after its creation some reads do not find it yet.
async fn described(aws: &Aws, table: &str) -> Result<TableDescription, AwsError> {
    let call = aws.clients.dynamodb.describe_table().table_name(table).send();
    let found = aws.call("dynamodb:DescribeTable", call).await?;
    found.table.ok_or_else(|| AwsError::missing("dynamodb:DescribeTable", "Table"))
}

/// Describes the indexes that DynamoDB is building or deleting: `by-status is being filled`.
pub(crate) fn list_index_work(table: &TableDescription) -> Vec<String> {
    let work = |index: &aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription| {
        let name = index.index_name().unwrap_or_default();
        let doing = match index.index_status()? {
            IndexStatus::Creating if index.backfilling() == Some(true) => "is being filled from the table",
            IndexStatus::Creating => "is being created",
            IndexStatus::Updating => "is being changed",
            IndexStatus::Deleting => "is being deleted",
            _ => return None,
        };
        Some(format!("index {name} {doing}"))
    };
    table.global_secondary_indexes().iter().filter_map(work).collect()
}
