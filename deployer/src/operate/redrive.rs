//! Moves messages from a dead-letter queue back to the queues that they came from: SQS's message move tasks.
//!
//! SQS runs at most one task for a dead-letter queue at a time, and ends it after 36 hours.

use crate::aws::{Aws, AwsError};

/// A task as SQS reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Names a task that runs; SQS leaves it out for others.
    pub handle: Option<String>,
    pub status: TaskStatus,
    /// When it was started, in milliseconds since 1970.
    pub started_ms: i64,
    /// The approximate number of messages that were moved.
    pub moved: i64,
    /// The number of messages when the task began to move them.
    pub to_move: Option<i64>,
    /// The reason why a failed task failed.
    pub reason: Option<String>,
}

/// The status of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskStatus {
    Running,
    Cancelling,
    Completed,
    Cancelled,
    Failed,
    /// A status that SQS did not have when this was written.
    Other(String),
}

impl TaskStatus {
    fn of(text: &str) -> Self {
        match text {
            "RUNNING" => Self::Running,
            "CANCELLING" => Self::Cancelling,
            "COMPLETED" => Self::Completed,
            "CANCELLED" => Self::Cancelled,
            "FAILED" => Self::Failed,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Tells whether the task still moves messages or is about to stop.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Running | Self::Cancelling)
    }
}

/// Lists the latest tasks of a dead-letter queue, at most ten: ListMessageMoveTasks.
///
/// # Errors
/// A refusal by SQS; [`is_unknown_here`] tells that of an emulator without such tasks.
pub async fn tasks(aws: &Aws, arn: &str) -> Result<Vec<Task>, AwsError> {
    const OPERATION: &str = "sqs:ListMessageMoveTasks";
    let call = aws.clients.sqs.list_message_move_tasks().source_arn(arn).max_results(10).send();
    let found = aws.call(OPERATION, call).await?.results.unwrap_or_default();
    let task = |entry: aws_sdk_sqs::types::ListMessageMoveTasksResultEntry| {
        Ok(Task {
            status: TaskStatus::of(entry.status().ok_or_else(|| AwsError::missing(OPERATION, "Status"))?),
            handle: entry.task_handle,
            started_ms: entry.started_timestamp,
            moved: entry.approximate_number_of_messages_moved,
            to_move: entry.approximate_number_of_messages_to_move,
            reason: entry.failure_reason,
        })
    };
    found.into_iter().map(task).collect()
}

/// Starts to move all messages of a dead-letter queue to their source queues, at most `rate` per second:
/// StartMessageMoveTask.
///
/// # Errors
/// A refusal by SQS, also if a task runs already.
pub async fn start(aws: &Aws, arn: &str, rate: Option<u16>) -> Result<(), AwsError> {
    let call = aws
        .clients
        .sqs
        .start_message_move_task()
        .source_arn(arn)
        .set_max_number_of_messages_per_second(rate.map(i32::from));
    aws.call("sqs:StartMessageMoveTask", call.send()).await.map(drop)
}

/// Stops a task: CancelMessageMoveTask. Messages that it moved stay where they are. Returns their approximate number.
///
/// # Errors
/// A refusal by SQS, also if the task has ended meanwhile.
pub async fn cancel(aws: &Aws, handle: &str) -> Result<i64, AwsError> {
    let call = aws.clients.sqs.cancel_message_move_task().task_handle(handle).send();
    Ok(aws.call("sqs:CancelMessageMoveTask", call).await?.approximate_number_of_messages_moved)
}

/// Finds the task that was started after the task of `latest_ms`. A later one may follow it before the next look.
pub fn started_after(tasks: &[Task], latest_ms: i64) -> Option<&Task> {
    tasks.iter().filter(|task| task.started_ms > latest_ms).min_by_key(|task| task.started_ms)
}

/// Returns the start of the latest task, in milliseconds since 1970; 0 if there is none.
pub fn latest_ms(tasks: &[Task]) -> i64 {
    tasks.iter().map(|task| task.started_ms).max().unwrap_or(0)
}

/// Tells whether the endpoint does not have the operation at all, as some emulators of AWS.
pub fn is_unknown_here(error: &AwsError) -> bool {
    error.is(&["InvalidAction", "UnknownOperationException", "NotImplemented"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(started_ms: i64) -> Task {
        Task { handle: None, status: TaskStatus::Completed, started_ms, moved: 0, to_move: None, reason: None }
    }

    #[test]
    fn the_task_of_this_run_is_told_from_earlier_and_later_ones() {
        let before = [task(10), task(7)];
        assert_eq!(latest_ms(&before), 10);
        assert_eq!(started_after(&before, 10), None);
        let after = [task(30), task(20), task(10), task(7)];
        assert_eq!(started_after(&after, 10).map(|task| task.started_ms), Some(20));
        assert_eq!(started_after(&[task(5)], latest_ms(&[])).map(|task| task.started_ms), Some(5));
    }
}
