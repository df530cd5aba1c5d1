//! The permissions that a function's role needs for the source of a mapping.

use super::super::Refusal;
use super::super::documents::allow;
use super::super::facts::Policies;

const SQS: &[&str] = &["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];
const STREAM: &[&str] = &["GetRecords", "GetShardIterator", "DescribeStream"];

/// Refuses a mapping whose role may not read its source. None also for a source of another kind.
pub fn missing_permission(policies: &Policies, source: &str) -> Option<Refusal> {
    let service = source.split(':').nth(2)?;
    let actions = match service {
        "sqs" => SQS,
        "kinesis" | "dynamodb" => STREAM,
        _ => return None,
    };
    let missing = actions.iter().find(|action| !allow(policies, &format!("{service}:{action}"), source))?;
    let message = match service {
        "sqs" => format!("The function execution role does not have permissions to call {missing} on SQS"),
        _ => format!(
            "Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, \
             DescribeStream, ListShards, and ListStreams Actions on your stream in IAM."
        ),
    };
    Some(Refusal::invalid("InvalidParameterValueException", message))
}
